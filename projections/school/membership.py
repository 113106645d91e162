"""The `membership` projection: categories over time, milestones of people on their way, waivers, people's roles."""

from __future__ import annotations

from datetime import date, timedelta
from sys import intern
from typing import Any

from coopschool.domain.base import Event
from coopschool.domain.school import enrolment, learning_module, member, person, session
from projections.calendar import Calendar, months_between, quarter_of
from projections.facts import NULL, Case, Described, Emit, Entry, negated, text
from projections.projection import Connection, Projection, on
from projections.school.elsewhere import ELSEWHERE

FOR_EVER = "9999-12-31"
PEOPLE_AT_HAND = 20_000  # twice as many before the first is forgotten
RITE_OF_PASSAGE = frozenset({"M01", "M02"})
MILESTONES = {
    "registered": "1\t0\t0\t0\t0",
    "joined": "0\t1\t0\t0\t0",
    "one_module": "0\t0\t1\t0\t0",
    "three_modules": "0\t0\t0\t1\t0",
    "rite_of_passage": "0\t0\t0\t0\t1",
}


class Membership(Described):
    """The categories of one member, each from a day on and before another: rows of ``categories``.

    An end may come forward: `ended` is the one that was said last (its position, its day).
    """

    __slots__ = ("calendar", "ended", "id", "joined_on", "turns")

    def __init__(self, id: str, calendar: Calendar) -> None:
        self.id = id
        self.calendar = calendar
        super().__init__()

    def clear(self) -> None:
        super().clear()
        self.turns: list[tuple[str, str | None]] = []
        self.joined_on: str | None = None
        self.ended: tuple[int, str | None] = (0, None)

    def joined(self, entry: Entry, emit: Emit) -> None:
        day = self.calendar.day(entry[0]).isoformat()
        self.joined_on, self.ended = self.joined_on or day, (entry[1], None)
        self._turn(day, entry[3], entry[0], emit)

    def changed(self, entry: Entry, emit: Emit) -> None:
        self._turn(entry[3].isoformat(), entry[4], entry[0], emit)

    def ends(self, entry: Entry, emit: Emit) -> None:
        day: date = entry[3]
        self.ended = max(self.ended, (entry[1], day.isoformat()))
        self._turn((day + timedelta(days=1)).isoformat(), None, entry[0], emit)

    def _turn(self, day: str, category: str | None, occurred_at: str, emit: Emit) -> None:
        """From this day on the category is another; a later turn that was known before gives way."""
        self.turns = [turn for turn in self.turns if turn[0] < day]
        self.turns.append((day, category))
        self.show(occurred_at, emit)

    def described(self) -> list[tuple[str, str, str]]:
        ends = [day for day, _ in self.turns[1:]] + [FOR_EVER]
        return [
            ("categories", f"{text(self.id)}\t{category}\t{from_day}\t{until_day}", "1")
            for (from_day, category), until_day in zip(self.turns, ends, strict=True)
            if category is not None
        ]


class Journey(Case):
    """One person's milestones, in months since they were registered: rows of ``milestones``."""

    __slots__ = ("calendar", "cohort", "completed", "id", "reached", "registered_on")

    def __init__(self, id: str, calendar: Calendar) -> None:
        self.id = id
        self.calendar = calendar
        super().__init__()

    def clear(self) -> None:
        self.registered_on: date | None = None
        self.cohort = ""
        self.reached: dict[str, date] = {}
        self.completed: tuple[tuple[str, str], ...] = ()

    def registered(self, entry: Entry, emit: Emit) -> None:
        """Now the months can be counted, also of what was reached before."""
        if self.registered_on is None:
            self.registered_on = self.calendar.day(entry[0])
            self.cohort = f"{text(self.id)}\t{quarter_of(self.registered_on)}"
            self.reached["registered"] = self.registered_on
            for milestone in self.reached:
                emit("milestones", entry[0], self._dimensions(milestone), MILESTONES[milestone])

    def joined(self, entry: Entry, emit: Emit) -> None:
        self._mark("joined", True, entry[0], emit)

    def concluded(self, entry: Entry, emit: Emit) -> None:
        """A module was completed in a session, or was not after all: (…, module, session, completed)."""
        occurred_at, attended, completed = entry[0], (entry[3], entry[4]), entry[5]
        if completed == (attended in self.completed):
            return
        if completed:
            self.completed = (*self.completed, attended)
        else:
            self.completed = tuple(other for other in self.completed if other != attended)
        done = {module for module, _ in self.completed}
        self._mark("one_module", len(done) >= 1, occurred_at, emit)
        self._mark("three_modules", len(done) >= 3, occurred_at, emit)
        self._mark("rite_of_passage", done >= RITE_OF_PASSAGE, occurred_at, emit)

    def _mark(self, milestone: str, reached: bool, occurred_at: str, emit: Emit) -> None:
        if reached == (milestone in self.reached):
            return
        if reached:
            self.reached[milestone] = self.calendar.day(occurred_at)
        if self.registered_on is not None:
            measures = MILESTONES[milestone]
            emit("milestones", occurred_at, self._dimensions(milestone), measures if reached else negated(measures))
        if not reached:
            del self.reached[milestone]

    def _dimensions(self, milestone: str) -> str:
        assert self.registered_on is not None
        return f"{self.cohort}\t{months_between(self.registered_on, self.reached[milestone])}"


