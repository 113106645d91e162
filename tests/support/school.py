"""A small school to test with: one published module, sessions of it, members; all as events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from coopschool.domain.base import Actor, Event
from coopschool.domain.school.enrolment import MemberEnrolled, MemberWaitlisted
from coopschool.domain.school.learning_module import ModuleDrafted, ModulePublished
from coopschool.domain.school.member import MemberJoined
from coopschool.domain.school.person import PersonRegistered
from coopschool.domain.school.session import AttendanceLogged, AttendanceRecord, SessionScheduled, Slot
from tests.support.given_when_then import local

TRAINER = "tess"
COORDINATOR = Actor("cleo", frozenset({"coordinator"}))
ITS_TRAINER = Actor(TRAINER, frozenset({"trainer"}))
STRANGER = Actor("sam", frozenset({"member", "trainer"}))
PROMOTION_LEAD = timedelta(hours=48)
HALF_DAY = timedelta(hours=3)


def themselves(member: str) -> Actor:
    return Actor(member, frozenset({"member"}))


def module(code: str = "M01", *, prerequisites: tuple[str, ...] = ()) -> tuple[ModuleDrafted, ModulePublished]:
    """A published module for members of category A and B that asks for 80 % of the half-days."""
    drafted = ModuleDrafted(
        module=code,
        half_days=2,
        minutes=360,
        format="in_person",
        min_attendance=Decimal("0.8"),
        prerequisites=prerequisites,
        audience=("A", "B"),
        text=f"text-of-{code}",
    )
    return drafted, ModulePublished(module=code, revision=1)


def slots(*starts: str) -> tuple[Slot, ...]:
    """Half-days of three hours, numbered from 1."""
    begin = [local(start) for start in starts]
    return tuple(
        Slot(number=number, starts_at=start, ends_at=start + HALF_DAY) for number, start in enumerate(begin, start=1)
    )


def scheduled(session: str, *starts: str, module: str = "M01", seats: int = 2, **other: Any) -> SessionScheduled:
    """A session of one trainer with these half-days (by default 16 March, in two weeks, and the day after)."""
    held = slots(*(starts or ("2026-03-16 09:00", "2026-03-17 09:00")))
    arranged: dict[str, Any] = {
        "revision": 1,
        "audience": ("A", "B"),
        "prerequisites": (),
        "min_attendance": Decimal("0.8"),
        "trainers": (TRAINER,),
        "languages": ("fr",),
        "place": "liege",
        "format": "in_person",
        "promotion_cutoff": min(slot.starts_at for slot in held) - PROMOTION_LEAD,
    }
    return SessionScheduled(session=session, module=module, slots=held, seats=seats, **(arranged | other))


def joined(*members: str, category: str = "A") -> list[Event]:
    """People who joined on 5 January 2026."""
    people: list[Event] = [PersonRegistered(person=member) for member in members]
    day = date(2026, 1, 5)
    return people + [MemberJoined(member=member, category=category, joined_on=day) for member in members]  # type: ignore[arg-type]


def enrolled(session: str, *members: str, module: str = "M01") -> list[Event]:
    return [MemberEnrolled(member=member, session=session, module=module) for member in members]


def waiting(session: str, *members: str, module: str = "M01") -> list[Event]:
    """Members on the list, in this order, from rank 1."""
    return [
        MemberWaitlisted(member=member, session=session, module=module, rank=rank)
        for rank, member in enumerate(members, start=1)
    ]


def record(
    member: str, status: str = "present", minutes: int | None = None, mode: str | None = None
) -> AttendanceRecord:
    return AttendanceRecord(member=member, status=status, minutes=minutes, mode=mode)  # type: ignore[arg-type]


def logged(session: str, slot: int, records: Sequence[AttendanceRecord], module: str = "M01") -> AttendanceLogged:
    return AttendanceLogged(session=session, module=module, slot=slot, records=tuple(records))


def days_before(moment: datetime, days: float) -> datetime:
    return moment - timedelta(days=days)
