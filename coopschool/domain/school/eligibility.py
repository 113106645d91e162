"""Who may take a seat: membership, category, prerequisites, no overlap, one open enrolment a person and module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from coopschool.domain.base import Load
from coopschool.domain.errors import RuleBroken
from coopschool.domain.school.enrolment import (
    AlreadyEnrolled,
    CategoryNotAdmitted,
    OverlapsOwnSession,
    PassedOver,
    PassedOverWhy,
    PrerequisitesMissing,
)
from coopschool.domain.school.member import Member, MembershipInactive
from coopschool.domain.school.session import Session, Slot, Waiting

_WHY: dict[type[RuleBroken], PassedOverWhy] = {
    MembershipInactive: "membership_ended",
    CategoryNotAdmitted: "category_not_admitted",
    PrerequisitesMissing: "prerequisites_missing",
    AlreadyEnrolled: "enrolled_elsewhere",
    OverlapsOwnSession: "overlaps",
}


def obstacles(session: Session, member: Member, at: datetime, load: Load) -> Iterator[RuleBroken]:
    """The rules that keep a member from a seat in a session, none if they may take it.

    Membership and category count on the first slot's local day, for those who come later on the day they come.
    """
    day = max(session.starts_at.astimezone(at.tzinfo).date(), at.date())
    category = member.category_on(day)
    if category is None:
        yield MembershipInactive(member=member.id, day=day)
    elif category not in session.audience:
        yield CategoryNotAdmitted(member=member.id, category=category, audience=list(session.audience))
    if missing := prerequisites_missing(member, session.module, session.prerequisites):
        yield PrerequisitesMissing(member=member.id, missing=missing)
    if elsewhere := _seat_elsewhere(session, member):
        yield AlreadyEnrolled(member=member.id, session=elsewhere)
    if overlapping := _overlapping(session, member, load):
        yield OverlapsOwnSession(member=member.id, sessions=overlapping)


def prerequisites_missing(member: Member, module: str, prerequisites: Sequence[str]) -> list[str]:
    """The prerequisites neither completed nor waived; none for a module that is waived itself."""
    if module in member.waived:
        return []
    return [code for code in prerequisites if not member.has_met(code)]


def first_eligible(session: Session, at: datetime, load: Load) -> tuple[Waiting | None, list[PassedOver]]:
    """The first in rank who may take a seat (None: nobody), and those passed over on the way."""
    passed_over: list[PassedOver] = []
    for rank, waiting in session.waitlist.items():
        obstacle = next(obstacles(session, load(Member, waiting.member), at, load), None)
        if obstacle is None:
            return waiting, passed_over
        passed_over.append(PassedOver(rank=rank, why=_WHY[type(obstacle)]))
    return None, passed_over


def overlap(one: Sequence[Slot], other: Sequence[Slot]) -> bool:
    """Whether two timetables, each in order of time and without overlaps of its own, share a moment."""
    mine, theirs = 0, 0
    while mine < len(one) and theirs < len(other):
        if one[mine].ends_at <= other[theirs].starts_at:
            mine += 1
        elif other[theirs].ends_at <= one[mine].starts_at:
            theirs += 1
        else:
            return True
    return False


def seats_elsewhere(session: Session, member: Member) -> list[str]:
    """The other sessions in which the member has a seat now."""
    return [id for id, own in member.enrolments.items() if own.standing == "confirmed" and id != session.id]


def _seat_elsewhere(session: Session, member: Member) -> str | None:
    own = seats_elsewhere(session, member)
    return next((id for id in own if member.enrolments[id].module == session.module), None)


def _overlapping(session: Session, member: Member, load: Load) -> list[str]:
    own = seats_elsewhere(session, member)
    return [id for id in own if overlap(session.timetable, load(Session, id).timetable)]
