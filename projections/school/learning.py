"""The `learning` projection: sessions, slots, enrolments, attendance. A case is a session with everybody in it."""

from __future__ import annotations

from datetime import datetime
from sys import intern
from typing import Any

from coopschool.domain.base import Event
from coopschool.domain.school import enrolment, learning_module, member, person, session
from projections.calendar import Calendar, month_of, quarter_of, year_of
from projections.facts import NULL, Described, Emit, Entry, Fold, flag, joined, text, unheard
from projections.projection import Connection, Projection, on
from projections.school.elsewhere import ELSEWHERE
from projections.school.pair import Pair


class Arrangement(Described):
    """How a session is arranged: its row in ``sessions`` and one a slot in ``slots``."""

    __slots__ = (
        "calendar",
        "cancelled",
        "closed_at",
        "format",
        "id",
        "languages",
        "module",
        "place",
        "seats",
        "slot_rows",
        "slots",
        "team",
        "trainers",
    )

    def __init__(self, id: str, calendar: Calendar) -> None:
        self.id = id
        self.calendar = calendar
        super().__init__()

    def clear(self) -> None:
        super().clear()
        self.module: str | None = None
        self.slots: dict[int, tuple[datetime, datetime, bool]] = {}
        self.slot_rows: list[tuple[str, str, str]] | None = None
        self.seats = 0
        self.format = self.place = ""
        self.languages: tuple[str, ...] = ()
        self.trainers: tuple[str, ...] = ()
        self.team: str | None = None
        self.cancelled = False
        self.closed_at: str | None = None

    # --- folds: entries (occurred_at, position, fold, event)

    def scheduled(self, entry: Entry, emit: Emit) -> None:
        event: session.SessionScheduled = entry[3]
        self.module, self.team, self.seats = event.module, event.team, event.seats
        self.format, self.place, self.languages = event.format, event.place, event.languages
        self.trainers = event.trainers
        self.slots, self.slot_rows = {slot.number: (slot.starts_at, slot.ends_at, False) for slot in event.slots}, None
        self.show(entry[0], emit)

    def slot_moved(self, entry: Entry, emit: Emit) -> None:
        event: session.SlotMoved = entry[3]
        cancelled = self.slots[event.slot][2] if event.slot in self.slots else False
        self.slots[event.slot], self.slot_rows = (event.starts_at, event.ends_at, cancelled), None
        self.show(entry[0], emit)

    def slot_cancelled(self, entry: Entry, emit: Emit) -> None:
        event: session.SlotCancelled = entry[3]
        if event.slot in self.slots:
            starts_at, ends_at, _ = self.slots[event.slot]
            self.slots[event.slot], self.slot_rows = (starts_at, ends_at, True), None
        self.show(entry[0], emit)

    def seats_changed(self, entry: Entry, emit: Emit) -> None:
        self.seats = entry[3].seats
        self.show(entry[0], emit)

    def rearranged(self, entry: Entry, emit: Emit) -> None:
        event: session.ArrangementsChanged = entry[3]
        self.format, self.place, self.languages = event.format, event.place, event.languages
        self.show(entry[0], emit)

    def trainers_changed(self, entry: Entry, _emit: Emit) -> None:
        self.trainers = entry[3].trainers

    def was_cancelled(self, entry: Entry, emit: Emit) -> None:
        self.cancelled = True
        self.show(entry[0], emit)

    def was_closed(self, entry: Entry, emit: Emit) -> None:
        self.closed_at = entry[0]
        self.show(entry[0], emit)

    # --- rows

    @property
    def first_slot_at(self) -> datetime | None:
        """The start of the first slot that is held; of the first at all where none is."""
        held = [starts_at for starts_at, _, cancelled in self.slots.values() if not cancelled]
        return min(held or (starts_at for starts_at, _, _ in self.slots.values()), default=None)

    def described(self) -> list[tuple[str, str, str]]:
        first = self.first_slot_at
        if self.module is None or first is None:
            return []
        if self.slot_rows is None:
            self.slot_rows = self._slots()
        return [("sessions", self._session(self.module, first), "1"), *self.slot_rows]

    def _session(self, module: str, first: datetime) -> str:
        day = self.calendar.local(first)
        return "\t".join(
            (
                text(self.id),
                text(module),
                text(self.format),
                joined(self.languages),
                text(self.place),
                text(self.team),
                str(self.seats),
                flag(self.cancelled),
                flag(self.closed_at is not None),
                first.isoformat(),
                day.isoformat(),
                month_of(day),
                quarter_of(day),
                year_of(day),
            )
        )

    def _slots(self) -> list[tuple[str, str, str]]:
        rows = []
        for number, (starts_at, ends_at, cancelled) in self.slots.items():
            minutes = int((ends_at - starts_at).total_seconds()) // 60
            day = self.calendar.local(starts_at)
            dimensions = f"{text(self.id)}\t{number}\t{starts_at.isoformat()}\t{day}\t{minutes}\t{flag(cancelled)}"
            rows.append(("slots", dimensions, "1"))
        return rows


