"""What callers see of a team: who is in it when, and how much it works at home."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, tzinfo

import msgspec

from coopschool.api.problems import NotAllowed
from coopschool.domain.advisers.adviser_team import AdviserTeam, Stay, TeleworkRegime, is_of_team
from coopschool.domain.base import Actor, Load, existing


class TeamCard(msgspec.Struct, frozen=True, kw_only=True):
    """A team at a glance, and who was in it on the day asked for."""

    team_id: str
    name: str | None
    formed_on: date
    on: date
    advisers: list[str]


class TeamPage(msgspec.Struct, frozen=True, kw_only=True):
    """Teams, and the cursor of the next page."""

    items: list[TeamCard]
    next: str | None


class AdviserSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody in the team, from a day on and until another, both included; the name is null where it was erased."""

    person_id: str
    name: str | None
    from_: date = msgspec.field(name="from")
    to: date | None


class TeleworkSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The days of a quarter under one regime."""

    quarter: str
    regime: TeleworkRegime
    days_teleworked: int
    days_worked: int


class TeamSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A team; `advisers` are those of the day `on`."""

    team_id: str
    name: str | None
    formed_on: date
    on: date
    advisers: list[AdviserSeen]
    telework: list[TeleworkSeen]


class StaySeen(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's time in a team, both days included; without `to` it goes on."""

    team_id: str
    name: str | None
    from_: date = msgspec.field(name="from")
    to: date | None


class StayPage(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's times in teams, in order; they are never so many that there is a next page."""

    items: list[StaySeen]
    next: str | None


def guard_sees_team(load: Load, by: Actor, team: str, today: date) -> AdviserTeam:
    """The team, for coordinators and the advisers that it has today. Raises `Unknown` or `NotAllowed`."""
    found = existing(load, AdviserTeam, team)
    if not by.is_any("coordinator") and not is_of_team(load, by, team, today):
        raise NotAllowed
    return found


def card(team: AdviserTeam, on: date, zone: tzinfo) -> TeamCard:
    """A team at a glance; its name is still to come from the vault, whose text it is by."""
    return TeamCard(
        team_id=team.id,
        name=team.name,
        formed_on=team.formed_at.astimezone(zone).date(),
        on=on,
        advisers=list(team.advisers_on(on)),
    )


def seen(team: AdviserTeam, on: date, zone: tzinfo) -> TeamSeen:
    """A team in full; names are still to come."""
    return TeamSeen(
        team_id=team.id,
        name=team.name,
        formed_on=team.formed_at.astimezone(zone).date(),
        on=on,
        advisers=_advisers(team.stays, on),
        telework=[
            TeleworkSeen(quarter=quarter, regime=regime, days_teleworked=at_home, days_worked=worked)
            for (quarter, regime), (at_home, worked) in sorted(team.telework.items())
        ],
    )


def stays_seen(load: Load, stays: Sequence[Stay], on: date | None) -> list[StaySeen]:
    """Times in teams that took place, all or the one that covers a day; the teams' names are still to come."""
    return [
        StaySeen(team_id=stay.team, name=load(AdviserTeam, stay.team).name, from_=stay.from_, to=stay.to)
        for stay in stays
        if (stay.took_place if on is None else stay.covers(on))
    ]


def _advisers(stays: Iterable[Stay], on: date) -> list[AdviserSeen]:
    return [
        AdviserSeen(person_id=stay.adviser, name=None, from_=stay.from_, to=stay.to)
        for stay in sorted(stays, key=lambda stay: stay.adviser)
        if stay.covers(on)
    ]
