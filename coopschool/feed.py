"""The log as those see it who follow it from outside: pages of events after a position.

This is the view of admins and integrations: ids, and no answers. Researchers have one of their own
(`coopschool.researcher_feed`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from difflib import get_close_matches
from itertools import chain, starmap
from threading import Event as StopEvent
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import msgspec
import psycopg
import structlog
from psycopg import sql

from coopschool.database import Database
from coopschool.domain.base import Event
from coopschool.domain.errors import Invalid, RuleBroken
from coopschool.eventstore.mapper import topics_named
from coopschool.pseudonyms import without_answers
from coopschool.sql import statements

SQL = statements("coopschool", "feed.sql")
PAGE = 1_000
AT_ONCE = 5_000
POLL = 1.0  # seconds without news after which to look all the same
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)  # seconds between attempts to reach the database again

Connection = psycopg.Connection[Any]

logger = structlog.get_logger("coopschool.feed")


class BeyondTheLog(RuleBroken):
    """The log does not reach so far."""


class AnotherEpoch(RuleBroken):
    """The log was restored since: these positions are of its earlier life."""


class SeenEvent(msgspec.Struct, frozen=True):
    """An event as the feed shows it: `data` as it was stored, without answers."""

    position: int
    type: str
    tags: list[str]
    occurred_at: datetime
    recorded_at: datetime
    data: msgspec.Raw


class Page(msgspec.Struct, frozen=True):
    """Events in order. `next` is the last position looked at, to go on after; `at_end`: there is no more for now.

    `epoch` names the life of the log that the positions are of.
    """

    events: list[SeenEvent]
    next: int
    at_end: bool
    epoch: UUID


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted: events of these types (``MemberEnrolled``: all its versions), carrying this tag, of these times.

    `epoch` is the life of the log that the asker's positions are of, if they say. Raises `Invalid` for a type that
    does not exist.
    """

    types: tuple[str, ...] = ()
    tag: str | None = None
    occurred_from: datetime | None = None
    occurred_to: datetime | None = None
    epoch: UUID | None = None

    def topics(self, besides: Sequence[str] = ()) -> list[str] | None:
        """The stored names; None for all. `besides` are names that a view has of its own, stored nowhere."""
        return [topic for name in self.types if name not in besides for topic in _topics(name, besides)] or None


class Rows:
    """What PostgreSQL answered. Each row is read when it is its turn: of many rows that are there at once, Python's
    search for garbage would take as long as all that is done with them.
    """

    def __init__(self, cursor: psycopg.Cursor[tuple[Any, ...]]) -> None:
        self._cursor = cursor

    def __len__(self) -> int:
        return self._cursor.rowcount

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        if self:
            self._cursor.scroll(0, mode="absolute")
        return iter(self._cursor)

    @property
    def last(self) -> int:
        """The position in the last row."""
        self._cursor.scroll(len(self) - 1, mode="absolute")
        row = self._cursor.fetchone()
        assert row is not None
        return int(row[0])


class Found(NamedTuple):
    """Rows of the log on their way to a `Page`; `see` makes of each what its reader may see."""

    rows: Sequence[Rows]
    see: Callable[..., SeenEvent]
    next: int
    at_end: bool
    epoch: UUID

    def events(self) -> Iterator[SeenEvent]:
        return starmap(self.see, chain.from_iterable(self.rows))

    def page(self) -> Page:
        return Page(list(self.events()), self.next, self.at_end, self.epoch)


class View(Protocol):
    """The log as somebody may see it."""

    def find(self, conn: Connection, query: Query, after: int, limit: int | None) -> Found:
        """At most `limit` events after a position; None: as many as are easily read at once.

        Raises `Invalid`, `BeyondTheLog`, `AnotherEpoch`.
        """

    def page(self, conn: Connection, query: Query, after: int = 0, limit: int | None = PAGE) -> Page:
        """`find`, as it is shown."""
        return self.find(conn, query, after, limit).page()

    def at(self, conn: Connection, positions: Sequence[int]) -> list[SeenEvent]:
        """What may be seen of the events at these positions."""