ARRANGING: dict[type[Event], Fold] = {
    session.SessionScheduled: Arrangement.scheduled,
    session.SlotMoved: Arrangement.slot_moved,
    session.SlotCancelled: Arrangement.slot_cancelled,
    session.SeatsChanged: Arrangement.seats_changed,
    session.TrainersChanged: Arrangement.trainers_changed,
    session.ArrangementsChanged: Arrangement.rearranged,
    session.SessionCancelled: Arrangement.was_cancelled,
    session.SessionClosed: Arrangement.was_closed,
}


class SessionCase:
    """A session: how it is arranged, who is in it, which sheets were handed in."""

    __slots__ = ("arrangement", "calendar", "id", "pairs", "sheets")

    def __init__(self, id: str, calendar: Calendar) -> None:
        self.id = id
        self.calendar = calendar
        self.arrangement = Arrangement(id, calendar)
        self.pairs: dict[str, Pair] = {}
        self.sheets: list[Entry] = []

    def pair(self, member: str) -> Pair:
        """The member's history here; a newcomer's begins with the sheets that did not name them."""
        pair = self.pairs.get(member)
        if pair is None:
            pair = self.pairs[intern(member)] = Pair(self.id, member, self.calendar)
            for sheet in self.sheets:
                pair.add(sheet, unheard)
        return pair

    def card(self) -> str | None:
        """The session's current row, or None while it is not scheduled."""
        now = self.arrangement
        first = now.first_slot_at
        if now.module is None or first is None:
            return None
        held = [slot for slot in now.slots.values() if not slot[2]] or list(now.slots.values())
        confirmed = sum(pair.confirmed for pair in self.pairs.values())
        waiting = sum(pair.waits_since is not None for pair in self.pairs.values())
        status = "cancelled" if now.cancelled else "closed" if now.closed_at else "open"
        columns = (
            text(self.id), text(now.module), text(now.format), _array(now.languages), text(now.place), text(now.team),
            _array(now.trainers), str(now.seats), str(confirmed), str(waiting), status, first.isoformat(),
            max(ends_at for _, ends_at, _ in held).isoformat(), now.closed_at or NULL,
        )  # fmt: skip
        return "\t".join(columns) + "\n"


