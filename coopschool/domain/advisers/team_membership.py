"""Forming teams, joining and leaving them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from coopschool.domain import bounds
from coopschool.domain.advisers.adviser_team import (
    Adviser,
    AdviserJoinedTeam,
    AdviserLeftTeam,
    AdviserTeam,
    NotInTeam,
    TeamFormed,
)
from coopschool.domain.base import Aggregate, Command, Decided, Load, Occurrence, Unchanged, existing
from coopschool.domain.errors import Forbidden, Invalid, RuleBroken
from coopschool.domain.school.member import Member

ONE_DAY = timedelta(days=1)


class TeamExists(RuleBroken):
    """There is a team with this id already."""


class NotPermanentWorker(RuleBroken):
    """Advisers are permanent workers: members of category B."""


class InAnotherTeam(RuleBroken):
    """An adviser is in one team at a time."""


class FormTeam(Command, frozen=True, kw_only=True):
    """Forms a team; what it is called goes to the vault under `name` in the same transaction."""

    team: str
    name: str

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(AdviserTeam, self.team)]

    def decide(self, load: Load) -> Decided:
        if not self.by.is_any("coordinator"):
            raise Forbidden
        if load(AdviserTeam, self.team).exists:
            raise TeamExists(team=self.team)
        return self.occurs(TeamFormed(team=self.team, name=self.name))


class AboutAdviser(Command, frozen=True, kw_only=True):
    """A command about one adviser in one team, given by who runs the school."""

    team: str
    adviser: str

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(AdviserTeam, self.team), (Adviser, self.adviser), (Member, self.adviser)]


class JoinTeam(AboutAdviser, frozen=True, kw_only=True):
    """Puts an adviser into a team from a day on, whenever that becomes known; with `to` until that day."""

    from_: date
    to: date | None = None

    def decide(self, load: Load) -> Decided:
        if not self.by.is_any("coordinator"):
            raise Forbidden
        self._check_days()
        existing(load, AdviserTeam, self.team)
        member = existing(load, Member, self.adviser)
        adviser = load(Adviser, self.adviser)
        if any((stay.team, stay.from_, stay.to) == (self.team, self.from_, self.to) for stay in adviser.stays):
            return Unchanged(adviser.position)
        if elsewhere := next((stay for stay in adviser.stays if stay.meets(self.from_, self.to)), None):
            raise InAnotherTeam(adviser=self.adviser, team=elsewhere.team)
        if day := _first_day_not_permanent(member, self.from_, self.to):
            self.refuse(NotPermanentWorker(adviser=self.adviser, day=day))
        return list(self._stay())

    def _check_days(self) -> None:
        bounds.day("from", self.from_)
        if self.to is None:
            return
        bounds.day("to", self.to)
        if self.to < self.from_:
            raise Invalid("to", earliest=self.from_)

    def _stay(self) -> Iterator[Occurrence]:
        joined = AdviserJoinedTeam(team=self.team, adviser=self.adviser, from_=self.from_)
        yield Occurrence(joined, self.start_of(self.from_))
        if self.to is not None:
            left = AdviserLeftTeam(team=self.team, adviser=self.adviser, from_=self.from_, to=self.to)
            yield Occurrence(left, self.end_of(self.to))


class LeaveTeam(AboutAdviser, frozen=True, kw_only=True):
    """Ends an adviser's stay with that day, or earlier than it was said to end."""

    to: date

    def decide(self, load: Load) -> Decided:
        if not self.by.is_any("coordinator"):
            raise Forbidden
        bounds.day("to", self.to)
        existing(load, AdviserTeam, self.team)
        adviser = load(Adviser, self.adviser)
        stay = next((stay for stay in adviser.stays if stay.team == self.team and stay.covers(self.to)), None)
        if stay is None:
            raise NotInTeam(adviser=self.adviser, team=self.team, day=self.to)
        if stay.to == self.to:
            return Unchanged(adviser.position)
        left = AdviserLeftTeam(team=self.team, adviser=self.adviser, from_=stay.from_, to=self.to)
        return [Occurrence(left, self.end_of(self.to))]


def stays_cut_short(adviser: Adviser, last_day: date, back_on: date | None = None) -> list[AdviserLeftTeam]:
    """What ends with somebody's last day as a permanent worker, if need be until they are one again.

    Each occurs at the end of its `to`; a stay that would have begun in that time is called off.
    """
    away, back = last_day + ONE_DAY, None if back_on is None else back_on - ONE_DAY
    return [
        AdviserLeftTeam(team=stay.team, adviser=adviser.id, from_=stay.from_, to=max(last_day, stay.from_ - ONE_DAY))
        for stay in adviser.stays
        if stay.meets(away, back)
    ]


def _first_day_not_permanent(member: Member, from_: date, to: date | None) -> date | None:
    """The first day of that time on which the member, as far as is known, is not of category B."""
    turns = [from_, *(period.effective_on for period in member.categories)]
    if member.ended_on is not None:
        turns.append(member.ended_on + ONE_DAY)
    within = (day for day in sorted(turns) if from_ <= day and (to is None or day <= to))
    return next((day for day in within if member.category_on(day) != "B"), None)
