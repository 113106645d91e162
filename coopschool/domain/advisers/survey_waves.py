"""Opening, reopening and closing the waves of an autonomy survey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from coopschool.domain import bounds
from coopschool.domain.advisers.adviser_team import AdviserTeam, TeamWithoutAdvisers
from coopschool.domain.advisers.autonomy_survey import (
    ANSWERS_NEEDED,
    Answers,
    EligibleTeam,
    MoreAnswersThanEligible,
    TeamInOpenWave,
    TeamResponses,
    Wave,
    WaveClosed,
    WaveExists,
    WaveNotOpen,
    WaveOpened,
    WaveReopened,
    WaveResponsesReleased,
    WavesTooClose,
)
from coopschool.domain.base import Aggregate, Command, Decided, Load, Unchanged, existing
from coopschool.domain.errors import Forbidden, Invalid, Unknown
from coopschool.domain.instrument_versions import PublishedInstrument, used
from coopschool.domain.quarters import months_later

MONTHS_BETWEEN_WAVES = 3
QUESTIONNAIRE = "autonomy"  # the instrument of a wave, unless another is named


class OpenWave(Command, frozen=True, kw_only=True):
    """Asks the advisers that these teams have today; teams, advisers and instrument stay as they are now."""

    wave: str
    instrument: str
    version: int
    teams: tuple[str, ...]
    closes_on: date

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        teams: list[tuple[type[Aggregate], str]] = [(AdviserTeam, team) for team in self.teams]
        return [(Wave, self.wave), (PublishedInstrument, self.instrument), *teams]

    def decide(self, load: Load) -> Decided:
        _guard_runs_surveys(self)
        today = self.at.date()
        bounds.day("closes_on", self.closes_on)
        if self.closes_on < today:
            raise Invalid("closes_on", earliest=today)
        if not self.teams or len(set(self.teams)) < len(self.teams):
            raise Invalid("teams", least=1, distinct=True)
        if load(Wave, self.wave).exists:
            raise WaveExists(wave=self.wave)
        used(load, self.instrument, self.version)
        return self.occurs(
            WaveOpened(
                wave=self.wave,
                instrument=self.instrument,
                version=self.version,
                teams=tuple(self._frozen(existing(load, AdviserTeam, team), today) for team in self.teams),
                opened_on=today,
                closes_on=self.closes_on,
            )
        )

    def _frozen(self, team: AdviserTeam, today: date) -> EligibleTeam:
        for wave in team.waves.values():
            if wave.is_open:
                self.refuse(TeamInOpenWave(team=team.id))
            earlier, later = sorted((wave.opened_on, today))
            if later < months_later(earlier, MONTHS_BETWEEN_WAVES):
                self.refuse(WavesTooClose(team=team.id, earlier=earlier, months=MONTHS_BETWEEN_WAVES))
        advisers = team.advisers_on(today)
        if not advisers:
            raise TeamWithoutAdvisers(team=team.id, day=today)
        return EligibleTeam(team=team.id, advisers=advisers)


class AboutWave(Command, frozen=True, kw_only=True):
    """A command that one open wave decides."""

    wave: str

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Wave, self.wave)]

    def opened(self, load: Load) -> Wave:
        _guard_runs_surveys(self)
        wave = existing(load, Wave, self.wave)
        if not wave.is_open:
            raise WaveNotOpen(wave=self.wave)
        return wave


class IssueTokens(AboutWave, frozen=True, kw_only=True):
    """Allows an answer box for the wave; the log says nothing of it."""

    def decide(self, load: Load) -> Decided:
        if not self.by.is_any("coordinator"):
            raise Forbidden
        return Unchanged(self.opened(load).position)


class ReopenWave(AboutWave, frozen=True, kw_only=True):
    """Says that the answers so far are lost; the wave then lasts from today as long as it was to last."""

    def decide(self, load: Load) -> Decided:
        wave = self.opened(load)
        closes_on = self.at.date() + (wave.closes_on - wave.opened_on)
        return self.occurs(
            WaveReopened(wave=wave.id, teams=tuple(wave.eligible), closes_on=max(wave.closes_on, closes_on))
        )


class CloseWave(AboutWave, frozen=True, kw_only=True):
    """Ends a wave and releases its answers, by team and in random order, as they came out of the answer box."""

    responses: Mapping[str, Sequence[Answers]]

    def decide(self, load: Load) -> Decided:
        wave = self.opened(load)
        for team in self.responses:
            if team not in wave.eligible:
                raise Unknown(AdviserTeam.KIND, team)
        questions = used(load, wave.instrument, wave.version)
        for answers in (one for given in self.responses.values() for one in given):
            questions.check(answers)
        released = WaveResponsesReleased(
            wave=wave.id,
            instrument=wave.instrument,
            version=wave.version,
            responses=tuple(self._released(wave, team) for team in wave.eligible),
        )
        return self.occurs(WaveClosed(wave=wave.id, teams=tuple(wave.eligible)), released)

    def _released(self, wave: Wave, team: str) -> TeamResponses:
        answers = tuple(self.responses.get(team, ()))
        eligible = len(wave.eligible[team])
        if len(answers) > eligible:
            self.refuse(MoreAnswersThanEligible(team=team, eligible=eligible))
        return TeamResponses(team=team, n=len(answers), answers=answers if len(answers) >= ANSWERS_NEEDED else None)


def _guard_runs_surveys(command: Command) -> None:
    if not command.by.is_any("coordinator", "researcher"):
        raise Forbidden
