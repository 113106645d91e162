"""`attendance`: the sheets of each slot, and how late they were."""

from __future__ import annotations

from projections.disclosure import Gate
from projections.reports.asked import Asked, Parameter
from projections.reports.report import Definition, Row, Rows

STATUSES = ("present", "partial", "absent", "excused")


def shape(found: Rows, _asked: Asked, _gate: Gate) -> list[Row]:
    """One row a slot that began; without a sheet, who had a seat is expected and the rest is null."""
    return [_row(row) for row in found["attendance"]]


def _row(row: Row) -> Row:
    logged = bool(row["logged"])
    expected = sum(int(row[status]) for status in STATUSES) if logged else int(row["seats"])
    return {
        "session": row["session"],
        "slot": row["slot"],
        "module": row["module"],
        "date": row["local_date"].isoformat(),
        "expected": expected,
        **{status: int(row[status]) if logged else None for status in STATUSES},
        "corrections": int(row["corrections"]),
        "days_to_logging": row["delay"] if logged else None,
    }


ATTENDANCE = Definition(
    name="attendance",
    title="Who was expected at each slot and who came",
    roles=("coordinator",),
    own="its trainers, by session",
    group_by=(),
    columns=("session", "slot", "module", "date"),
    figures=("expected", *STATUSES, "corrections", "days_to_logging"),
    parameters=(
        Parameter("session", "session", "only this session"),
        Parameter("module", "module", "only sessions of this module"),
    ),
    projections=("learning",),
    shape=shape,
)
