"""`cohorts`: how far people have come, by the quarter in which they were registered and the months since."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from projections.calendar import months_between
from projections.disclosure import Gate
from projections.reports.arithmetic import rate
from projections.reports.asked import Asked
from projections.reports.report import Definition, Row, Rows

MILESTONES = ("joined", "one_module", "three_modules", "rite_of_passage")


def shape(found: Rows, asked: Asked, _gate: Gate) -> list[Row]:
    """For each quarter, one row a month that all its people have had; the last one as long as it lasts."""
    cohorts: dict[str, dict[int, Row]] = defaultdict(dict)
    for row in found["cohorts"]:
        cohorts[row["cohort"]][row["months"]] = row
    rows = []
    for cohort, by_month in sorted(cohorts.items()):
        people = sum(int(row["registered"]) for row in by_month.values())
        reached = dict.fromkeys(MILESTONES, 0)
        for months in range(months_between(_last_day(cohort), asked.today) + 1):
            for milestone in MILESTONES:
                reached[milestone] += int(by_month[months][milestone]) if months in by_month else 0
            rows.append(_row(cohort, months, people, reached))
    return rows


def _row(cohort: str, months: int, people: int, reached: dict[str, int]) -> Row:
    row: Row = {"quarter": cohort, "months": months, "people": people}
    for milestone in MILESTONES:
        row[milestone] = reached[milestone]
        row[f"{milestone}_share"] = rate(reached[milestone], people)
    return row


def _last_day(quarter: str) -> date:
    year, number = int(quarter[:4]), int(quarter[5:])
    following = date(year + 1, 1, 1) if number == 4 else date(year, number * 3 + 1, 1)
    return following - timedelta(days=1)


COHORTS = Definition(
    name="cohorts",
    title="How far people have come, by the quarter in which they were registered",
    roles=("coordinator", "researcher"),
    group_by=(),
    columns=("quarter", "months"),
    figures=("people", *(name for milestone in MILESTONES for name in (milestone, f"{milestone}_share"))),
    parameters=(),
    projections=("membership",),
    shape=shape,
    notes=("rite_of_passage: modules M01 and M02 both completed.",),
)
