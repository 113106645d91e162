"""Files of one table, a file a year: written under another name, hashed on the way, renamed when all are whole."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from projections.lake.manifest import File, sync_directory

ROWS_AT_HAND = 20_000  # of all years together, before the largest year's are written
PAGE = 256 * 1024  # bytes: Arrow keeps a page of each column of each file that is open, so of each year
FORMULA = r"^[=+\-@\t\r]"


class Parts:
    """Takes rows in any order of years and writes a Parquet file for each year, and a CSV file where one is wanted.

    `dated` names the column whose year (in UTC) a row is filed under. Memory is bounded by `ROWS_AT_HAND` rows.
    """

    def __init__(self, root: Path, table: str, schema: pa.Schema, dated: str, span: str, *, as_csv: bool) -> None:
        self._root = root
        self._table = table
        self._schema = schema
        self._dated = dated
        self._span = span
        self._as_csv = as_csv
        self._at_hand: defaultdict[int, list[pa.Table]] = defaultdict(list)
        self._rows: defaultdict[int, int] = defaultdict(int)
        self._open: dict[int, list[_Part]] = {}

    def add(self, rows: pa.Table) -> None:
        """Takes rows; they may be written now or later."""
        years = pc.year(rows[self._dated])
        for year in pc.unique(years).to_pylist():
            found = rows.filter(pc.equal(years, year))
            self._at_hand[year].append(found)
            self._rows[year] += len(found)
        while sum(self._rows.values()) > ROWS_AT_HAND:
            self._write(max(self._rows, key=self._rows.__getitem__))

    def finish(self) -> list[_Part]:
        """Writes the rest. The files are whole then, but not yet under their names."""
        for year in list(self._at_hand):
            self._write(year)
        written = [part for parts in self._open.values() for part in parts]
        for part in written:
            part.close()
        return written

    def _write(self, year: int) -> None:
        rows = pa.concat_tables(self._at_hand.pop(year)).combine_chunks()
        del self._rows[year]
        if year not in self._open:
            self._open[year] = self._begin(year)
        for part in self._open[year]:
            part.write(rows)
        del rows
        pa.default_memory_pool().release_unused()

    def _begin(self, year: int) -> list[_Part]:
        name = f"{self._table}/in_year={year:04}/{self._span}"
        parts: list[_Part] = [ParquetPart(self._root, f"{name}.parquet", self._schema)]
        if self._as_csv:
            parts.append(CsvPart(self._root, f"csv/{name}.csv", self._schema))
        return parts


class _Part:
    """A file that is being written."""

    def __init__(self, root: Path, path: str) -> None:
        self._root = root
        self._path = path
        self._draft = root / f"{path}.part"
        self._draft.parent.mkdir(parents=True, exist_ok=True)
        self._sink = _Hashed(self._draft)
        self._rows = 0
        self._writer: Any

    def write(self, rows: pa.Table) -> None:
        self._writer.write_table(rows)
        self._rows += len(rows)

    def close(self) -> None:
        self._writer.close()
        self._sink.finish()

    def name(self) -> File:
        """Gives the file its name; to be called when all files of a run are whole."""
        self._draft.rename(self._root / self._path)
        sync_directory(self._draft.parent)
        return File(self._path, self._rows, self._sink.bytes, self._sink.sha256.hexdigest())


class ParquetPart(_Part):
    def __init__(self, root: Path, path: str, schema: pa.Schema) -> None:
        super().__init__(root, path)
        self._writer = pq.ParquetWriter(
            self._sink, schema, compression="zstd", use_dictionary=_repeated(schema), data_page_size=PAGE
        )


class CsvPart(_Part):
    """Lists joined by spaces; what a spreadsheet would take for a formula begins with an apostrophe."""

    def __init__(self, root: Path, path: str, schema: pa.Schema) -> None:
        super().__init__(root, path)
        plain = pa.schema([(field.name, pa.string() if _is_list(field) else field.type) for field in schema])
        self._writer = pa.csv.CSVWriter(self._sink, plain)

    def write(self, rows: pa.Table) -> None:
        columns = [_harmless(column) for column in rows.columns]
        super().write(pa.table(columns, names=rows.column_names))


def _repeated(schema: pa.Schema) -> list[str]:
    """Columns of texts that repeat. A dictionary of others, or of numbers and times, takes time and saves no space."""
    texts = [field.name for field in schema if pa.types.is_string(field.type) and field.name != "data"]
    return texts + [f"{field.name}.list.element" for field in schema if _is_list(field)]


def _is_list(field: pa.Field) -> bool:
    return bool(pa.types.is_list(field.type))


def _harmless(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_list(column.type):
        column = pc.binary_join(column, " ")
    if not pa.types.is_string(column.type):
        return column
    escaped = pc.binary_join_element_wise("'", column, "")
    return pc.if_else(pc.match_substring_regex(column, FORMULA), escaped, column)


class _Hashed:
    """A file for Arrow to write to, that knows its hash and length."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self.sha256 = hashlib.sha256()
        self.bytes = 0

    @property
    def closed(self) -> bool:
        return self._file.closed

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        written = self._file.write(data)
        self.bytes += written
        return written

    def flush(self) -> None:
        self._file.flush()

    def tell(self) -> int:
        return self.bytes

    def close(self) -> None:
        """Arrow closes what it writes to; it is done only after `finish`."""

    def finish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
