"""DuckDB over the lake: in this process, nothing to set up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa

from projections.engines.translating import views
from projections.lake import Lake
from projections.reports import Row

TYPES = {"string": pa.string(), "int64": pa.int64(), "int32": pa.int32(), "int16": pa.int16(), "bool": pa.bool_(),
         "date32[day]": pa.date32(), "timestamp[us, tz=UTC]": pa.timestamp("us", "UTC"),
         "list<element: string>": pa.list_(pa.string()), "list<item: string>": pa.list_(pa.string())}  # fmt: skip
MEMORY = "1GB"


class DuckDB:
    """A database in memory whose tables are the lake's."""

    dialect = "duckdb"

    def __init__(self, lake: Lake) -> None:
        self._conn = duckdb.connect(config={"memory_limit": MEMORY})
        self._conn.execute("set timezone = 'UTC'")
        for name, table in lake.manifest.tables.items():
            paths = lake.paths(name)
            if paths:
                self._conn.read_parquet(paths, hive_partitioning=False).create_view(name)
            else:
                schema = pa.schema([(column, TYPES[type]) for column, type in table.columns.items()])
                self._conn.from_arrow(schema.empty_table()).create(name)
        for name, statement in views(self.dialect).items():
            self._conn.execute(f"create view {name} as {statement}")

    def __enter__(self) -> DuckDB:
        return self

    def __exit__(self, *_: object) -> None:
        self._conn.close()

    def rows(self, statement: str, values: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows of a statement."""
        found = self._conn.execute(statement, dict(values or {}))
        columns = [column[0] for column in found.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
