"""The past of a school, of any length: people join and enrol, some wait, come late or stay away, some complete.

Events come in the order in which they happen, those of some five hundred sessions side by side; two in three are of
enrolments and their outcomes. A million are four years.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import UUID

from coopschool.domain.base import Event, Occurrence
from coopschool.domain.school.enrolment import (
    EnrolmentWithdrawn,
    InterestRegistered,
    MemberEnrolled,
    MemberPromoted,
    MemberWaitlisted,
    ModuleCompleted,
    ModuleNotCompleted,
    WaitlistLapsed,
)
from coopschool.domain.school.member import MemberJoined
from coopschool.domain.school.person import PersonRegistered
from coopschool.domain.school.session import AttendanceLogged, AttendanceRecord, SessionClosed, SessionScheduled, Slot
from coopschool.domain.school.words import Category, Language

START = datetime(2000, 1, 3, 9, tzinfo=UTC)
EVERY = timedelta(hours=2)  # a session begins
SEATS = 20
WAITING = 4
GIVE_UP = 2
SLOTS = 2
NEWCOMERS = 5
LEARNERS = 400  # who joined last: they are those who enrol
CATEGORIES: tuple[Category, ...] = ("candidate", "A", "B", "C")
LANGUAGES: tuple[Language, ...] = ("fr", "nl")


def past() -> Iterator[Occurrence]:
    """What happened, for ever; always the same."""
    chance = random.Random(7)
    learners: deque[str] = deque(maxlen=LEARNERS)
    coming: list[tuple[datetime, int, Occurrence]] = []
    order = count()
    for number in count():
        begins = START + EVERY * number
        announced = begins - timedelta(days=40)
        while coming and coming[0][0] <= announced:
            yield heapq.heappop(coming)[2]
        joining = [_id(chance) for _ in range(NEWCOMERS if learners else LEARNERS)]
        learners.extend(joining)
        found = [*_joining(joining, announced, chance), *_session(learners, number, begins, chance)]
        for event, at in found:
            heapq.heappush(coming, (at, next(order), Occurrence(event, at)))


def _id(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))


def _joining(people: list[str], at: datetime, chance: random.Random) -> Iterator[tuple[Event, datetime]]:
    for person in people:
        yield PersonRegistered(person=person), at
        yield MemberJoined(member=person, category=chance.choice(CATEGORIES), joined_on=at.date()), at


def _session(
    learners: deque[str], number: int, begins: datetime, chance: random.Random
) -> Iterator[tuple[Event, datetime]]:
    session, module = _id(chance), f"M{number % 14 + 1:02}"
    days = [begins + timedelta(days=7 * week) for week in range(SLOTS)]
    slots = tuple(Slot(number=n, starts_at=day, ends_at=day + timedelta(hours=3)) for n, day in enumerate(days, 1))
    yield SessionScheduled(
        session=session, module=module, revision=1, audience=CATEGORIES, prerequisites=(), slots=slots,
        min_attendance=Decimal("0.8"), seats=SEATS, trainers=(), languages=(LANGUAGES[number % 2],), place="online",
        format="online", promotion_cutoff=begins - timedelta(days=2),
    ), begins - timedelta(days=40)  # fmt: skip
    *seated, wishes = chance.sample(learners, SEATS + WAITING + 1)
    seated, waiting = seated[:SEATS], seated[SEATS:]
    opened = begins - timedelta(days=30)
    for minute, member in enumerate(seated):
        yield MemberEnrolled(member=member, session=session, module=module), opened + timedelta(minutes=minute)
    for rank, member in enumerate(waiting, 1):
        waits = MemberWaitlisted(member=member, session=session, module=module, rank=rank)
        yield waits, opened + timedelta(hours=1, minutes=rank)
    yield InterestRegistered(member=wishes, module=module, languages=("fr",), places=("online",), since=opened), opened
    for rank, (leaver, follower) in enumerate(zip(seated[:GIVE_UP], waiting, strict=False), 1):
        at = begins - timedelta(days=10 - rank)
        yield EnrolmentWithdrawn(
            member=leaver, session=session, module=module, was="confirmed", reason_code="work"
        ), at  # fmt: skip
        promoted = MemberPromoted(member=follower, session=session, module=module, rank=rank, rule="first_eligible")
        yield promoted, at
    for rank, member in enumerate(waiting[GIVE_UP:], GIVE_UP + 1):
        yield WaitlistLapsed(member=member, session=session, module=module, rank=rank), begins
    seated = seated[GIVE_UP:] + waiting[:GIVE_UP]
    half_days = dict.fromkeys(seated, 0.0)
    for slot in slots:
        records = tuple(_record(member, chance) for member in seated)
        for record in records:
            half_days[record.member] += {"present": 1, "partial": 0.5}.get(record.status, 0)
        yield AttendanceLogged(session=session, module=module, slot=slot.number, records=records), slot.starts_at
    closed = days[-1] + timedelta(days=1)
    yield SessionClosed(session=session, module=module), closed
    for member, attended in half_days.items():
        outcome = ModuleCompleted if attended >= 0.8 * SLOTS else ModuleNotCompleted
        yield outcome(
            member=member, session=session, module=module, attended=(int(2 * attended), 2), expected=SLOTS
        ), closed  # fmt: skip


def _record(member: str, chance: random.Random) -> AttendanceRecord:
    drawn = chance.random()
    if drawn < 0.05:
        return AttendanceRecord(member=member, status="partial", minutes=90)
    return AttendanceRecord(member=member, status="present" if drawn < 0.85 else "absent")
