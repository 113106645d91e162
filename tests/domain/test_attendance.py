"""Attendance sheets and their corrections."""

from typing import Any

import pytest

from coopschool.domain.base import Actor, Occurrence
from coopschool.domain.errors import Forbidden, Invalid, Unknown
from coopschool.domain.school.attendance import (
    CorrectAttendance,
    LogAttendance,
    NotEnrolled,
    SheetIncomplete,
    SlotNotBegun,
    SlotNotLogged,
)
from coopschool.domain.school.closing import CloseSession
from coopschool.domain.school.enrolment import EnrolmentWithdrawn, MemberPromoted, ModuleCompleted, ModuleNotCompleted
from coopschool.domain.school.session import (
    AttendanceCorrected,
    AttendanceRecord,
    Presence,
    Session,
    SessionCancelled,
    SessionClosed,
    SessionNotOpen,
    SlotAlreadyLogged,
    SlotCancelled,
    SlotIsCancelled,
)
from tests.support.given_when_then import given, local
from tests.support.school import (
    COORDINATOR,
    ITS_TRAINER,
    STRANGER,
    enrolled,
    joined,
    logged,
    module,
    record,
    scheduled,
    themselves,
    waiting,
)

SCHOOL = (*module(), scheduled("spring", seats=3), *joined("ann", "bob", "cyd"), *enrolled("spring", "ann", "bob"))
FIRST = local("2026-03-16 09:00")
EVENING = local("2026-03-16 18:00")
AFTER = local("2026-03-18 09:00")
SHEET = (record("ann", mode="on_site"), record("bob", "partial", 90, "online"))


def log(*records: AttendanceRecord, **given: Any) -> LogAttendance:
    return LogAttendance(**({"at": EVENING, "session": "spring", "slot": 1, "records": records} | given))


def correct(member: str, status: str, **given: Any) -> CorrectAttendance:
    asked = {"at": AFTER, "session": "spring", "slot": 1, "member": member, "status": status, "reason_code": "other"}
    return CorrectAttendance(**(asked | given))  # type: ignore[arg-type]


def corrected(member: str, from_: Presence, to: Presence, **given: Any) -> AttendanceCorrected:
    asked: dict[str, Any] = {"session": "spring", "module": "M01", "slot": 1, "reason_code": "other"}
    return AttendanceCorrected(**(asked | {"member": member, "from_": from_, "to": to} | given))


ABSENT = Presence(status="absent")
PRESENT = Presence(status="present")


# --- the sheet


def test_a_sheet_occurred_when_the_slot_started() -> None:
    given(*SCHOOL).when(log(*SHEET)).then(Occurrence(logged("spring", 1, SHEET), FIRST))


def test_the_same_sheet_again_gives_the_first_answer() -> None:
    after = given(*SCHOOL).when(log(*SHEET)).then(logged("spring", 1, SHEET))
    again = after.when(log(*reversed(SHEET)))
    again.then_unchanged()
    assert again.decided.position == len(after.log)  # type: ignore[union-attr]


def test_the_same_sheet_gives_the_first_answer_also_after_corrections_and_the_closing() -> None:
    put_right = corrected("ann", PRESENT, ABSENT)
    closed = SessionClosed(session="spring", module="M01")
    given(*SCHOOL, logged("spring", 1, SHEET), put_right, closed).when(log(*SHEET)).then_unchanged()


def test_another_sheet_is_refused() -> None:
    given(*SCHOOL, logged("spring", 1, SHEET)).when(log(record("ann"), record("bob"))).then_refused(SlotAlreadyLogged)


def test_a_sheet_names_everybody_with_a_seat_and_nobody_else() -> None:
    happened = given(*SCHOOL, *waiting("spring", "cyd"))
    happened.when(log(record("ann"))).then_refused(SheetIncomplete, missing=["bob"], unknown=[])
    happened.when(log(record("ann"), record("cyd"))).then_refused(SheetIncomplete, missing=["bob"], unknown=["cyd"])
    happened.when(log(*SHEET, record("cyd"))).then_refused(NotEnrolled, unknown=["cyd"])


def test_a_sheet_names_nobody_twice() -> None:
    given(*SCHOOL).when(log(*SHEET, record("ann", "absent"))).then_refused(Invalid, field="records", twice=["ann"])


