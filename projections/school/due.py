"""What falls due by itself: read by the timekeeper, which gives the commands."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from coopschool.sql import statements
from projections.generations import Connection, in_live_facts

SQL = statements("projections.school", "due.sql")


class Due(NamedTuple):
    """Something to do since `due_at`; `subject` is the id of what it is about (here, a session)."""

    due_at: datetime
    kind: Literal["lapse_waiting_list"]
    subject: str


def due(conn: Connection, now: datetime) -> list[Due]:
    """What is due, the oldest first; nothing before there are facts. The facts may lag: ask again, decide exactly."""
    with in_live_facts(conn) as generation:
        return [] if generation is None else [Due(*row) for row in conn.execute(SQL["due"], [now]).fetchall()]


def next_due(conn: Connection, now: datetime) -> datetime | None:
    """When something will be due next; None if nothing is foreseen."""
    with in_live_facts(conn) as generation:
        row = None if generation is None else conn.execute(SQL["next_due"], [now]).fetchone()
        return row[0] if row else None
