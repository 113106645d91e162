"""Schools to measure: a small one to write to, and logs of any length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from uuid import uuid4

from benchmarks.past import past
from coopschool.application import CoopSchool
from coopschool.demo.simulation import Simulation
from coopschool.domain.base import Occurrence
from coopschool.domain.school.learning_module import DraftModule, PublishModule
from coopschool.domain.school.membership import JoinAsMember
from coopschool.domain.school.scheduling import ScheduleSession
from coopschool.domain.school.session import Slot
from coopschool.eventstore import log
from coopschool.eventstore.log import Connection, RecordedEvent
from coopschool.eventstore.mapper import encode

ROWS_AT_ONCE = 5_000
SEATS = 20


@dataclass
class SmallSchool:
    """Published modules with one open session each, and members who may enrol."""

    sessions: list[str]
    members: list[str]


def small_school(school: CoopSchool, *, sessions: int, members: int) -> SmallSchool:
    """Adds modules with an open session each, and members, to whatever the log holds."""
    simulation = Simulation(len(str(uuid4())))
    now = school.now()
    made = SmallSchool([str(uuid4()) for _ in range(sessions)], [str(uuid4()) for _ in range(members)])
    for number, session in enumerate(made.sessions):
        module = f"B{uuid4().hex[:8].upper()}"
        begins = now + timedelta(days=10 + number)
        slot = Slot(number=1, starts_at=begins, ends_at=begins + timedelta(hours=3))
        simulation.do(
            DraftModule(
                module=module, half_days=1, minutes=180, format="online", min_attendance=Decimal("0.8"),
                prerequisites=(), audience=("A",), text=str(uuid4()), at=now,
            )
        )  # fmt: skip
        simulation.do(PublishModule(module=module, at=now))
        simulation.do(
            ScheduleSession(
                session=session, module=module, seats=SEATS, slots=(slot,), languages=("fr",), place="online",
                format="online", at=now,
            )
        )  # fmt: skip
    for member in made.members:
        simulation.do(JoinAsMember(person=member, category="A", joined_on=now.date(), at=now))
    with school.database.connect("app") as conn:
        append(conn, simulation.events)
    return made


def append(conn: Connection, events: Sequence[RecordedEvent]) -> None:
    """Appends prepared events in large pieces."""
    for start in range(0, len(events), ROWS_AT_ONCE):
        piece = events[start : start + ROWS_AT_ONCE]
        with conn.transaction():
            log.lock(conn)
            head = log.chain(piece, log.head(conn), datetime.now(UTC))
            log.insert(conn, piece)
            log.notify(conn, head.position)


def lengthen(conn: Connection, events: int) -> None:
    """Appends what a log lacks to so many events, of a school's past (`benchmarks.past`)."""
    row = conn.execute("select coalesce(max(position), 0) from events").fetchone()
    there = row[0] if row else 0
    history = islice(past(), there, events)
    while piece := [_recorded(occurrence) for occurrence in islice(history, ROWS_AT_ONCE)]:
        append(conn, piece)


def _recorded(occurrence: Occurrence) -> RecordedEvent:
    topic, data = encode(occurrence.event)
    return RecordedEvent(topic, data, occurrence.tags, occurrence.occurred_at)
