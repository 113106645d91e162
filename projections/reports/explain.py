"""What is behind a figure of a report: the events whose facts it sums, as of and as known at the same moments.

A figure is found by the columns that name its row. What the report hides is not explained either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, LiteralString, NamedTuple
from zoneinfo import ZoneInfo

from coopschool.domain.errors import Invalid, Unknown
from coopschool.sql import statements
from projections.disclosure import MIN_GROUP, RESEARCHER, Gate, Viewer
from projections.reports import (
    BRUSSELS,
    Asked,
    Connection,
    Definition,
    Report,
    ask,
    definition,
    in_facts,
    rows_of,
    values_of,
)
from projections.reports.report import Row

MOST_GROUPS = 50  # that are listed where there is none of that name

# The facts that figures are made of, where they are not called like them: names of parts in `explain.sql`.
PARTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "progress": {
        "seats": ("sessions",),
        "fill_rate": ("seat", "sessions"),
        "attendance_rate": ("attended",),
        "completion_rate": ("completed", "not_completed"),
        "median_days_to_completion": ("completed",),
    },
    "cohorts": {
        f"{milestone}_share": (milestone, "people")
        for milestone in ("joined", "one_module", "three_modules", "rite_of_passage")
    },
    "demand": {"since": ("waiting", "interested")},
    "attendance": {
        "expected": ("present", "partial", "absent", "excused", "seat"),
        "days_to_logging": ("logged",),
    },
    "member_progress": {
        "status": ("standing", "interested"),
        "session": ("standing",),
        "expected": ("attended",),
        "open": ("completed", "waived", "category", "module"),
    },
    "workshops": {
        "participants": ("held",),
        "decisions_by_theme": ("decisions",),
        "decisions_by_outcome": ("decisions",),
        "decisions_by_decided_by": ("decisions",),
        "reviewed_on_time": ("reviewed",),
        "overdue": ("decisions",),
    },
}

# Of ratings there is the release only: the column of a row that says which releases were counted in it.
RELEASES: Mapping[str, str] = {"autonomy": "release", "feedback": "releases"}

EXPLAINED = (*PARTS, *RELEASES)


class Cell(NamedTuple):
    """One value of the figure: the columns that name its row, the value as it is shown."""

    group: Mapping[str, Any]
    value: Any
    suppressed: bool


class Explained(NamedTuple):
    """The report as it was asked for, the figure's values, and the positions of the events behind them, in order."""

    report: Report
    figure: str
    cells: list[Cell]
    positions: list[int]

    @property
    def suppressed(self) -> bool:
        """Whether the report hides one of the values: then there are no positions."""
        return any(cell.suppressed for cell in self.cells)


def explain(
    conn: Connection,
    name: str,
    figure: str | None,
    parameters: Mapping[str, Any],
    *,
    zone: ZoneInfo = BRUSSELS,
    min_group: int = MIN_GROUP,
    now: datetime | None = None,
    viewer: Viewer = RESEARCHER,
) -> Explained:
    """Explains a figure of the rows that the parameters leave, on a connection of the role that the report needs.

    `parameters` are the report's own, and the columns that name its rows. Raises `Unknown` and `Invalid`, which list
    what there is, and what a report raises.
    """
    about = explained(name)
    if figure is None or figure not in about.figures:
        raise Invalid("figure", given=(figure or "")[:40], known=list(about.figures))
    wanted, group = _split(about, parameters)
    asked = ask(about, wanted, zone, now or datetime.now(UTC), viewer)
    with in_facts(conn, about, asked, min_group) as (asked, report):
        rows = [row for row in report.rows if _named(row, group)]
        cells = [_cell(about, row, figure) for row in rows]
        if not cells and (group or any(asked.filters.values())):
            raise no_such_group(group, [{column: row[column] for column in about.columns} for row in report.rows])
        if not cells or any(cell.suppressed for cell in cells):
            return Explained(report, figure, cells, [])
        if name in RELEASES:
            return Explained(report, figure, cells, _releases(rows, RELEASES[name]))
        parts = PARTS[name].get(figure, (figure,))
        values = values_of(about, asked) | _blank(about) | dict(asked.filters) | group | {"parts": list(parts)}
        found = conn.execute(_statements()[name], values, prepare=False).fetchall()
        if not found and name == "progress":
            _refuse_empty(conn, about, asked, Gate(min_group))
    return Explained(report, figure, cells, [row[0] for row in found])


def explained(name: str) -> Definition:
    """A report that can be explained. Raises `Unknown`, which lists those that can."""
    about = definition(name)
    if name not in EXPLAINED:
        unknown = Unknown("explanation", name)
        unknown.details["known"] = sorted(EXPLAINED)
        raise unknown
    return about


def _split(about: Definition, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The report's parameters, and the columns that name a row. What is both is a filter."""
    filters = {parameter.name for parameter in about.parameters}
    columns = set(about.columns) - filters
    wanted = {name: value for name, value in parameters.items() if name not in columns}
    if "group_by" in wanted:
        raise Invalid("group_by", known=sorted(filters | columns))
    numbers = {"months", "slot"}
    group = {
        name: _number(name, value) if name in numbers else value
        for name, value in parameters.items()
        if name in columns
    }
    return wanted, group


def _number(name: str, value: Any) -> int:
    if not str(value).isascii() or not str(value).isdigit() or len(str(value)) > 6:
        raise Invalid(name, expected="number")
    return int(value)


def _named(row: Row, group: Mapping[str, Any]) -> bool:
    return all(str(row.get(column)) == str(value) for column, value in group.items())


def _releases(rows: Sequence[Row], column: str) -> list[int]:
    """The positions of the releases that were counted in the rows."""
    counted = [row[column] for row in rows]
    return sorted({position for one in counted for position in (one if isinstance(one, list | tuple) else [one])})


def _cell(about: Definition, row: Row, figure: str) -> Cell:
    return Cell({column: row[column] for column in about.columns}, row[figure], bool(row.get("suppressed")))


def no_such_group(group: Mapping[str, Any], known: list[Row]) -> Unknown:
    """The refusal of columns that name no row of the report; it lists those that would."""
    unknown = Unknown("group", " ".join(f"{name}={value}" for name, value in group.items())[:100])
    unknown.details["known"] = known[:MOST_GROUPS]
    return unknown


def _refuse_empty(conn: Connection, about: Definition, asked: Asked, gate: Gate) -> None:
    """Raises `Unknown` where no session is of the module, period and so on; sessions themselves are not listed."""
    given = {name: value for name, value in asked.filters.items() if value is not None and name != "category"}
    anything = asked._replace(group_by=("module",), filters={**asked.filters, "category": None})
    if not given or about.shape(rows_of(conn, about, anything), anything, gate):
        return
    columns = tuple(name for name in given if name != "session") or ("module",)
    everything = asked._replace(group_by=columns, filters=dict.fromkeys(asked.filters))
    rows = about.shape(rows_of(conn, about, everything), everything, gate)
    raise no_such_group(given, [{column: row[column] for column in columns} for row in rows])


def _blank(about: Definition) -> dict[str, Any]:
    """No value for any column that may name a row."""
    return dict.fromkeys((*about.columns, "slot", "months", "quarter", "module", "session", "language", "place"))


@cache
def _statements() -> dict[str, LiteralString]:
    """As psycopg takes them."""
    return {
        name: re.sub(r"(?<!:):(\w+)", r"%(\1)s", text)
        for name, text in statements("projections.reports", "explain.sql").items()
    }
