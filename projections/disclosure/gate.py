"""The one place that reads answers. What comes out of it are figures that may be shown."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row

from coopschool.sql import statements
from projections.disclosure.cells import WaveRelease
from projections.disclosure.feedback import FeedbackRelease, FeedbackRow, feedback
from projections.disclosure.figures import MIN_GROUP
from projections.disclosure.waves import AutonomyRow, Versions, autonomy, scored

SQL = statements("projections.disclosure", "answers.sql")

Row = Mapping[str, Any]
Answers = Mapping[tuple[str, str], Iterable[Mapping[str, int]]]  # by wave and team


class Gate:
    """The statistics gate over the facts that a transaction is in, as known at a log position, as of a moment.

    Where there are no facts with answers (a lake), it is there for its minimum group alone.
    """

    def __init__(
        self,
        min_group: int = MIN_GROUP,
        conn: psycopg.Connection[Any] | None = None,
        *,
        known: int = 0,
        as_of: datetime | None = None,
    ) -> None:
        self.min_group = min_group
        self._conn = conn
        self._known = known
        self._as_of = as_of

    def autonomy(
        self, series: Mapping[str, Iterable[WaveRelease]], versions: Mapping[str, Versions]
    ) -> dict[str, list[AutonomyRow]]:
        """The rows of each questionnaire's waves, which are given without scores: the gate puts these in."""
        answers = self._of_waves()
        return {
            code: autonomy((_with_scores(wave, answers) for wave in waves), versions[code], self.min_group)
            for code, waves in series.items()
        }

    def feedback(
        self, versions: Mapping[str, Versions], *, module: str | None = None, session: str | None = None
    ) -> list[FeedbackRow]:
        """The rows of modules; of one session by itself where it is named."""
        return feedback(
            _released(self._read("of_sessions", module=module, session=session), versions),
            by_session=session is not None,
            as_of=self._as_of,
            known_at=self._known,
            min_group=self.min_group,
        )

    def _of_waves(self) -> Answers:
        given: dict[tuple[str, str], dict[int, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
        for row in self._read("of_waves"):
            given[row["wave"], row["team"]][row["answer"]][row["item"]] = row["score"]
        return {key: answers.values() for key, answers in given.items()}

    def _read(self, statement: str, **values: str | None) -> list[Row]:
        assert self._conn is not None, "there are no answers here"
        with self._conn.cursor(row_factory=dict_row) as cursor:
            values_given = {"known": self._known, "as_of": self._as_of, **values}
            return list(cursor.execute(SQL[statement], values_given, prepare=False).fetchall())


def _with_scores(wave: WaveRelease, answers: Answers) -> WaveRelease:
    scores = {team: scored(wave.instrument, answers.get((wave.wave, team), ())) for team in wave.eligible}
    return msgspec.structs.replace(wave, scores=scores)


def _released(rows: Iterable[Row], versions: Mapping[str, Versions]) -> Iterator[FeedbackRelease]:
    """The answers of each session, moment and source, in the order of the log."""
    about: dict[tuple[int, str], Row] = {}
    scores: dict[tuple[int, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        key = (row["position"], row["source"])
        about[key] = row
        scores[key][row["item"]] += [row["score"]] * int(row["times"])
    for key, row in sorted(about.items(), key=lambda one: one[0]):
        yield FeedbackRelease(
            position=row["position"],
            occurred_at=row["occurred_at"],
            session=row["session"],
            module=row["module"],
            instrument=versions[row["instrument"]][row["version"]],
            moment=row["moment"],
            source=row["source"],
            scores=scores[key],
        )
