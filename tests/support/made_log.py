"""Logs made up for tests and measurements: events straight into the log, without commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from coopschool.domain import tags
from coopschool.domain.base import Event
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
from coopschool.domain.school.learning_module import ModuleDrafted, ModulePublished
from coopschool.domain.school.member import MemberJoined
from coopschool.domain.school.person import PersonRegistered
from coopschool.domain.school.session import (
    AttendanceLogged,
    AttendanceRecord,
    SessionClosed,
    SessionScheduled,
    Slot,
)
from coopschool.eventstore.mapper import encode

BRUSSELS = ZoneInfo("Europe/Brussels")
Dated = tuple[datetime, Event]


def record(conn: psycopg.Connection[Any], happened: Iterable[Dated], recorded_at: datetime | None = None) -> int:
    """Appends events at the end of the log, as its owner may; answers the last position. Hashes are left out."""
    row = conn.execute("select coalesce(max(position), 0) from events").fetchone()
    position = int(row[0]) if row else 0
    now = recorded_at or datetime.now(UTC)
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute("create temp table given (like events including defaults) on commit drop")
        with cursor.copy("copy given from stdin") as copy:
            for occurred_at, event in happened:
                position += 1
                topic, data = encode(event)
                row = (
                    position,
                    topic,
                    tags.of(event),
                    data.decode(),
                    occurred_at,
                    now,
                    "system",
                    UUID(int=0),
                    None,
                    b"",
                )
                copy.write_row(row)
        cursor.execute("insert into events select * from given")
        cursor.execute("insert into event_tags select distinct tag, type, position from given, unnest(tags) as tag")
    return position


def busy_school(
    size: int, *, seed: int = 1, first: datetime = datetime(2015, 1, 5, 9, tzinfo=BRUSSELS)
) -> Iterator[Dated]:
    """About so many events of a plausible school, in the order in which they happened, session after session."""
    random = Random(seed)
    modules = [f"M{number:02}" for number in range(1, 15)]
    made = 0

    def fresh() -> str:
        return str(UUID(int=random.getrandbits(128), version=4))

    moment = first
    for module in modules:
        draft: dict[str, Any] = {"half_days": 2, "minutes": 360, "format": "in_person", "audience": ("A", "B", "C")}
        yield (
            moment,
            ModuleDrafted(module=module, min_attendance=Decimal("0.8"), prerequisites=(), text=fresh(), **draft),
        )
        yield moment, ModulePublished(module=module, revision=1)
        made += 2
    people: list[str] = []
    while made < size:
        moment += timedelta(hours=3)
        events = list(_one_session(random, fresh, modules, people, moment))
        made += len(events)
        yield from events


def _one_session(random: Random, fresh: Any, modules: list[str], people: list[str], start: datetime) -> Iterator[Dated]:
    for _ in range(3):
        person = fresh()
        people.append(person)
        yield start, PersonRegistered(person=person)
        yield (
            start,
            MemberJoined(member=person, category=random.choice(["candidate", "A", "B", "C"]), joined_on=start.date()),
        )
    session, module, seats = fresh(), random.choice(modules), 15
    slots = tuple(
        Slot(number=n + 1, starts_at=start + timedelta(days=20 + n), ends_at=start + timedelta(days=20 + n, hours=3))
        for n in range(3)
    )
    key: dict[str, Any] = {"session": session, "module": module}
    yield (
        start,
        SessionScheduled(
            revision=1, audience=("A", "B", "C"), prerequisites=(), min_attendance=Decimal("0.8"), slots=slots,
            seats=seats, trainers=(fresh(),), languages=(random.choice(["fr", "nl", "en"]),),
            place=random.choice(["LIE", "BRU", "GNT"]), format="in_person", promotion_cutoff=start + timedelta(days=18),
            **key,
        ),
    )  # fmt: skip
    asking = random.sample(people, min(len(people), random.randint(8, 20)))
    inside, waiting = asking[:seats], asking[seats:]
    for n, member in enumerate(inside):
        yield start + timedelta(minutes=n), MemberEnrolled(member=member, **key)
    for n, member in enumerate(waiting):
        yield start + timedelta(hours=1, minutes=n), MemberWaitlisted(member=member, rank=n + 1, **key)
    for gone in random.sample(inside, min(2, len(inside))):
        moment = start + timedelta(days=random.randint(1, 17))
        yield moment, EnrolmentWithdrawn(member=gone, was="confirmed", reason_code="work", **key)
        inside.remove(gone)
        if waiting:
            luckily = waiting.pop(0)
            inside.append(luckily)
            yield moment, MemberPromoted(member=luckily, rank=1, rule="first_eligible", **key)
    for n, member in enumerate(waiting):
        yield slots[0].starts_at, WaitlistLapsed(member=member, rank=n + 2, **key)
        yield (
            slots[0].starts_at,
            InterestRegistered(member=member, module=module, languages=("fr",), places=("LIE",), since=start),
        )
    there = dict.fromkeys(inside, 0)
    for slot in slots:
        records = []
        for member in inside:
            status = random.choices(["present", "absent", "excused", "partial"], [85, 8, 4, 3])[0]
            there[member] += status == "present"
            minutes = random.choice([30, 60, 90]) if status == "partial" else None
            records.append(AttendanceRecord(member=member, status=status, minutes=minutes))  # type: ignore[arg-type]
        yield slot.starts_at, AttendanceLogged(slot=slot.number, records=tuple(records), **key)
    closing = slots[-1].ends_at + timedelta(hours=1)
    yield closing, SessionClosed(**key)
    for member, times in there.items():
        outcome = ModuleCompleted if times == 3 else ModuleNotCompleted
        yield closing, outcome(member=member, attended=(times, 1), expected=3, **key)
