"""Reads one CSV file: UTF-8 with or without a byte order mark, commas or semicolons, a header row."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from keyword import iskeyword
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from coopschool.importing.cells import BadCell, Parse
from coopschool.importing.problems import Problem, Problems

csv.field_size_limit(1_000_000)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a file, its cells as values; `line` is where it begins."""

    line: int


class RowOfMember(Row, frozen=True, kw_only=True):
    """A row about one member."""

    member_ref: str


R = TypeVar("R", bound=Row)


class Column(NamedTuple):
    """How a cell is read, and whether each row needs one."""

    parse: Parse
    needed: bool = True


def optional(parse: Parse) -> Column:
    return Column(parse, needed=False)


class Table(NamedTuple, Generic[R]):
    """What a file may hold. An empty or missing cell leaves the row's default.

    `spoils` is what a bad row makes doubtful: the kind of a thing, and the columns that name it.
    """

    file: str
    row: type[R]
    columns: Mapping[str, Column]
    spoils: tuple[str, ...] = ()


class Unreadable(Exception):
    """A file is not text, or not a table."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def read(table: Table[R], path: Path, zone: ZoneInfo, problems: Problems) -> list[R]:
    """The good rows of a file; what is wrong with the others goes to `problems`."""
    try:
        lines = _lines(path)
        _, header = next(lines, (1, []))
        names = [name.strip().lower() for name in header]
        if not _header_is_good(table, names, problems):
            problems.spoil(*table.spoils[:1])
            return []
        return list(_rows(table, names, lines, zone, problems))
    except Unreadable as error:
        problems.add(
            Problem(
                file=table.file,
                line=error.line,
                rule="unreadable",
                message=str(error),
                advice="Save the file as CSV in UTF-8, with commas or semicolons.",
            )
        )
        problems.spoil(*table.spoils[:1])
        return []


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the line it begins on."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        line = 1
        try:
            first = file.readline()
            delimiter = ";" if first.count(";") > first.count(",") else ","
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True, strict=True)
            for cells in reader:
                if any(cells):
                    yield line, cells
                line = reader.line_num + 1
        except UnicodeDecodeError:
            raise Unreadable(_line_that_is_no_text(path), "This line is not UTF-8.") from None
        except csv.Error as error:
            raise Unreadable(line, f"This row cannot be read: {error}.") from None


def _line_that_is_no_text(path: Path) -> int:
    with path.open("rb") as file:
        return next(number for number, line in enumerate(file, start=1) if not _is_text(line))


def _is_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _header_is_good(table: Table[Any], names: Sequence[str], problems: Problems) -> bool:
    wrong = [
        (name, f"There is no column {name!r}.", _meant(name, table)) for name in names if name not in table.columns
    ]
    wrong += [
        (name, f"The column {name} is there twice.", "Remove one.")
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    wrong += [
        (name, f"The column {name} is missing.", "Add it.")
        for name, column in table.columns.items()
        if column.needed and name not in names
    ]
    for name, message, advice in wrong:
        problems.add(Problem(file=table.file, line=1, column=name, rule="header", message=message, advice=advice))
    return not wrong


def _meant(name: str, table: Table[Any]) -> str:
    close = get_close_matches(name, table.columns, n=1)
    return f"Did you mean {close[0]}?" if close else f"The columns are {', '.join(table.columns)}."


def _rows(
    table: Table[R], names: Sequence[str], lines: Iterator[tuple[int, list[str]]], zone: ZoneInfo, problems: Problems
) -> Iterator[R]:
    columns = [(name, *table.columns[name]) for name in names]
    for line, cells in lines:
        values: dict[str, Any] = {}
        wrong: list[tuple[str | None, str]] = []
        if len(cells) != len(names):
            wrong.append((None, f"This row has {len(cells)} cells, the header {len(names)}."))
        for (name, parse, needed), text in zip(columns, cells, strict=False):
            text = text.strip()
            if text:
                try:
                    values[f"{name}_" if iskeyword(name) else name] = _value(parse, text, zone)
                except BadCell as error:
                    wrong.append((name, f"{name} {error}."))
            elif needed:
                wrong.append((name, f"{name} is missing."))
        if wrong:
            for column, message in wrong:
                problem = Problem(
                    file=table.file, line=line, column=column, rule="cell", message=message, advice="Correct the cell."
                )
                problems.add(problem)
            named = dict(zip(names, map(str.strip, cells), strict=False))
            problems.spoil(*table.spoils[:1], *(named.get(column, "") for column in table.spoils[1:]))
        else:
            yield table.row(line=line, **values)


def _value(parse: Parse, text: str, zone: ZoneInfo) -> Any:
    if "\0" in text:
        raise BadCell("holds a character that cannot be kept (U+0000)")
    return parse(text, zone)
