"""Enrolling in a session: a seat where one is free, the end of the waiting list where none is."""

from __future__ import annotations

from collections.abc import Sequence

from coopschool.domain.base import Aggregate, Command, Decided, Load, Unchanged, existing
from coopschool.domain.errors import Forbidden
from coopschool.domain.school.consequences import Consequences
from coopschool.domain.school.eligibility import first_eligible, obstacles
from coopschool.domain.school.enrolment import (
    AlreadyEnrolled,
    ReservedForTeam,
    SessionFull,
    TrainsThisSession,
    WalkInOnTheDayOnly,
)
from coopschool.domain.school.member import Member
from coopschool.domain.school.session import Session, SessionBegun, open_session


class EnrolInSession(Command, frozen=True, kw_only=True):
    """Enrols a member in a session.

    Members enrol themselves until the first slot, coordinators anybody at any time, trainers who walks in on a day of
    their session while a seat is free. Where seats went unfilled because nobody waiting was eligible then, who became
    so since comes first; after the cutoff nobody overtakes an eligible person who waits.
    An import of history sets `session-full` aside to give a seat beyond the last one.
    """

    session: str
    member: str

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Session, self.session), (Member, self.member)]

    def decide(self, load: Load) -> Decided:
        session = open_session(load, self.session)
        member = existing(load, Member, self.member)
        walks_in = self._guard(session)
        if session.has(member.id):
            self.refuse(AlreadyEnrolled(member=member.id, session=session.id))
            return Unchanged(session.position)
        if session.team is not None:
            self.refuse(ReservedForTeam(session=session.id, team=session.team))
        if session.is_given_by(member.id):
            self.refuse(TrainsThisSession(member=member.id, session=session.id))
        for obstacle in obstacles(session, member, self.at, load):
            self.refuse(obstacle)
        return self._decide_place(session, load, walks_in)

    def _guard(self, session: Session) -> bool:
        """Refuses who may not enrol this member now; answers whether the member walks in."""
        if self.by.is_any("coordinator"):
            return False
        if self.by.person == self.member:
            if session.has_begun(self.at):
                self.refuse(SessionBegun(session=session.id))
            return False
        if not session.is_given_by(self.by.person):
            raise Forbidden(session=session.id)
        if all(slot.starts_at.astimezone(self.at.tzinfo).date() != self.at.date() for slot in session.timetable):
            self.refuse(WalkInOnTheDayOnly(session=session.id))
        return True

    def _decide_place(self, session: Session, load: Load, walks_in: bool) -> Decided:
        consequences = Consequences(self, load)
        begun = session.has_begun(self.at)
        if begun:
            consequences.lapse_waitlist(session.id)
        else:
            consequences.fill_seats(session.id)
        session = consequences.load(Session, session.id)
        jumps_queue = walks_in or begun
        if has_seat(session, consequences, jumps_queue) or SessionFull.code in self.exceptions:
            consequences.confirm(session, self.member, walk_in=walks_in)
        elif jumps_queue:
            raise SessionFull(session=session.id, seats=session.seats)
        else:
            consequences.wait(session, self.member)
        return consequences.occurrences


def has_seat(session: Session, consequences: Consequences, jumps_queue: bool = False) -> bool:
    """Whether a newcomer may take a seat: one is free, and nobody who waits could take it."""
    if session.free <= 0:
        return False
    return jumps_queue or first_eligible(session, consequences.at, consequences.load)[0] is None
