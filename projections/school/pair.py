"""A member in a session: seat or waiting list, attendance, outcome. One case of the `learning` projection.

Measures of ``enrolments``: seat, waiting, enrolled, waitlisted, promoted, withdrawn, cancelled, lapsed, completed,
not_completed, no_show. Each is a sum: *seat* is +1 when a seat is taken and -1 when it is given up; *enrolled* is +1
once, however often the member came back. Measures of ``attendance``: present, partial, absent, excused.
"""

from __future__ import annotations

from functools import lru_cache

from projections.calendar import Calendar
from projections.facts import NULL, Case, Emit, Entry, text

ENROLMENTS = "enrolments"
ATTENDANCE = "attendance"
FIGURES = (
    "seat",
    "waiting",
    "enrolled",
    "waitlisted",
    "promoted",
    "withdrawn",
    "cancelled",
    "lapsed",
    "completed",
    "not_completed",
    "no_show",
)
NO_DAYS = f"{NULL}\t{NULL}"

STATUSES = {"present": "1\t0\t0\t0", "partial": "0\t1\t0\t0", "absent": "0\t0\t1\t0", "excused": "0\t0\t0\t1"}
WITHOUT = {"present": "-1\t0\t0\t0", "partial": "0\t-1\t0\t0", "absent": "0\t0\t-1\t0", "excused": "0\t0\t0\t-1"}
WAS_THERE = frozenset({"present", "partial"})


@lru_cache
def measures(**figures: int) -> str:
    """The measures of one row of ``enrolments``, in the order of its columns."""
    return "\t".join(str(figures.get(figure, 0)) for figure in FIGURES)


NO_SHOW = measures(no_show=1)
SHOWED_UP = measures(no_show=-1)


@lru_cache
def _confirming(seat: int, waiting: int, enrolled: int, promoted: int) -> str:
    return measures(seat=seat, waiting=waiting, enrolled=enrolled, promoted=promoted)


@lru_cache
def _waiting(waiting: int, waitlisted: int) -> str:
    return measures(waiting=waiting, waitlisted=waitlisted)


@lru_cache
def _concluding(outcome: str, before: str | None, no_show: int) -> str:
    return measures(**({before: -1} if before else {}), **{outcome: 1}, no_show=no_show)


@lru_cache
def _ending(figure: str, count: int, seat: int, waiting: int) -> str:
    return measures(**{"seat": seat, "waiting": waiting, figure: count})


