"""``make torture``: what a system that deserves trust must survive, on this machine, on loopback, bounded.

Every campaign prints its seed; the same seed makes the same choices. The exit status is 1 if anything was lost,
doubled, missed or undocumented.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from torture import answer_box, crash, fuzz

console = Console(width=120)


def crashes(data_dir: Path, rounds: int, seed: int) -> list[str]:
    report = crash.campaign(data_dir, rounds, seed, console.log)
    table = Table("rounds", "killed", "wishes", "requests", "repeats answered", "by status", "events", "slowest, s")
    table.add_row(
        f"{report.rounds:,}",
        "\n".join(f"{victim}: {times}" for victim, times in report.killed.items()),
        f"{report.wishes:,}",
        f"{report.asked.sent:,}",
        f"{report.asked.repeats_answered:,}",
        "\n".join(f"{status or 'broken off'}: {times:,}" for status, times in report.asked.statuses.items()),
        f"{report.events:,}",
        f"{report.slowest_recovery:.1f}",
    )
    console.print(table)
    return report.wrong


def fuzzing(data_dir: Path, rounds: int, seed: int) -> list[str]:
    report = fuzz.campaign(data_dir, rounds, seed)
    table = Table("operations", "cases an operation and phase", "requests", "seconds", "failures")
    table.add_row(
        f"{report.operations}",
        f"{rounds:,}",
        f"{report.requests:,}",
        f"{report.seconds:.0f}",
        f"{sum(report.found.values())}",
    )
    console.print(table)
    return report.wrong


def answering(data_dir: Path, rounds: int, seed: int) -> list[str]:
    report = answer_box.campaign(data_dir, rounds, seed, console.log)
    table = Table("rounds", "killed", "at")
    table.add_row(
        f"{report.rounds:,}",
        "\n".join(f"{victim}: {times}" for victim, times in report.killed.items()),
        "\n".join(f"{what}: {times:,}" for what, times in report.steps.items()),
    )
    console.print(table)
    return report.wrong


Part = Callable[[Path, int, int], list[str]]
# What to do, and how many rounds in the full form.
PARTS: dict[str, tuple[Part, int]] = {"crash": (crashes, 200), "answers": (answering, 50), "fuzz": (fuzzing, 100)}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--rounds", type=int, help="how many rounds of each part (default: as many as its full form)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="what the choices are drawn from")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    console.print(f"{datetime.now(UTC):%Y-%m-%d}, {machine}, seed {asked.seed}\n")
    wrong = [line for name in asked.parts or PARTS for line in _run(name, asked.rounds, asked.seed)]
    for line in wrong:
        console.print(f"[bold red]WRONG[/] {line}", markup=True)
    return 1 if wrong else 0


def _run(name: str, rounds: int | None, seed: int) -> list[str]:
    part, full = PARTS[name]
    console.rule(name)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="coopschool-torture-") as directory:
        wrong = part(Path(directory), rounds or full, seed)
    console.print(f"{name}: {'WRONG' if wrong else 'nothing wrong'} after {time.monotonic() - began:.0f} s\n")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
