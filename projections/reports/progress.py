"""`progress`: what became of people in sessions, by whatever is asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import chain

from projections.disclosure import Gate, counts
from projections.reports.arithmetic import median, rate
from projections.reports.asked import Asked, Parameter
from projections.reports.report import Definition, Row, Rows

GROUPS = ("module", "period", "month", "quarter", "year", "format", "language", "session", "category")
OF_SESSIONS = ("sessions", "seats", "fill_rate")
COUNTS = (
    "enrolled", "waitlisted", "promoted", "withdrawn", "cancelled", "no_show",
)  # fmt: skip
FIGURES = (
    "sessions", "seats", *COUNTS, "fill_rate", "attendance_rate", "completed", "not_completed", "completion_rate",
    "median_days_to_completion",
)  # fmt: skip
KEYS = ("module", "month", "quarter", "year", "format", "language", "session", "category")


class Tally:
    """The sums of one row. `minutes` are those for which people were there, by those that the slot has."""

    def __init__(self) -> None:
        self.sums: dict[str, int] = defaultdict(int)
        self.days: dict[int, int] = defaultdict(int)
        self.minutes: dict[int, int] = defaultdict(int)

    def add(self, row: Row) -> None:
        figure, times = row["figure"], int(row["times"])
        self.sums[figure] += times
        if figure == "days":
            self.days[row["value"]] += times
        elif figure == "partial" and row["out_of"]:
            self.minutes[row["out_of"]] += times * min(row["value"], row["out_of"])

    def figures(self) -> Row:
        sums = self.sums
        present, partial, absent = sums["present"], sums["partial"], sums["absent"]
        partly = sum((Fraction(minutes, out_of) for out_of, minutes in self.minutes.items()), start=Fraction(0))
        return {
            "sessions": sums["sessions"],
            "seats": sums["seats"],
            **{figure: sums[figure] for figure in COUNTS},
            "fill_rate": rate(sums["at_first_slot"], sums["seats"]),
            "attendance_rate": rate(present + partly, present + partial + absent),
            "completed": sums["completed"],
            "not_completed": sums["not_completed"],
            "completion_rate": rate(sums["completed"], sums["completed"] + sums["not_completed"]),
            "median_days_to_completion": median(self.days),
        }


def shape(found: Rows, asked: Asked, gate: Gate) -> list[Row]:
    """One row a group. By category, small groups are hidden, and figures of sessions say nothing.

    One category is shown as it would be beside the others: what is hidden then is hidden alone, too.
    """
    only = asked.filters["category"]
    columns = asked.group_by if only is None or "category" in asked.group_by else (*asked.group_by, "category")
    tallies: dict[tuple[str | None, ...], Tally] = defaultdict(Tally)
    for row in chain(found["progress"], found["by_category"]):
        tallies[_key(row, columns)].add(row)
    if not columns:
        tallies[()]
    if "category" not in columns:
        return [_row(columns, key, tally.figures()) for key, tally in _in_order(tallies.items())]
    rows = [
        _row(columns, key, tally.figures() | dict.fromkeys(OF_SESSIONS) | {"people": tally.sums["people"]})
        for key, tally in _in_order(tallies.items())
        if tally.sums["people"]
    ]
    within = [column for column in columns if column != "category"]
    shown = counts(rows, within=within, figures=FIGURES, people="people", min_group=gate.min_group)
    dropped = {"people"} if columns == asked.group_by else {"people", "category"}
    return [
        {column: value for column, value in row.items() if column not in dropped}
        for row in shown
        if only in (None, row["category"])
    ]


def _key(row: Row, columns: Sequence[str]) -> tuple[str | None, ...]:
    return tuple(row["quarter" if column == "period" else column] for column in columns)


def _row(columns: Sequence[str], key: Sequence[str | None], figures: Row) -> Row:
    return {**dict(zip(columns, key, strict=True)), **figures}


def _in_order(
    tallies: Iterable[tuple[tuple[str | None, ...], Tally]],
) -> list[tuple[tuple[str | None, ...], Tally]]:
    return sorted(tallies, key=lambda item: [(value is None, value or "") for value in item[0]])


PROGRESS = Definition(
    name="progress",
    title="What became of people in sessions",
    roles=("coordinator", "researcher"),
    group_by=GROUPS,
    columns=(),
    figures=FIGURES,
    parameters=(
        Parameter("module", "module", "only this module"),
        Parameter(
            "period", "period", "only sessions that began in this month (2020-04), quarter (2020Q2) or year (2020)"
        ),
        Parameter("session", "session", "only this session"),
        Parameter("format", "text", "only sessions in this format"),
        Parameter("language", "text", "only sessions in this language (several: fr|nl)"),
        Parameter("category", "text", "only people of this category on the session's first day"),
    ),
    projections=("learning", "membership"),
    shape=shape,
    notes=(
        "A session that was cancelled counts neither as a session nor its seats; its enrolments do.",
        "fill_rate: confirmed at the first slot, of the seats.",
    ),
)
