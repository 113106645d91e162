"""Adviser teams: who is in which team when, and how much a team works at home.

The decisions are in `team_membership`, `telework`, `team_session` and `survey_waves`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar, Literal

import msgspec
from eventsourcing.domain import event

from coopschool.domain import tags
from coopschool.domain.advisers.autonomy_survey import WaveClosed, WaveOpened
from coopschool.domain.base import Actor, Aggregate, Event, Load
from coopschool.domain.errors import Forbidden, RuleBroken

TeleworkRegime = Literal["structural", "occasional", "covid"]  # CCT 85 · law of 5 March 2017 · imposed, CCT 149

# --- events


class TeamFormed(Event, frozen=True, kw_only=True):
    """A team of advisers came to be; its name is in the vault."""

    TOPIC: ClassVar[str] = "TeamFormed.v1"
    team: tags.TeamId
    name: tags.TextId


class AdviserJoinedTeam(Event, frozen=True, kw_only=True):
    """An adviser is in a team from a day on (occurred: the start of that day)."""

    TOPIC: ClassVar[str] = "AdviserJoinedTeam.v1"
    team: tags.TeamId
    adviser: tags.AdviserId
    from_: date = msgspec.field(name="from")


class AdviserLeftTeam(Event, frozen=True, kw_only=True):
    """The stay that began on `from` ended with the day `to` (occurred: its end); before `from`: it never began."""

    TOPIC: ClassVar[str] = "AdviserLeftTeam.v1"
    team: tags.TeamId
    adviser: tags.AdviserId
    from_: date = msgspec.field(name="from")
    to: date


class TeleworkRecorded(Event, frozen=True, kw_only=True):
    """The days that a team worked under a regime in a quarter, and how many of them at home."""

    TOPIC: ClassVar[str] = "TeleworkRecorded.v1"
    team: tags.TeamId
    quarter: str
    regime: TeleworkRegime
    days_teleworked: int
    days_worked: int


# --- errors


class NotInTeam(RuleBroken):
    """Not an adviser of this team on that day."""


class TeamWithoutAdvisers(RuleBroken):
    """The team has no advisers on that day."""


# --- aggregates


class Stay(msgspec.Struct, frozen=True, kw_only=True):
    """An adviser's time in a team, both days included; without `to` it goes on."""

    team: str
    adviser: str
    from_: date
    to: date | None = None

    def covers(self, day: date) -> bool:
        return self.from_ <= day and (self.to is None or day <= self.to)

    @property
    def took_place(self) -> bool:
        """False for one that was called off before its first day."""
        return self.to is None or self.from_ <= self.to

    def meets(self, from_: date, to: date | None) -> bool:
        """Whether it shares a day with that time."""
        return self.took_place and (to is None or self.from_ <= to) and (self.to is None or from_ <= self.to)


class Adviser(Aggregate):
    """The teams of one adviser over time, in the order of their first days."""

    KIND = "adviser"

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.stays: tuple[Stay, ...] = ()

    @property
    def exists(self) -> bool:
        return bool(self.stays)

    def team_on(self, day: date) -> str | None:
        """The team that the adviser was in on that day."""
        return next((stay.team for stay in self.stays if stay.covers(day)), None)

    @event(AdviserJoinedTeam)
    def _(self, team: str, from_: date) -> None:
        self.stays = _begun(self.stays, Stay(team=team, adviser=self.id, from_=from_))

    @event(AdviserLeftTeam)
    def _(self, team: str, from_: date, to: date) -> None:
        self.stays = _ended(self.stays, Stay(team=team, adviser=self.id, from_=from_), to)


class WaveOfTeam(msgspec.Struct, frozen=True):
    """When a wave of the team opened, and whether it still is."""

    opened_on: date
    is_open: bool


class AdviserTeam(Aggregate):
    """A team over time. `telework` holds (days teleworked, days worked) by quarter and regime."""

    KIND = "team"
    name: str
    formed_at: datetime

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.formed = False
        self.stays: tuple[Stay, ...] = ()
        self.telework: dict[tuple[str, TeleworkRegime], tuple[int, int]] = {}
        self.waves: dict[str, WaveOfTeam] = {}

    @property
    def exists(self) -> bool:
        return self.formed

    def advisers_on(self, day: date) -> tuple[str, ...]:
        """Who was in the team on that day, in the order of their ids."""
        return tuple(sorted({stay.adviser for stay in self.stays if stay.covers(day)}))

    @event(TeamFormed)
    def _(self, name: str) -> None:
        self.formed = True
        self.formed_at = self.moment
        self.name = name

    @event(AdviserJoinedTeam)
    def _(self, adviser: str, from_: date) -> None:
        self.stays = _begun(self.stays, Stay(team=self.id, adviser=adviser, from_=from_))

    @event(AdviserLeftTeam)
    def _(self, adviser: str, from_: date, to: date) -> None:
        self.stays = _ended(self.stays, Stay(team=self.id, adviser=adviser, from_=from_), to)

    @event(TeleworkRecorded)
    def _(self, quarter: str, regime: TeleworkRegime, days_teleworked: int, days_worked: int) -> None:
        self.telework[quarter, regime] = (days_teleworked, days_worked)

    @event(WaveOpened)
    def _(self, wave: str, opened_on: date) -> None:
        self.waves[wave] = WaveOfTeam(opened_on, True)

    @event(WaveClosed)
    def _(self, wave: str) -> None:
        self.waves[wave] = WaveOfTeam(self.waves[wave].opened_on, False)


def _begun(stays: tuple[Stay, ...], new: Stay) -> tuple[Stay, ...]:
    return tuple(sorted((*stays, new), key=lambda stay: stay.from_))


def _ended(stays: tuple[Stay, ...], which: Stay, to: date) -> tuple[Stay, ...]:
    def is_it(stay: Stay) -> bool:
        same = (stay.team, stay.adviser, stay.from_) == (which.team, which.adviser, which.from_)
        return same and stay.took_place

    return tuple(msgspec.structs.replace(stay, to=to) if is_it(stay) else stay for stay in stays)


# --- what its commands have in common


def is_of_team(load: Load, by: Actor, team: str, day: date) -> bool:
    """Whether this is an adviser whom the team has on that day."""
    return by.person is not None and load(Adviser, by.person).team_on(day) == team


def guard_is_of_team(load: Load, by: Actor, team: str, day: date) -> None:
    """Lets the team's advisers of that day pass, and imports of history."""
    if not by.is_system and not is_of_team(load, by, team, day):
        raise Forbidden(team=team)