class Whole(View):
    """Every event, with its ids, without answers."""

    def find(self, conn: Connection, query: Query, after: int, limit: int | None) -> Found:
        most = limit or AT_ONCE
        # The end is read first: what is appended meanwhile may be shown, but is not taken for looked at.
        head, epoch = end(conn, query, after)
        parameters = {
            "after": after,
            "types": query.topics(),
            "tag": query.tag,
            "occurred_from": query.occurred_from,
            "occurred_to": query.occurred_to,
            "limit": most,
        }
        rows = Rows(conn.execute(SQL["page" if query.tag is None else "page_of_tag"], parameters, binary=True))
        last = rows.last if rows else after
        if len(rows) == most:
            return Found([rows], _seen, last, last >= head, epoch)
        return Found([rows], _seen, max(head, last), at_end=True, epoch=epoch)

    def at(self, conn: Connection, positions: Sequence[int]) -> list[SeenEvent]:
        return [_seen(*row) for row in conn.execute(SQL["at"], [list(positions)], binary=True).fetchall()]


WHOLE = Whole()
page = WHOLE.page


def _seen(
    position: int, topic: str, tags: list[str], occurred_at: datetime, recorded_at: datetime, data: str
) -> SeenEvent:
    return SeenEvent(position, topic, tags, occurred_at, recorded_at, msgspec.Raw(without_answers(topic, data)))


def _topics(name: str, besides: Sequence[str]) -> list[str]:
    found = topics_named(name)
    if not found:
        known = sorted({topic.rpartition(".")[0] for topic in Event.BY_TOPIC} | set(besides))
        raise Invalid("type", value=name, known=get_close_matches(name, known, n=3, cutoff=0.4) or known)
    return found


def head(conn: Connection) -> int:
    """The position of the log's last event; 0 while it is empty."""
    row = conn.execute(SQL["head"]).fetchone()
    return int(row[0]) if row else 0


def end(conn: Connection, query: Query, after: int) -> tuple[int, UUID]:
    """Where the log ends, and its epoch. Raises `AnotherEpoch`, `BeyondTheLog` for what is asked of another log."""
    row = conn.execute(SQL["end"]).fetchone()
    assert row is not None
    head, epoch = int(row[0]), row[1]
    if query.epoch not in (None, epoch):
        same = conn.execute(SQL["epoch_begun_after"], [query.epoch]).fetchone()
        known = same[0] if same and same[0] is not None else 0
        raise AnotherEpoch(epoch=str(epoch), given=str(query.epoch), after=min(after, known))
    if after > head:
        raise BeyondTheLog(after=after, head=head, epoch=str(epoch))
    return head, epoch


def follow(database: Database, query: Query, after: int = 0, stop: StopEvent | None = None) -> Iterator[SeenEvent]:
    """Every event after a position, and those to come, until told to stop. PostgreSQL may go and come back."""
    stop = stop or StopEvent()
    attempts = 0
    while not stop.is_set():
        try:
            with database.connect("app") as conn:
                conn.execute(sql.SQL("listen {}").format(sql.Identifier(database.schema)))
                while not stop.is_set():
                    found = page(conn, query, after)
                    query = msgspec.structs.replace(query, epoch=found.epoch)
                    attempts = 0
                    yield from found.events
                    after = found.next
                    if found.at_end:
                        _wait_for_news(conn, stop)
        except psycopg.OperationalError:
            logger.warning("feed.database_away", after=after)
            stop.wait(PAUSES[min(attempts, len(PAUSES) - 1)])
            attempts += 1


def _wait_for_news(conn: Connection, stop: StopEvent) -> None:
    for _ in range(4):
        if stop.is_set() or any(True for _ in conn.notifies(timeout=POLL / 4, stop_after=1)):
            return
