"""Adviser teams to test with, as events."""

from __future__ import annotations

from datetime import date

from coopschool import data
from coopschool.domain import instruments
from coopschool.domain.advisers.adviser_team import AdviserJoinedTeam, AdviserLeftTeam, TeamFormed
from coopschool.domain.base import Actor, Event
from coopschool.domain.instrument_versions import InstrumentPublished, outline_of
from tests.support.school import joined

RESEARCHER = Actor("ruth", frozenset({"researcher"}))
LONG_AGO = date(2026, 1, 5)

AUTONOMY = instruments.parse(data.read("instrument-autonomy.json"))
FEEDBACK = instruments.parse(data.read("instrument-feedback.json"))
AGREES = dict.fromkeys(AUTONOMY.items, 4)


def adviser(person: str) -> Actor:
    return Actor(person, frozenset({"adviser"}))


def formed(team: str) -> TeamFormed:
    return TeamFormed(team=team, name=f"name-of-{team}")


def in_team(team: str, person: str, from_: date = LONG_AGO) -> AdviserJoinedTeam:
    return AdviserJoinedTeam(team=team, adviser=person, from_=from_)


def left_team(team: str, person: str, to: date, from_: date = LONG_AGO) -> AdviserLeftTeam:
    return AdviserLeftTeam(team=team, adviser=person, from_=from_, to=to)


def team_of(team: str, *people: str) -> list[Event]:
    """A team and its advisers, permanent workers and in it since 5 January 2026."""
    return [formed(team), *joined(*people, category="B"), *(in_team(team, person) for person in people)]


def published(instrument: instruments.Instrument = AUTONOMY) -> InstrumentPublished:
    return InstrumentPublished(
        instrument=instrument.code,
        version=instrument.version,
        outline=outline_of(instrument),
        wording=f"wording-of-{instrument.code}",
        digest="0" * 64,
    )
