"""Facts: signed rows that are only ever added, dated twice.

A row's `occurred_at` says from when on it counts, its `position` from which event on we knew. A report at (as_of,
known_at) sums the rows that had happened and were known, and that sum must be what a fresh projection of just those
events would show. `Case` makes it so by construction: events of one case are folded in the order in which they
happened; an event that comes late folds the whole case again, and the rows added are the new history minus the old.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

NULL = "\\N"

# table, occurred_at, dimensions, measures: dimensions and measures as PostgreSQL's COPY reads them, tabs between.
Emit = Callable[[str, str, str, str], None]

# (occurred_at, position, fold, …what the fold needs). Ordered by its first two, which no two entries of a case share.
Entry = tuple[Any, ...]
Fold = Callable[[Any, Entry, Emit], None]


class Row(NamedTuple):
    """One fact, but for the position."""

    table: str
    occurred_at: str
    dimensions: str
    measures: str


def unheard(table: str, occurred_at: str, dimensions: str, measures: str) -> None:
    """Takes rows that are there already, or that cannot be."""


class Facts:
    """The rows that a projection has to add, as lines for COPY, by table."""

    def __init__(self, tables: Iterable[str]) -> None:
        self.position = 0
        self.recorded_at = ""
        self.lines: dict[str, list[str]] = {table: [] for table in tables}
        self.emit: Emit = self.add

    def add(self, table: str, occurred_at: str, dimensions: str, measures: str) -> None:
        """Adds a row, on account of the event at `position`."""
        self.lines[table].append(f"{self.position}\t{occurred_at}\t{dimensions}\t{measures}\n")

    @contextmanager
    def muted(self) -> Iterator[None]:
        """Rows emitted meanwhile are not added."""
        self.emit = unheard
        try:
            yield
        finally:
            self.emit = self.add

    def take(self) -> dict[str, list[str]]:
        """The rows so far, which are forgotten here."""
        taken = self.lines
        self.lines = {table: [] for table in taken}
        return taken


class Case:
    """What is known about one thing, event by event, and the rows that follow from it.

    A subclass has fold functions, ``fold(self, entry, emit)``: each changes the state and emits what that changes in
    the sums, at ``entry[0]``. `clear` takes it back to before the first event.
    """

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.clear()

    def clear(self) -> None:
        raise NotImplementedError

    def add(self, entry: Entry, emit: Emit) -> None:
        """Folds one more event, in the order in which things happened."""
        entries = self.entries
        if not entries or entries[-1] < entry:
            entries.append(entry)
            entry[2](self, entry, emit)
        else:
            before = self._history()
            insort(entries, entry)
            for row, times in _difference(self._history(), before):
                measures = row.measures if times > 0 else negated(row.measures)
                for _ in range(abs(times)):
                    emit(row.table, row.occurred_at, row.dimensions, measures)

    def _history(self) -> list[Row]:
        """Every row, folded afresh; the state is that after the last event."""
        rows: list[Row] = []

        def collect(table: str, occurred_at: str, dimensions: str, measures: str) -> None:
            rows.append(Row(table, occurred_at, dimensions, measures))

        self.clear()
        for entry in self.entries:
            entry[2](self, entry, collect)
        return rows


class Described(Case):
    """A case whose state is a set of rows: after each event the rows that went are reversed, the new ones added."""

    __slots__ = ("shown",)

    def __init__(self) -> None:
        self.shown: list[tuple[str, str, str]] = []
        super().__init__()

    def described(self) -> list[tuple[str, str, str]]:
        """The state as (table, dimensions, measures)."""
        raise NotImplementedError

    def show(self, occurred_at: str, emit: Emit) -> None:
        """To be called at the end of every fold."""
        now, before = self.described(), self.shown
        for table, dimensions, measures in before:
            if (table, dimensions, measures) not in now:
                emit(table, occurred_at, dimensions, negated(measures))
        for table, dimensions, measures in now:
            if (table, dimensions, measures) not in before:
                emit(table, occurred_at, dimensions, measures)
        self.shown = now

    def clear(self) -> None:
        self.shown = []


def _difference(after: list[Row], before: list[Row]) -> Iterable[tuple[Row, int]]:
    count = Counter(after)
    count.subtract(before)
    return ((row, times) for row, times in count.items() if times)


@lru_cache(maxsize=10_000)
def negated(measures: str) -> str:
    """The measures of the reversal."""
    return "\t".join(str(-int(measure)) for measure in measures.split("\t"))


def text(value: str | None) -> str:
    """A value of a text column."""
    if value is None:
        return NULL
    if value.isprintable() and "\\" not in value:
        return value
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def flag(value: bool) -> str:
    """A value of a boolean column."""
    return "t" if value else "f"


def joined(values: Iterable[str]) -> str:
    """Several codes in one text column: ``fr|nl``, in order of the alphabet."""
    return text("|".join(sorted(values)))
