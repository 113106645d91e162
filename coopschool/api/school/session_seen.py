"""What callers see of a session: everybody its places, those who run it also the people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from psycopg import Connection

from coopschool import vault
from coopschool.api.reads import Reads
from coopschool.domain.base import Actor
from coopschool.domain.school.enrolment import Standing
from coopschool.domain.school.session import Mode, Session, Status
from coopschool.domain.school.words import Category, Format, Language

# Said as in lists: a session that is scheduled is open to changes, whether or not a seat is free.
STATUS: Mapping[str, Literal["open", "cancelled", "closed"]] = {
    "scheduled": "open",
    "cancelled": "cancelled",
    "closed": "closed",
}

# How long after the closing trainers may still see who their learners were.
NAMES_FOR_TRAINERS = timedelta(days=30)


class SlotSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A slot; `logged` once its sheet is in."""

    number: int
    starts_at: datetime
    ends_at: datetime
    cancelled: bool
    logged: bool
    trainers: list[str]


class PresenceSeen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How somebody was there in one slot."""

    slot: int
    status: Status
    minutes: int | None = None
    mode: Mode | None = None


class Learner(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody enrolled; the name is null where it was erased, or is no longer for trainers to see."""

    person_id: str
    name: str | None
    status: Standing
    rank: int | None
    walk_in: bool
    since: datetime
    attendance: list[PresenceSeen]


class Own(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The caller's own place in the session."""

    status: Standing
    rank: int | None = None


class SessionSeen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A session; `people` only for those who run it, `own` only for those enrolled."""

    session_id: str
    module: str
    status: Literal["open", "cancelled", "closed"]
    seats: int
    free: int
    waiting: int
    languages: list[Language]
    place: str
    format: Format
    trainers: list[str]
    slots: list[SlotSeen]
    audience: list[Category]
    prerequisites: list[str]
    min_attendance: float
    promotion_cutoff: datetime
    closed_at: datetime | None = None
    team: str | None = None
    own: Own | None = None
    people: list[Learner] | None = None


def runs(actor: Actor, session: Session) -> bool:
    """Whether the caller runs the session: a coordinator, or one of its trainers."""
    return actor.is_any("coordinator") or session.is_given_by(actor.person)


def sees_names(actor: Actor, session: Session, now: datetime) -> bool:
    """Coordinators see names; trainers those of their own sessions, until the 30th day after closing is over."""
    if actor.is_any("coordinator"):
        return True
    if session.closed_at is None:
        return session.is_given_by(actor.person)
    last_day = session.closed_at.astimezone(now.tzinfo).date() + NAMES_FOR_TRAINERS
    return session.is_given_by(actor.person) and now.date() <= last_day


def glance(session: Session, actor: Actor, now: datetime) -> tuple[int, SessionSeen]:
    """The session's revision, and what this caller sees of it; names are still to come from the vault."""
    people = _people(session, named=sees_names(actor, session, now)) if runs(actor, session) else None
    seen = SessionSeen(
        session_id=session.id,
        module=session.module,
        status=STATUS[session.status or "scheduled"],
        seats=session.seats,
        free=max(session.free, 0),
        waiting=len(session.waitlist),
        languages=list(session.languages),
        place=session.place,
        format=session.format,
        trainers=list(session.trainers),
        slots=[_slot(session, number) for number in sorted(session.slots)],
        audience=list(session.audience),
        prerequisites=list(session.prerequisites),
        min_attendance=float(session.min_attendance),
        promotion_cutoff=session.promotion_cutoff,
        closed_at=session.closed_at,
        team=session.team,
        own=_own(session, actor.person),
        people=people,
    )
    return session.details_revision, seen


async def with_words(reads: Reads, seen: SessionSeen) -> SessionSeen:
    """The same with the place's words and the people's names."""
    named = [learner.person_id for learner in seen.people or () if learner.name is not None]

    def look(connection: Connection[Any]) -> tuple[dict[str, str], dict[str, vault.PersonalDetails]]:
        return vault.places(connection, [seen.place]), vault.people(connection, named)

    places, details = await reads.vault(look)
    people = seen.people and [
        msgspec.structs.replace(learner, name=details.get(learner.person_id, vault.NOBODY).name)
        for learner in seen.people
    ]
    return msgspec.structs.replace(seen, place=places.get(seen.place, seen.place), people=people)


def _slot(session: Session, number: int) -> SlotSeen:
    slot = session.slots[number]
    return SlotSeen(
        number=number,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        cancelled=number in session.cancelled_slots,
        logged=number in session.sheets,
        trainers=list(session.trainers_by_slot[number]),
    )


def _own(session: Session, person: str | None) -> Own | None:
    if person in session.confirmed:
        return Own(status="confirmed")
    if person in session.ranks:
        return Own(status="waitlisted", rank=session.ranks[person])
    return None


def _people(session: Session, *, named: bool) -> list[Learner]:
    """Seats, then the waiting list; a name that may be shown is an empty text until the vault is asked."""
    name = "" if named else None
    seated = [
        Learner(
            person_id=member,
            name=name,
            status="confirmed",
            rank=None,
            walk_in=seat.walk_in,
            since=seat.since,
            attendance=_attendance(session, member),
        )
        for member, seat in session.confirmed.items()
    ]
    waiting = [
        Learner(
            person_id=place.member,
            name=name,
            status="waitlisted",
            rank=rank,
            walk_in=False,
            since=place.since,
            attendance=[],
        )
        for rank, place in sorted(session.waitlist.items())
    ]
    return seated + waiting


def _attendance(session: Session, member: str) -> list[PresenceSeen]:
    seen = []
    for slot in sorted(session.sheets):
        presence = session.presence(slot, member)
        seen.append(PresenceSeen(slot=slot, status=presence.status, minutes=presence.minutes, mode=presence.mode))
    return seen
