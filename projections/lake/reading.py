"""Rows from PostgreSQL as Arrow tables, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from coopschool.eventstore.upcasting import current_topic
from coopschool.pseudonyms import Pseudonyms, public_kinds
from coopschool.researcher_feed import ENDINGS
from projections.lake.bulk import Bulk
from projections.lake.columns import SQL, Described

_STORED = pa.schema(
    [
        ("position", pa.int64()), ("type", pa.string()), ("occurred_on", pa.date32()), ("recorded_on", pa.date32()),
        ("tags", pa.list_(pa.string())), ("data", pa.string()), ("small", pa.bool_()),
    ]
)  # fmt: skip

EVENTS = pa.schema(
    [
        ("position", pa.int64()), ("type", pa.string()), ("tags", pa.list_(pa.string())), ("occurred_on", pa.date32()),
        ("recorded_on", pa.date32()), ("data", pa.string()),
    ]
)  # fmt: skip
RECORDED = pa.schema([("recorded_on", pa.date32()), ("position", pa.int64())])


def facts(bulk: Bulk, table: Described, names: Pseudonyms, after: int, head: int) -> Iterator[pa.Table]:
    """The rows of a fact table that were added after one position and up to another, ids as pseudonyms."""
    statement = sql.SQL("select {} from {} where position > %(after)s and position <= %(head)s").format(
        sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns), sql.Identifier(table.name)
    )
    for rows in bulk.rows(statement, {"after": after, "head": head}, table.schema):
        for index, column in enumerate(table.columns):
            if column.secret:
                rows = rows.set_column(index, column.name, rename_ids(rows[index].combine_chunks(), names))
        yield rows


def rename_ids(ids: pa.StringArray, names: Pseudonyms) -> pa.StringArray:
    """Ids as pseudonyms (`Pseudonyms.of`): all at once if all are UUIDs, and else one by one."""
    digits = pc.replace_substring(ids, "-", "")
    if _all_of_length(ids, 36) and _all_of_length(digits, 32):
        valid, offsets, text = digits.buffers()
        with suppress(ValueError):
            blocks = bytes.fromhex(str(text, "ascii"))
            if len(blocks) * 2 == len(text):
                renamed = pa.py_buffer(names.of_blocks(blocks).hex().encode())
                return pa.StringArray.from_buffers(len(digits), offsets, renamed, valid, digits.null_count)
    return _each(ids, names.of)


def _all_of_length(texts: pa.StringArray, length: int) -> bool:
    return bool(pc.all(pc.equal(pc.binary_length(texts), length)).as_py())


def _each(values: pa.StringArray, change: Callable[[str], str]) -> pa.StringArray:
    """Texts as they become by a change that is made of each once: there are far fewer than rows."""
    encoded = values.dictionary_encode()
    return pa.array([change(value) for value in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)


def events(bulk: Bulk, names: Pseudonyms, after: int, head: int, min_group: int) -> Iterator[tuple[pa.Table, pa.Table]]:
    """The events that researchers may see now and could not before, and of those too few for it: day and type."""
    values = {
        "after": after,
        "head": head,
        "min_group": min_group,
        "zone": names.zone.key,
        "endings": ENDINGS,
    }
    for rows in bulk.rows(SQL["events"], values, _STORED):
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


def _tags(tags: pa.ListArray, names: Pseudonyms) -> pa.ListArray:
    encoded = tags.values.dictionary_encode()
    return pa.ListArray.from_arrays(tags.offsets, rename_tags(encoded.dictionary, names).take(encoded.indices))


def rename_tags(tags: pa.StringArray, names: Pseudonyms) -> pa.StringArray:
    """Tags with the ids in them as pseudonyms, but for kinds of ids that are no secret (`Pseudonyms.tag`)."""
    kinds, ids = pc.extract_regex(tags, "(?s)^(?P<kind>[^:]*):(?P<id>.*)$").flatten()
    secret = pc.invert(pc.is_in(kinds, pa.array(public_kinds(), pa.string())))
    ids = pc.replace_with_mask(ids, secret, rename_ids(ids.filter(secret), names))
    return pc.binary_join_element_wise(kinds, ids, ":")


def recorded(bulk: Bulk, zone: str, after: int, head: int) -> Iterator[pa.Table]:
    """The last position of each day on which something was recorded."""
    return bulk.rows(SQL["recorded"], {"after": after, "head": head, "zone": zone}, RECORDED)
