"""The log on a connection that the caller owns: lock, head, append. Every append anywhere goes through here.

Positions are given out under the lock, one after the other, so the log has no gaps and readers that follow it miss
nothing. Each row's hash covers the previous row's, so any later edit shows (see `verify`).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import msgspec
import psycopg
from eventsourcing.dcb.api import DCBEvent

from coopschool.sql import statements

SQL = statements("coopschool.eventstore", "statements.sql")
GENESIS = bytes(32)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Connection = psycopg.Connection[Any]


class _Row(msgspec.Struct):
    """A row on its way to the database."""

    position: int
    type: str
    tags: list[str]
    data: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    correlation: UUID
    causation: UUID | None
    hash: str


_encode_rows = msgspec.json.Encoder().encode


@dataclass
class RecordedEvent(DCBEvent):
    """A library event and the rest of its row. `position`, `recorded_at` and `hash` come at the append."""

    occurred_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    actor: str = "system"
    correlation: UUID = field(default_factory=uuid4)
    causation: UUID | None = None
    position: int = 0
    recorded_at: datetime = _EPOCH
    hash: bytes = GENESIS


class Head(NamedTuple):
    """Where the log ends; the head of an empty log is position 0 and a hash of zeros."""

    position: int
    hash: bytes
    recorded_at: datetime


EMPTY = Head(0, GENESIS, _EPOCH)


def lock(conn: Connection) -> None:
    """Takes the log's lock until the end of the transaction: must be its first statement."""
    conn.execute(SQL["lock_log"], prepare=True)


def head(conn: Connection) -> Head:
    row = conn.execute(SQL["head"], prepare=True).fetchone()
    return Head(*row) if row else EMPTY


def epoch(conn: Connection) -> UUID:
    """Which life of the log this is."""
    row = conn.execute(SQL["epoch"]).fetchone()
    assert row is not None
    found: UUID = row[0]
    return found


def chain(events: Iterable[RecordedEvent], after: Head, now: datetime) -> Head:
    """Gives the events their positions, time of recording and hashes, in place; answers the new head.

    `recorded_at` never runs backwards: it is the later of the clock and the previous row's.
    """
    recorded_at = max(now, after.recorded_at)
    position, previous = after.position, after.hash
    for event in events:
        position += 1
        event.position = position
        event.recorded_at = recorded_at
        event.hash = previous = hash_of(event, previous)
    return Head(position, previous, recorded_at)


def insert(conn: Connection, events: Sequence[RecordedEvent]) -> None:
    """Writes chained events and their tags in one statement."""
    rows = [
        _Row(
            position=e.position,
            type=e.type,
            tags=e.tags,
            data=e.data.decode(),
            occurred_at=e.occurred_at,
            recorded_at=e.recorded_at,
            actor=e.actor,
            correlation=e.correlation,
            causation=e.causation,
            hash=e.hash.hex(),
        )
        for e in events
    ]
    conn.execute(SQL["append"], (_encode_rows(rows).decode(),), prepare=True)


def notify(conn: Connection, position: int) -> None:
    """Wakes the followers at commit: the last statement of a transaction."""
    conn.execute(SQL["notify"], (str(position),), prepare=True)


_pack_position = struct.Struct(">q").pack
_pack_length = struct.Struct(">I").pack


def hash_of(event: RecordedEvent, previous: bytes) -> bytes:
    """sha256(previous hash ‖ position, type, tags in order, data, both times in microseconds, actor, correlation,
    causation), each with its length before it, so that no two rows have the same bytes."""
    parts = [
        _pack_position(event.position),
        event.type.encode(),
        _pack_length(len(event.tags)),
        *(tag.encode() for tag in event.tags),
        event.data,
        _pack_position((event.occurred_at - _EPOCH) // _MICROSECOND),
        _pack_position((event.recorded_at - _EPOCH) // _MICROSECOND),
        event.actor.encode(),
        event.correlation.bytes,
        event.causation.bytes if event.causation else b"",
    ]
    digest = hashlib.sha256(previous)
    digest.update(b"".join([_pack_length(len(part)) + part for part in parts]))
    return digest.digest()
