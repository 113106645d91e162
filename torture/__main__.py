"""``make torture``: what a system that deserves trust must survive, on this machine, on loopback, bounded.

Every campaign prints its seed; the same seed makes the same choices. The exit status is 1 if anything was lost,
doubled, missed or undocumented.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from rich.console import Console
from rich.table import Table

from benchmarks.machine import here_and_now
from coopschool.settings import Settings
from torture import answer_box, crash, fuzz, gate, proxy, repeats, rules, runner, tampering, writers

console = Console(width=120)


class Report(Protocol):
    """What a campaign did, as a table, and what it found wrong: a line each."""

    wrong: list[str]

    def table(self) -> Table: ...


class Part(NamedTuple):
    """A campaign on a new school, and how many rounds of it are its full form."""

    campaign: Callable[[Settings, int, int, Callable[[str], None]], Report]
    full: int


PARTS: dict[str, Part] = {
    "crash": Part(crash.campaign, 200),
    "answers": Part(answer_box.campaign, 50),
    "runner": Part(runner.campaign, 200),
    "proxy": Part(proxy.campaign, 108),
    "writers": Part(writers.campaign, 1_000_000),
    "repeats": Part(repeats.campaign, 10_000),
    "tampering": Part(tampering.campaign, 1_000),
    "gate": Part(gate.campaign, 520),
    "rules": Part(lambda settings, lives, seed, _progress: rules.campaign(settings, lives, seed), 300),
    "fuzz": Part(lambda settings, cases, seed, _progress: fuzz.campaign(settings, cases, seed), 100),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)} (default: all)")
    parser.add_argument(
        "--rounds",
        type=int,
        help="how many rounds, events, requests or tries of each part (default: as many as its full form)",
    )
    parser.add_argument("--seed", type=int, default=int(time.time()), help="what the choices are drawn from")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    console.print(f"{here_and_now()}, seed {asked.seed}\n")
    wrong = [line for name in asked.parts or PARTS for line in _run(name, asked.rounds, asked.seed)]
    for line in wrong:
        console.print("[bold red]WRONG[/]", line, markup=True)
    return 1 if wrong else 0


def _run(name: str, rounds: int | None, seed: int) -> list[str]:
    part = PARTS[name]
    console.rule(name)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="coopschool-torture-") as directory:
        report = part.campaign(Settings(data_dir=Path(directory)), rounds or part.full, seed, console.log)
    console.print(report.table())
    console.print(f"{name}: {'WRONG' if report.wrong else 'nothing wrong'} after {time.monotonic() - began:.0f} s\n")
    return report.wrong


if __name__ == "__main__":
    sys.exit(main())
