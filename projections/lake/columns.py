"""What of the facts goes into the lake. Nothing does that is not named here: a new table or column stops the export.

Facts that leave through the statistics gate only (`WITHHELD`) do not: see `figures`.
"""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

from coopschool.sql import statements
from projections.advisers.ratings import WITHHELD
from projections.generations import Connection
from projections.lake.manifest import LakeError

SQL = statements("projections.lake", "lake.sql")

EXPORTED = (
    "sessions", "slots", "enrolments", "attendance", "sheets", "categories", "milestones", "waivers", "interests",
    "modules", "stays", "telework", "workshops", "decisions", "reviews", "instruments", "eligible", "wave_releases",
)  # fmt: skip
# Columns of text that hold an id, and those that hold a code everybody may know.
IDS = frozenset({"session", "member", "person", "team", "adviser", "trainer", "workshop", "decision", "wave"})
CODES = frozenset({
    "module", "format", "language", "place", "month", "quarter", "year", "category", "cohort", "status",
    "prerequisites", "audience", "regime", "theme", "decided_by", "outcome", "instrument", "outline",
})  # fmt: skip

TYPES = {
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "smallint": pa.int16(),
    "text": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp with time zone": pa.timestamp("us", "UTC"),
}


class Column(NamedTuple):
    """A column as the database describes it; `secret`: it holds ids."""

    name: str
    type: pa.DataType
    description: str
    secret: bool


class Described(NamedTuple):
    """A table as the database describes it."""

    name: str
    description: str
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(column.name, column.type) for column in self.columns])


def described(conn: Connection, tables: tuple[str, ...] = EXPORTED) -> list[Described]:
    """The tables as they are in the generation that the transaction is in. Raises `LakeError` for what nobody named."""
    unnamed = [name for (name,) in conn.execute(SQL["dated_tables"]) if name not in {*EXPORTED, *WITHHELD}]
    if unnamed:
        raise LakeError(f"whether to export {', '.join(unnamed)} is not decided: see projections/lake/columns.py.")
    return [_described(conn, table) for table in tables]


def _described(conn: Connection, table: str) -> Described:
    rows = conn.execute(SQL["columns"], [table]).fetchall()
    columns = tuple(_column(table, name, type, description) for name, type, description, _ in rows)
    return Described(table, rows[0][3] or "", columns)


def _column(table: str, name: str, type: str, description: str | None) -> Column:
    if type not in TYPES or (type == "text" and name not in IDS | CODES):
        raise LakeError(
            f"how to export {table}.{name} ({type}) is not decided: is it an id? See projections/lake/columns.py."
        )
    return Column(name, TYPES[type], description or "", type == "text" and name in IDS)
