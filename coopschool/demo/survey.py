"""Six simulated waves of the autonomy survey: what advisers answer, and what telework has to do with it.

Each adviser has a level of their own in each dimension, and each team one; what happens to a team moves all of its
advisers by the same amount, and every answer scatters. How much is made up, and no finding about anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import NamedTuple

from coopschool.demo.questionnaires import PILOT, SECOND, THIRD
from coopschool.demo.teams import REMOTE, Team, TeamLife
from coopschool.demo.workshops import WorkshopLife
from coopschool.domain.advisers.autonomy_survey import Wave
from coopschool.domain.advisers.survey_waves import CloseWave, OpenWave
from coopschool.domain.base import Actor
from coopschool.domain.instrument_versions import PublishInstrument, wording_of
from coopschool.domain.instruments import Instrument
from coopschool.vault import PutText

DAYS_OPEN = 18
ANSWERING = 0.88
ITEM_LEFT_OUT = 0.03

Moves = Mapping[str, float]


class Planned(NamedTuple):
    """A wave: its first day, its questionnaire, and what has moved since the beginning, by how teams work."""

    opens: date
    instrument: Instrument
    moderate: Moves
    remote: Moves


# Spring 2020's wave was put off until July. The last full quarter before each is what its telework figures are of.
WAVES = (
    Planned(date(2018, 11, 12), PILOT, {}, {}),
    Planned(date(2019, 5, 13), SECOND, {}, {}),
    Planned(date(2019, 11, 11), SECOND, {"work_methods": 0.05}, {"decision_making": 0.05}),
    Planned(
        date(2020, 7, 1),
        SECOND,
        {"scheduling": 0.45, "decision_making": -0.55, "work_methods": 0.3, "team_autonomy": -0.2},
        {"scheduling": 0.35, "decision_making": -0.7, "work_methods": 0.1, "team_autonomy": -0.8},
    ),
    Planned(
        date(2021, 1, 11),
        THIRD,
        {"scheduling": 0.7, "decision_making": -0.45, "work_methods": 0.55, "team_autonomy": 0.0},
        {"scheduling": 0.4, "decision_making": -0.6, "work_methods": 0.15, "team_autonomy": -0.65},
    ),
    Planned(
        date(2021, 7, 5),
        THIRD,
        {"scheduling": 0.75, "decision_making": -0.35, "work_methods": 0.6, "team_autonomy": 0.1},
        {"scheduling": 0.5, "decision_making": -0.5, "work_methods": 0.3, "team_autonomy": -0.35},
    ),
)
LEVELS = {"scheduling": 3.1, "decision_making": 3.2, "work_methods": 3.3, "team_autonomy": 3.3}
A_DECISION_STOOD_BY = 0.12  # what it adds to decision making, and half of it to the team's autonomy
AT_MOST = 0.6


@dataclass
class SurveyLife:
    """Plans the waves. `persons` holds what each adviser brings to each dimension."""

    teams: TeamLife
    workshops: WorkshopLife
    coordinator: str
    persons: dict[str, dict[str, float]] = field(default_factory=dict)

    def found(self) -> None:
        published: set[int] = set()
        for planned in WAVES:
            opens = self.teams.life.at(planned.opens, 9)
            if planned.instrument.version not in published:
                published.add(planned.instrument.version)
                self.teams.life.simulation.plan(opens - timedelta(days=14), partial(self.publish, planned.instrument))
            self.teams.life.simulation.plan(opens, partial(self.open, planned))

    def publish(self, instrument: Instrument, at: datetime) -> None:
        text = self.teams.life.simulation.new_id()
        command = PublishInstrument(instrument=instrument, wording=text, at=at, by=self.by)
        self.teams.life.simulation.do(command, PutText(id=text, body=wording_of(instrument)))

    @property
    def by(self) -> Actor:
        return Actor(self.coordinator, frozenset({"coordinator"}))

    def open(self, planned: Planned, at: datetime) -> None:
        wave, closes_on = self.teams.life.simulation.new_id(), planned.opens + timedelta(days=DAYS_OPEN)
        command = OpenWave(
            wave=wave,
            instrument=planned.instrument.code,
            version=planned.instrument.version,
            teams=tuple(team.id for team in self.teams.teams),
            closes_on=closes_on,
            at=at,
            by=self.by,
        )
        self.teams.life.simulation.do(command)
        closing = self.teams.life.at(closes_on + timedelta(days=1), 9)
        self.teams.life.simulation.plan(closing, partial(self.close, planned, wave))

    def close(self, planned: Planned, wave: str, at: datetime) -> None:
        eligible = self.teams.life.simulation.load(Wave, wave).eligible
        responses = {}
        for team in self.teams.teams:
            answering = [person for person in eligible[team.id] if self.teams.life.likely(ANSWERING)]
            answers = [self.answer(planned, team, person) for person in answering]
            self.teams.life.simulation.chance.shuffle(answers)
            responses[team.id] = answers
        self.teams.life.simulation.do(CloseWave(wave=wave, responses=responses, at=at, by=self.by))

    def answer(self, planned: Planned, team: Team, person: str) -> dict[str, int]:
        chance = self.teams.life.simulation.chance
        brings = self.persons.setdefault(person, {dimension: chance.gauss(0, 0.4) for dimension in LEVELS})
        moved = planned.remote if team.kind is REMOTE else planned.moderate
        answers: dict[str, int] = {}
        for dimension in planned.instrument.dimensions:
            level = LEVELS[dimension.code] + team.bent[dimension.code] + brings[dimension.code]
            level += moved.get(dimension.code, 0.0) + self.recovered(team, dimension.code)
            for item in dimension.items:
                drawn = round(chance.gauss(level, 0.7))
                if not self.teams.life.likely(ITEM_LEFT_OUT):
                    answers[item.code] = min(max(drawn, 1), 5)
        return answers

    def recovered(self, team: Team, dimension: str) -> float:
        """What a team has won back by decisions of its own that it stood by."""
        won = min(self.workshops.stood_by[team.id] * A_DECISION_STOOD_BY, AT_MOST)
        return {"decision_making": won, "team_autonomy": won / 2}.get(dimension, 0.0)
