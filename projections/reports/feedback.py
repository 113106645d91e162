"""`feedback`: what participants said of modules, and to trainers of their own sessions, through the gate."""

from __future__ import annotations

import msgspec

from coopschool.domain.errors import Forbidden
from projections.disclosure import FeedbackRow, Gate
from projections.reports.asked import Asked, Parameter
from projections.reports.questionnaires import HIDDEN, NOT_VALIDATED, published
from projections.reports.report import Definition, Row, Rows

COLUMNS = ("module", "session", "instrument", "version", "moment", "source", "item")
FIGURES = ("n", "mean", "distribution", "distribution_n", "cold_minus_hot")


def shape(found: Rows, asked: Asked, gate: Gate) -> list[Row]:
    """One row an item. With a session, its own rows, which only its trainers see. Raises `Forbidden`."""
    session = asked.filters["session"]
    if session is not None and session not in asked.viewer.sessions:
        raise Forbidden(session=session)
    shown = gate.feedback(published(found["instruments"]), module=asked.filters["module"], session=session)
    return [_row(row) for row in shown if asked.filters["moment"] in (None, row.moment)]


def _row(row: FeedbackRow) -> Row:
    told = msgspec.structs.asdict(row)
    return {column: told[column] for column in (*COLUMNS, *FIGURES)} | {
        "releases": list(row.counted),
        "suppressed": row.suppressed,
    }


FEEDBACK = Definition(
    name="feedback",
    title="What participants said of modules and sessions",
    roles=("coordinator", "researcher"),
    own="its trainers, by session",
    group_by=(),
    columns=COLUMNS,
    figures=(*FIGURES, "releases", "suppressed"),
    parameters=(
        Parameter("module", "module", "only this module"),
        Parameter("session", "session", "this session by itself: for its trainers only"),
        Parameter("moment", "text", "hot or cold"),
    ),
    projections=("ratings",),
    shape=shape,
    gated=True,
    notes=(
        NOT_VALIDATED,
        HIDDEN,
        (
            "Answers count once five that were not counted yet are together; distributions from ten, so "
            "distribution_n may lag behind n. paper: sheets that trainers typed in."
        ),
        (
            "cold_minus_hot: the difference of two means, of whoever answered at each moment (unpaired): not the "
            "change of the same persons."
        ),
    ),
)
