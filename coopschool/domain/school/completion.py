"""Who completed a module: attended half-days against the share of the slots held that the module asks for."""

from __future__ import annotations

from fractions import Fraction

import msgspec

from coopschool.domain.school.enrolment import ModuleCompleted, ModuleNotCompleted
from coopschool.domain.school.session import Presence, Session, Slot

LARGEST_DENOMINATOR = 1_000_000_000


class Outcome(msgspec.Struct, frozen=True):
    """`attended` half-days, exact, of the `expected` ones, those that were held."""

    attended: Fraction
    expected: int
    completed: bool


def outcome(session: Session, member: str) -> Outcome:
    """What the sheets and their corrections make of one person; a slot is held once its sheet is in."""
    shares = (share(session.presence(number, member), session.slots[number]) for number in session.sheets)
    attended = sum(shares, Fraction(0))
    held = len(session.sheets)
    completed = held > 0 and attended >= Fraction(session.min_attendance) * held
    return Outcome(attended, held, completed)


def share(presence: Presence, slot: Slot) -> Fraction:
    """The part of a half-day attended: partial counts by minutes, excused as not attended."""
    if presence.status == "present":
        return Fraction(1)
    if presence.status == "partial":
        return Fraction((presence.minutes or 0) * 60, int((slot.ends_at - slot.starts_at).total_seconds()))
    return Fraction(0)


def outcome_event(session: Session, member: str) -> ModuleCompleted | ModuleNotCompleted:
    """The outcome as an event.

    It is decided on the exact fraction. The number recorded is that fraction too, unless slots of many different
    lengths push its denominator beyond 10⁹: then the nearest one below, so that every reader can hold it.
    """
    decided = outcome(session, member)
    recorded = decided.attended.limit_denominator(LARGEST_DENOMINATOR)
    event = ModuleCompleted if decided.completed else ModuleNotCompleted
    return event(
        member=member,
        session=session.id,
        module=session.module,
        attended=(recorded.numerator, recorded.denominator),
        expected=decided.expected,
    )
