"""Counting what became of people in sessions, alike for what happened and for what would have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from coopschool.domain.base import Event
from coopschool.domain.school.enrolment import (
    EnrolmentWithdrawn,
    MemberEnrolled,
    MemberPromoted,
    MemberWaitlisted,
    ModuleCompleted,
    ModuleNotCompleted,
    WaitlistLapsed,
)

Pair = tuple[str, str]  # session, member
FIGURES = ("enrolled", "waitlisted", "promoted", "withdrawn", "lapsed", "completed", "not_completed", "unknown")
ENDED_ELSEWHERE = "confirmed_elsewhere"


class Tally:
    """For each member in a session, which figures they count in; each once, as in the report `progress`."""

    def __init__(self) -> None:
        self.marks: dict[Pair, set[str]] = defaultdict(set)
        self.newcomers: set[Pair] = set()
        self._completed: dict[str, set[str]] = defaultdict(set)  # by member: sessions

    def see(self, event: Event) -> None:
        count = _COUNTS.get(type(event))
        if count is not None:
            count(self, event)

    def note(self, event: Any, *marks: str) -> set[str]:
        """Marks the member in the session, who is a newcomer if nothing was completed when this began."""
        pair = event.session, event.member
        if pair not in self.marks and not self._completed[event.member]:
            self.newcomers.add(pair)
        self.marks[pair].update(marks)
        return self.marks[pair]

    def completes(self, event: ModuleCompleted) -> None:
        self.note(event, "completed").discard("not_completed")
        self._completed[event.member].add(event.session)

    def fails(self, event: ModuleNotCompleted) -> None:
        self.note(event, "not_completed").discard("completed")
        self._completed[event.member].discard(event.session)

    def withdraws(self, event: EnrolmentWithdrawn) -> None:
        if event.reason_code != ENDED_ELSEWHERE:
            self.note(event, "withdrawn")

    def forget_outcomes(self, known: Tally) -> None:
        """Whoever has no seat in `known` was on no sheet: how it would have ended is unknown."""
        for pair, marks in self.marks.items():
            if "not_completed" in marks and "enrolled" not in known.marks.get(pair, ()):
                marks.discard("not_completed")
                marks.add("unknown")


_COUNTS: dict[type[Event], Callable[[Tally, Any], object]] = {
    MemberEnrolled: lambda tally, event: tally.note(event, "enrolled"),
    MemberWaitlisted: lambda tally, event: tally.note(event, "waitlisted"),
    MemberPromoted: lambda tally, event: tally.note(event, "enrolled", "promoted"),
    WaitlistLapsed: lambda tally, event: tally.note(event, "lapsed"),
    EnrolmentWithdrawn: Tally.withdraws,
    ModuleCompleted: Tally.completes,
    ModuleNotCompleted: Tally.fails,
}
