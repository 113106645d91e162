"""Twelve simulated adviser teams: who was in them when, and how much they worked at home.

Before 2020 half of them teleworked a little, the other half not at all. In March 2020 all were sent home; some with a
duty at the office, some for good. Advisers come, go and change teams.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from coopschool.demo.calendar import ONLINE_FROM
from coopschool.domain import quarters
from coopschool.domain.advisers.adviser_team import AdviserTeam, TeleworkRegime
from coopschool.domain.advisers.team_membership import FormTeam, JoinTeam, LeaveTeam
from coopschool.domain.advisers.telework import RecordTelework
from coopschool.domain.base import Actor
from coopschool.domain.school.person import GrantRole
from coopschool.vault import PutText

if TYPE_CHECKING:
    from coopschool.demo.school import SchoolLife

FORMED = date(2018, 2, 1)
LAST_QUARTER = date(2021, 10, 1)
SENT_HOME = ONLINE_FROM
DAYS_A_QUARTER = 58  # worked by one adviser


class Kind(NamedTuple):
    """How a team works: its share of days at home by quarter, from that quarter on."""

    shares: dict[str, float]
    regime_before: TeleworkRegime

    def share(self, quarter: str) -> float:
        return next(share for since, share in reversed(self.shares.items()) if since <= quarter)


# Home a day a week before, some at the office throughout, two days a week afterwards.
MODERATE = Kind({"2018Q1": 0.14, "2020Q2": 0.85, "2020Q3": 0.45, "2021Q2": 0.42, "2021Q3": 0.4}, "structural")
# Never at home before, nowhere else for a year.
REMOTE = Kind({"2018Q1": 0.0, "2020Q2": 1.0, "2021Q2": 0.75, "2021Q3": 0.6}, "occasional")


@dataclass
class Team:
    """A team as the simulation knows it: `bent` is how far it differs from the others, in points of the scale."""

    id: str
    size: int
    kind: Kind
    bent: dict[str, float]


TEAMS = (
    ("Namur", 11, MODERATE),
    ("Bruxelles-Midi", 11, REMOTE),
    ("Liège", 10, MODERATE),
    ("Gent", 10, REMOTE),
    ("Charleroi", 9, MODERATE),
    ("Antwerpen", 9, REMOTE),
    ("Mons", 9, MODERATE),
    ("Leuven", 9, REMOTE),
    ("Bruxelles-Nord", 8, MODERATE),
    ("Tournai", 8, REMOTE),
    ("Hasselt", 7, MODERATE),
    ("Arlon", 3, REMOTE),
)
ADVISER_SINCE = date(2017, 1, 9)
DIMENSIONS = ("scheduling", "decision_making", "work_methods", "team_autonomy")


@dataclass
class TeamLife:
    """Forms the teams and plans what happens to them."""

    life: SchoolLife
    teams: list[Team] = field(default_factory=list)

    def found(self, adviser: str) -> None:
        """All teams with their first advisers; `adviser` is one of them, whoever that is in the demo."""
        at = self.life.at(FORMED, 9)
        waiting = [adviser]
        for name, size, kind in TEAMS:
            bent = {dimension: self.life.simulation.chance.gauss(0, 0.15) for dimension in DIMENSIONS}
            team = Team(self.life.simulation.new_id(), size, kind, bent)
            self.teams.append(team)
            text = self.life.simulation.new_id()
            self.life.simulation.do(FormTeam(at=at, team=team.id, name=text), PutText(id=text, body=name))
            for _ in range(size):
                self.adviser(team, waiting.pop() if waiting else self.life.simulation.new_id(), at)
        self.plan_moves()
        for begins in _quarters():
            over = self.life.at(quarters.months_later(begins, 3) + timedelta(days=4), 11)
            for team in self.teams:
                self.life.simulation.plan(over, partial(self.record, team, begins))

    def adviser(self, team: Team, person: str, at: datetime) -> None:
        """A permanent worker of the cooperative begins in a team."""
        self.life.join(person, min(ADVISER_SINCE, at.date()), "B", at, learns=False)
        self.life.simulation.do(GrantRole(person=person, role="adviser", at=at))
        self.life.simulation.do(JoinTeam(team=team.id, adviser=person, from_=at.date(), at=at))

    def advisers(self, team: Team, day: date) -> tuple[str, ...]:
        return self.life.simulation.load(AdviserTeam, team.id).advisers_on(day)

    # --- coming, going, changing

    def plan_moves(self) -> None:
        """Once a quarter two advisers change places, or one makes room for somebody new."""
        for number, begins in enumerate(_quarters()):
            at = self.life.at(begins + timedelta(days=20), 9)
            if begins > FORMED:
                self.life.simulation.plan(at, self.exchange if number % 3 else self.succeed)

    def exchange(self, at: datetime) -> None:
        """An adviser of one team and one of another change places."""
        some, other = self.life.simulation.chance.sample(self.teams[:-1], 2)
        leaving = [(team, self.life.draw(self.advisers(team, at.date())[1:])) for team in (some, other)]
        for team, person in leaving:
            self.leave(team, person, at)
        for team, (_, person) in zip((other, some), leaving, strict=True):
            self.life.simulation.do(JoinTeam(team=team.id, adviser=person, from_=at.date(), at=at))

    def succeed(self, at: datetime) -> None:
        """An adviser leaves the team; somebody new begins."""
        team = self.life.draw(self.teams[:-1])
        self.leave(team, self.life.draw(self.advisers(team, at.date())[1:]), at)
        self.adviser(team, self.life.simulation.new_id(), at)

    def leave(self, team: Team, person: str, at: datetime) -> None:
        to = at.date() - timedelta(days=1)
        self.life.simulation.do(LeaveTeam(team=team.id, adviser=person, to=to, at=at))

    # --- telework

    def record(self, team: Team, begins: date, at: datetime) -> None:
        """One of the team writes down the quarter's days, by regime."""
        advisers = self.advisers(team, at.date())
        worked = round(len(advisers) * DAYS_A_QUARTER * self.life.simulation.chance.uniform(0.94, 1.0))
        by = Actor(advisers[0], frozenset({"adviser"}))
        for regime, days, share in _regimes(team.kind, begins, worked):
            swing = 1 if share in (0, 1) else self.life.simulation.chance.uniform(0.93, 1.07)
            self.life.simulation.do(
                RecordTelework(
                    team=team.id,
                    quarter=_written(begins),
                    regime=regime,
                    days_teleworked=round(days * share * swing),
                    days_worked=days,
                    at=at,
                    by=by,
                )
            )


def _regimes(kind: Kind, begins: date, worked: int) -> Iterator[tuple[TeleworkRegime, int, float]]:
    """The days worked in a quarter under each regime, and the share of them at home."""
    quarter = _written(begins)
    if quarter == "2020Q1":
        since = round(worked * (date(2020, 4, 1) - SENT_HOME).days / 91)
        yield kind.regime_before, worked - since, kind.share(quarter)
        yield "covid", since, kind.share("2020Q2")
    elif "2020Q2" <= quarter <= "2021Q2":
        yield "covid", worked, kind.share(quarter)
    else:
        yield "structural" if quarter > "2021Q2" else kind.regime_before, worked, kind.share(quarter)


def _quarters() -> Iterator[date]:
    begins = date(2018, 1, 1)
    while begins <= LAST_QUARTER:
        yield begins
        begins = quarters.months_later(begins, 3)


def _written(begins: date) -> str:
    return f"{begins.year}Q{(begins.month + 2) // 3}"