def withdrawn(member: str, at: str) -> Occurrence:
    gone = EnrolmentWithdrawn(member=member, session="spring", module="M01", was="confirmed", reason_code="other")
    return Occurrence(gone, local(at))


def test_a_sheet_names_also_who_left_since_the_slot() -> None:
    left = given(*SCHOOL, withdrawn("bob", "2026-03-16 15:00"))
    left.when(log(record("ann"))).then_refused(SheetIncomplete, missing=["bob"])
    left.when(log(*SHEET)).then(logged("spring", 1, SHEET))


def test_a_sheet_does_not_name_who_left_before_the_slot() -> None:
    left = given(*SCHOOL, withdrawn("bob", "2026-03-16 09:00"))
    left.when(log(*SHEET)).then_refused(NotEnrolled, unknown=["bob"])
    left.when(log(record("ann"))).then(logged("spring", 1, [record("ann")]))


def test_a_sheet_names_also_who_came_late() -> None:
    late = [Occurrence(event, local("2026-03-16 17:00")) for event in enrolled("spring", "cyd")]
    given(*SCHOOL, *late).when(log(*SHEET)).then_refused(SheetIncomplete, missing=["cyd"])


def test_there_is_no_sheet_before_the_slot_begins() -> None:
    given(*SCHOOL).when(log(*SHEET, slot=2)).then_refused(SlotNotBegun, slot=2)
    assert given(*SCHOOL).when(log(*SHEET, at=FIRST)).events


def test_a_cancelled_slot_has_no_sheet() -> None:
    off = SlotCancelled(session="spring", module="M01", slot=1)
    given(*SCHOOL, off).when(log(*SHEET)).then_refused(SlotIsCancelled)


def test_a_slot_that_is_not_there_has_no_sheet() -> None:
    given(*SCHOOL).when(log(*SHEET, slot=7)).then_refused(Unknown, kind="slot", id="7")


@pytest.mark.parametrize(
    "end",
    [
        SessionCancelled(session="spring", module="M01", reason_code="other"),
        SessionClosed(session="spring", module="M01"),
    ],
)
def test_after_the_end_no_new_sheet_comes_in(end: Any) -> None:
    given(*SCHOOL, end).when(log(*SHEET)).then_refused(SessionNotOpen)


@pytest.mark.parametrize(("status", "minutes"), [("partial", None), ("partial", 0), ("partial", 181), ("present", 90)])
def test_minutes_come_with_partial_and_fit_the_slot(status: str, minutes: int | None) -> None:
    given(*SCHOOL).when(log(record("ann"), record("bob", status, minutes))).then_refused(
        Invalid, field="records/1/minutes"
    )


@pytest.mark.parametrize("minutes", [1, 180])
def test_partial_may_be_anything_up_to_the_whole_slot(minutes: int) -> None:
    assert given(*SCHOOL).when(log(record("ann"), record("bob", "partial", minutes))).events


def test_its_trainers_and_coordinators_keep_the_sheets() -> None:
    for by in (ITS_TRAINER, COORDINATOR):
        assert given(*SCHOOL).when(log(*SHEET, by=by)).events
        assert given(*SCHOOL, logged("spring", 1, SHEET)).when(correct("ann", "absent", by=by)).events
    for by in (STRANGER, themselves("ann"), Actor(None, frozenset())):
        given(*SCHOOL).when(log(*SHEET, by=by)).then_refused(Forbidden)
        given(*SCHOOL, logged("spring", 1, SHEET)).when(correct("ann", "absent", by=by)).then_refused(Forbidden)


def test_history_may_name_people_who_were_not_enrolled_and_completion_ignores_them() -> None:
    kept = log(*SHEET, record("cyd"), exceptions=frozenset({"not-enrolled"}))
    after = given(*SCHOOL).when(kept).then(logged("spring", 1, (*SHEET, record("cyd"))))
    off = after.folded(Session, "spring")
    assert off.presence(1, "cyd").status == "present"
    sheets = given(*after.log, logged("spring", 2, SHEET))
    outcomes = sheets.when(CloseSession(at=AFTER, session="spring")).events[1:]
    assert [event.member for event in outcomes] == ["ann", "bob"]  # type: ignore[attr-defined]


# --- corrections


LOGGED = (*SCHOOL, logged("spring", 1, SHEET), logged("spring", 2, [record("ann"), record("bob")]))


