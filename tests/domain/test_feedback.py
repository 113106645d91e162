"""Feedback on sessions: who may give it and when, what is released, and what trainers report."""

from datetime import datetime
from typing import Any

import pytest

from coopschool.domain import tags
from coopschool.domain.base import Occurrence
from coopschool.domain.errors import Forbidden, Unknown
from coopschool.domain.instruments import OutsideScale, UnknownItem
from coopschool.domain.school.feedback import (
    DidNotAttend,
    FeedbackAlreadyReleased,
    FeedbackNotOpen,
    FeedbackReleased,
    FeedbackStillOpen,
    MoreSheetsThanPresent,
    ReportAlreadyLogged,
    TrainerReportLogged,
)
from coopschool.domain.school.feedback_release import (
    LogTrainerReport,
    ReleaseFeedback,
    attended,
    guard_attended,
    guard_feedback_open,
    window_of,
)
from coopschool.domain.school.session import AttendanceCorrected, Presence, Session, SlotCancelled
from coopschool.domain.school.waiting_list import SessionNotBegun
from tests.support.advisers import AUTONOMY, FEEDBACK, published
from tests.support.given_when_then import BRUSSELS, NOW, Scenario, given, local
from tests.support.school import (
    COORDINATOR,
    ITS_TRAINER,
    STRANGER,
    TRAINER,
    enrolled,
    joined,
    logged,
    module,
    record,
    scheduled,
)

# Slots on 16 and 17 March 2026: hot until 24 March, cold from 17 May to 17 September.
PEOPLE = ("ann", "bob", "cyd", "dan", "eve", "flo")
HELD = (
    *module(),
    published(FEEDBACK),
    scheduled("spring", seats=6),
    *joined(*PEOPLE),
    *enrolled("spring", *PEOPLE),
    logged("spring", 1, [record("ann"), record("bob", "absent"), *(record(one) for one in PEOPLE[2:])]),
    logged("spring", 2, [record("ann", "partial", 30), *(record(one, "excused") for one in PEOPLE[1:])]),
)
AFTER_HOT = local("2026-03-25 00:00")
CLEAR = {"clarity": 4}


def session(*more: Any) -> Session:
    return given(*HELD, *more).folded(Session, "spring")


def test_hot_lasts_from_the_last_slot_to_the_end_of_the_seventh_day() -> None:
    window = window_of(session(), "hot", BRUSSELS)
    assert window == (local("2026-03-17 09:00"), local("2026-03-24 23:59:59.999999"))


def test_cold_lasts_from_two_to_six_months_after() -> None:
    window = window_of(session(), "cold", BRUSSELS)
    assert window == (local("2026-05-17"), local("2026-09-17 23:59:59.999999"))


def test_months_end_where_the_month_does() -> None:
    held = given(scheduled("spring", "2025-12-31 09:00")).folded(Session, "spring")
    assert window_of(held, "cold", BRUSSELS).opens == local("2026-02-28")


def test_a_cancelled_slot_is_not_the_last() -> None:
    assert window_of(session(SlotCancelled(session="spring", module="M01", slot=2)), "hot", BRUSSELS).opens == local(
        "2026-03-16 09:00"
    )


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-03-17 08:59", False),
        ("2026-03-17 09:00", True),
        ("2026-03-24 23:59", True),
        ("2026-03-25 00:00", False),
    ],
)
def test_feedback_is_given_within_the_window(at: str, is_open: bool) -> None:
    if is_open:
        guard_feedback_open(session(), "hot", local(at))
    else:
        with pytest.raises(FeedbackNotOpen):
            guard_feedback_open(session(), "hot", local(at))


def test_nothing_is_taken_after_the_release() -> None:
    released = session(Occurrence(hot(), AFTER_HOT))
    with pytest.raises(FeedbackNotOpen):
        guard_feedback_open(released, "hot", local("2026-03-20"))
    guard_feedback_open(released, "cold", local("2026-06-01"))


def test_who_was_there_for_a_part_attended() -> None:
    assert attended(session()) == {"ann", "cyd", "dan", "eve", "flo"}
    guard_attended(session(), "ann")
    with pytest.raises(DidNotAttend):
        guard_attended(session(), "bob")


def test_a_correction_changes_who_attended_and_a_cancelled_slot_does_too() -> None:
    corrected = AttendanceCorrected(
        session="spring",
        module="M01",
        slot=1,
        member="bob",
        from_=Presence(status="absent"),
        to=Presence(status="present"),
        reason_code="wrong_person",
    )
    assert "bob" in attended(session(corrected))
    assert attended(session(SlotCancelled(session="spring", module="M01", slot=1))) == {"ann"}


# --- release