class PersonNow(Case):
    """What is known of a person today: language, roles, whether erased. No facts, only current rows."""

    __slots__ = ("erased", "id", "language", "registered_at", "roles")

    def __init__(self, id: str) -> None:
        self.id = id
        super().__init__()

    def clear(self) -> None:
        self.registered_at: str | None = None
        self.language: str | None = None
        self.roles: dict[str, date | None] | None = None
        self.erased = False

    def registered(self, entry: Entry, _emit: Emit) -> None:
        self.registered_at = entry[0]

    def granted(self, entry: Entry, _emit: Emit) -> None:
        self.roles = {**(self.roles or {}), entry[3]: entry[4]}

    def revoked(self, entry: Entry, _emit: Emit) -> None:
        self.roles = {role: until for role, until in (self.roles or {}).items() if role != entry[3]}

    def chose_language(self, entry: Entry, _emit: Emit) -> None:
        self.language = entry[3]

    def was_erased(self, _entry: Entry, _emit: Emit) -> None:
        self.erased = True


class PersonCase:
    """One person: membership, journey, and what is known of them today."""

    __slots__ = ("id", "journey", "membership", "now")

    def __init__(self, id: str, calendar: Calendar) -> None:
        self.id = id
        self.membership = Membership(id, calendar)
        self.journey = Journey(id, calendar)
        self.now = PersonNow(id)

    def card(self) -> str:
        now, membership = self.now, self.membership
        columns = (
            text(self.id), now.registered_at or NULL, now.language or NULL, membership.joined_on or NULL,
            membership.ended[1] or NULL, "t" if now.erased else "f",
        )  # fmt: skip
        return "\t".join(columns) + "\n"

    def roles(self) -> list[str]:
        return [f"{text(self.id)}\t{role}\t{until or NULL}\n" for role, until in (self.now.roles or {}).items()]


