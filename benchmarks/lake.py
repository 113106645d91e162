"""The analyst's desk: replay, feed to one reader, lake, and reports on PostgreSQL beside DuckDB on the same facts.

``python -m benchmarks.lake [--events N …] [--rounds N]``: for each length of the log one row, to see how things grow.
Each piece of work is done by a process of its own, whose most memory is told: for reports that is PostgreSQL's, with
what it touched of the memory that all its processes share.
"""

from __future__ import annotations

import argparse
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
from benchmarks.alone import Done, alone, most_megabytes
from benchmarks.school import lengthen
from coopschool.api.auth import mint_token
from coopschool.database import Database
from coopschool.domain.base import Role
from coopschool.settings import Settings
from projections import engines
from projections.lake import open_lake
from projections.reports import run

ROUNDS = 3
HALF_WAY = "half-way"  # the day on which half of the log had happened
REPORTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("progress", {}),
    ("progress", {"group_by": "module,period"}),
    ("progress", {"group_by": "module", "as_of": HALF_WAY}),
    ("progress", {"module": "M03"}),
    ("progress", {"group_by": "category"}),
    ("cohorts", {}),
    ("demand", {}),
    ("demand", {"as_of": HALF_WAY}),
    ("attendance", {}),
)


class Asked(NamedTuple):
    """Seconds of the best of some rounds, the engines in turn; the most memory that PostgreSQL's process had so far."""

    report: str
    postgres: float
    duckdb: float
    megabytes: float

    @property
    def times(self) -> float:
        return self.postgres / self.duckdb


class Measured(NamedTuple):
    """What was done with a log of one length."""

    replayed: Done
    exported: Done
    asked: list[Asked]


def measure(data_dir: Path, events: int, rounds: int) -> Measured:
    """Lengthens the log to so many events, replays it, exports it, asks both engines."""
    settings = Settings(data_dir=data_dir)
    with Database.open(settings) as database:
        with database.connect("app") as conn:
            lengthen(conn, events)
        with tempfile.TemporaryDirectory() as directory:
            replayed = alone("replay", data_dir)
            exported = alone("export", data_dir, Path(directory))
            return Measured(replayed, exported, _asked(database, settings, Path(directory), rounds))


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


def _asked(database: Database, settings: Settings, directory: Path, rounds: int) -> list[Asked]:
    lake = open_lake(directory)
    with database.connect("app") as conn:
        found = conn.execute("select occurred_at from events where position = (select max(position) / 2 from events)")
        half_way = found.fetchall()[0][0].date()
    rows = []
    with engines.engine("duckdb", lake) as duckdb:
        for name, parameters in REPORTS:
            asked: dict[str, Any] = {"as_of": lake.manifest.made_at, **parameters}
            if asked["as_of"] == HALF_WAY:
                asked["as_of"] = half_way
            postgres, over_lake = [], []
            with database.connect("reader") as conn:
                for _ in range(rounds):
                    postgres.append(_seconds(lambda: run(conn, name, asked, zone=settings.zone)))  # noqa: B023
                    over_lake.append(_seconds(lambda: engines.run(duckdb, lake, name, asked)))  # noqa: B023
                megabytes = most_megabytes(conn.info.backend_pid)
            told = " ".join(f"{key}={value}" for key, value in parameters.items())
            rows.append(Asked(f"{name} {told}".strip(), min(postgres), min(over_lake), megabytes))
    return rows


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def show(console: Console, data_dir: Path, sizes: Sequence[int], rounds: int = ROUNDS) -> None:
    """Prints how replay, feed, export and reports do as the log grows."""
    replays = Table("events", "replayed a second", "most memory, MB", title="Replaying all projections")
    exports = Table("events", "exported a second", "most memory, MB", title="Exporting the lake")
    fed = Table("events", "view", "events a second", "server memory, MB", title="The feed as lines, to one reader")
    reports = Table(
        "events", "report", "PostgreSQL s", "DuckDB s", "times", "memory, MB", title="The same report on the same facts"
    )
    for events in sorted(sizes):
        found = measure(data_dir, events, rounds)
        for table, done in ((replays, found.replayed), (exports, found.exported)):
            table.add_row(f"{events:,}", f"{done.rate:,.0f}", f"{done.megabytes:.0f}")
        for one in found.asked:
            seconds = (f"{one.postgres:.3f}", f"{one.duckdb:.3f}", f"{one.times:.1f}", f"{one.megabytes:.0f}")
            reports.add_row(f"{events:,}", one.report, *seconds)
        for view in feed(data_dir):
            fed.add_row(f"{events:,}", view.view, f"{view.rate:,.0f}", f"{view.megabytes:.0f}")
    for table in (replays, fed, exports, reports):
        console.print(table)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lake", description=__doc__)
    parser.add_argument("--events", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="coopschool-lake-") as directory:
        show(Console(width=120), Path(directory), asked.events, asked.rounds)


if __name__ == "__main__":
    main()
