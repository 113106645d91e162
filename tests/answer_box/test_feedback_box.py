"""Feedback on sessions: once a person, to be taken back until the window closes, then released all at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from coopschool import vault
from coopschool.answer_box import AnswerBox, Sheet
from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.domain.base import Actor
from coopschool.domain.errors import DomainError, Forbidden, Invalid, Unknown
from coopschool.domain.instruments import OutsideScale, UnknownItem
from coopschool.domain.school.attendance import CorrectAttendance
from coopschool.domain.school.feedback import (
    AlreadyAnswered,
    DidNotAttend,
    FeedbackNotOpen,
    FeedbackReleased,
    FeedbackStillOpen,
    MoreSheetsThanPresent,
    NotTheVersionInUse,
)
from coopschool.domain.school.session import Session
from coopschool.eventstore.mapper import decode
from tests.answer_box.surroundings import LEARNERS, SESSION, TRAINER, hold_session, id_of
from tests.support.school import COORDINATOR

WEEK = timedelta(days=8)


def answer(box: AnswerBox, person: str, clarity: int = 4, comment: str | None = None) -> None:
    box.feedback.submit(SESSION, "hot", person, "feedback", 1, Sheet({"clarity": clarity}, comment))


def sheets(box: AnswerBox, *clarity: int, by: Actor = TRAINER, comment: str | None = None) -> None:
    typed_in = [Sheet({"clarity": value}, comment) for value in clarity]
    box.feedback.add_sheets(SESSION, "hot", by, "feedback", 1, typed_in)


def released(school: CoopSchool) -> list[FeedbackReleased]:
    with school.database.connect("app") as conn:
        rows = conn.execute("select type, data from events where type like 'FeedbackReleased%' order by position")
        events = [decode(topic, data) for topic, data in rows.fetchall()]
    return [event for event in events if isinstance(event, FeedbackReleased)]


def texts(school: CoopSchool, ids: tuple[str, ...]) -> list[str]:
    with school.database.connect("app") as conn:
        return [body for body in vault.texts(conn, ids).values() if UUID(ids[0])]


# --- answers


def test_answers_come_out_when_the_window_has_closed(school: CoopSchool, box: AnswerBox, clock: FixedClock) -> None:
    hold_session(school)
    for person, clarity in zip(LEARNERS, (1, 2, 3, 4, 5), strict=False):
        answer(box, person, clarity)
    assert box.feedback.release_due() == 0
    with pytest.raises(FeedbackStillOpen):
        box.feedback.release(SESSION, "hot")
    assert released(school) == []
    clock.advance(WEEK)
    assert box.feedback.release_due() == 1
    (event,) = released(school)
    assert sorted(one["clarity"] for one in event.online) == [1, 2, 3, 4, 5]
    assert (event.moment, event.instrument, event.version, event.paper) == ("hot", "feedback", 1, ())
    assert box.boxes.all() == {}
    assert list(box.boxes.keys.older_than(-60)) == []
    assert box.feedback.release_due() == 0


def test_a_person_answers_once(school: CoopSchool, box: AnswerBox) -> None:
    hold_session(school)
    answer(box, "ann")
    with pytest.raises(AlreadyAnswered):
        answer(box, "ann", 1)
    answer(box, "bob")


def test_an_answer_given_twice_at_once_counts_once(school: CoopSchool, box: AnswerBox, clock: FixedClock) -> None:
    hold_session(school)
    refused: list[str] = []

    def give(person: str) -> None:
        try:
            answer(box, person)
        except AlreadyAnswered:
            refused.append(person)

    giving = [threading.Thread(target=give, args=(person,)) for person in LEARNERS * 2]
    for thread in giving:
        thread.start()
    for thread in giving:
        thread.join()
    assert sorted(refused) == sorted(LEARNERS)
    clock.advance(WEEK)
    box.feedback.release_due()
    assert len(released(school)[0].online) == len(LEARNERS)


def test_an_answer_can_be_taken_back_and_given_anew(school: CoopSchool, box: AnswerBox, clock: FixedClock) -> None:
    hold_session(school)
    answer(box, "ann", 1)
    answer(box, "bob", 2)
    box.feedback.retract(SESSION, "hot", "ann")
    with pytest.raises(Unknown):
        box.feedback.retract(SESSION, "hot", "ann")
    answer(box, "ann", 5)
    clock.advance(WEEK)
    with pytest.raises(FeedbackNotOpen):
        box.feedback.retract(SESSION, "hot", "ann")
    box.feedback.release_due()
    assert sorted(one["clarity"] for one in released(school)[0].online) == [2, 5]


def test_there_is_nothing_to_take_back_where_nobody_answered(school: CoopSchool, box: AnswerBox) -> None:
    hold_session(school)
    with pytest.raises(Unknown):
        box.feedback.retract(SESSION, "hot", "ann")
    assert box.boxes.all() == {}


def test_what_was_all_taken_back_is_never_released(school: CoopSchool, box: AnswerBox, clock: FixedClock) -> None:
    hold_session(school)
    answer(box, "ann")
    box.feedback.retract(SESSION, "hot", "ann")
    clock.advance(WEEK)
    assert box.feedback.release_due() == 0
    assert released(school) == []
    assert box.boxes.all() == {}


def test_only_who_attended_answers(school: CoopSchool, box: AnswerBox) -> None:
    hold_session(school, "flo")
    for person in ("flo", "tess", "zoe"):
        with pytest.raises(DidNotAttend):
            answer(box, person)


def test_answers_are_taken_within_the_window_only(school: CoopSchool, box: AnswerBox, clock: FixedClock) -> None:
    hold_session(school)
    with pytest.raises(FeedbackNotOpen):
        box.feedback.submit(SESSION, "cold", "ann", "feedback", 1, Sheet({"used": 4}))
    clock.advance(WEEK)
    with pytest.raises(FeedbackNotOpen):
        answer(box, "ann")
    clock.advance(timedelta(days=60))
    box.feedback.submit(SESSION, "cold", "ann", "feedback", 1, Sheet({"used": 4}))
    clock.advance(timedelta(days=130))
    assert box.feedback.release_due() == 1
    assert [event.moment for event in released(school)] == ["cold"]


@pytest.mark.parametrize(
    ("instrument", "version", "sheet", "error"),
    [
        ("feedback", 2, Sheet({"clarity": 4}), NotTheVersionInUse),
        ("autonomy", 1, Sheet({"s1": 4}), NotTheVersionInUse),
        ("feedback", 1, Sheet({"clarity": 0}), OutsideScale),
        ("feedback", 1, Sheet({"used": 4}), UnknownItem),
        ("feedback", 1, Sheet({}), Invalid),
        ("feedback", 1, Sheet({"clarity": 4}, ""), Invalid),
        ("feedback", 1, Sheet({"clarity": 4}, "x" * 2001), Invalid),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(
    school: CoopSchool, box: AnswerBox, instrument: str, version: int, sheet: Sheet, error: type[DomainError]
) -> None:
    hold_session(school)
    with pytest.raises(error):
        box.feedback.submit(SESSION, "hot", "ann", instrument, version, sheet)
    assert box.boxes.all() == {}
    answer(box, "ann")


# --- paper


def test_paper_sheets_come_out_apart(school: CoopSchool, box: AnswerBox, clock: FixedClock) -> None:
    hold_session(school)
    answer(box, "ann", 1)
    sheets(box, 2, 3)
    sheets(box, 4)
    clock.advance(WEEK)
    box.feedback.release_due()
    (event,) = released(school)
    assert [one["clarity"] for one in event.online] == [1]
    assert sorted(one["clarity"] for one in event.paper) == [2, 3, 4]


def test_sheets_and_answers_are_no_more_than_people_were_present(school: CoopSchool, box: AnswerBox) -> None:
    hold_session(school, "flo")
    answer(box, "ann")
    with pytest.raises(MoreSheetsThanPresent):
        sheets(box, 1, 1, 1, 1, 1)
    sheets(box, 1, 1, 1, 1)
    with pytest.raises(MoreSheetsThanPresent):
        answer(box, "bob")


def test_sheets_are_typed_in_by_the_sessions_trainers(school: CoopSchool, box: AnswerBox) -> None:
    hold_session(school)
    for by in (COORDINATOR, Actor("ann", frozenset({"member", "trainer"}))):
        with pytest.raises(Forbidden):
            sheets(box, 1, by=by)
    with pytest.raises(Invalid):
        sheets(box)


# --- comments


def test_comments_come_out_apart_from_the_answers(school: CoopSchool, box: AnswerBox, clock: FixedClock) -> None:
    hold_session(school)
    for person in LEARNERS[:4]:
        answer(box, person, comment=f"said by {person}")
    sheets(box, 3, comment="on paper")
    with school.database.connect("app") as conn:
        assert "said by ann" not in str(conn.execute("select body from vault_texts").fetchall())
    clock.advance(WEEK)
    box.feedback.release_due()
    (event,) = released(school)
    assert sorted(texts(school, event.comments)) == [
        "on paper", "said by ann", "said by bob", "said by cyd", "said by dan"
    ]  # fmt: skip
    with school.database.connect("app") as conn:
        owners = conn.execute(
            "select about, author from vault_texts where id = any(%s)", [[UUID(id) for id in event.comments]]
        ).fetchall()
    assert owners == [(None, None)] * 5


def test_comments_of_fewer_than_five_are_destroyed(school: CoopSchool, box: AnswerBox, clock: FixedClock) -> None:
    hold_session(school)
    for person in LEARNERS[:4]:
        answer(box, person, comment=f"said by {person}")
    clock.advance(WEEK)
    box.feedback.release_due()
    assert released(school)[0].comments == ()
    with school.database.connect("app") as conn:
        assert "said by" not in str(conn.execute("select body from vault_texts").fetchall())


def test_a_box_grows_with_its_comments(school: CoopSchool, box: AnswerBox, clock: FixedClock) -> None:
    hold_session(school)
    for person in LEARNERS:
        answer(box, person, comment="é" * 2000)
    clock.advance(WEEK)
    box.feedback.release_due()
    assert texts(school, released(school)[0].comments) == ["é" * 2000] * len(LEARNERS)


# --- what changes meanwhile


def correct(school: CoopSchool, member: str) -> None:
    school.execute_now(
        CorrectAttendance(
            at=school.now(),
            session=SESSION,
            slot=1,
            member=member,
            status="absent",
            reason_code="wrong_person",
        )
    )


def test_an_answer_stands_though_its_giver_is_found_to_have_been_absent(
    school: CoopSchool, box: AnswerBox, clock: FixedClock
) -> None:
    hold_session(school)
    for person in LEARNERS:
        answer(box, person)
    correct(school, "flo")
    clock.advance(WEEK)
    box.feedback.release_due()
    assert len(released(school)[0].online) == len(LEARNERS)


def test_who_is_erased_takes_their_unreleased_answers_along(
    school: CoopSchool, box: AnswerBox, clock: FixedClock
) -> None:
    hold_session(school)
    answer(box, "ann", 1)
    answer(box, "bob", 2)
    box.feedback.forget("ann")
    box.feedback.forget("zoe")
    clock.advance(WEEK)
    box.feedback.release_due()
    assert [one["clarity"] for one in released(school)[0].online] == [2]


def test_a_box_whose_key_is_gone_starts_anew(school: CoopSchool, box: AnswerBox, clock: FixedClock) -> None:
    hold_session(school)
    answer(box, "ann", 1)
    for of in list(box.boxes.keys.older_than(-60)):
        box.boxes.keys.forget(of)
    assert box.recover() == [f"feedback:hot:{SESSION}"]
    answer(box, "ann", 2)
    clock.advance(WEEK)
    box.feedback.release_due()
    assert [one["clarity"] for one in released(school)[0].online] == [2]


@pytest.mark.parametrize(
    "late",
    [
        lambda box: answer(box, "bob"),
        lambda box: box.feedback.retract(SESSION, "hot", "ann"),
        lambda box: sheets(box, 1),
    ],
)
def test_nothing_is_taken_or_taken_back_after_the_release(
    school: CoopSchool, box: AnswerBox, clock: FixedClock, late: Callable[[AnswerBox], None]
) -> None:
    hold_session(school)
    answer(box, "ann")
    inside = school.now()
    clock.advance(WEEK)
    box.feedback.release_due()
    clock.set(inside)  # another machine's clock is behind
    with pytest.raises(FeedbackNotOpen):
        late(box)
    assert box.boxes.all() == {}
    assert school.read_now(lambda load: load(Session, SESSION).has_released("hot"))


def test_an_unknown_session_gets_no_feedback(school: CoopSchool, box: AnswerBox) -> None:
    with pytest.raises(Unknown):
        box.feedback.submit(id_of("none"), "hot", "ann", "feedback", 1, Sheet({"clarity": 1}))
