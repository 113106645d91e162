"""The log as projections read it: in batches, only the topics they ask for, times as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg.types.string import TextLoader

from coopschool.domain.base import Event
from coopschool.eventstore.mapper import decoder
from coopschool.sql import statements
from projections.projection import Happened, Undecodable

SQL = statements("projections", "log.sql")

Connection = psycopg.Connection[Any]
StoredRow = tuple[int, str, str, str, str]


class Log:
    """Reads the log on a connection, which reads times as text from now on and must be in UTC."""

    def __init__(self, conn: Connection) -> None:
        conn.adapters.register_loader("timestamptz", TextLoader)
        self._conn = conn

    def head(self) -> int:
        """The last position; 0 while the log is empty."""
        row = self._conn.execute(SQL["head"]).fetchone()
        return int(row[0]) if row else 0

    def between(self, after: int, upto: int, topics: Sequence[str]) -> list[StoredRow]:
        """What is stored after one position and up to another."""
        return self._conn.execute(SQL["between"], [after, upto, topics]).fetchall()

    def about(self, tags: Sequence[str], topics: Sequence[str], upto: int) -> list[StoredRow]:
        """What is stored under any of the tags, up to a position."""
        return self._conn.execute(SQL["about"], [tags, topics, upto]).fetchall()


def decoded(rows: Iterable[StoredRow]) -> list[Happened]:
    """The stored events as events. One that cannot be read stands there as `Undecodable`: its readers must stop."""
    found = []
    once: dict[str, str] = {}  # many events share their moment, and cases keep it for long
    for position, topic, data, occurred_at, recorded_at in rows:
        event: Event | Undecodable
        try:
            event = decoder(topic)(data)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, its readers are told
            event = Undecodable(topic, error)
        found.append(Happened(position, event, once.setdefault(occurred_at, occurred_at), recorded_at))
    return found
