"""The analyst's desk: the feed to one reader, the lake, and reports on PostgreSQL beside DuckDB on the same facts.

``python -m benchmarks.lake [--events N …]``: for each length of the log one row, to see how things grow.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import socket
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks import servers
from benchmarks.school import lengthen
from coopschool.api.auth import mint_token
from coopschool.database import Database
from coopschool.domain.base import Role
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
            lengthen(conn, events)
        rebuild(database, settings.zone)
        with tempfile.TemporaryDirectory() as directory:
            with multiprocessing.get_context("spawn").Pool(1) as alone:
                exported = alone.apply(exported_to, (data_dir, Path(directory)))
            return exported, _asked(database, settings, Path(directory))


class Fed(NamedTuple):
    """A view of the log, whole, as lines over HTTP: events a second, and the server's memory then."""

    view: str
    rate: float
    megabytes: float


def feed(data_dir: Path) -> list[Fed]:
    """The whole log to one reader, as an admin and as a researcher see it."""
    key = Settings(data_dir=data_dir).signing_key()
    found = []
    roles: tuple[Role, ...] = ("admin", "researcher")
    for role in roles:
        port = free_port()
        with servers.running("ours", port, data_dir) as running:
            headers = {"Authorization": f"Bearer {mint_token(key, [role])}", "Accept": "application/x-ndjson"}
            asked = urllib.request.Request(f"http://127.0.0.1:{port}/api/events", headers=headers)
            started, events = time.perf_counter(), 0
            with urllib.request.urlopen(asked) as lines:
                while piece := lines.read(1 << 16):
                    events += piece.count(b"\n")
            found.append(Fed(role, events / (time.perf_counter() - started), running.resident_megabytes()))
    return found


def exported_to(data_dir: Path, directory: Path) -> Exported:
    settings = Settings(data_dir=data_dir)
    with Database.open(settings) as database:
        started = time.perf_counter()
        done = export(database, settings, directory)
        seconds = time.perf_counter() - started
    return Exported(done.lake.manifest.position / seconds, _most_megabytes())


def _most_megabytes() -> float:
    """The most memory that this process had. (`getrusage` would count what its parent had when it was forked.)"""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line[:6] == "VmHWM:") / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


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


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def show(console: Console, data_dir: Path, sizes: Sequence[int]) -> None:
    """Prints how the feed, the export and the reports do as the log grows."""
    growth = Table("events", "exported a second", "most memory, MB", title="Exporting the lake")
    fed = Table("events", "view", "events a second", "server memory, MB", title="The feed as lines, to one reader")
    reports = Table("events", "report", "PostgreSQL s", "DuckDB s", "times", title="The same report on the same facts")
    for events in sorted(sizes):
        exported, asked = measure(data_dir, events)
        growth.add_row(f"{events:,}", f"{exported.rate:,.0f}", f"{exported.megabytes:.0f}")
        for one in asked:
            reports.add_row(f"{events:,}", one.report, f"{one.postgres:.3f}", f"{one.duckdb:.3f}", f"{one.times:.1f}")
        for view in feed(data_dir):
            fed.add_row(f"{events:,}", view.view, f"{view.rate:,.0f}", f"{view.megabytes:.0f}")
    for table in (fed, growth, reports):
        console.print(table)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lake", description=__doc__)
    parser.add_argument("--events", type=int, nargs="+", default=[100_000, 1_000_000])
    with tempfile.TemporaryDirectory(prefix="coopschool-lake-") as directory:
        show(Console(width=120), Path(directory), parser.parse_args(arguments).events)


if __name__ == "__main__":
    main()
