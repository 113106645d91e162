"""The `interest` projection: who would take a module, while they are not enrolled in it and do not wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from coopschool.domain.base import Event
from coopschool.domain.school import enrolment, learning_module, member, person, session
from coopschool.sql import statements
from projections.calendar import Calendar
from projections.facts import Described, Emit, Entry, joined, text
from projections.projection import Connection, Happened, Projection, Reads, on
from projections.school.elsewhere import ELSEWHERE

SQL = statements("projections.school", "interest.sql")


class Wish(Described):
    """One member's interest in one module: a row of ``interests`` while it is open."""

    __slots__ = ("calendar", "dimensions", "prefix")

    def __init__(self, member_id: str, module: str, calendar: Calendar) -> None:
        self.prefix = f"{text(member_id)}\t{text(module)}"
        self.calendar = calendar
        super().__init__()

    def clear(self) -> None:
        super().clear()
        self.dimensions: str | None = None

    def described(self) -> list[tuple[str, str, str]]:
        return [("interests", self.dimensions, "1")] if self.dimensions else []

    def registered(self, entry: Entry, emit: Emit) -> None:
        event: enrolment.InterestRegistered = entry[3]
        since = self.calendar.local(event.since)
        where = f"{joined(event.languages)}\t{joined(event.places)}\t{text(event.format)}"
        self.dimensions = f"{self.prefix}\t{where}\t{since}"
        self.show(entry[0], emit)

    def ended(self, entry: Entry, emit: Emit) -> None:
        self.dimensions = None
        self.show(entry[0], emit)


class Interests(Projection):
    """What sessions would be welcome. A case is a member; only those who ever registered an interest have one."""

    name = "interest"
    version = 1
    fact_tables = ("interests",)
    kinds = ("member",)
    ignores = frozenset(
        {
            *ELSEWHERE,
            person.PersonRegistered, person.RoleGranted, person.RoleRevoked, person.LanguageChosen,
            person.LegalHoldPlaced, person.LegalHoldLifted, person.PersonalDataErased,
            member.MemberJoined, member.MembershipCategoryChanged, member.MembershipEnded,
            learning_module.ModuleDrafted, learning_module.ModuleRevised, learning_module.ModulePublished,
            learning_module.ModuleRetired,
            session.SessionScheduled, session.SlotMoved, session.SlotCancelled, session.SeatsChanged,
            session.TrainersChanged, session.ArrangementsChanged, session.SessionCancelled, session.SessionClosed,
            session.AttendanceLogged, session.AttendanceCorrected,
            enrolment.EnrolmentWithdrawn, enrolment.EnrolmentCancelled, enrolment.WaitlistLapsed,
            enrolment.PrerequisiteWaived, enrolment.ModuleCompleted, enrolment.ModuleNotCompleted,
            enrolment.HistoricalException,
        }
    )  # fmt: skip

    def __init__(self, calendar: Calendar) -> None:
        super().__init__(calendar)
        self._interested: set[str] = set()

    def make_case(self, _id: str) -> dict[str, Wish]:
        return {}

    def case_of(self, event: Event) -> str | None:
        member_id: str = event.member  # type: ignore[attr-defined]
        return member_id if member_id in self._interested else None

    def begin(self, position: int, conn: Connection | None = None) -> None:
        super().begin(position, conn)
        self.cases.complete = False  # a first interest sends back to the log, for what the member did before
        known = conn.execute(SQL["interested"]).fetchall() if conn and position else []
        self._interested = {member_id for (member_id,) in known}

    def lacks(self, events: Sequence[Happened]) -> list[Reads]:
        for happened in events:
            if isinstance(happened.event, enrolment.InterestRegistered):
                self._interested.add(happened.event.member)
        return super().lacks(events)

    @on(enrolment.InterestRegistered)
    def registered(self, event: enrolment.InterestRegistered, occurred_at: str) -> None:
        self._wish(event).add((occurred_at, self.facts.position, Wish.registered, event), self.facts.emit)

    @on(enrolment.InterestWithdrawn, enrolment.MemberEnrolled, enrolment.MemberWaitlisted, enrolment.MemberPromoted)
    def ended(self, event: Any, occurred_at: str) -> None:
        if event.member in self._interested:
            self._wish(event).add((occurred_at, self.facts.position, Wish.ended), self.facts.emit)

    def _wish(self, event: Any) -> Wish:
        wishes: dict[str, Wish] = self.cases.get(event.member)
        wish = wishes.get(event.module)
        if wish is None:
            wish = wishes[event.module] = Wish(event.member, event.module, self.calendar)
        return wish
