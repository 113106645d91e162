"""``make bench``: everything that is claimed about speed, measured in one run, as ratios first.

Machines differ and are shared: read the ratios, quote the absolutes with the machine and the day beside them.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import growth, history, http, lake, rebuild
from benchmarks.machine import here_and_now
from coopschool.database import Database
from coopschool.settings import Settings

console = Console(width=120)


def enrolments(data_dir: Path, _events: int) -> None:
    rows = http.compare(data_dir, requests=6_000)
    rates = {(row.server, row.connections): row.rate for row in rows}
    table = Table(
        "server", "connections", "a second", "p50 ms", "p99 ms", "of empty", "times stock", title="Enrolments over HTTP"
    )
    for row in sorted(rows, key=lambda row: (row.server, row.connections)):
        empty, stock = rates.get(("empty", row.connections)), rates.get(("stock", row.connections))
        compared = row.server != "bare SQL"
        table.add_row(
            row.server,
            str(row.connections),
            f"{row.rate:,.0f}",
            f"{row.p50:.2f}",
            f"{row.p99:.2f}",
            f"{row.rate / empty:.0%}" if compared and empty else "",
            f"{row.rate / stock:.1f}" if compared and stock else "",
        )
    console.print(table)
    p50 = {(row.server, row.connections): row.p50 for row in rows}
    console.print(f"One connection: p50 is {p50['ours', 1] / p50['bare SQL', 1]:.2f} × the bare SQL transaction's.\n")


def race(data_dir: Path, _events: int) -> None:
    result = http.race(data_dir)
    table = Table(
        "confirmed", "waitlisted", "ranks exact", "a second", "of the quiet rate", title="500 members, 20 seats"
    )
    table.add_row(
        str(result.confirmed),
        str(result.waitlisted),
        "yes" if result.ranks_exact else "NO",
        f"{result.rate:,.0f}",
        f"{result.rate / result.quiet_rate:.0%}",
    )
    console.print(table)


def rebuilding(data_dir: Path, events: int) -> None:
    result = rebuild.compare(data_dir, events, library_events=3_000)
    table = Table("runner", "events", "events a second", "times", title="Rebuilding projections")
    table.add_row("ProjectionRunner of the library", f"{result.library_events:,}", f"{result.library:,.0f}", "1")
    for name, rate in (("coopschool replay learning", result.learning), ("coopschool replay", result.ours)):
        table.add_row(name, f"{result.our_events:,}", f"{rate:,.0f}", f"{rate / result.library:.0f}")
    console.print(table)


def growing(data_dir: Path, events: int) -> None:
    result = growth.compare(data_dir, events)
    table = Table("log of", "enrolments a second", "of the empty log's", "server memory, MB", title="As the log grows")
    for row in result:
        table.add_row(f"{row.events:,}", f"{row.rate:,.0f}", f"{row.rate / result[0].rate:.0%}", f"{row.megabytes:.0f}")
    console.print(table)


def importing(data_dir: Path, _events: int) -> None:
    result = history.measure(data_dir)
    table = Table(
        "enrolments",
        "attendances",
        "events",
        "seconds",
        "longest live wait, s",
        "memory, MB",
        title="Importing history",
    )
    table.add_row(
        f"{result.enrolments:,}",
        f"{result.attendances:,}",
        f"{result.events:,}",
        f"{result.seconds:.1f}",
        f"{result.longest_wait:.1f}",
        f"{result.megabytes:.0f}",
    )
    console.print(table)


def desk(data_dir: Path, events: int) -> None:
    lake.show(console, data_dir, [events])


def scale(data_dir: Path, events: int) -> None:
    """How the desk does as the log grows: one round of each, up to five times the long log."""
    lake.show(console, data_dir, [events // 10, events, 5 * events], rounds=1)


PARTS: dict[str, Callable[[Path, int], None]] = {
    "enrolments": enrolments,
    "race": race,
    "growth": growing,
    "rebuild": rebuilding,
    "import": importing,
    "desk": desk,
    "scale": scale,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--events", type=int, default=1_000_000, help="length of the long log (default: 1,000,000)")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    console.print(f"{here_and_now()}\n")
    for name in asked.parts or PARTS:
        with tempfile.TemporaryDirectory(prefix="coopschool-bench-") as directory:
            data_dir = Path(directory)
            with Database.open(Settings(data_dir=data_dir)):
                PARTS[name](data_dir, asked.events)


if __name__ == "__main__":
    main()
