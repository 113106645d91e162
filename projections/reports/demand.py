"""`demand`: which sessions would be welcome, by module, language and place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import product

from projections.disclosure import Gate
from projections.reports.asked import Asked, Parameter
from projections.reports.report import Definition, Row, Rows

Cell = tuple[str, str | None, str | None]


def shape(found: Rows, asked: Asked, _gate: Gate) -> list[Row]:
    """One row a cell; somebody who would take several languages or places counts in each."""
    cells: dict[Cell, Row] = {}
    for row in found["demand"]:
        for cell in _cells(row):
            told = cells.setdefault(cell, {"waiting": 0, "interested": 0, "since": row["since"]})
            told[row["figure"]] += int(row["times"])
            told["since"] = min(told["since"], row["since"])
    wanted = (asked.filters["language"], asked.filters["place"])
    return [
        {"module": cell[0], "language": cell[1], "place": cell[2], **figures, "since": _iso(figures["since"])}
        for cell, figures in sorted(cells.items(), key=lambda item: [(part is None, part or "") for part in item[0]])
        if all(want is None or part is None or want == part for want, part in zip(wanted, cell[1:], strict=True))
    ]


def _cells(row: Row) -> Iterator[Cell]:
    for language, place in product(row["language"].split("|"), row["place"].split("|")):
        yield row["module"], language or None, place or None


def _iso(day: date) -> str:
    return day.isoformat()


DEMAND = Definition(
    name="demand",
    title="Who waits for a seat or would take a module",
    roles=("coordinator",),
    group_by=(),
    columns=("module", "language", "place"),
    figures=("waiting", "interested", "since"),
    parameters=(
        Parameter("module", "module", "only this module"),
        Parameter("language", "text", "only who would take this language"),
        Parameter("place", "text", "only who would take this place"),
    ),
    projections=("learning", "interest"),
    shape=shape,
    notes=("Somebody who would take several languages or places counts in each; null: any.",),
)
