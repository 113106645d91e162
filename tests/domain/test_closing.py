"""Closing a session, and who completed the module."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from coopschool.domain.base import Occurrence
from coopschool.domain.errors import Forbidden
from coopschool.domain.school.closing import CloseSession, SessionNotOver, SlotsNotLogged
from coopschool.domain.school.completion import LARGEST_DENOMINATOR, outcome
from coopschool.domain.school.enrolment import (
    InterestRegistered,
    MemberPromoted,
    ModuleCompleted,
    ModuleNotCompleted,
    WaitlistLapsed,
)
from coopschool.domain.school.session import Session, SessionClosed, SessionNotOpen, Slot, SlotCancelled
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
    waiting,
)

SCHOOL = (*module(), scheduled("spring"), *joined("ann", "bob", "cyd"), *enrolled("spring", "ann", "bob"))
PRESENT = [record("ann"), record("bob")]
CLOSED_AT = local("2026-03-18 09:00")
CLOSED = SessionClosed(session="spring", module="M01")


def close(**given: Any) -> CloseSession:
    return CloseSession(**({"at": CLOSED_AT, "session": "spring"} | given))


def completed(member: str, attended: tuple[int, int], expected: int, session: str = "spring") -> ModuleCompleted:
    return ModuleCompleted(member=member, session=session, module="M01", attended=attended, expected=expected)


def not_completed(member: str, attended: tuple[int, int], expected: int) -> ModuleNotCompleted:
    return ModuleNotCompleted(member=member, session="spring", module="M01", attended=attended, expected=expected)


def test_the_closing_decides_who_completed() -> None:
    sheets = (logged("spring", 1, PRESENT), logged("spring", 2, [record("ann"), record("bob", "absent")]))
    given(*SCHOOL, *sheets).when(close()).then(
        Occurrence(CLOSED, CLOSED_AT),
        Occurrence(completed("ann", (2, 1), 2), CLOSED_AT),
        Occurrence(not_completed("bob", (1, 1), 2), CLOSED_AT),
    )


def test_partial_counts_by_minutes_exactly() -> None:
    """0.8 of 2 half-days of 180 minutes is 108 minutes beside a whole one; one minute less is not enough."""
    second = logged("spring", 2, [record("ann", "partial", 108), record("bob", "partial", 107)])
    given(*SCHOOL, logged("spring", 1, PRESENT), second).when(close()).then(
        CLOSED, completed("ann", (8, 5), 2), not_completed("bob", (287, 180), 2)
    )


def test_excused_counts_as_not_attended() -> None:
    second = logged("spring", 2, [record("ann", "excused"), record("bob")])
    given(*SCHOOL, logged("spring", 1, PRESENT), second).when(close()).then(
        CLOSED, not_completed("ann", (1, 1), 2), completed("bob", (2, 1), 2)
    )


def test_a_cancelled_slot_does_not_count() -> None:
    off = SlotCancelled(session="spring", module="M01", slot=2)
    given(*SCHOOL, logged("spring", 1, PRESENT), off).when(close()).then(
        CLOSED, completed("ann", (1, 1), 1), completed("bob", (1, 1), 1)
    )


def test_the_session_keeps_the_share_it_was_scheduled_with() -> None:
    easy = scheduled("easy", min_attendance=Decimal("0.5"))
    sheets = (logged("easy", 1, [record("cyd")]), logged("easy", 2, [record("cyd", "absent")]))
    events = given(*SCHOOL, easy, *enrolled("easy", "cyd"), *sheets).when(close(session="easy")).events
    assert events[1] == completed("cyd", (1, 1), 2, "easy")


def test_every_slot_is_logged_or_cancelled_first() -> None:
    given(*SCHOOL, logged("spring", 1, PRESENT)).when(close()).then_refused(SlotsNotLogged, slots=[2])


def test_every_slot_has_ended_first() -> None:
    sheets = (logged("spring", 1, PRESENT), logged("spring", 2, PRESENT))
    given(*SCHOOL, *sheets).when(close(at=local("2026-03-17 11:59"))).then_refused(SessionNotOver)
    assert given(*SCHOOL, *sheets).when(close(at=local("2026-03-17 12:00"))).events


def test_a_session_is_closed_once() -> None:
    sheets = (logged("spring", 1, PRESENT), logged("spring", 2, PRESENT))
    given(*SCHOOL, *sheets, CLOSED).when(close()).then_refused(SessionNotOpen, status="closed")


def test_its_trainers_and_coordinators_close() -> None:
    sheets = (logged("spring", 1, PRESENT), logged("spring", 2, PRESENT))
    for by in (ITS_TRAINER, COORDINATOR):
        assert given(*SCHOOL, *sheets).when(close(by=by)).events
    given(*SCHOOL, *sheets).when(close(by=STRANGER)).then_refused(Forbidden)


def test_history_without_sheets_completes_nobody() -> None:
    given(*SCHOOL).when(close(exceptions=frozenset({"slots-not-logged"}))).then(
        CLOSED, not_completed("ann", (0, 1), 0), not_completed("bob", (0, 1), 0)
    )


def test_who_still_waits_lapses_as_of_the_first_slot() -> None:
    sheets = (logged("spring", 1, PRESENT), logged("spring", 2, PRESENT))
    events = given(*SCHOOL, *waiting("spring", "cyd"), *sheets).when(close()).occurrences
    assert [type(one.event) for one in events[:3]] == [WaitlistLapsed, InterestRegistered, SessionClosed]
    assert [one.occurred_at for one in events[:2]] == [local("2026-03-16 09:00")] * 2


def test_a_completion_gives_the_seat_that_waited_for_it() -> None:
    advanced = scheduled("advanced", "2026-05-04 09:00", module="M02", prerequisites=("M01",), trainers=())
    waits = (*module("M02"), advanced, *waiting("advanced", "ann", module="M02"))
    sheets = (logged("spring", 1, PRESENT), logged("spring", 2, PRESENT))
    events = given(*SCHOOL, *waits, *sheets).when(close()).events
    assert events[-1] == MemberPromoted(
        member="ann", session="advanced", module="M02", rank=1, rule="first_eligible"
    )  # fmt: skip


PRIMES = [61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127]


def odd_slot(number: int, minutes: int) -> Slot:
    begin = local("2026-02-01 09:00") + timedelta(days=number)
    return Slot(number=number, starts_at=begin, ends_at=begin + timedelta(minutes=minutes))


@pytest.mark.parametrize("count", [3, len(PRIMES)])
def test_the_fraction_recorded_is_exact_as_long_as_readers_can_hold_it(count: int) -> None:
    """Slots of 14 different prime lengths would need a denominator of 28 digits."""
    odd = [odd_slot(number, minutes) for number, minutes in enumerate(PRIMES[:count], start=1)]
    from_odd = msgspec.structs.replace(scheduled("odd"), slots=tuple(odd))
    sheets = [logged("odd", slot.number, [record("cyd", "partial", 1)]) for slot in odd]
    happened = given(*module(), *joined("cyd"), from_odd, *enrolled("odd", "cyd"), *sheets)
    exact = outcome(happened.folded(Session, "odd"), "cyd").attended
    recorded = happened.when(close(session="odd")).events[1]
    assert isinstance(recorded, ModuleNotCompleted)
    numerator, denominator = recorded.attended
    assert denominator <= LARGEST_DENOMINATOR
    assert (exact == exact.limit_denominator(LARGEST_DENOMINATOR)) is (count == 3)
    assert abs(exact - Fraction(numerator, denominator)) * LARGEST_DENOMINATOR < 1
