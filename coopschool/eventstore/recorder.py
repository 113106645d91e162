"""The library's recorder interface (`DCBRecorder`) over our log.

It passes the library's own test cases. Commands do not come through here but through the command bus, which appends
under the same lock by the same `log.insert`: there is no second door.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
from eventsourcing.dcb.api import (
    DCBAppendCondition,
    DCBEvent,
    DCBQuery,
    DCBReadResponse,
    DCBRecorder,
    DCBSequencedEvent,
)
from eventsourcing.dcb.persistence import DCBListenNotifySubscription
from eventsourcing.persistence import IntegrityError, ProgrammingError
from psycopg import sql
from psycopg.types.json import Jsonb

from coopschool.eventstore import log
from coopschool.eventstore.log import SQL, Connection, RecordedEvent


class PostgresRecorder(DCBRecorder):
    """Reads and appends events; `connect` gives a new connection whose search path is the school's schema."""

    def __init__(
        self, connect: Callable[[], Connection], now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.connect = connect
        self._now = now
        self._conn: Connection | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        if self._conn is not None:
            self._conn.close()

    def read(
        self, query: DCBQuery | None = None, *, after: int | None = None, limit: int | None = None
    ) -> DCBReadResponse:
        """The matching events after a position; `head` is the log's, or with a limit the last one returned."""
        with self._lock, self._transaction() as conn:
            # Under one snapshot, so that no event is between the last one read and the head.
            conn.execute("set transaction isolation level repeatable read, read only")
            events = _read(conn, query, after, limit)
            last = log.head(conn).position if limit is None else events[-1].position if events else 0
        return _Response(events, last or None)

    def append(self, events: Sequence[DCBEvent], condition: DCBAppendCondition | None = None) -> int:
        """Appends the events, unless the condition fails (`IntegrityError`); the position of the last."""
        if not events:
            raise ProgrammingError("There is nothing to append")
        recorded = [event if isinstance(event, RecordedEvent) else _recorded(event, self._now()) for event in events]
        with self._lock, self._transaction() as conn:
            log.lock(conn)
            if condition and _read(conn, condition.fail_if_events_match, condition.after, 1):
                raise IntegrityError(condition)
            head = log.chain(recorded, log.head(conn), self._now())
            log.insert(conn, recorded)
            log.notify(conn, head.position)
        return head.position

    def subscribe(self, query: DCBQuery | None = None, *, after: int | None = None) -> Subscription:
        """The matching events after a position, and then each new one as it comes."""
        return Subscription(self, query=query, after=after)

    def _transaction(self) -> psycopg.Connection[Any]:
        """The connection as a context: commits or rolls back, and is replaced when the server went away."""
        if self._conn is None or self._conn.closed:
            self._conn = self.connect()
        return _KeptOpen(self._conn)  # type: ignore[return-value]


class _KeptOpen:
    """Commits or rolls back at the end of a block, and leaves the connection open."""

    def __init__(self, conn: Connection) -> None:
        self._transaction = conn.transaction()
        self._conn = conn

    def __enter__(self) -> Connection:
        self._transaction.__enter__()
        return self._conn

    def __exit__(self, *error: Any) -> bool | None:
        return self._transaction.__exit__(*error)


class _Response(DCBReadResponse):
    def __init__(self, events: list[DCBSequencedEvent], head: int | None) -> None:
        self._events: Iterator[DCBSequencedEvent] = iter(events)
        self._head = head

    @property
    def head(self) -> int | None:
        return self._head

    def __next__(self) -> DCBSequencedEvent:
        return next(self._events)


def _read(conn: Connection, query: DCBQuery | None, after: int | None, limit: int | None) -> list[DCBSequencedEvent]:
    parameters: dict[str, Any] = {"after": after or 0, "limit": limit}
    if query and query.items:
        items = [{"types": item.types, "tags": sorted(set(item.tags))} for item in query.items]
        rows = conn.execute(SQL["read"], {**parameters, "items": Jsonb(items)})
    else:
        rows = conn.execute(SQL["read_all"], parameters)
    return [_sequenced(row) for row in rows]


def _sequenced(row: Sequence[Any]) -> DCBSequencedEvent:
    position, type, tags, data, occurred_at, recorded_at, actor, correlation, causation, hash = row
    event = RecordedEvent(
        type, data.encode(), tags, occurred_at, actor, correlation, causation, position, recorded_at, hash
    )
    return DCBSequencedEvent(event, position)


def _recorded(event: DCBEvent, now: datetime) -> RecordedEvent:
    return RecordedEvent(event.type, event.data, event.tags, occurred_at=now)


class Subscription(DCBListenNotifySubscription[PostgresRecorder]):
    """Follows the log. Its LISTEN connection is replaced when the server drops it, and each second it looks anyway."""

    POLL_SECONDS = 1.0

    def __init__(self, recorder: PostgresRecorder, query: DCBQuery | None = None, after: int | None = None) -> None:
        super().__init__(recorder=recorder, query=query, after=after)
        self._listener = threading.Thread(target=self._listen, name="log-listener", daemon=True)
        self._listener.start()

    def __exit__(self, *args: object, **kwargs: Any) -> None:
        super().__exit__(*args, **kwargs)
        self._listener.join()

    def _pull(self) -> None:
        # The reading connection may have died as well: the next wake-up reads again from where we are, on a new one.
        with suppress(psycopg.OperationalError):
            super()._pull()

    def _listen(self) -> None:
        stopped = threading.Event()
        while not self._has_been_stopped:
            with suppress(psycopg.OperationalError), self._recorder.connect() as conn:
                conn.autocommit = True
                row = conn.execute("select current_schema()").fetchone()
                conn.execute(sql.SQL("listen {}").format(sql.Identifier(row[0] if row else "")))
                while not self._has_been_stopped:
                    for _ in conn.notifies(timeout=self.POLL_SECONDS, stop_after=1):
                        pass
                    self._has_been_notified.set()
            self._has_been_notified.set()
            if not self._has_been_stopped:
                stopped.wait(self.POLL_SECONDS)  # the server is away: try again, without spinning
