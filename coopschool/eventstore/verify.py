"""Looks over the whole log: no gaps, the hash chain whole, times in order, every event readable, the tag index right.

It reads one snapshot, row by row, so the log may be of any size and grow meanwhile. What it cannot see alone is a cut
tail: that takes a checkpoint kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from coopschool.eventstore import log
from coopschool.eventstore.log import SQL, Connection, RecordedEvent
from coopschool.eventstore.mapper import UnknownEvent, decode

READ_AT_ONCE = 5_000


class Finding(NamedTuple):
    """Something wrong with the log: at which position, which check found it, and what it is."""

    position: int
    check: str
    detail: str


def verify(conn: Connection, progress: Callable[[int], None] = lambda _rows: None) -> Iterator[Finding]:
    """Everything that is wrong with the log, in order of position; then what is wrong with the tag index.

    `conn` must not be in a transaction. `progress` is told how many rows were read, now and then.
    """
    with conn.transaction():
        conn.execute("set transaction isolation level repeatable read, read only")
        yield from verify_rows(conn, progress)
        yield from _verify_tag_index(conn)


def verify_rows(conn: Connection, progress: Callable[[int], None]) -> Iterator[Finding]:
    """Everything that is wrong with the log's rows, as the transaction that `conn` is in sees them."""
    before = log.EMPTY
    rows_since = 0
    with conn.cursor("verify") as cursor:
        cursor.itersize = READ_AT_ONCE
        for row in cursor.execute(SQL["read_all"], {"after": 0, "limit": None}):
            event = event_of(row)
            yield from _verify_row(event, before)
            before = log.Head(event.position, event.hash, event.recorded_at)
            rows_since += 1
            if rows_since == READ_AT_ONCE:
                progress(rows_since)
                rows_since = 0
    progress(rows_since)


def event_of(row: Any) -> RecordedEvent:
    """A row of the log as `read_all` gives it."""
    position, type, tags, data, occurred_at, recorded_at, actor, correlation, causation, hash = row
    assert isinstance(correlation, UUID)
    return RecordedEvent(
        type, data.encode(), tags, occurred_at, actor, correlation, causation, position, recorded_at, bytes(hash)
    )


def _verify_row(event: RecordedEvent, before: log.Head) -> Iterator[Finding]:
    if event.position != before.position + 1:
        yield Finding(event.position, "gapless", f"the position before is {before.position}")
    if event.recorded_at < before.recorded_at:
        yield Finding(event.position, "recorded_at", f"earlier than the row before ({before.recorded_at.isoformat()})")
    if event.hash != log.hash_of(event, before.hash):
        yield Finding(event.position, "hash chain", "this row or the one before it is not as it was written")
    try:
        decode(event.type, event.data)
    except UnknownEvent:
        yield Finding(
            event.position, "decodes", f"no event is called {event.type!r}: was it written by a newer version?"
        )
    except msgspec.MsgspecError as error:
        yield Finding(event.position, "decodes", f"{event.type}: {error}")


def _verify_tag_index(conn: Connection) -> Iterator[Finding]:
    for position, tag in conn.execute(SQL["tags_missing"]):
        yield Finding(position, "tag index", f"lacks {tag}")
    for position, tag in conn.execute(SQL["tags_too_many"]):
        yield Finding(position, "tag index", f"has {tag}, which the event does not carry")