def _array(values: tuple[str, ...]) -> str:
    quoted = ",".join('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    return text("{" + quoted + "}")


class Learning(Projection):
    """What the school's figures are made of."""

    name = "learning"
    version = 2
    fact_tables = ("sessions", "slots", "enrolments", "attendance", "sheets")
    current_tables = {"session_cards": "session"}  # noqa: RUF012
    kinds = ("session",)
    ignores = frozenset(
        {
            *ELSEWHERE,
            person.PersonRegistered, person.RoleGranted, person.RoleRevoked, person.LanguageChosen,
            person.LegalHoldPlaced, person.LegalHoldLifted, person.PersonalDataErased,
            member.MemberJoined, member.MembershipCategoryChanged, member.MembershipEnded,
            learning_module.ModuleDrafted, learning_module.ModuleRevised, learning_module.ModulePublished,
            learning_module.ModuleRetired,
            enrolment.PrerequisiteWaived, enrolment.InterestRegistered, enrolment.InterestWithdrawn,
            enrolment.HistoricalException,
        }
    )  # fmt: skip

    def __init__(self, calendar: Calendar) -> None:
        super().__init__(calendar)
        self._changed: dict[str, SessionCase] = {}

    def make_case(self, id: str) -> SessionCase:
        return SessionCase(id, self.calendar)

    def case_of(self, event: Event) -> str | None:
        return event.session  # type: ignore[attr-defined, no-any-return]

    def begin(self, position: int, conn: Connection | None = None) -> None:
        super().begin(position, conn)
        self._changed = {}

    def current(self) -> dict[str, dict[str, list[str]]]:
        changed, self._changed = self._changed, {}
        cards = {id: case.card() for id, case in changed.items()}
        return {"session_cards": {id: [card] if card else [] for id, card in cards.items()}}

    def _case(self, id: str) -> SessionCase:
        case: SessionCase = self.cases.get(id)
        self._changed[id] = case
        return case

    @on(*ARRANGING)
    def arranged(self, event: Any, occurred_at: str) -> None:
        arrangement = self._case(event.session).arrangement
        arrangement.add((occurred_at, self.facts.position, ARRANGING[type(event)], event), self.facts.emit)

    # --- enrolments

    @on(enrolment.MemberEnrolled)
    def enrolled(self, event: enrolment.MemberEnrolled, occurred_at: str) -> None:
        facts = self.facts
        self._case(event.session).pair(event.member).add((occurred_at, facts.position, Pair.confirm, 0), facts.emit)

    @on(enrolment.MemberPromoted)
    def promoted(self, event: enrolment.MemberPromoted, occurred_at: str) -> None:
        facts = self.facts
        self._case(event.session).pair(event.member).add((occurred_at, facts.position, Pair.confirm, 1), facts.emit)

    @on(enrolment.MemberWaitlisted)
    def waitlisted(self, event: enrolment.MemberWaitlisted, occurred_at: str) -> None:
        facts = self.facts
        self._case(event.session).pair(event.member).add((occurred_at, facts.position, Pair.wait), facts.emit)

    @on(enrolment.EnrolmentWithdrawn)
    def withdrawn(self, event: enrolment.EnrolmentWithdrawn, occurred_at: str) -> None:
        counts = 0 if event.reason_code == "confirmed_elsewhere" else 1
        self._end(event, occurred_at, "withdrawn", counts)

    @on(enrolment.EnrolmentCancelled)
    def cancelled(self, event: enrolment.EnrolmentCancelled, occurred_at: str) -> None:
        self._end(event, occurred_at, "cancelled", 1)

    @on(enrolment.WaitlistLapsed)
    def lapsed(self, event: enrolment.WaitlistLapsed, occurred_at: str) -> None:
        self._end(event, occurred_at, "lapsed", 1)

    def _end(self, event: Any, occurred_at: str, figure: str, counts: int) -> None:
        entry = (occurred_at, self.facts.position, Pair.end, figure, counts)
        self._case(event.session).pair(event.member).add(entry, self.facts.emit)

    # --- attendance

    @on(session.AttendanceLogged)
    def logged(self, event: session.AttendanceLogged, occurred_at: str) -> None:
        case, position, emit, slot = self._case(event.session), self.facts.position, self.facts.emit, event.slot
        named = {record.member: record for record in event.records}
        for record in named.values():
            entry = (occurred_at, position, Pair.attend, slot, record.status, record.minutes)
            case.pair(record.member).add(entry, emit)
        missed = (occurred_at, position, Pair.not_listed, slot)
        if len(named) < len(case.pairs):
            for member_id, pair in case.pairs.items():
                if member_id not in named:
                    pair.add(missed, emit)
        case.sheets.append(missed)
        delay = (self.calendar.day(self.facts.recorded_at) - self.calendar.day(occurred_at)).days
        emit("sheets", occurred_at, f"{text(case.id)}\t{slot}\t{delay}", "1\t0")

    @on(session.AttendanceCorrected)
    def corrected(self, event: session.AttendanceCorrected, occurred_at: str) -> None:
        case, position, emit = self._case(event.session), self.facts.position, self.facts.emit
        entry = (occurred_at, position, Pair.attend, event.slot, event.to.status, event.to.minutes)
        case.pair(event.member).add(entry, emit)
        emit("sheets", occurred_at, f"{text(case.id)}\t{event.slot}\t{NULL}", "0\t1")

    # --- outcomes

    @on(enrolment.ModuleCompleted)
    def completed(self, event: enrolment.ModuleCompleted, occurred_at: str) -> None:
        self._conclude(event, occurred_at, "completed")

    @on(enrolment.ModuleNotCompleted)
    def not_completed(self, event: enrolment.ModuleNotCompleted, occurred_at: str) -> None:
        self._conclude(event, occurred_at, "not_completed")

    def _conclude(self, event: Any, occurred_at: str, outcome: str) -> None:
        entry = (occurred_at, self.facts.position, Pair.conclude, outcome)
        self._case(event.session).pair(event.member).add(entry, self.facts.emit)
