"""Feedback over HTTP: given and taken back by who attended, sheets and reports by trainers, comments once released."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from structlog.testing import capture_logs

from coopschool.answer_box import AnswerBox
from coopschool.api import examples
from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.database import Database
from coopschool.domain.school.closing import CloseSession
from coopschool.domain.school.feedback import FeedbackReleased
from coopschool.eventstore.mapper import decode
from tests.answer_box.surroundings import LEARNERS, SESSION, TESS, hold_session
from tests.api.callers import Caller, Callers
from tests.api.example_school import build

ABOUT = f"/api/sessions/{SESSION}"
SHEET = {"instrument": "feedback", "version": 1, "answers": {"clarity": 4}}


@pytest.fixture
def session(school: CoopSchool) -> str:
    """A session that has just ended; five of six learners were there, `flo` was not."""
    hold_session(school, "flo")
    return SESSION


@pytest.fixture
def ann(callers: Callers, session: str) -> Caller:
    return callers.caller("member", person="ann")


@pytest.fixture
def tess(callers: Callers, session: str) -> Caller:
    return callers.caller("trainer", person=TESS)


def give(caller: Caller, moment: str = "hot", **changes: Any) -> tuple[int, str]:
    response = caller.post(f"{ABOUT}/feedback/{moment}", {**SHEET, **changes})
    return response.status_code, response.json().get("type", response.json().get("status")).rpartition("/")[2]


def hand_in(caller: Caller, *sheets: dict[str, Any], moment: str = "hot") -> tuple[int, str, list[str]]:
    body = {"moment": moment, "instrument": "feedback", "version": 1, "sheets": list(sheets)}
    response = caller.post(f"{ABOUT}/feedback-sheets", body)
    said = response.json()
    pointers = [error["pointer"] for error in said.get("errors", ())]
    return response.status_code, said.get("type", said.get("status")).rpartition("/")[2], pointers


def test_who_attended_answers_once_and_can_take_it_back(ann: Caller) -> None:
    assert give(ann) == (201, "received")
    assert give(ann) == (409, "already-answered")
    taken = ann.delete(f"{ABOUT}/feedback/hot")
    assert (taken.status_code, taken.json()) == (200, {"status": "retracted"})
    assert ann.delete(f"{ABOUT}/feedback/hot").status_code == 404
    assert give(ann, comment="Better now") == (201, "received")


def test_who_did_not_attend_does_not_answer(callers: Callers, session: str) -> None:
    for caller in (callers.caller("member", person="flo"), callers.caller("trainer", person=TESS)):
        assert give(caller) == (403, "did-not-attend")
    assert give(callers.coordinator) == (403, "forbidden")


def test_feedback_has_its_time(ann: Caller, callers: Callers, clock: FixedClock, client: TestClient[Litestar]) -> None:
    assert give(ann, "cold") == (409, "feedback-not-open")
    assert give(ann, "lukewarm")[0] == 404
    clock.advance(timedelta(days=8))
    ann = callers.caller("member", person="ann")
    assert give(ann) == (409, "feedback-not-open")
    assert ann.delete(f"{ABOUT}/feedback/hot").status_code == 409
    clock.advance(timedelta(days=60))
    ann = callers.caller("member", person="ann")
    assert give(ann, "cold", answers={"used": 5}) == (201, "received")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"answers": {"clarity": 6}}, "#/answers/clarity"),
        ({"answers": {"clarity": "4"}}, "#/answers/clarity"),
        ({"answers": {"used": 4}}, "#/answers/used"),
        ({"answers": {}}, "#/answers/clarity"),
        ({"comment": ""}, "#/comment"),
        ({"comment": "x" * 2001}, "#/comment"),
    ],
)
def test_what_does_not_fit_is_named_and_can_be_sent_again(ann: Caller, changes: dict[str, Any], pointer: str) -> None:
    refused = ann.post(f"{ABOUT}/feedback/hot", {**SHEET, **changes})
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
    assert give(ann) == (201, "received")


def test_another_version_than_the_one_in_use_is_refused(ann: Caller) -> None:
    assert give(ann, version=2) == (409, "not-the-version-in-use")
    assert give(ann, instrument="autonomy") == (409, "not-the-version-in-use")


def test_sheets_and_answers_are_no_more_than_people_were_present(
    ann: Caller, tess: Caller, school: CoopSchool, clock: FixedClock
) -> None:
    assert give(ann) == (201, "received")
    sheet = {"answers": {"clarity": 2}}
    assert hand_in(tess, *[sheet] * 5)[:2] == (409, "more-sheets-than-present")
    assert hand_in(tess, *[sheet] * 3, {**sheet, "comment": "Too fast"}) == (201, "received", [])
    assert hand_in(tess, sheet)[:2] == (409, "more-sheets-than-present")
    clock.advance(timedelta(days=8))
    assert AnswerBox(school).feedback.release(SESSION, "hot")
    with school.database.connect("app") as conn:
        row = conn.execute("select type, data from events order by position desc limit 1").fetchone()
    assert row is not None
    event = decode(*row)
    assert isinstance(event, FeedbackReleased)
    assert (len(event.online), len(event.paper)) == (1, 4), "of the sheets that were too many none was kept"


def test_a_sheet_that_does_not_fit_is_named_and_none_is_taken(tess: Caller) -> None:
    good = {"answers": {"clarity": 2}}
    assert hand_in(tess, good, {"answers": {"clarity": 9}})[2] == ["#/sheets/1/answers/clarity"]
    assert hand_in(tess, good, good, {"answers": {}})[2] == ["#/sheets/2/answers/clarity"]
    assert hand_in(tess)[0] == 422
    assert hand_in(tess, *[good] * 5) == (201, "received", [])


def test_sheets_reports_and_comments_are_for_the_session_s_own_trainers(callers: Callers, tess: Caller) -> None:
    stranger = callers.caller("trainer", person="tom")
    assert hand_in(stranger, {"answers": {"clarity": 2}})[:2] == (403, "forbidden")
    assert stranger.post(f"{ABOUT}/trainer-report", {"items": {"participation": 4}}).status_code == 403
    assert stranger.get(f"{ABOUT}/comments").status_code == 403
    assert callers.coordinator.get(f"{ABOUT}/comments").status_code == 403
    nowhere = f"/api/sessions/{uuid4()}"
    assert tess.get(f"{nowhere}/comments").status_code == 404
    assert tess.post(f"{nowhere}/trainer-report", {"items": {"participation": 4}}).status_code == 404


def test_a_trainer_reports_once_and_the_note_is_in_the_vault(tess: Caller, school: CoopSchool) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    body = {"items": {"participation": 4, "aims_met": 5}, "note": "The room was cold"}
    first = tess.post(f"{ABOUT}/trainer-report", body, headers=key)
    assert first.status_code == 201
    assert tess.post(f"{ABOUT}/trainer-report", body, headers=key).json() == first.json()
    refused = tess.post(f"{ABOUT}/trainer-report", {"items": {"participation": 1}})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/report-already-logged")
    with school.database.connect("app") as conn:
        row = conn.execute("select data from events where position = %s", [first.json()["position"]]).fetchone()
        assert row is not None
        assert "cold" not in row[0]
        assert "The room was cold" in str(conn.execute("select body from vault_texts").fetchall())


def test_a_report_that_does_not_fit_names_its_item(tess: Caller) -> None:
    for items, pointer in (({"participation": 9}, "#/items/participation"), ({"clarity": 3}, "#/items/clarity")):
        refused = tess.post(f"{ABOUT}/trainer-report", {"items": items})
        assert refused.status_code == 422
        assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


def test_comments_are_shown_when_they_are_released_and_enough_have_answered(
    callers: Callers, tess: Caller, school: CoopSchool, clock: FixedClock
) -> None:
    for person in LEARNERS[:4]:
        assert give(callers.caller("member", person=person), comment=f"said by {person}") == (201, "received")
    assert hand_in(tess, {"answers": {"clarity": 2}}) == (201, "received", [])
    assert tess.get(f"{ABOUT}/comments").json() == {"items": [], "next": None}
    clock.advance(timedelta(days=8))
    AnswerBox(school).feedback.release_due()
    items = callers.caller("trainer", person=TESS).get(f"{ABOUT}/comments").json()["items"]
    assert sorted(item["text"] for item in items) == [f"said by {person}" for person in LEARNERS[:4]]
    assert {item["moment"] for item in items} == {"hot"}
    with school.database.connect("app") as conn:
        conn.execute("delete from vault_texts where body = 'said by ann'")
    left = callers.caller("trainer", person=TESS).get(f"{ABOUT}/comments").json()["items"]
    assert len(left) == 3


def test_what_was_given_is_reported_from_five_on_once_it_is_released(
    callers: Callers, tess: Caller, school: CoopSchool, clock: FixedClock, catch_up: Callable[[], int]
) -> None:
    def reported(caller: Caller, **asked: str) -> set[tuple[str, int | None, float | None]]:
        catch_up()
        rows = caller.done("GET", "/api/reports/feedback", params=asked)["rows"]
        return {(row["source"], row["n"], row["mean"]) for row in rows if row["item"] == "clarity"}

    learners = [callers.caller("member", person=person) for person in LEARNERS[:5]]
    assert [give(learner)[0] for learner in learners] == [201] * 5
    assert learners[0].delete(f"{ABOUT}/feedback/hot").status_code == 200
    assert hand_in(tess, {"answers": {"clarity": 1}}) == (201, "received", [])
    assert reported(callers.coordinator) == reported(tess, session=SESSION) == set()
    clock.advance(timedelta(days=8))
    assert AnswerBox(school).feedback.release(SESSION, "hot")
    assert give(callers.caller("member", person="ann"))[0] == 409
    hidden = {("online", None, None), ("paper", None, None)}  # four online, one on paper
    later = callers.caller("trainer", person=TESS)
    assert reported(callers.coordinator) == reported(later, session=SESSION) == hidden
    clock.advance(timedelta(days=60))
    assert [give(callers.caller("member", person=one), "cold", answers={"used": 4})[0] for one in LEARNERS[:5]] == [
        201
    ] * 5
    clock.advance(timedelta(days=150))
    assert AnswerBox(school).feedback.release(SESSION, "cold")
    catch_up()
    for caller, asked in ((callers.coordinator, {}), (callers.caller("trainer", person=TESS), {"session": SESSION})):
        rows = caller.done("GET", "/api/reports/feedback", params={"moment": "cold", **asked})["rows"]
        assert [(row["item"], row["n"], row["mean"]) for row in rows] == [("used", 5, 4.0)]


def test_giving_and_taking_back_leave_no_trace_of_who_did(
    ann: Caller, client: TestClient[Litestar], database: Database
) -> None:
    def written() -> list[Any]:
        with database.connect("app") as conn:
            counts = [
                conn.execute(f"select count(*) from {table}").fetchone()
                for table in ("events", "idempotency", "vault_texts")
            ]
        metrics = client.get("/metrics").text.splitlines()
        return [counts, [line for line in metrics if "feedback" in line]]

    before = written()
    key = {"Idempotency-Key": str(uuid4())}
    with capture_logs() as lines:
        assert ann.post(f"{ABOUT}/feedback/hot", {**SHEET, "comment": "Mine"}, headers=key).status_code == 201
        assert ann.post(f"{ABOUT}/feedback/hot", SHEET, headers=key).status_code == 409
        assert ann.delete(f"{ABOUT}/feedback/hot").status_code == 200
        assert give(ann) == (201, "received")
    assert lines == []
    assert written() == before


def test_erasing_a_person_takes_their_unreleased_answer_along(
    callers: Callers, school: CoopSchool, clock: FixedClock
) -> None:
    build(school)
    school.execute_now(CloseSession(at=school.now(), session=examples.OWN_SESSION))
    person = callers.caller("adviser", person=examples.ADVISER)
    assert person.delete("/api/people/me/personal-data").status_code == 200
    clock.advance(timedelta(days=8))
    assert AnswerBox(school).feedback.release_due() == 0, "there is nothing left to release"
