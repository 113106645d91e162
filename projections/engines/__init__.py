"""Other engines for the same reports: their `.sql` files, translated by sqlglot, over the Parquet files of a lake.

PostgreSQL runs the files as they are (`projections.reports.run`). Whatever engine runs them, the rows are the same: a
test asks all reports of all engines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import pyarrow.compute as pc
import pyarrow.parquet as pq

from coopschool.domain.errors import Invalid
from projections.calendar import Calendar
from projections.disclosure import Gate
from projections.engines.translating import translated
from projections.lake import Lake, LakeError, figures
from projections.reports import Report, Row, answer, ask, definition, values_of
from projections.reports.asked import Asked

ENGINES = ("duckdb", "spark")
CLOCKS = ("as_of", "known_at")


class Engine(Protocol):
    """Runs statements over a lake. `dialect` is what sqlglot calls its SQL."""

    dialect: str

    def rows(self, statement: str, values: Mapping[str, Any]) -> list[Row]:
        """The rows of a statement of that dialect, in its order."""


@contextmanager
def engine(name: str, lake: Lake, spark_master: str = "local[2]") -> Iterator[Engine]:
    """An engine with the lake's tables at hand. Raises `LakeError` for a name that is none."""
    if name == "duckdb":
        from projections.engines.duckdb import DuckDB  # noqa: PLC0415 - an engine is loaded where it is wanted

        with DuckDB(lake) as duckdb:
            yield duckdb
    elif name == "spark":
        from projections.engines.spark import Spark  # noqa: PLC0415

        with Spark(lake, spark_master) as spark:
            yield spark
    else:
        raise LakeError(f"there is no engine {name!r}; there are {', '.join(ENGINES)}.")


def run(engine: Engine, lake: Lake, name: str, parameters: Mapping[str, Any]) -> Report:
    """A report as of any moment up to the export, as known at the end of any day.

    Ids among the parameters are those of the lake: pseudonyms. Answers of people are not in a lake, so reports on them
    are read as they stood at the export, whatever the engine. Raises `Unknown`, `Invalid`.
    """
    manifest = lake.manifest
    about = definition(name)
    zone = ZoneInfo(manifest.time_zone)
    asked = ask(about, parameters, zone, manifest.made_at)
    if asked.as_of > manifest.made_at:
        raise Invalid("as_of", latest=manifest.made_at.astimezone(zone).isoformat())
    if about.gated:
        given = {**asked.filters, "group_by": asked.group_by, **{name: parameters.get(name) for name in CLOCKS}}
        return figures.report_in(lake, about, {name: value for name, value in given.items() if value})
    asked = asked._replace(known=_known(lake, asked))
    values = values_of(about, asked)
    found = {}
    for statement, translation in translated(about.name, engine.dialect).items():
        found[statement] = engine.rows(translation.sql, {name: values[name] for name in translation.parameters})
    return answer(about, asked, found, Gate(manifest.min_group), manifest.projections)


def _known(lake: Lake, asked: Asked) -> int:
    """The last position that had been recorded by then. The lake knows only the day of that."""
    if asked.known_at is None:
        return lake.manifest.position
    day = asked.known_at.astimezone(asked.zone).date()
    if asked.known_at != Calendar(asked.zone).end_of(day):
        raise Invalid("known_at", expected="a date: a lake knows on which day something was recorded, not when")
    recorded = pq.read_table(lake.paths("recorded")) if lake.paths("recorded") else None
    if recorded is None:
        return 0
    return pc.max(recorded.filter(pc.less_equal(recorded["recorded_on"], day))["position"]).as_py() or 0
