"""The lake: how fast it is exported and in how much memory, and reports on PostgreSQL beside DuckDB on the same facts.

``python -m benchmarks.lake [--events N …]``: for each length of the log one row, to see how things grow.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.school import lengthen
from coopschool.database import Database
from coopschool.settings import Settings
from projections import engines
from projections.lake import export, open_lake
from projections.replay import rebuild
from projections.reports import run

ROUNDS = 3
REPORTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("progress", {}),
    ("progress", {"group_by": "module,period"}),
    ("progress", {"group_by": "module", "as_of": "2018-06-30"}),
    ("progress", {"group_by": "category"}),
    ("cohorts", {}),
    ("demand", {}),
    ("attendance", {}),
)


class Exported(NamedTuple):
    """Events a second, and the most memory the process had."""

    rate: float
    megabytes: float


class Asked(NamedTuple):
    """Seconds of the best of some rounds."""

    report: str
    postgres: float
    duckdb: float

    @property
    def times(self) -> float:
        return self.postgres / self.duckdb


def measure(data_dir: Path, events: int) -> tuple[Exported, list[Asked]]:
    """Lengthens the log to so many events, folds them, exports them in a process of its own, asks both engines."""
    settings = Settings(data_dir=data_dir)
    with Database.open(settings) as database:
        with database.connect("app") as conn:
            row = conn.execute("select coalesce(max(position), 0) from events").fetchone()
            lengthen(conn, max(events - (row[0] if row else 0), 0))
        rebuild(database, settings.zone)
        with tempfile.TemporaryDirectory() as directory:
            with multiprocessing.get_context("spawn").Pool(1) as alone:
                exported = alone.apply(exported_to, (data_dir, Path(directory)))
            return exported, _asked(database, settings, Path(directory))


def exported_to(data_dir: Path, directory: Path) -> Exported:
    settings = Settings(data_dir=data_dir)
    with Database.open(settings) as database:
        started = time.perf_counter()
        done = export(database, settings, directory)
        seconds = time.perf_counter() - started
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Exported(done.lake.manifest.position / seconds, megabytes)


def _asked(database: Database, settings: Settings, directory: Path) -> list[Asked]:
    lake = open_lake(directory)
    found = []
    with engines.engine("duckdb", lake) as duckdb, database.connect("reader") as conn:
        for name, parameters in REPORTS:
            asked: dict[str, Any] = {"as_of": lake.manifest.made_at, **parameters}
            postgres = _best(lambda name=name, asked=asked: run(conn, name, asked, zone=settings.zone))
            over_lake = _best(lambda name=name, asked=asked: engines.run(duckdb, lake, name, asked))
            told = " ".join(f"{key}={value}" for key, value in parameters.items())
            found.append(Asked(f"{name} {told}".strip(), postgres, over_lake))
    return found


def _best(ask: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        ask()
        times.append(time.perf_counter() - started)
    return min(times)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lake", description=__doc__)
    parser.add_argument("--events", type=int, nargs="+", default=[100_000, 1_000_000])
    console = Console(width=120)
    growth = Table("events", "exported a second", "most memory, MB", title="Exporting the lake")
    reports = Table("events", "report", "PostgreSQL s", "DuckDB s", "times", title="The same report on the same facts")
    with tempfile.TemporaryDirectory(prefix="coopschool-lake-") as directory:
        for events in sorted(parser.parse_args(arguments).events):
            exported, asked = measure(Path(directory), events)
            growth.add_row(f"{events:,}", f"{exported.rate:,.0f}", f"{exported.megabytes:.0f}")
            for one in asked:
                reports.add_row(
                    f"{events:,}", one.report, f"{one.postgres:.3f}", f"{one.duckdb:.3f}", f"{one.times:.1f}"
                )
    console.print(growth)
    console.print(reports)


if __name__ == "__main__":
    main()
