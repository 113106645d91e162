"""Simulated sessions reserved for teams: each adviser team learns to organise its work, all of it or none.

A team too large for the room is refused whole, until there is a larger one; what March 2020 calls off comes back in
autumn.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from coopschool.demo.calendar import HYBRID_FROM, ONLINE_FROM
from coopschool.demo.teams import Team, TeamLife
from coopschool.domain.advisers.team_session import EnrolTeam
from coopschool.domain.base import Actor
from coopschool.domain.school.arrangements import ReviseSession
from coopschool.domain.school.session import Session

if TYPE_CHECKING:
    from coopschool.demo.school import SchoolLife

MODULE = "M12"
ROOM = 10  # seats
FIRST_PLANNED = date(2018, 7, 30)
BETWEEN_TEAMS = timedelta(weeks=10)
AHEAD = timedelta(weeks=6)
ENROLLED_AFTER = timedelta(days=9)


@dataclass
class TeamSessionLife:
    """Plans a session for each team, one team after the other; `coordinator` enrols them."""

    teams: TeamLife
    coordinator: str

    def found(self) -> None:
        for number, team in enumerate(self.teams.teams):
            planned = self.life.at(FIRST_PLANNED + number * BETWEEN_TEAMS, 10)
            self.life.simulation.plan(planned, partial(self.offer, team))

    @property
    def life(self) -> SchoolLife:
        return self.teams.life

    @property
    def by(self) -> Actor:
        return Actor(self.coordinator, frozenset({"coordinator"}))

    def offer(self, team: Team, at: datetime) -> None:
        """A session six weeks ahead; what the school's closing catches is called off, and offered again in autumn."""
        day = at.date() + AHEAD
        session = self.life.schedule(
            MODULE, day, self.life.format_on(day, planned=at.date()), at, seats=ROOM, team=team.id
        )
        self.life.simulation.plan(at + ENROLLED_AFTER, partial(self.enrol, session))
        if at.date() < ONLINE_FROM <= day < HYBRID_FROM:
            self.life.simulation.plan(self.life.at(ONLINE_FROM, 8), partial(self.life.sessions.call_off, session))
            self.life.simulation.plan(self.life.at(HYBRID_FROM, 10), partial(self.offer, team))
        self.life.simulation.plan(
            self.life.simulation.load(Session, session).starts_at, partial(self.life.sessions.begin, session)
        )

    def enrol(self, session: str, at: datetime) -> None:
        """All of the team, or none until the room is large enough."""
        enrolment = EnrolTeam(session=session, at=at, by=self.by)
        if self.life.simulation.attempt(enrolment):
            return
        known = self.life.simulation.load(Session, session)
        assert known.team is not None
        team = next(team for team in self.teams.teams if team.id == known.team)
        advisers = self.teams.advisers(team, known.starts_at.date())
        self.life.simulation.do(ReviseSession(session=session, seats=len(advisers), at=at, by=self.by))
        self.life.simulation.do(enrolment)
