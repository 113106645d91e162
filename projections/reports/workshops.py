"""`workshops`: what adviser teams work out about their own work, by the quarter of the workshop."""

from __future__ import annotations

from collections import defaultdict

from projections.disclosure import Gate
from projections.reports.asked import Asked, Parameter
from projections.reports.autonomy import decided, teams_seen_by
from projections.reports.report import Definition, Row, Rows

FIGURES = (
    "held", "participants", "decisions", "decisions_by_theme", "decisions_by_outcome", "decisions_by_decided_by",
    "reviewed", "reviewed_on_time", "overdue",
)  # fmt: skip


def shape(found: Rows, asked: Asked, _gate: Gate) -> list[Row]:
    """One row a team and quarter in which it held a workshop; advisers see their own team."""
    seen = teams_seen_by(asked.viewer)
    decisions: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in found["decisions"]:
        decisions[row["team"], row["quarter"]].append(row)
    reviews = {(row["team"], row["quarter"]): row for row in found["reviews"]}
    rows = []
    for row in found["workshops"]:
        key = (row["team"], row["quarter"])
        if seen is not None and row["team"] not in seen:
            continue
        of_decisions = decided(decisions[key])
        overdue = of_decisions.pop("overdue")
        reviewed = reviews.get(key, {"reviewed": 0, "on_time": 0})
        rows.append(
            {
                "team": row["team"],
                "quarter": row["quarter"],
                "held": int(row["held"]),
                "participants": int(row["participants"]),
                **of_decisions,
                "reviewed": int(reviewed["reviewed"]),
                "reviewed_on_time": int(reviewed["on_time"]),
                "overdue": overdue,
            }
        )
    return rows


WORKSHOPS = Definition(
    name="workshops",
    title="What adviser teams work out about their own work, by quarter",
    roles=("coordinator", "researcher"),
    own="advisers: their own team",
    group_by=(),
    columns=("team", "quarter"),
    figures=FIGURES,
    parameters=(
        Parameter("team", "text", "only this team"),
        Parameter("period", "period", "only workshops of this quarter (2020Q2) or year (2020)"),
    ),
    projections=("workshops",),
    shape=shape,
    notes=(
        (
            "participants: seats taken, somebody in two workshops counts twice. Decisions, their reviews and those "
            "overdue count in the quarter of the workshop that led to them."
        ),
    ),
)