class Pair(Case):
    """The history of one member in one session. `unlisted` are slots whose sheet does not name the member."""

    __slots__ = (
        "calendar",
        "confirmed",
        "days",
        "enrolled_at",
        "outcome",
        "prefix",
        "records",
        "there",
        "unlisted",
        "waitlisted",
        "waits_since",
    )

    def __init__(self, session: str, member: str, calendar: Calendar) -> None:
        self.prefix = f"{text(session)}\t{text(member)}"
        self.calendar = calendar
        super().__init__()

    def clear(self) -> None:
        self.confirmed = False
        self.waitlisted = False
        self.waits_since: str | None = None
        self.enrolled_at: str | None = None
        self.outcome: str | None = None
        self.days = NULL
        self.there = 0
        self.records: dict[int, tuple[str, int | None]] | None = None
        self.unlisted: list[int] | None = None

    # --- standing: entries (occurred_at, position, fold, …)

    def confirm(self, entry: Entry, emit: Emit) -> None:
        """A seat: (…, promoted 0 or 1)."""
        waiting, dates = self._stop_waiting() if self.waits_since else (0, NO_DAYS)
        seat = 0 if self.confirmed else 1
        first = 1 if self.enrolled_at is None else 0
        if first:
            self.enrolled_at = entry[0]
        emit(ENROLMENTS, entry[0], f"{self.prefix}\t{dates}", _confirming(seat, waiting, first, entry[3]))
        self.confirmed = True
        if seat and self.unlisted:
            self._presume(STATUSES["absent"], entry[0], emit)

    def wait(self, entry: Entry, emit: Emit) -> None:
        """A place on the waiting list."""
        waiting = 1 if self.waits_since is None else 0
        self.waits_since = self.waits_since or self.calendar.day(entry[0]).isoformat()
        first = 0 if self.waitlisted else 1
        self.waitlisted = True
        emit(ENROLMENTS, entry[0], f"{self.prefix}\t{self.waits_since}\t{NULL}", _waiting(waiting, first))

    def end(self, entry: Entry, emit: Emit) -> None:
        """Seat or place on the list is given up: (…, figure, count)."""
        waiting, dates = self._stop_waiting() if self.waits_since else (0, NO_DAYS)
        seat = -1 if self.confirmed else 0
        if seat and self.unlisted:
            self._presume(WITHOUT["absent"], entry[0], emit)
        self.confirmed = False
        emit(ENROLMENTS, entry[0], f"{self.prefix}\t{dates}", _ending(entry[3], entry[4], seat, waiting))

    def _stop_waiting(self) -> tuple[int, str]:
        """What that is in `waiting`, and the columns that say which wait it was."""
        dates, self.waits_since = f"{self.waits_since}\t{NULL}", None
        return -1, dates

    # --- attendance

    def attend(self, entry: Entry, emit: Emit) -> None:
        """A line of a sheet or its correction: (…, slot, status, minutes)."""
        occurred_at, slot, status, minutes = entry[0], entry[3], entry[4], entry[5]
        records = self.records
        if records is None:
            records = self.records = {}
        there_before = self.there
        before = records.get(slot)
        if before is not None:
            emit(ATTENDANCE, occurred_at, self._line(slot, before[1]), WITHOUT[before[0]])
            self.there -= before[0] in WAS_THERE
        elif self.unlisted and slot in self.unlisted:
            if self.confirmed:
                emit(ATTENDANCE, occurred_at, self._line(slot, None), WITHOUT["absent"])
            self.unlisted.remove(slot)
        records[slot] = (status, minutes)
        emit(ATTENDANCE, occurred_at, self._line(slot, minutes), STATUSES[status])
        self.there += status in WAS_THERE
        if self.outcome is not None:
            self._reconsider(occurred_at, there_before, emit)

    def not_listed(self, entry: Entry, emit: Emit) -> None:
        """A sheet that does not name the member, who is absent if they have a seat: (…, slot)."""
        slot = entry[3]
        if (self.records and slot in self.records) or (self.unlisted and slot in self.unlisted):
            return
        if self.unlisted is None:
            self.unlisted = []
        self.unlisted.append(slot)
        if self.confirmed:
            emit(ATTENDANCE, entry[0], self._line(slot, None), STATUSES["absent"])

    def _presume(self, absent: str, occurred_at: str, emit: Emit) -> None:
        """Who has a seat is absent from the slots whose sheet does not name them, until corrected."""
        for slot in self.unlisted or ():
            emit(ATTENDANCE, occurred_at, self._line(slot, None), absent)

    def _line(self, slot: int, minutes: int | None) -> str:
        return f"{self.prefix}\t{slot}\t{NULL if minutes is None else minutes}"

    def _reconsider(self, occurred_at: str, there_before: int, emit: Emit) -> None:
        if there_before and not self.there:
            emit(ENROLMENTS, occurred_at, f"{self.prefix}\t{NO_DAYS}", NO_SHOW)
        elif self.there and not there_before:
            emit(ENROLMENTS, occurred_at, f"{self.prefix}\t{NO_DAYS}", SHOWED_UP)

    # --- outcome

    def conclude(self, entry: Entry, emit: Emit) -> None:
        """The outcome at the closing, or its correction: (…, figure)."""
        occurred_at, outcome = entry[0], entry[3]
        if outcome == self.outcome:
            return
        no_show = 0
        if self.outcome is None:
            no_show = 0 if self.there else 1
            self.days = self._days_until(occurred_at)
        figures = _concluding(outcome, self.outcome, no_show)
        self.outcome = outcome
        emit(ENROLMENTS, occurred_at, f"{self.prefix}\t{NULL}\t{self.days}", figures)

    def _days_until(self, occurred_at: str) -> str:
        if self.enrolled_at is None:
            return NULL
        return str(self.calendar.days(self.enrolled_at, occurred_at))
