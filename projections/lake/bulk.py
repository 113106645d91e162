"""Answers of many rows as Arrow tables, without a Python object for each row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pyarrow as pa
from adbc_driver_postgresql import dbapi
from psycopg.abc import QueryNoTemplate

from coopschool.database import Database
from projections.generations import Connection
from projections.lake.columns import SQL

BYTES_AT_ONCE = 4_000_000


class Bulk:
    """Asks PostgreSQL through ADBC, in a thread that reads on while what has been read is worked on."""

    def __init__(self, connection: dbapi.Connection, thread: ThreadPoolExecutor, text: Callable[..., str]) -> None:
        self._connection = connection
        self._thread = thread
        self._text = text

    def rows(self, statement: QueryNoTemplate, values: Mapping[str, Any], schema: pa.Schema) -> Iterator[pa.Table]:
        """The rows, a piece at a time. Raises `psycopg.OperationalError` when PostgreSQL goes away."""
        with closing(self._connection.cursor()) as cursor:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BYTES_AT_ONCE)})
            coming = self._thread.submit(cursor.execute, self._text(statement, values))
            try:
                _result(coming)
                pieces = cursor.fetch_record_batch()
                coming = self._thread.submit(next, pieces, None)
                while (rows := _result(coming)) is not None:
                    coming = self._thread.submit(next, pieces, None)
                    yield pa.Table.from_arrays(rows.columns, schema=schema)
            finally:
                if not coming.done():
                    cursor.adbc_cancel()
                wait([coming])  # a cursor must not be closed under the thread that reads from it


@contextmanager
def beside(conn: Connection, database: Database) -> Iterator[Bulk]:
    """Another connection that sees what the transaction of this one does: the same moment, the same generation."""
    here = conn.execute(SQL["here"]).fetchone()
    assert here is not None
    text = psycopg.ClientCursor(conn).mogrify  # ADBC copies rows out only for statements that need no values besides
    with _as_psycopg_says():
        other = dbapi.connect(database.url("app"))
    with closing(other), ThreadPoolExecutor(1) as thread:
        with _as_psycopg_says(), closing(other.cursor()) as cursor:
            cursor.execute("set transaction isolation level repeatable read, read only")
            cursor.execute(text("set transaction snapshot %s", [here[0]]))
            cursor.execute(text(SQL["as_here"], [here[1]]))
        yield Bulk(other, thread, text)


def _result(coming: Future[Any]) -> Any:
    with _as_psycopg_says():
        return coming.result()


@contextmanager
def _as_psycopg_says() -> Iterator[None]:
    """When PostgreSQL goes away, ADBC has a word for it while it is asked, and Arrow another while it answers."""
    try:
        yield
    except (dbapi.OperationalError, OSError) as error:
        raise psycopg.OperationalError(str(error).strip()) from error
