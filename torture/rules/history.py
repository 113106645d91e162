"""The log of one life as a stranger reads it: positions, names and JSON, none of the school's code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
import psycopg

READ = """
    select position, type, data, occurred_at, correlation
    from events
    where position in (select position from event_tags where tag = any(%s))
    order by position
"""


class Told(NamedTuple):
    """An event; `command` is the same for all that one command decided."""

    position: int
    what: str
    data: dict[str, Any]
    occurred_at: datetime
    command: Any


Known = Any
Connection = psycopg.Connection[Any]
# What must not be said where so much is known; and what must be true after each command.
Forbids = Callable[[Known, Told], bool]
Demands = Callable[[Known, Sequence[Told]], bool]


def length_of(conn: Connection) -> int:
    """How many events the log holds: positions have no gaps."""
    row = conn.execute("select coalesce(max(position), 0) from events").fetchone()
    assert row is not None
    return int(row[0])


def history_of(conn: Connection, tags: list[str]) -> list[Told]:
    """Every event with one of the tags, in the order of the log."""
    rows = conn.execute(READ, [tags]).fetchall()
    return [
        Told(position, topic.partition(".")[0], msgspec.json.decode(data), occurred_at, command)
        for position, topic, data, occurred_at, command in rows
    ]


def broken(
    told: Sequence[Told],
    known: Known,
    forbidden: Iterable[Forbids],
    demanded: Iterable[Demands],
) -> Iterator[str]:
    """The invariants that the log breaks, each as its own sentence says it, and where."""
    forbidden, demanded = list(forbidden), list(demanded)
    for decided in by_command(told):
        for one in decided:
            for forbids in forbidden:
                if forbids(known, one):
                    yield f"position {one.position}, {one.what}: not so: {forbids.__doc__}"
            known.fold(one)
        for demands in demanded:
            if not demands(known, decided):
                yield f"after position {decided[-1].position}, {decided[-1].what}: not so: {demands.__doc__}"


def by_command(told: Sequence[Told]) -> Iterator[list[Told]]:
    """What each command decided."""
    for _, decided in groupby(told, key=lambda one: one.command):
        yield list(decided)
