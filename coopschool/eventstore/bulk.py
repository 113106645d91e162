"""Many events at once, decided without the lock: staged beside the log, then appended behind its head in one statement.

The lock is held only for the check, the hash chain and the insert, so live commands wait seconds at most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from coopschool.eventstore import log
from coopschool.eventstore.log import Connection, Head, RecordedEvent
from coopschool.sql import statements

SQL = statements("coopschool.eventstore", "bulk.sql")


class Overtaken(Exception):
    """Something that the events stand on has changed since they were decided: decide again."""


def stage(conn: Connection, events: Sequence[RecordedEvent]) -> None:
    """Sends the events to the server. Needs no lock; `conn` commits each statement by itself."""
    conn.execute(SQL["end_staging"])
    conn.execute(SQL["begin_staging"])
    with conn.cursor() as cursor, cursor.copy(SQL["stage"]) as copy:
        for number, event in enumerate(events, start=1):
            copy.write_row(
                (
                    number,
                    event.type,
                    event.tags,
                    event.data.decode(),
                    event.occurred_at,
                    event.actor,
                    event.correlation,
                    event.causation,
                )
            )


def append(
    conn: Connection,
    events: Sequence[RecordedEvent],
    *,
    decided_at: int,
    relied_on: Mapping[str, frozenset[str]],
    now: Callable[[], datetime],
    beside: Callable[[Connection], None],
) -> Head:
    """Appends what was staged, in one transaction with `beside`; the new head of the log.

    `relied_on` maps the tags that the decisions at log position `decided_at` looked at to the stored names that
    count. Raises `Overtaken`, having written nothing, where one of them was appended since; so may `beside`.
    """
    with conn.transaction():
        log.lock(conn)
        conn.execute(SQL["take_time"])
        head = log.head(conn)
        if head.position > decided_at:
            _check(conn, decided_at, relied_on)
        after, head = head.position, log.chain(events, head, now())
        if events:
            conn.execute(SQL["begin_chaining"])
            _chain(conn, events)
            conn.execute(SQL["append_staged"], {"after": after, "recorded_at": head.recorded_at})
        beside(conn)
        if events:
            log.notify(conn, head.position)
    return head


def _check(conn: Connection, decided_at: int, relied_on: Mapping[str, frozenset[str]]) -> None:
    for topic, tags in conn.execute(SQL["appended_after"], (decided_at,)):
        for tag in tags:
            if topic in relied_on.get(tag, ()):
                raise Overtaken(tag)


def _chain(conn: Connection, events: Sequence[RecordedEvent]) -> None:
    with conn.cursor() as cursor, cursor.copy(SQL["chain"]) as copy:
        for number, event in enumerate(events, start=1):
            copy.write_row((number, event.hash))
