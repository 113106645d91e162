"""Members: the membership of a person, its category over time, and what the member learns."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

import msgspec
from eventsourcing.domain import event

from coopschool.domain import tags
from coopschool.domain.base import Aggregate, Event
from coopschool.domain.errors import RuleBroken
from coopschool.domain.school.enrolment import (
    EnrolmentCancelled,
    EnrolmentWithdrawn,
    InterestRegistered,
    InterestWithdrawn,
    MemberEnrolled,
    MemberPromoted,
    MemberWaitlisted,
    ModuleCompleted,
    ModuleNotCompleted,
    PrerequisiteWaived,
    Standing,
    WaitlistLapsed,
)
from coopschool.domain.school.person import PersonalDataErased
from coopschool.domain.school.words import Category, Format, Language

# --- events


class MemberJoined(Event, frozen=True, kw_only=True):
    """A person joined the cooperative (occurred: the start of the day they joined)."""

    TOPIC: ClassVar[str] = "MemberJoined.v1"
    member: tags.MemberId
    category: Category
    joined_on: date


class MembershipCategoryChanged(Event, frozen=True, kw_only=True):
    """A membership is of another category from a day on (occurred: the start of that day)."""

    TOPIC: ClassVar[str] = "MembershipCategoryChanged.v1"
    member: tags.MemberId
    category: Category
    effective_on: date


class MembershipEnded(Event, frozen=True, kw_only=True):
    """A membership ended (occurred: the end of its last day)."""

    TOPIC: ClassVar[str] = "MembershipEnded.v1"
    member: tags.MemberId
    ended_on: date


# --- errors


class MembershipInactive(RuleBroken):
    """Not a member on that day."""


class AlreadyMember(RuleBroken):
    """This person has a membership already."""


# --- aggregate


class CategoryPeriod(msgspec.Struct, frozen=True):
    """From this day on, until the next such day or the end of the membership."""

    effective_on: date
    category: Category


class OpenEnrolment(msgspec.Struct, frozen=True, kw_only=True):
    """A seat or a place on a waiting list; `since` is when the member first asked for the module."""

    module: str
    standing: Standing
    since: datetime
    rank: int | None = None


class Interest(msgspec.Struct, frozen=True, kw_only=True):
    """A wish for a module; `since` is the first date it was asked for."""

    languages: tuple[Language, ...]
    places: tuple[str, ...]
    format: Format | None
    since: datetime


class Member(Aggregate):
    """A membership and what the member learns.

    `enrolments` holds the open ones by session: not withdrawn, cancelled, lapsed or decided at closing.
    `completed` says, for each module completed, in which session and when; it holds for later revisions. Who is
    `erased` is no member on any day.
    """

    KIND = "member"

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.revision = 0
        self.joined_on: date | None = None
        self.ended_on: date | None = None
        self.erased = False
        self.categories: list[CategoryPeriod] = []
        self.enrolments: dict[str, OpenEnrolment] = {}
        self.completed: dict[str, dict[str, datetime]] = {}
        self.waived: set[str] = set()
        self.interests: dict[str, Interest] = {}

    @property
    def exists(self) -> bool:
        return self.joined_on is not None

    def active_on(self, day: date) -> bool:
        """Whether the membership covers that day, its last one included."""
        return self.category_on(day) is not None

    def category_on(self, day: date) -> Category | None:
        """The category on that day; None before joining and after the end, and once erased."""
        if self.erased or (self.ended_on is not None and day > self.ended_on):
            return None
        return next((period.category for period in reversed(self.categories) if period.effective_on <= day), None)

    def has_met(self, module: str) -> bool:
        """Whether the module counts as completed for this member."""
        return module in self.completed or module in self.waived

    def enrolled_in(self, module: str) -> list[str]:
        """The sessions of the module in which the member has a seat or waits."""
        return [session for session, enrolment in self.enrolments.items() if enrolment.module == module]

    # --- membership

    @event(MemberJoined)
    def _(self, category: Category, joined_on: date) -> None:
        self.revision += 1
        self.joined_on = joined_on
        self._categorise(joined_on, category)

    @event(MembershipCategoryChanged)
    def _(self, category: Category, effective_on: date) -> None:
        self.revision += 1
        self._categorise(effective_on, category)

    def _categorise(self, effective_on: date, category: Category) -> None:
        kept = [period for period in self.categories if period.effective_on != effective_on]
        self.categories = sorted(
            [*kept, CategoryPeriod(effective_on, category)], key=lambda period: period.effective_on
        )

    @event(MembershipEnded)
    def _(self, ended_on: date) -> None:
        self.revision += 1
        self.ended_on = ended_on

    @event(PersonalDataErased)
    def _(self) -> None:
        self.revision += 1
        self.erased = True

    # --- interest and enrolment

    def _asked_since(self, module: str) -> datetime:
        """When the member first asked for what is being given now."""
        asked = [self.moment]
        asked += [self.enrolments[session].since for session in self.enrolled_in(module)]
        if module in self.interests:
            asked.append(self.interests[module].since)
        return min(asked)

    @event(InterestRegistered)
    def _(
        self,
        module: str,
        languages: tuple[Language, ...],
        places: tuple[str, ...],
        format: Format | None,
        since: datetime,
    ) -> None:
        self.interests[module] = Interest(languages=languages, places=places, format=format, since=since)

    @event(InterestWithdrawn)
    def _(self, module: str) -> None:
        self.interests.pop(module, None)

    @event(MemberEnrolled)
    def _(self, session: str, module: str) -> None:
        since = self._asked_since(module)
        self.enrolments[session] = OpenEnrolment(module=module, standing="confirmed", since=since)
        self.interests.pop(module, None)

    @event(MemberWaitlisted)
    def _(self, session: str, module: str, rank: int) -> None:
        since = self._asked_since(module)
        self.enrolments[session] = OpenEnrolment(module=module, standing="waitlisted", since=since, rank=rank)
        self.interests.pop(module, None)

    @event(MemberPromoted)
    def _(self, session: str, module: str, rank: int) -> None:
        since = self._asked_since(module)
        self.enrolments[session] = OpenEnrolment(module=module, standing="confirmed", since=since, rank=rank)

    @event(EnrolmentWithdrawn)
    def _(self, session: str) -> None:
        self.enrolments.pop(session, None)

    @event(EnrolmentCancelled)
    def _(self, session: str) -> None:
        self.enrolments.pop(session, None)

    @event(WaitlistLapsed)
    def _(self, session: str) -> None:
        self.enrolments.pop(session, None)

    # --- what was learnt

    @event(ModuleCompleted)
    def _(self, session: str, module: str) -> None:
        self.enrolments.pop(session, None)
        self.completed[module] = {**self.completed.get(module, {}), session: self.moment}

    @event(ModuleNotCompleted)
    def _(self, session: str, module: str) -> None:
        self.enrolments.pop(session, None)
        elsewhere = {id: when for id, when in self.completed.pop(module, {}).items() if id != session}
        if elsewhere:
            self.completed[module] = elsewhere

    @event(PrerequisiteWaived)
    def _(self, module: str) -> None:
        self.waived.add(module)
