"""What becomes of a waiting list: promotion by hand, and its end when the session begins."""

from __future__ import annotations

from collections.abc import Sequence

from coopschool.domain.base import Aggregate, Command, Decided, Load, Unchanged
from coopschool.domain.errors import Forbidden, RuleBroken, Unknown
from coopschool.domain.school.consequences import Consequences
from coopschool.domain.school.eligibility import first_eligible, obstacles
from coopschool.domain.school.enrolment import NobodyEligible, PassedOver, SessionFull
from coopschool.domain.school.member import Member
from coopschool.domain.school.session import Session, SessionBegun, Waiting, guard_runs, open_session


class SessionNotBegun(RuleBroken):
    """The session has not begun."""


class Promote(Command, frozen=True, kw_only=True):
    """Gives a free seat by hand: to a rank, or to the first on the list who may take it.

    Until the cutoff seats are filled by themselves; after it, this is the only way, until the first slot. The
    promotion occurred when the seat became free, but not before the person waited; a seat that nobody ever had is
    taken at the moment of the command.
    """

    session: str
    rank: int | None = None

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Session, self.session)]

    def decide(self, load: Load) -> Decided:
        session = open_session(load, self.session)
        guard_runs(self.by, session)
        if session.has_begun(self.at):
            self.refuse(SessionBegun(session=session.id))
        if session.free <= 0:
            self.refuse(SessionFull(session=session.id, seats=session.seats))
        waiting, passed_over = self._chosen(session, load)
        vacancy = session.vacancies[0] if session.vacancies else None
        consequences = Consequences(self, load)
        consequences.promote(
            session,
            waiting,
            "by_hand",
            freed_by=vacancy.by if vacancy else None,
            passed_over=passed_over,
            occurred_at=max(vacancy.since, waiting.since) if vacancy else None,
        )
        return consequences.occurrences

    def _chosen(self, session: Session, load: Load) -> tuple[Waiting, list[PassedOver]]:
        if self.rank is None:
            waiting, passed_over = first_eligible(session, self.at, load)
            if waiting is None:
                raise NobodyEligible(session=session.id, passed_over={one.rank: one.why for one in passed_over})
            return waiting, passed_over
        if self.rank not in session.waitlist:
            raise Unknown("rank", str(self.rank))
        waiting = session.waitlist[self.rank]
        for obstacle in obstacles(session, load(Member, waiting.member), self.at, load):
            self.refuse(obstacle)
        return waiting, []


class LapseWaitlist(Command, frozen=True, kw_only=True):
    """Ends the waiting list of a session that has begun; the system gives it at the first slot's start."""

    session: str

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Session, self.session)]

    def decide(self, load: Load) -> Decided:
        if not self.by.is_any("coordinator"):
            raise Forbidden
        session = open_session(load, self.session)
        if not session.has_begun(self.at):
            raise SessionNotBegun(session=session.id, starts_at=session.starts_at)
        consequences = Consequences(self, load)
        consequences.lapse_waitlist(session.id)
        return consequences.occurrences or Unchanged(session.position)
