"""Workshops and decisions over HTTP: planned, held, noted, decided, reviewed; and who reads what was said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from coopschool.clock import FixedClock
from tests.api.callers import Caller, Callers
from tests.api.conftest import Written
from tests.api.test_bad_input import NOBODY
from tests.api.test_lists import pages
from tests.api.test_teams import refused

DECISION = {"theme": "telework", "decided_by": "team", "review_on": "2026-06-01", "text": "Two days at home."}


class Team(NamedTuple):
    """A team that held a workshop, with what came of it."""

    id: str
    ann: Caller
    zoe: Caller  # of another team
    fay: Caller  # facilitates, from outside
    workshop: str
    decision: str


@pytest.fixture
def team(callers: Callers) -> Team:
    team = callers.team("North")
    ann, zoe, fay = callers.adviser(team), callers.adviser(callers.team("South")), callers.trainer()
    plan = {"planned_for": "2026-03-02", "facilitators": [fay.person]}
    workshop = ann.made(f"/api/teams/{team}/workshops", plan)["workshop_id"]
    ann.done("POST", f"/api/workshops/{workshop}/hold", {"participants": ["me"], "themes": ["telework", "rota"]})
    ann.made(f"/api/workshops/{workshop}/notes", {"text": "The phone rings."})
    decision = fay.made(f"/api/workshops/{workshop}/decisions", DECISION)["decision_id"]
    return Team(team, ann, zoe, fay, workshop, decision)


def test_a_workshop_is_planned_held_noted_and_leads_to_decisions(callers: Callers, team: Team) -> None:
    for caller in (team.ann, team.fay):
        seen = caller.done("GET", f"/api/workshops/{team.workshop}")
        (note,) = seen.pop("notes")
        (decision,) = seen.pop("decisions")
        assert note["text"] == "The phone rings."
        assert decision == {
            "decision_id": team.decision,
            "workshop_id": team.workshop,
            "team_id": team.id,
            **DECISION,
            "taken_on": "2026-03-02",
            "overdue": False,
            "outcome": None,
            "reviews": [],
        }
        assert seen == {
            "workshop_id": team.workshop,
            "team_id": team.id,
            "planned_for": "2026-03-02",
            "held_on": "2026-03-02",
            "facilitators": [team.fay.person],
            "participants": [team.ann.person],
            "themes": ["telework", "rota"],
        }


def test_a_decision_is_reviewed_and_reworded(team: Team, clock: FixedClock) -> None:
    path = f"/api/decisions/{team.decision}"
    clock.advance(timedelta(days=100))
    assert team.ann.done("GET", path)["overdue"]
    changed = {"outcome": "changed", "review_on": "2026-12-01", "text": "Three days at home."}
    made = team.ann.post(f"{path}/reviews", changed)
    assert (made.status_code, made.headers["location"]) == (201, path)
    seen = team.fay.done("GET", path)
    assert (seen["outcome"], seen["review_on"], seen["overdue"]) == ("changed", "2026-12-01", False)
    assert (seen["text"], seen["theme"]) == ("Three days at home.", "telework")
    assert seen["reviews"] == [{"outcome": "changed", "reviewed_on": "2026-06-10", "review_on": "2026-12-01"}]
    team.fay.made(f"{path}/reviews", {"outcome": "dropped"})
    assert refused(team.ann.post(f"{path}/reviews", {"outcome": "kept"}))[:2] == (409, "decision-dropped")


def test_coordinators_see_all_but_the_texts(callers: Callers, team: Team) -> None:
    for path in (
        f"/api/workshops/{team.workshop}",
        f"/api/teams/{team.id}/workshops",
        f"/api/decisions/{team.decision}",
        "/api/decisions",
        f"/api/decisions?team={team.id}",
    ):
        answer = callers.coordinator.get(path)
        assert answer.status_code == 200, path
        assert "phone" not in answer.text
        assert "at home" not in answer.text
    seen = callers.coordinator.done("GET", f"/api/workshops/{team.workshop}")
    assert [note["text"] for note in seen["notes"]] == [None]
    assert [(one["theme"], one["text"]) for one in seen["decisions"]] == [("telework", None)]
    table = callers.coordinator.get("/api/decisions", headers={"Accept": "text/csv"}).text.splitlines()
    assert table[1].startswith(team.decision)
    assert table[1].endswith(",")


def test_a_coordinator_who_facilitates_reads_along(callers: Callers, team: Team) -> None:
    both = callers.caller("coordinator", person=team.fay.person)
    assert both.done("GET", f"/api/decisions/{team.decision}")["text"] == DECISION["text"]


def test_another_team_sees_and_logs_nothing(callers: Callers, team: Team, written: Written) -> None:
    before = written()
    requests: list[tuple[str, str, Any]] = [
        ("GET", f"/api/teams/{team.id}/workshops", None),
        ("POST", f"/api/teams/{team.id}/workshops", {"planned_for": "2026-04-01"}),
        ("GET", f"/api/workshops/{team.workshop}", None),
        ("POST", f"/api/workshops/{team.workshop}/hold", {"participants": ["me"], "themes": ["rota"]}),
        ("POST", f"/api/workshops/{team.workshop}/notes", {"text": "x"}),
        ("POST", f"/api/workshops/{team.workshop}/decisions", DECISION),
        ("GET", f"/api/decisions/{team.decision}", None),
        ("POST", f"/api/decisions/{team.decision}/reviews", {"outcome": "kept"}),
        ("GET", f"/api/decisions?team={team.id}", None),
    ]
    for caller in (team.zoe, callers.trainer(), callers.caller("adviser")):
        for method, path, body in requests:
            assert caller.send(method, path, body).status_code == 403, (method, path)
        assert caller.done("GET", "/api/decisions")["items"] == []
    assert written()["events"] == (before["events"][0] + 2,)  # the trainer


def test_coordinators_plan_but_do_not_speak_for_the_team(callers: Callers, team: Team) -> None:
    planned = callers.coordinator.post(f"/api/teams/{team.id}/workshops", {"planned_for": "2026-03-02"})
    workshop = planned.json()["workshop_id"]
    assert planned.headers["location"] == f"/api/workshops/{workshop}"
    both = callers.caller("coordinator", "admin")
    for caller in (callers.coordinator, both):
        held = {"participants": [team.ann.person], "themes": ["rota"]}
        assert caller.post(f"/api/workshops/{workshop}/hold", held).status_code == 403
        assert caller.post(f"/api/workshops/{team.workshop}/notes", {"text": "x"}).status_code == 403
        assert caller.post(f"/api/workshops/{team.workshop}/decisions", DECISION).status_code == 403
        assert caller.post(f"/api/decisions/{team.decision}/reviews", {"outcome": "kept"}).status_code == 403


def test_who_left_the_team_reads_no_more(callers: Callers, team: Team) -> None:
    callers.coordinator.done("DELETE", f"/api/teams/{team.id}/advisers/{team.ann.person}?to=2026-03-01")
    assert team.ann.get(f"/api/workshops/{team.workshop}").status_code == 403
    assert team.ann.get(f"/api/decisions/{team.decision}").status_code == 403


def test_a_facilitator_sees_their_workshops_only(callers: Callers, team: Team) -> None:
    team.ann.made(f"/api/teams/{team.id}/workshops", {"planned_for": "2026-05-01"})
    theirs = team.fay.done("GET", f"/api/teams/{team.id}/workshops")["items"]
    assert [one["workshop_id"] for one in theirs] == [team.workshop]
    assert (theirs[0]["notes"], theirs[0]["decisions"]) == (1, 1)
    assert [one["text"] for one in team.fay.done("GET", "/api/decisions")["items"]] == [DECISION["text"]]


def test_decisions_are_found_by_when_they_are_due(callers: Callers, team: Team, clock: FixedClock) -> None:
    path = f"/api/workshops/{team.workshop}/decisions"
    soon = team.ann.made(path, {**DECISION, "review_on": "2026-04-01"})["decision_id"]
    done = team.ann.made(path, {**DECISION, "review_on": "2026-04-02"})["decision_id"]
    team.ann.made(f"/api/decisions/{done}/reviews", {"outcome": "dropped"})
    elsewhere = callers.team("East")
    bea = callers.adviser(elsewhere)
    other = bea.made(f"/api/teams/{elsewhere}/workshops", {"planned_for": "2026-03-02"})["workshop_id"]
    bea.done("POST", f"/api/workshops/{other}/hold", {"participants": ["me"], "themes": ["rota"]})
    theirs = bea.made(f"/api/workshops/{other}/decisions", {**DECISION, "review_on": "2026-03-15"})["decision_id"]
    clock.advance(timedelta(days=31))  # 2 April

    def due(caller: Caller, query: str) -> list[str]:
        return [one["decision_id"] for one in caller.done("GET", f"/api/decisions?{query}")["items"]]

    assert due(callers.coordinator, "due_before=2026-04-02") == [theirs, soon]
    assert due(callers.coordinator, "due_before=2026-04-01") == [theirs]
    assert due(callers.coordinator, f"team={team.id}") == [soon, team.decision, done]
    assert due(team.ann, "due_before=2026-12-31") == [soon, team.decision]
    assert due(team.ann, "overdue=true") == [soon]
    assert due(callers.coordinator, "overdue=true") == [theirs, soon]
    assert due(team.ann, "overdue=false") == [team.decision, done]
    assert pages(callers.coordinator, "/api/decisions?limit=3") == [[theirs, soon, team.decision], [done]]
    assert callers.coordinator.get("/api/decisions?due_before=soon").status_code == 422
    assert callers.coordinator.get("/api/decisions?due_before=0001-01-01").status_code == 422


def test_workshops_come_in_pages_by_their_days_and_as_csv(callers: Callers, team: Team) -> None:
    later, sooner = (
        team.ann.made(f"/api/teams/{team.id}/workshops", {"planned_for": day})["workshop_id"]
        for day in ("2026-05-01", "2026-04-01")
    )
    assert pages(team.ann, f"/api/teams/{team.id}/workshops?limit=2") == [[team.workshop, sooner], [later]]
    table = team.ann.get(f"/api/teams/{team.id}/workshops", headers={"Accept": "text/csv"}).text.splitlines()
    assert table[1] == (
        f"{team.workshop},{team.id},2026-03-02,2026-03-02,{team.fay.person},{team.ann.person},telework|rota,1,1"
    )


HELD = {"participants": ["me"], "themes": ["rota"]}


@pytest.mark.parametrize(
    ("to", "body", "expected"),
    [
        ("teams/{team}/workshops", {}, (422, "invalid", ["#/planned_for"])),
        ("teams/{team}/workshops", {"planned_for": "9999-01-01"}, (422, "invalid", ["#/planned_for"])),
        (
            "teams/{team}/workshops",
            {"planned_for": "2026-04-01", "facilitators": ["me", NOBODY]},
            (404, "unknown", ["#/facilitators/1"]),
        ),
        ("workshops/{workshop}/hold", HELD, (409, "workshop-already-held", [])),
        ("workshops/{planned}/hold", {**HELD, "held_on": "2026-03-03"}, (409, "held-in-future", ["#/held_on"])),
        ("workshops/{planned}/hold", {**HELD, "participants": []}, (422, "invalid", ["#/participants"])),
        ("workshops/{planned}/hold", {**HELD, "themes": []}, (422, "invalid", ["#/themes"])),
        ("workshops/{planned}/hold", {**HELD, "themes": ["weather"]}, (422, "invalid", ["#/themes/0"])),
        ("workshops/{planned}/hold", {**HELD, "participants": [NOBODY]}, (404, "unknown", ["#/participants/0"])),
        ("workshops/{planned}/notes", {"text": "x"}, (409, "workshop-not-held", [])),
        ("workshops/{workshop}/notes", {"text": ""}, (422, "invalid", ["#/text"])),
        ("workshops/{workshop}/notes", {"text": "a\0"}, (422, "invalid", ["#/text"])),
        ("workshops/{planned}/decisions", DECISION, (409, "workshop-not-held", [])),
        (
            "workshops/{workshop}/decisions",
            {"theme": "rota", "decided_by": "team", "text": "x"},
            (409, "review-date-missing", ["#/review_on"]),
        ),
        (
            "workshops/{workshop}/decisions",
            {**DECISION, "review_on": None},
            (409, "review-date-missing", ["#/review_on"]),
        ),
        (
            "workshops/{workshop}/decisions",
            {**DECISION, "review_on": "2026-03-02"},
            (409, "review-date-past", ["#/review_on"]),
        ),
        ("workshops/{workshop}/decisions", {**DECISION, "decided_by": "me"}, (422, "invalid", ["#/decided_by"])),
        ("workshops/{workshop}/decisions", {**DECISION, "text": None}, (422, "invalid", ["#/text"])),
        ("decisions/{decision}/reviews", {"outcome": "lost"}, (422, "invalid", ["#/outcome"])),
        (
            "decisions/{decision}/reviews",
            {"outcome": "dropped", "review_on": "2026-06-01"},
            (422, "invalid", ["#/review_on"]),
        ),
        (
            "decisions/{decision}/reviews",
            {"outcome": "kept", "review_on": "2026-03-02"},
            (409, "review-date-past", ["#/review_on"]),
        ),
        (f"decisions/{NOBODY}/reviews", {"outcome": "kept"}, (404, "unknown", [])),
        (f"workshops/{NOBODY}/notes", {"text": "x"}, (404, "unknown", [])),
    ],
)
def test_what_breaks_a_rule_is_named_and_not_written(
    team: Team, written: Written, to: str, body: dict[str, Any], expected: tuple[int, str, list[str]]
) -> None:
    planned = team.ann.made(f"/api/teams/{team.id}/workshops", {"planned_for": "2026-03-02"})["workshop_id"]
    path = to.format(team=team.id, workshop=team.workshop, planned=planned, decision=team.decision)
    before = written()
    assert refused(team.ann.post(f"/api/{path}", body)) == expected
    assert written() == before


def test_an_erased_author_takes_their_words_along_and_nothing_else(callers: Callers, team: Team) -> None:
    callers.admin.done("DELETE", f"/api/people/{team.fay.person}/personal-data")
    seen = team.ann.done("GET", f"/api/workshops/{team.workshop}")
    assert [note["text"] for note in seen["notes"]] == ["The phone rings."]
    assert [(one["text"], one["review_on"]) for one in seen["decisions"]] == [(None, "2026-06-01")]


def test_the_same_key_takes_one_decision(team: Team) -> None:
    path, headers = f"/api/workshops/{team.workshop}/decisions", {"Idempotency-Key": "decide-once"}
    first, again = (team.ann.post(path, DECISION, headers=headers) for _ in range(2))
    assert (first.status_code, first.json()) == (201, again.json())
    assert len(team.ann.done("GET", f"/api/workshops/{team.workshop}")["decisions"]) == 2


@pytest.mark.parametrize(("language", "title"), [("fr", "Chaque décision"), ("nl", "Elk"), ("en", "Each decision")])
def test_a_missing_review_date_is_told_in_the_readers_language(team: Team, language: str, title: str) -> None:
    body = {"theme": "rota", "decided_by": "team", "text": "x"}
    path = f"/api/workshops/{team.workshop}/decisions"
    problem = team.ann.post(path, body, headers={"Accept-Language": language}).json()
    assert problem["title"].startswith(title)
    assert "x" not in problem["details"].values()


def test_projections_pass_over_what_teams_do(team: Team, catch_up: Callable[[], int]) -> None:
    position = team.ann.made(f"/api/workshops/{team.workshop}/notes", {"text": "More."})["position"]
    assert catch_up() >= position


def test_what_is_kept_of_an_adviser_names_the_workshops_and_what_they_wrote(callers: Callers, team: Team) -> None:
    """Given a workshop, when its people ask what is kept of them, then each sees their own part, in words."""
    ann, fay = (one.done("GET", "/api/people/me/personal-data") for one in (team.ann, team.fay))
    assert set(ann["texts"].values()) == {"The phone rings."}
    assert set(fay["texts"].values()) == {DECISION["text"]}
    happened = {event["type"].partition(".")[0]: event for event in ann["events"]}
    assert happened["WorkshopHeld"]["data"]["participants"] == [team.ann.person]
    assert happened["WorkshopNoteAdded"]["data"]["note"] in ann["texts"]
    assert happened["WorkshopHeld"]["meaning"] == "A workshop took place on that day."
    assert "WorkshopPlanned" not in happened, "somebody else facilitates"
    assert ann["names"][team.id] == "North"
    decided = {event["type"].partition(".")[0]: event for event in fay["events"]}
    assert decided["WorkshopPlanned"]["data"]["facilitators"] == [team.fay.person]
    assert decided["DecisionTaken"]["data"]["text"] in fay["texts"]
    assert str(team.fay.person) not in str(ann)
    assert str(team.ann.person) not in str(fay)
    assert team.zoe.done("GET", "/api/people/me/personal-data")["texts"] == {}
