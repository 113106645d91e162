"""`feedback`: what participants said of modules, and to trainers of their own sessions, through the gate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from coopschool.domain.errors import Forbidden
from projections.disclosure import FeedbackRelease, FeedbackRow, feedback
from projections.reports.asked import Asked, Parameter
from projections.reports.questionnaires import HIDDEN, NOT_VALIDATED, published
from projections.reports.report import Definition, Row, Rows

COLUMNS = ("module", "session", "instrument", "version", "moment", "source", "item")
FIGURES = ("n", "mean", "distribution", "distribution_n", "cold_minus_hot")


def shape(found: Rows, asked: Asked, min_group: int) -> list[Row]:
    """One row an item. With a session, its own rows, which only its trainers see. Raises `Forbidden`."""
    session = asked.filters["session"]
    if session is not None and session not in asked.viewer.sessions:
        raise Forbidden(session=session)
    shown = feedback(
        _releases(found), by_session=session is not None, as_of=asked.as_of, known_at=asked.known, min_group=min_group
    )
    return [_row(row) for row in shown if asked.filters["moment"] in (None, row.moment)]


def _releases(found: Rows) -> Iterator[FeedbackRelease]:
    """The answers of each session, moment and source, in the order of the log."""
    questionnaires = published(found["instruments"])
    about: dict[tuple[int, str], Row] = {}
    scores: dict[tuple[int, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in found["answers"]:
        key = (row["position"], row["source"])
        about[key] = row
        scores[key][row["item"]] += [row["score"]] * int(row["times"])
    for key, row in sorted(about.items()):
        yield FeedbackRelease(
            position=row["position"],
            occurred_at=row["occurred_at"],
            session=row["session"],
            module=row["module"],
            instrument=questionnaires[row["instrument"]][row["version"]],
            moment=row["moment"],
            source=row["source"],
            scores=scores[key],
        )


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
