"""Rows from PostgreSQL as Arrow tables, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.csv
from psycopg import sql

from coopschool.domain.advisers.autonomy_survey import WaveClosed
from coopschool.domain.base import Event
from coopschool.domain.school.session import SessionCancelled, SessionClosed
from coopschool.eventstore.mapper import topics_of
from coopschool.eventstore.upcasting import current_topic
from coopschool.pseudonyms import Pseudonyms
from projections.generations import Connection
from projections.lake.columns import SQL, Described

ROWS_AT_ONCE = 5_000
ENDINGS: tuple[type[Event], ...] = (SessionClosed, SessionCancelled, WaveClosed)

_STORED = pa.schema(
    [
        ("position", pa.int64()), ("type", pa.string()), ("occurred_on", pa.date32()), ("recorded_on", pa.date32()),
        ("tags", pa.string()), ("data", pa.string()), ("small", pa.bool_()),
    ]
)  # fmt: skip

EVENTS = pa.schema(
    [
        ("position", pa.int64()), ("type", pa.string()), ("tags", pa.list_(pa.string())), ("occurred_on", pa.date32()),
        ("recorded_on", pa.date32()), ("data", pa.string()),
    ]
)  # fmt: skip
RECORDED = pa.schema([("recorded_on", pa.date32()), ("position", pa.int64())])


def facts(conn: Connection, table: Described, names: Pseudonyms, after: int, head: int) -> Iterator[pa.Table]:
    """The rows of a fact table that were added after one position and up to another, ids as pseudonyms."""
    statement = sql.SQL(
        "copy (select {} from {} where position > %s and position <= %s) to stdout (format csv)"
    ).format(sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns), sql.Identifier(table.name))
    for rows in _copied(conn, statement, [after, head], table.schema):
        for index, column in enumerate(table.columns):
            if column.secret:
                rows = rows.set_column(index, column.name, _renamed(rows[index], names))
        yield rows


def _renamed(ids: pa.ChunkedArray, names: Pseudonyms) -> pa.Array:
    """Each id once: there are far fewer than rows."""
    encoded = ids.combine_chunks().dictionary_encode()
    pseudonyms = [names.of(id) for id in encoded.dictionary.to_pylist()]
    return pa.array(pseudonyms, pa.string()).take(encoded.indices)


def events(
    conn: Connection, names: Pseudonyms, after: int, head: int, min_group: int
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """The events that researchers may see now and could not before, and of those too few for it: day and type."""
    values = {
        "after": after,
        "head": head,
        "min_group": min_group,
        "zone": names.zone.key,
        "endings": [topic for ending in ENDINGS for topic in topics_of(ending)],
    }
    for rows in _copied(conn, SQL["events"], values, _STORED):
        small = rows["small"]
        yield _seen(rows.filter(pa.compute.invert(small)), names), rows.filter(small).select(["occurred_on", "type"])


def _seen(rows: pa.Table, names: Pseudonyms) -> pa.Table:
    topics = rows["type"].to_pylist()
    data = [names.data(topic, stored).decode() for topic, stored in zip(topics, rows["data"].to_pylist(), strict=True)]
    tags = [[names.tag(tag) for tag in text.split("\x1f")] if text else [] for text in rows["tags"].to_pylist()]
    columns = {
        "type": pa.array([current_topic(topic) for topic in topics], pa.string()),
        "tags": pa.array(tags, pa.list_(pa.string())),
        "data": pa.array(data, pa.string()),
    }
    return pa.table([columns.get(field.name, rows[field.name] if field.name in rows.column_names else None)
                     for field in EVENTS], schema=EVENTS)  # fmt: skip


def recorded(conn: Connection, zone: str, after: int, head: int) -> Iterator[pa.Table]:
    """The last position of each day on which something was recorded."""
    return _copied(conn, SQL["recorded"], {"after": after, "head": head, "zone": zone}, RECORDED)


def _copied(
    conn: Connection, statement: Any, values: list[Any] | Mapping[str, Any], schema: pa.Schema
) -> Iterator[pa.Table]:
    """What a `copy … to stdout (format csv)` gives, a piece at a time."""
    lines: list[bytes] = []
    with conn.cursor().copy(statement, values) as copy:
        for line in copy:
            lines.append(bytes(line))
            if len(lines) >= ROWS_AT_ONCE:
                yield _parsed(lines, schema)
                lines = []
    if lines:
        yield _parsed(lines, schema)


def _parsed(lines: list[bytes], schema: pa.Schema) -> pa.Table:
    return pa.csv.read_csv(
        pa.BufferReader(b"".join(lines)),
        read_options=pa.csv.ReadOptions(column_names=schema.names, use_threads=False),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types=schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