def hot(**other: Any) -> FeedbackReleased:
    said = {"session": "spring", "module": "M01", "moment": "hot", "instrument": "feedback", "version": 1}
    return FeedbackReleased(**(said | {"online": (CLEAR,), "paper": ()} | other))


def release(**other: Any) -> ReleaseFeedback:
    said = {"at": AFTER_HOT, "session": "spring", "moment": "hot", "instrument": "feedback", "version": 1}
    return ReleaseFeedback(**(said | {"online": (CLEAR,)} | other))


def test_answers_are_released_when_the_window_has_closed() -> None:
    given(*HELD).when(release()).then(hot())
    given(*HELD).when(release(at=local("2026-03-24 23:59"))).then_refused(FeedbackStillOpen, moment="hot")


def test_comments_are_kept_where_five_answered() -> None:
    few = release(online=(CLEAR,) * 2, paper=(CLEAR,) * 2, comments=("c1",))
    given(*HELD).when(few).then(hot(online=(CLEAR,) * 2, paper=(CLEAR,) * 2))
    enough = release(online=(CLEAR,) * 2, paper=(CLEAR,) * 3, comments=("c1",))
    given(*HELD).when(enough).then(hot(online=(CLEAR,) * 2, paper=(CLEAR,) * 3, comments=("c1",)))


def test_feedback_is_released_once_a_moment_and_version() -> None:
    given(*HELD, hot()).when(release()).then_refused(FeedbackAlreadyReleased, session="spring", moment="hot")
    cold = given(*HELD, hot()).when(release(at=local("2026-10-01"), moment="cold", online=({"used": 5},)))
    assert len(cold.events) == 1


def test_no_more_answers_are_released_than_people_were_present() -> None:
    many = release(online=(CLEAR,) * 3, paper=(CLEAR,) * 3)
    given(*HELD).when(many).then_refused(MoreSheetsThanPresent, present=5)
    counted = release(online=(CLEAR,) * 3, paper=(CLEAR,) * 3, exceptions=frozenset({"more-sheets-than-present"}))
    given(*HELD).when(counted).then(hot(online=(CLEAR,) * 3, paper=(CLEAR,) * 3))


def test_what_is_released_fits_the_instrument_at_that_moment() -> None:
    given(*HELD).when(release(online=({"used": 3},))).then_refused(UnknownItem, field="answers.used")
    given(*HELD).when(release(paper=({"clarity": 9},))).then_refused(OutsideScale, field="answers.clarity")
    given(*HELD, published(AUTONOMY)).when(release(instrument="autonomy")).then_refused(Unknown, id="autonomy.1")
    given(*HELD).when(release(session="autumn")).then_refused(Unknown, kind="session", id="autumn")


def test_feedback_is_released_by_the_school() -> None:
    given(*HELD).when(release(by=ITS_TRAINER)).then_refused(Forbidden)


# --- the trainers' reports

REPORT = TrainerReportLogged(
    session="spring",
    module="M01",
    trainer=TRAINER,
    instrument="feedback",
    version=1,
    items={"participation": 5},
    note="n1",
)
DURING = local("2026-03-16 10:00")


def report(at: datetime = DURING, **other: Any) -> LogTrainerReport:
    said = {"at": at, "by": ITS_TRAINER, "session": "spring", "trainer": TRAINER, "instrument": "feedback"}
    return LogTrainerReport(**(said | {"version": 1, "items": {"participation": 5}, "note": "n1"} | other))


def again(*happened: Any) -> Scenario:
    return given(*HELD, *happened)


def test_a_trainer_reports_once() -> None:
    again().when(report()).then(REPORT)
    again(REPORT).when(report(note=None)).then_unchanged()
    again(REPORT).when(report()).then_refused(ReportAlreadyLogged, trainer=TRAINER)
    again(REPORT).when(report(note=None, items={"participation": 1})).then_refused(ReportAlreadyLogged)


def test_trainers_report_on_their_own_sessions_for_themselves() -> None:
    again().when(report(by=COORDINATOR)).then_refused(Forbidden)
    again().when(report(by=STRANGER, trainer="sam")).then_refused(Forbidden)


def test_there_is_nothing_to_report_before_the_session() -> None:
    again().when(report(NOW)).then_refused(SessionNotBegun, session="spring")


def test_a_report_answers_what_trainers_are_asked() -> None:
    again().when(report(items={"clarity": 5})).then_refused(UnknownItem, field="items.clarity")


def test_answers_leave_the_log_through_the_statistics_gate_only() -> None:
    assert tags.withheld_fields(FeedbackReleased) == {"online", "paper", "comments"}
    assert tags.withheld_fields(TrainerReportLogged) == {"items"}