def test_a_correction_occurred_when_the_slot_started() -> None:
    before, now = Presence(status="partial", minutes=90, mode="online"), Presence(status="excused")
    given(*LOGGED).when(correct("bob", "excused", reason_code="proof_received", note="note-1")).then(
        Occurrence(corrected("bob", before, now, reason_code="proof_received", note="note-1"), FIRST)
    )


def test_a_correction_keeps_how_somebody_took_part() -> None:
    before, now = Presence(status="partial", minutes=90, mode="online"), Presence(status="present", mode="online")
    given(*LOGGED).when(correct("bob", "present")).then(corrected("bob", before, now))


def test_a_correction_that_says_the_same_changes_nothing() -> None:
    given(*LOGGED).when(correct("bob", "partial", minutes=90)).then_unchanged()


def test_only_a_logged_slot_is_corrected() -> None:
    given(*SCHOOL).when(correct("ann", "absent")).then_refused(SlotNotLogged, slot=1)


def test_only_who_was_enrolled_is_corrected() -> None:
    given(*LOGGED).when(correct("cyd", "present")).then_refused(NotEnrolled, unknown=["cyd"])


def test_a_correction_has_minutes_that_fit() -> None:
    given(*LOGGED).when(correct("ann", "partial", minutes=181)).then_refused(Invalid, field="minutes", most=180)


def test_a_cancelled_session_is_not_corrected() -> None:
    off = SessionCancelled(session="spring", module="M01", reason_code="other")
    given(*LOGGED, off).when(correct("ann", "absent")).then_refused(SessionNotOpen)


def test_who_enrolled_late_was_absent_until_corrected() -> None:
    late = [Occurrence(event, local("2026-03-16 20:00")) for event in enrolled("spring", "cyd")]
    second = logged("spring", 2, [record("ann"), record("bob"), record("cyd")])
    happened = given(*SCHOOL, logged("spring", 1, SHEET), *late, second)
    closed = happened.when(CloseSession(at=AFTER, session="spring"))
    assert outcome_of("cyd", (1, 1), completed=False) in closed.events
    after = happened.when(correct("cyd", "present")).then(corrected("cyd", ABSENT, PRESENT))
    assert outcome_of("cyd", (2, 1), completed=True) in after.when(CloseSession(at=AFTER, session="spring")).events


def outcome_of(member: str, attended: tuple[int, int], *, completed: bool) -> ModuleCompleted | ModuleNotCompleted:
    event = ModuleCompleted if completed else ModuleNotCompleted
    return event(member=member, session="spring", module="M01", attended=attended, expected=2)


def test_a_correction_after_the_closing_that_changes_the_outcome_says_so_as_of_the_closing() -> None:
    closed_at = local("2026-03-17 20:00")
    closed = given(*LOGGED).when(CloseSession(at=closed_at, session="spring"))
    assert closed.events[1:] == [
        outcome_of("ann", (2, 1), completed=True),
        outcome_of("bob", (3, 2), completed=False),
    ]
    after = closed.when(correct("bob", "partial", minutes=108)).then(
        corrected(
            "bob",
            Presence(status="partial", minutes=90, mode="online"),
            Presence(status="partial", minutes=108, mode="online"),
        ),
        Occurrence(outcome_of("bob", (8, 5), completed=True), closed_at),
    )
    after.when(correct("ann", "absent")).then(
        corrected("ann", Presence(status="present", mode="on_site"), ABSENT),
        Occurrence(outcome_of("ann", (1, 1), completed=False), closed_at),
    )


def test_a_correction_after_the_closing_that_changes_nothing_about_the_outcome_is_all() -> None:
    closed = given(*LOGGED).when(CloseSession(at=AFTER, session="spring"))
    assert [type(event) for event in closed.when(correct("bob", "excused")).events] == [AttendanceCorrected]


def test_a_correction_that_completes_a_module_gives_the_seat_that_waited_for_it() -> None:
    advanced = scheduled("advanced", "2026-05-04 09:00", module="M02", prerequisites=("M01",), trainers=())
    waits = (*module("M02"), advanced, *waiting("advanced", "bob", module="M02"))
    closed = given(*LOGGED, *waits).when(CloseSession(at=AFTER, session="spring"))
    assert closed.when(correct("bob", "present")).events[1:] == [
        outcome_of("bob", (2, 1), completed=True),
        MemberPromoted(member="bob", session="advanced", module="M02", rank=1, rule="first_eligible"),
    ]
