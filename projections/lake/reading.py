"""Rows from PostgreSQL as Arrow tables, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from psycopg import sql
from psycopg.abc import PQGen
from psycopg.generators import copy_from
from psycopg.pq.abc import PGconn

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
                rows = rows.set_column(index, column.name, _each(rows[index].combine_chunks(), names.of))
        yield rows


def _each(values: Any, change: Callable[[str], str]) -> pa.Array:
    """Texts as they become by a change that is made of each once: there are far fewer than rows."""
    encoded = values.dictionary_encode()
    return pa.array([change(value) for value in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)


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
        yield _seen(rows.filter(pc.invert(small)), names), rows.filter(small).select(["occurred_on", "type"])


def _seen(rows: pa.Table, names: Pseudonyms) -> pa.Table:
    stored = zip(rows["type"].to_pylist(), rows["data"].to_pylist(), strict=True)
    columns = {
        "type": _each(rows["type"].combine_chunks(), current_topic),
        "tags": _tags(rows["tags"].combine_chunks(), names),
        "data": pa.array([names.data(topic, data) for topic, data in stored], pa.string()),
    }
    return pa.table([columns.get(field.name, rows[field.name] if field.name in rows.column_names else None)
                     for field in EVENTS], schema=EVENTS)  # fmt: skip


def _tags(joined: pa.Array, names: Pseudonyms) -> pa.Array:
    """Lists of tags; the empty text, which splits into one empty tag, stands for none."""
    tags = pc.split_pattern(joined, "\x1f")
    named = pa.ListArray.from_arrays(tags.offsets, _each(tags.values, lambda tag: names.tag(tag) if tag else tag))
    return pc.if_else(pc.equal(joined, ""), pa.scalar([], named.type), named)


def recorded(conn: Connection, zone: str, after: int, head: int) -> Iterator[pa.Table]:
    """The last position of each day on which something was recorded."""
    return _copied(conn, SQL["recorded"], {"after": after, "head": head, "zone": zone}, RECORDED)


def _copied(
    conn: Connection, statement: Any, values: list[Any] | Mapping[str, Any], schema: pa.Schema
) -> Iterator[pa.Table]:
    """What a `copy … to stdout (format csv)` gives, a piece at a time; the next one is read while one is worked on."""
    with conn.cursor().copy(statement, values), ThreadPoolExecutor(1) as beside:
        pieces = _pieces(conn, schema)
        coming = beside.submit(next, pieces, None)
        while (rows := coming.result()) is not None:
            coming = beside.submit(next, pieces, None)
            yield rows


def _pieces(conn: Connection, schema: pa.Schema) -> Iterator[pa.Table]:
    while lines := conn.wait(_lines(conn.pgconn)):
        yield _parsed(lines, schema)
        if len(lines) < ROWS_AT_ONCE:  # the end has been read
            return


def _lines(pgconn: PGconn) -> PQGen[list[bytes]]:
    """Up to `ROWS_AT_ONCE` lines, none at the end. Asked of `Copy.read` one by one they would cost twice as much."""
    lines: list[bytes] = []
    while len(lines) < ROWS_AT_ONCE and isinstance(line := (yield from copy_from(pgconn)), memoryview):
        lines.append(bytes(line))
    return lines


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