class Memberships(Projection):
    """Who the learners are, and how far they have come."""

    name = "membership"
    version = 2
    fact_tables = ("categories", "milestones", "waivers")
    current_tables = {"person_cards": "person", "person_roles": "person"}  # noqa: RUF012
    kinds = ("person", "member")
    ignores = frozenset(
        {
            *ELSEWHERE,
            person.LegalHoldPlaced, person.LegalHoldLifted,
            learning_module.ModuleDrafted, learning_module.ModuleRevised, learning_module.ModulePublished,
            learning_module.ModuleRetired,
            session.SessionScheduled, session.SlotMoved, session.SlotCancelled, session.SeatsChanged,
            session.TrainersChanged, session.ArrangementsChanged, session.SessionCancelled, session.SessionClosed,
            session.AttendanceLogged, session.AttendanceCorrected,
            enrolment.MemberEnrolled, enrolment.MemberWaitlisted, enrolment.MemberPromoted,
            enrolment.EnrolmentWithdrawn, enrolment.EnrolmentCancelled, enrolment.WaitlistLapsed,
            enrolment.InterestRegistered, enrolment.InterestWithdrawn, enrolment.HistoricalException,
        }
    )  # fmt: skip

    def __init__(self, calendar: Calendar) -> None:
        super().__init__(calendar)
        self._changed: dict[str, PersonCase] = {}

    def is_full(self) -> bool:
        return len(self.cases) > PEOPLE_AT_HAND

    def make_case(self, id: str) -> PersonCase:
        return PersonCase(id, self.calendar)

    def case_of(self, event: Event) -> str | None:
        if isinstance(event, enrolment.PrerequisiteWaived):
            return None
        return event.person if hasattr(event, "person") else event.member  # type: ignore[attr-defined, no-any-return]

    def begin(self, position: int, conn: Connection | None = None) -> None:
        super().begin(position, conn)
        self._changed = {}

    def current(self) -> dict[str, dict[str, list[str]]]:
        changed, self._changed = self._changed, {}
        return {
            "person_cards": {id: [case.card()] for id, case in changed.items()},
            "person_roles": {id: case.roles() for id, case in changed.items()},
        }

    def _change(self, id: str) -> PersonCase:
        case: PersonCase = self.cases.get(id)
        self._changed[id] = case
        return case

    def _entry(self, occurred_at: str, fold: Any, *values: Any) -> Entry:
        return (occurred_at, self.facts.position, fold, *values)

    @on(person.PersonRegistered)
    def registered(self, event: person.PersonRegistered, occurred_at: str) -> None:
        case = self._change(event.person)
        case.now.add(self._entry(occurred_at, PersonNow.registered), self.facts.emit)
        case.journey.add(self._entry(occurred_at, Journey.registered), self.facts.emit)

    @on(person.RoleGranted)
    def granted(self, event: person.RoleGranted, occurred_at: str) -> None:
        entry = self._entry(occurred_at, PersonNow.granted, event.role, event.until)
        self._change(event.person).now.add(entry, self.facts.emit)

    @on(person.RoleRevoked)
    def revoked(self, event: person.RoleRevoked, occurred_at: str) -> None:
        self._change(event.person).now.add(self._entry(occurred_at, PersonNow.revoked, event.role), self.facts.emit)

    @on(person.LanguageChosen)
    def chose_language(self, event: person.LanguageChosen, occurred_at: str) -> None:
        entry = self._entry(occurred_at, PersonNow.chose_language, event.language)
        self._change(event.person).now.add(entry, self.facts.emit)

    @on(person.PersonalDataErased)
    def erased(self, event: person.PersonalDataErased, occurred_at: str) -> None:
        self._change(event.person).now.add(self._entry(occurred_at, PersonNow.was_erased), self.facts.emit)

    @on(member.MemberJoined)
    def joined(self, event: member.MemberJoined, occurred_at: str) -> None:
        case = self._change(event.member)
        case.membership.add(self._entry(occurred_at, Membership.joined, event.category), self.facts.emit)
        case.journey.add(self._entry(occurred_at, Journey.joined), self.facts.emit)

    @on(member.MembershipCategoryChanged)
    def changed(self, event: member.MembershipCategoryChanged, occurred_at: str) -> None:
        entry = self._entry(occurred_at, Membership.changed, event.effective_on, event.category)
        self._change(event.member).membership.add(entry, self.facts.emit)

    @on(member.MembershipEnded)
    def ended(self, event: member.MembershipEnded, occurred_at: str) -> None:
        entry = self._entry(occurred_at, Membership.ends, event.ended_on)
        self._change(event.member).membership.add(entry, self.facts.emit)

    @on(enrolment.ModuleCompleted)
    def completed(self, event: enrolment.ModuleCompleted, occurred_at: str) -> None:
        self._conclude(event, occurred_at, True)

    @on(enrolment.ModuleNotCompleted)
    def not_completed(self, event: enrolment.ModuleNotCompleted, occurred_at: str) -> None:
        self._conclude(event, occurred_at, False)

    def _conclude(self, event: Any, occurred_at: str, completed: bool) -> None:
        entry = self._entry(occurred_at, Journey.concluded, intern(event.module), intern(event.session), completed)
        self.cases.get(event.member).journey.add(entry, self.facts.emit)

    @on(enrolment.PrerequisiteWaived)
    def waived(self, event: enrolment.PrerequisiteWaived, occurred_at: str) -> None:
        self.facts.emit("waivers", occurred_at, f"{text(event.member)}\t{text(event.module)}", "1")
