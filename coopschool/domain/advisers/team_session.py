"""Sessions reserved for a team: its advisers take their seats together, all or none."""

from __future__ import annotations

from collections.abc import Sequence

from coopschool.domain.advisers.adviser_team import AdviserTeam, NotInTeam, TeamWithoutAdvisers
from coopschool.domain.base import Aggregate, Command, Decided, Load, Unchanged, existing
from coopschool.domain.errors import Forbidden, RuleBroken
from coopschool.domain.school.consequences import Consequences
from coopschool.domain.school.eligibility import obstacles
from coopschool.domain.school.enrolment import SessionFull, TrainsThisSession
from coopschool.domain.school.member import Member
from coopschool.domain.school.session import Session, open_session


class NotReservedForTeam(RuleBroken):
    """The session is not reserved for a team."""


class EnrolTeam(Command, frozen=True, kw_only=True):
    """Gives a seat to each adviser that the session's team has on the local day of the first slot, or to none.

    With `advisers`, only to those named. Who has a seat already keeps it.
    """

    session: str
    advisers: tuple[str, ...] | None = None

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Session, self.session)]

    def decide(self, load: Load) -> Decided:
        if not self.by.is_any("coordinator"):
            raise Forbidden(session=self.session)
        session = open_session(load, self.session)
        enrolling = [adviser for adviser in self._named(session, load) if adviser not in session.confirmed]
        if not enrolling:
            return Unchanged(session.position)
        if session.free < len(enrolling):
            self.refuse(SessionFull(session=session.id, seats=session.seats, asked=len(enrolling)))
        for adviser in enrolling:
            self._check(session, adviser, load)
        consequences = Consequences(self, load)
        for adviser in enrolling:
            consequences.confirm(session, adviser)
        return consequences.occurrences

    def _named(self, session: Session, load: Load) -> tuple[str, ...]:
        """Whom the command is about, each once."""
        if session.team is None:
            raise NotReservedForTeam(session=session.id)
        day = session.starts_at.astimezone(self.at.tzinfo).date()
        in_team = existing(load, AdviserTeam, session.team).advisers_on(day)
        named = in_team if self.advisers is None else tuple(dict.fromkeys(self.advisers))
        for adviser in named:
            if adviser not in in_team:
                raise NotInTeam(adviser=adviser, team=session.team, day=day)
        if not named:
            raise TeamWithoutAdvisers(team=session.team, day=day)
        return named

    def _check(self, session: Session, adviser: str, load: Load) -> None:
        if session.is_given_by(adviser):
            self.refuse(TrainsThisSession(member=adviser, session=session.id))
        for obstacle in obstacles(session, load(Member, adviser), self.at, load):
            self.refuse(obstacle)
