"""Autonomy surveys: a wave asks the advisers of some teams once, and releases their answers all at once.

Until then answers are nowhere in the log, not even as a count: they wait in the answer box (`coopschool.answer_box`).
The decisions are in `survey_waves`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar

import msgspec
from eventsourcing.domain import event

from coopschool.domain import tags
from coopschool.domain.base import Aggregate, Event
from coopschool.domain.errors import RuleBroken

ANSWERS_NEEDED = 5  # of a team with fewer, only the count leaves the box

Answers = dict[str, int]


class EligibleTeam(msgspec.Struct, frozen=True, kw_only=True):
    """The advisers that a team had when the wave opened: who may answer, whoever comes or goes later."""

    team: tags.TeamId
    advisers: tuple[tags.PersonRef, ...]


class TeamResponses(msgspec.Struct, frozen=True, kw_only=True):
    """A team's `n` answers in random order, without persons; None where they were too few to be kept."""

    team: tags.TeamId
    n: int
    answers: tuple[Answers, ...] | None


# --- events


class WaveOpened(Event, frozen=True, kw_only=True):
    """The advisers of these teams may answer, until the end of `closes_on`."""

    TOPIC: ClassVar[str] = "WaveOpened.v1"
    wave: tags.WaveId
    instrument: tags.InstrumentCode
    version: int
    teams: tuple[EligibleTeam, ...]
    opened_on: date
    closes_on: date


class WaveReopened(Event, frozen=True, kw_only=True):
    """The answers so far were lost with their key (a restore from a backup): everybody may answer anew."""

    TOPIC: ClassVar[str] = "WaveReopened.v1"
    wave: tags.WaveId
    teams: tuple[tags.TeamId, ...]
    closes_on: date


class WaveClosed(Event, frozen=True, kw_only=True):
    """A wave takes no more answers."""

    TOPIC: ClassVar[str] = "WaveClosed.v1"
    wave: tags.WaveId
    teams: tuple[tags.TeamId, ...]


class WaveResponsesReleased(Event, frozen=True, kw_only=True):
    """All answers of a wave, together, shuffled, without persons."""

    TOPIC: ClassVar[str] = "WaveResponsesReleased.v1"
    wave: tags.WaveId
    instrument: tags.InstrumentCode
    version: int
    responses: Annotated[tuple[TeamResponses, ...], tags.WITHHELD]


# --- errors


class WaveExists(RuleBroken):
    """There is a wave with this id already."""


class WaveNotOpen(RuleBroken):
    """The wave is closed."""


class TeamInOpenWave(RuleBroken):
    """A wave is open for this team already."""


class WavesTooClose(RuleBroken):
    """Two waves of a team are at least three months apart."""


class MoreAnswersThanEligible(RuleBroken):
    """There are more answers than advisers who could answer."""


# --- aggregate


class Wave(Aggregate):
    """A wave; `eligible` maps each of its teams to the advisers who may answer, `reopened` counts lost boxes."""

    KIND = "wave"
    instrument: str
    version: int
    opened_on: date
    closes_on: date

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.eligible: dict[str, tuple[str, ...]] = {}
        self.is_open = False
        self.reopened = 0

    @property
    def exists(self) -> bool:
        return bool(self.eligible)

    def takes_answers_on(self, day: date) -> bool:
        return self.is_open and day <= self.closes_on

    @event(WaveOpened)
    def _(
        self, instrument: str, version: int, teams: tuple[EligibleTeam, ...], opened_on: date, closes_on: date
    ) -> None:
        self.instrument = instrument
        self.version = version
        self.eligible = {frozen.team: frozen.advisers for frozen in teams}
        self.opened_on = opened_on
        self.closes_on = closes_on
        self.is_open = True

    @event(WaveReopened)
    def _(self, closes_on: date) -> None:
        self.closes_on = closes_on
        self.reopened += 1

    @event(WaveClosed)
    def _(self) -> None:
        self.is_open = False
