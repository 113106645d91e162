"""``make load``: how much mixed traffic one server holds on this machine, and what it does with three times as much.

70 % reads, 20 % enrolments, 10 % trainers' work. The exit status is 1 if anything was lost or doubled, or if the server
did not refuse what was too much, or did not recover.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from torture.load.campaign import Campaign, Length, Report
from torture.load.offering import Offered

console = Console(width=120)


def table(title: str, phases: Iterable[Offered]) -> Table:
    made = Table(
        "offered a second",
        "seconds",
        "done a second",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "shed",
        "lost",
        "cores",
        title=title,
    )
    for phase in phases:
        p50, p90, p99 = phase.percentiles(0.5, 0.9, 0.99)
        made.add_row(
            f"{phase.rate:,.0f}",
            f"{phase.seconds:.0f}",
            f"{phase.answered / phase.seconds:,.0f}",
            f"{p50:,.1f}",
            f"{p90:,.1f}",
            f"{p99:,.1f}",
            f"{phase.shed / len(phase):.0%}",
            f"{phase.lost:,}",
            f"{phase.processor_seconds / phase.seconds:.2f}",
        )
    return made


def kinds(title: str, phase: Offered) -> Table:
    made = Table("what was asked", "done", "p50 ms", "p99 ms", title=title)
    for kind, done, p50, p99 in phase.by_kind():
        made.add_row(kind, f"{done:,}", f"{p50:,.1f}", f"{p99:,.1f}")
    return made


def show(report: Report) -> None:
    console.print(table("Step by step", report.curve))
    console.print(table("Held", report.held))
    if report.held:
        console.print(kinds(f"At {report.held[-1].rate:,.0f} a second, slowest first", report.held[-1]))
    if report.overload and report.after:
        console.print(table("Three times as much, then back", [report.overload, report.after]))
        console.print(kinds("Back, slowest first", report.after))
        console.print(f"Within the limit again {report.recovered_after} s after the load was back to normal.")
    console.print(f"{report.writes:,} writes were acknowledged.")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m torture.load", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="what the choices are drawn from")
    for name, seconds in vars(Length()).items():
        parser.add_argument(f"--{name}", type=float, default=seconds, help=f"seconds (default: {seconds:.0f})")
    asked = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    console.print(f"{datetime.now(UTC):%Y-%m-%d}, {machine}, seed {asked.seed}\n")
    length = Length(asked.step, asked.hold, asked.overload, asked.recovery)
    with (
        tempfile.TemporaryDirectory(prefix="coopschool-load-") as directory,
        Campaign(Path(directory), asked.seed, console.log) as campaign,
    ):
        report = campaign.run(length)
    show(report)
    for line in report.wrong:
        console.print(f"[bold red]WRONG[/] {line}", markup=True)
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
