"""Generations of facts: schemas ``<schema>_facts_<n>``, of which one is live.

A report reads the pointer first, in a REPEATABLE READ transaction, then that generation's tables: it sees one
generation, whole. A rebuild fills the next one in a single transaction and moves the pointer at its end; what is
retired is dropped when nobody can be reading it any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from coopschool.database import Database
from coopschool.sql import statements
from projections import roll_ups
from projections.advisers.ratings import WITHHELD
from projections.projection import Projection

SQL = statements("projections", "generations.sql")
TABLES = statements("projections", "facts.sql")
COMMENTS = statements("projections", "comments.sql")["comments"]

Connection = psycopg.Connection[Any]


class Checkpoint(NamedTuple):
    """How far a projection has come in a generation, and by which code."""

    version: int
    time_zone: str
    position: int
    stopped_position: int | None


class Status(NamedTuple):
    """What `doctor`, the metrics and `/health/ready` say of a projection. `lag` is in events."""

    projection: str
    version: int
    position: int
    lag: int
    updated_at: datetime
    stopped_position: int | None
    stopped_type: str | None
    stopped_cause: str | None
    stopped_at: datetime | None


class LostPlace(Exception):
    """Somebody else wrote these facts: what this process has at hand is out of date."""


class ProjectionStopped(Exception):
    """A projection met an event that it cannot fold; its reports wait for somebody to look."""

    def __init__(self, projection: str, position: int | None, topic: str | None, cause: str | None) -> None:
        super().__init__(f"projection {projection} stopped at position {position} ({topic}): {cause}")
        self.projection = projection
        self.position = position
        self.topic = topic
        self.cause = cause


class NotCaughtUp(Exception):
    """The projections have not reached the position that a reader wants to see; try again in a moment."""

    def __init__(self, wanted: int, reached: int) -> None:
        super().__init__(f"the projections are at position {reached}, not yet at {wanted}")
        self.wanted = wanted
        self.reached = reached


def schema_of(database_schema: str, generation: int) -> str:
    """The schema of a generation."""
    return f"{database_schema}_facts_{generation}"


def live(conn: Connection) -> int | None:
    """The live generation; None before the first."""
    row = conn.execute(SQL["live"]).fetchone()
    return int(row[0]) if row else None


def enter(conn: Connection, database_schema: str, generation: int) -> None:
    """Until the end of the transaction, unqualified names are this generation's tables."""
    conn.execute(SQL["enter"], [schema_of(database_schema, generation), database_schema])


@contextmanager
def in_live_facts(conn: Connection) -> Iterator[int | None]:
    """A REPEATABLE READ transaction in the live generation, whole; None before the first.

    Takes a connection that is in no transaction. A generation that was dropped between looking and reading is a
    matter of once in a rebuild and minutes of delay: it raises `psycopg.errors.UndefinedTable`.
    """
    before, conn.isolation_level = conn.isolation_level, psycopg.IsolationLevel.REPEATABLE_READ
    try:
        with conn.transaction():
            entered = conn.execute(SQL["enter_live"]).fetchone()
            yield int(entered[0]) if entered else None
    finally:
        conn.isolation_level = before


def make(conn: Connection, database: Database) -> int:
    """An empty generation, without indexes, which the transaction then is in."""
    row = conn.execute(SQL["next"]).fetchone()
    assert row is not None
    generation = int(row[0])
    schema = sql.Identifier(schema_of(database.schema, generation))
    conn.execute(sql.SQL("create schema {}").format(schema))
    enter(conn, database.schema, generation)
    conn.execute(TABLES["tables"])
    roll_ups.make(conn)
    conn.execute(COMMENTS)
    readers = sql.SQL(", ").join(sql.Identifier(database.role_name(role)) for role in ("reader", "app"))
    conn.execute(sql.SQL("grant usage on schema {} to {}").format(schema, readers))
    conn.execute(sql.SQL("grant select on all tables in schema {} to {}").format(schema, readers))
    answers = sql.SQL(", ").join(map(sql.Identifier, WITHHELD))
    conn.execute(sql.SQL("revoke select on {} from {}").format(answers, sql.Identifier(database.role_name("reader"))))
    return generation


def add_indexes(conn: Connection) -> None:
    """Of the generation that the transaction is in."""
    conn.execute(TABLES["indexes"])


def drop_retired(conn: Connection, database_schema: str, *, after: float = 300.0) -> list[int]:
    """Drops generations that were retired longer ago than so many seconds; answers which."""
    dropped = [int(row[0]) for row in conn.execute(SQL["long_retired"], [after]).fetchall()]
    for generation in dropped:
        with conn.transaction():
            schema = sql.Identifier(schema_of(database_schema, generation))
            conn.execute(sql.SQL("drop schema if exists {} cascade").format(schema))
            conn.execute(SQL["forget"], [generation])
    return dropped


def checkpoints(conn: Connection, generation: int) -> dict[str, Checkpoint]:
    """By projection."""
    return {row[0]: Checkpoint(*row[1:]) for row in conn.execute(SQL["checkpoints"], [generation]).fetchall()}


def start_checkpoints(conn: Connection, generation: int, projections: Iterable[Projection], position: int) -> None:
    """Notes where the projections of a new generation begin."""
    for projection in projections:
        zone = projection.calendar.zone.key
        conn.execute(SQL["start_checkpoint"], [generation, projection.name, projection.version, zone, position])


def move_checkpoint(conn: Connection, generation: int, projection: str, expected: int, position: int) -> None:
    """Raises `LostPlace` unless the projection was where it was expected."""
    if conn.execute(SQL["move_checkpoint"], [position, generation, projection, expected]).rowcount != 1:
        raise LostPlace(projection, expected)


def append(conn: Connection, lines: Mapping[str, list[str]], *, freeze: bool = False) -> None:
    """Adds rows to fact tables of the generation that the transaction is in."""
    into = sql.SQL("copy {} from stdin (freeze)" if freeze else "copy {} from stdin")
    for table, rows in lines.items():
        if rows:
            with conn.cursor().copy(into.format(sql.Identifier(table))) as copy:
                copy.write("".join(rows).encode())


def replace(conn: Connection, table: str, key: str, rows: Mapping[str, list[str]]) -> None:
    """Replaces, in a table of current rows, the rows of these keys."""
    if rows:
        delete = sql.SQL("delete from {} where {} = any(%s)").format(sql.Identifier(table), sql.Identifier(key))
        conn.execute(delete, [list(rows)])
        append(conn, {table: [row for of_key in rows.values() for row in of_key]})
