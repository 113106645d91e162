"""Giving up a seat or a place on the list: one enrolment, a whole membership, or every trace of a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from coopschool.domain import bounds
from coopschool.domain.advisers.adviser_team import Adviser
from coopschool.domain.advisers.team_membership import ONE_DAY, stays_cut_short
from coopschool.domain.base import Aggregate, Command, Decided, Load, Unchanged, existing
from coopschool.domain.errors import Forbidden, Invalid, RuleBroken, Unknown
from coopschool.domain.school.consequences import Consequences
from coopschool.domain.school.enrolment import (
    EnrolmentWithdrawn,
    InterestWithdrawn,
    OwnReason,
    Standing,
    WithdrawalReason,
)
from coopschool.domain.school.member import Member, MembershipEnded, MembershipInactive
from coopschool.domain.school.person import Person, PersonalDataErased
from coopschool.domain.school.session import Session, SessionBegun, open_session
from coopschool.domain.school.trainer import Trainer


class TrainsOpenSession(RuleBroken):
    """This person trains a session that is not closed."""


class UnderLegalHold(RuleBroken):
    """The law obliges the cooperative to keep this person's data."""


class WithdrawEnrolment(Command, frozen=True, kw_only=True):
    """Gives up a seat or a place on the list; a seat goes to the first in rank who may take it.

    Members withdraw themselves until the first slot, then the coordinator does.
    """

    session: str
    member: str
    reason_code: OwnReason = "other"

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Session, self.session), (Member, self.member)]

    def decide(self, load: Load) -> Decided:
        if not self.by.acts_for(self.member):
            raise Forbidden(session=self.session)
        session = open_session(load, self.session)
        if not session.has(self.member):
            raise Unknown("enrolment", self.member)
        if session.has_begun(self.at) and not self.by.is_any("coordinator"):
            self.refuse(SessionBegun(session=session.id))
        consequences = Consequences(self, load)
        withdraw(consequences, session, self.member, self.reason_code)
        return consequences.occurrences


def withdraw(consequences: Consequences, session: Session, member: str, reason: WithdrawalReason) -> None:
    """Ends an enrolment; the seat goes on, and a wait that it stood in the way of may become a seat."""
    was: Standing = "confirmed" if member in session.confirmed else "waitlisted"
    consequences.happens(
        EnrolmentWithdrawn(member=member, session=session.id, module=session.module, was=was, reason_code=reason)
    )
    if was == "confirmed":
        consequences.fill_seats(session.id, freed_by=member)
        consequences.reconsider([member])


class EndMembership(Command, frozen=True, kw_only=True):
    """Ends a membership with that day, past or future.

    Enrolments not yet begun, waits and interests end at once, and the freed seats go on; a session under way may be
    finished. A place in an adviser team ends with the same day.
    """

    member: str
    ended_on: date

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Member, self.member)]

    def decide(self, load: Load) -> Decided:
        if not self.by.is_any("coordinator"):
            raise Forbidden
        bounds.day("ended_on", self.ended_on)
        member = existing(load, Member, self.member)
        if member.ended_on == self.ended_on:
            return Unchanged(member.position)
        if member.ended_on is not None:
            raise MembershipInactive(member=self.member, day=member.ended_on)
        if member.joined_on is not None and self.ended_on < member.joined_on:
            raise Invalid("ended_on", earliest=member.joined_on)
        consequences = Consequences(self, load)
        end_membership(self, consequences, member, self.ended_on, "membership_ended")
        return consequences.occurrences


def end_membership(
    command: Command, consequences: Consequences, member: Member, ended_on: date, reason: WithdrawalReason
) -> None:
    """Ends the membership and what depends on it. Waits end first, so that no freed seat goes to the one who leaves."""
    ended = MembershipEnded(member=member.id, ended_on=ended_on)
    consequences.happens(ended, command.end_of(ended_on))
    leaving = sorted(member.enrolments.items(), key=lambda item: item[1].standing == "confirmed")
    for session_id, enrolment in leaving:
        session = consequences.load(Session, session_id)
        if enrolment.standing == "waitlisted" or not session.has_begun(command.at):
            withdraw(consequences, session, member.id, reason)
    for module in member.interests:
        consequences.happens(InterestWithdrawn(member=member.id, module=module))
    for left in stays_cut_short(consequences.load(Adviser, member.id), ended_on):
        consequences.happens(left, command.end_of(left.to))


class ErasePersonalData(Command, frozen=True, kw_only=True):
    """Erases a person; the vault forgets them in the same transaction.

    A membership ends with the day, a place in an adviser team with the day before: nothing begins for them any more.
    """

    person: str

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Person, self.person), (Member, self.person), (Trainer, self.person)]

    def decide(self, load: Load) -> Decided:
        if self.by.person != self.person and not self.by.is_any("admin"):
            raise Forbidden
        person = existing(load, Person, self.person)
        if person.erased:
            return Unchanged(person.position)
        if person.legal_hold:
            self.refuse(UnderLegalHold(person=self.person))
        if trained := open_sessions_given(load, self.person):
            self.refuse(TrainsOpenSession(person=self.person, sessions=trained))
        consequences = Consequences(self, load)
        member = load(Member, self.person)
        if member.exists and (member.ended_on is None or member.ended_on >= self.at.date()):
            self._end_membership(consequences, member)
        consequences.happens(PersonalDataErased(person=self.person, member=member.id if member.exists else None))
        return consequences.occurrences

    def _end_membership(self, consequences: Consequences, member: Member) -> None:
        today = self.at.date()
        for left in stays_cut_short(consequences.load(Adviser, member.id), today - ONE_DAY):
            consequences.happens(left, self.end_of(left.to))
        end_membership(self, consequences, member, max(today, member.joined_on or today), "erased")


def open_sessions_given(load: Load, trainer: str) -> list[str]:
    """The sessions, neither closed nor cancelled, of which the person gives a slot."""
    sessions = (load(Session, id) for id in load(Trainer, trainer).sessions)
    return [session.id for session in sessions if session.is_open and session.is_given_by(trainer)]
