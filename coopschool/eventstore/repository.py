"""Aggregates in memory, all folded to one position of the log, and brought forward as the log grows.

The boundary of a decision is its aggregates; instead of reading their streams for every command, the repository keeps
the ones used last (an LRU) and folds each new event into every kept aggregate whose tag it carries.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, TypeVar

import psycopg

from coopschool.domain.base import Aggregate, Event
from coopschool.eventstore.log import SQL, Connection
from coopschool.eventstore.mapper import decode, topics_of

A = TypeVar("A", bound=Aggregate)
Key = tuple[type[Aggregate], str]
_Stream = tuple[dict[str, Aggregate], "psycopg.Cursor[Any]"]


class Asked(NamedTuple):
    """Answers on their way: the streams of aggregates that were not kept, and what was appended since."""

    streams: Sequence[_Stream]
    after: psycopg.Cursor[Any]


class Repository:
    """Up to `limit` aggregates, exact as of `position`. Not for several threads at once."""

    # Beyond this many new events it is cheaper to read the few aggregates that are needed again.
    FOLLOW_AT_MOST = 10_000

    def __init__(self, limit: int = 20_000) -> None:
        self.position = 0
        self._limit = limit
        self._kept: OrderedDict[str, Aggregate] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def missing(self, keys: Iterable[Key]) -> list[Key]:
        """The aggregates that are not kept."""
        return [(aggregate, id) for aggregate, id in keys if f"{aggregate.KIND}:{id}" not in self._kept]

    def kept(self, aggregate: type[A], id: str) -> A | None:
        """The aggregate as of `position`, if it is kept."""
        tag = f"{aggregate.KIND}:{id}"
        found = self._kept.get(tag)
        if found is None:
            return None
        self._kept.move_to_end(tag)
        assert isinstance(found, aggregate)
        return found

    def get(self, conn: Connection, aggregate: type[A], id: str) -> A:
        """The aggregate as of `position`, read from the log if it is not kept."""
        found = self.kept(aggregate, id)
        if found is None:
            self.read(conn, [(aggregate, id)])
            found = self.kept(aggregate, id)
            assert found is not None
        return found

    def read(self, conn: Connection, keys: Iterable[Key]) -> None:
        """Reads those of the aggregates that are not kept, one query for each kind."""
        self._fold_rows(self._ask(conn, keys))

    def read_and_follow(self, conn: Connection, keys: Iterable[Key]) -> None:
        """`read`, then `follow`, asking the database once. Ends the transaction, so that it holds no old snapshot."""
        if not self._kept:
            self.position = _head_position(conn)
        with conn.pipeline():
            asked = self.ask(conn, keys)
            conn.commit()
        self.take(conn, asked)

    def ask(self, conn: Connection, keys: Iterable[Key]) -> Asked:
        """Sends, in the caller's pipeline, what `read` and `follow` would ask; `take` folds the answers after it."""
        streams = self._ask(conn, keys)
        return Asked(streams, conn.execute(SQL["after"], (self.position, self.FOLLOW_AT_MOST + 1), prepare=True))

    def take(self, conn: Connection, asked: Asked) -> None:
        """Folds what `ask` asked for."""
        self._fold_rows(asked.streams)
        self._follow(conn, asked.after.fetchall())

    def _ask(self, conn: Connection, keys: Iterable[Key]) -> list[_Stream]:
        missing: dict[type[Aggregate], dict[str, Aggregate]] = {}
        for aggregate, id in keys:
            if f"{aggregate.KIND}:{id}" not in self._kept:
                missing.setdefault(aggregate, {})[f"{aggregate.KIND}:{id}"] = aggregate(id)
        return [
            (wanted, conn.execute(SQL["streams"], (list(wanted), _topics(kind), self.position), prepare=True))
            for kind, wanted in missing.items()
        ]

    def _fold_rows(self, asked: Sequence[_Stream]) -> None:
        for wanted, rows in asked:
            for tag, position, topic, data, occurred_at in rows:
                wanted[tag].fold(decode(topic, data), position, occurred_at)
            self._kept.update(wanted)

    def follow(self, conn: Connection) -> None:
        """Folds what was appended since."""
        if not self._kept:
            self.position = _head_position(conn)
            return
        self._follow(
            conn, conn.execute(SQL["after"], (self.position, self.FOLLOW_AT_MOST + 1), prepare=True).fetchall()
        )

    def _follow(self, conn: Connection, rows: Sequence[Any]) -> None:
        if len(rows) > self.FOLLOW_AT_MOST:
            self.forget()
            self.position = _head_position(conn)
            return
        for position, topic, tags, data, occurred_at in rows:
            kept = self._folding(tags, topic)
            if kept:
                event = decode(topic, data)
                for aggregate in kept:
                    aggregate.fold(event, position, occurred_at)
            self.position = position

    def fold(self, event: Event, tags: Sequence[str], position: int, occurred_at: datetime) -> None:
        """Folds one event that is about to be appended at `position`, the next one."""
        for aggregate in self._folding(tags, event.TOPIC):
            aggregate.fold(event, position, occurred_at)
        self.position = position

    def forget(self, tags: Iterable[str] | None = None, position: int | None = None) -> None:
        """Drops the aggregates of these tags (of all, without), because what was folded into them did not happen."""
        if tags is None:
            self._kept.clear()
        else:
            for tag in tags:
                self._kept.pop(tag, None)
        if position is not None:
            self.position = position

    def trim(self) -> None:
        """Drops the aggregates used longest ago, down to the limit. Between groups, never inside one."""
        while len(self._kept) > self._limit:
            self._kept.popitem(last=False)

    def _folding(self, tags: Sequence[str], topic: str) -> list[Aggregate]:
        kept = self._kept
        return [a for tag in tags if (a := kept.get(tag)) is not None and topic in _projected(type(a))]


def _head_position(conn: Connection) -> int:
    row = conn.execute(SQL["head_position"], prepare=True).fetchone()
    return row[0] if row else 0


@cache
def projected_topics(aggregate: type[Aggregate]) -> tuple[str, ...]:
    """The stored names of all events that an aggregate folds, of all their versions."""
    return tuple(topic for event in aggregate.projected_types for topic in topics_of(event))


@cache
def _topics(aggregate: type[Aggregate]) -> str:
    """The same as PostgreSQL's text for an array: psycopg would write it anew for each query."""
    return "{" + ",".join(projected_topics(aggregate)) + "}"


@cache
def _projected(aggregate: type[Aggregate]) -> frozenset[str]:
    return frozenset(projected_topics(aggregate))
