"""kill -9 of the projection runner, at random moments, while the log grows.

Each round starts `coopschool project` in a process of its own and kills it: every third time at any moment from its
start on, else soon after it was seen to write. At each death the facts must end where their checkpoint says, and no
checkpoint may have gone back. At the end one more runner catches up, and the facts must be those of a fresh replay.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from psycopg import sql
from rich.table import Table

from coopschool.database import Database
from coopschool.settings import Settings
from projections import generations
from projections.registry import PROJECTIONS
from torture import inspection
from torture.growing import Growing
from torture.served import environment, until

AT_WORK = 0.4  # seconds: the latest that a runner is killed after it was seen to write

Reached = dict[str, int]  # by projection: the position of its checkpoint


@dataclass
class Report:
    """What a campaign did and what it found wrong. `killed`: how often, by moment."""

    killed: Counter[str] = field(default_factory=Counter)
    left_behind: list[int] = field(default_factory=list)
    events: int = 0
    slowest_start: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def table(self) -> Table:
        table = Table("killed", "events", "most left behind, events", "slowest until it wrote, s", "facts")
        table.add_row(
            "\n".join(f"{when}: {times:,}" for when, times in self.killed.items()),
            f"{self.events:,}",
            f"{max(self.left_behind, default=0):,}",
            f"{self.slowest_start:.1f}",
            "WRONG" if self.wrong else "as replayed",
        )
        return table


def campaign(
    settings: Settings, rounds: int, seed: int, progress: Callable[[str], None] = lambda _line: None
) -> Report:
    """Kills so many runners on the log of `settings`."""
    random, report = Random(seed), Report()
    with Database.open(settings) as database:
        with Growing(database, seed):
            reached: Reached = {}
            for number in range(rounds):
                whenever = number % 3 == 1 and bool(reached)
                _kill_one(settings, database, report, random, whenever=whenever)
                reached, before = _reached(database), reached
                report.wrong += _gone_back(before, reached)
                report.wrong += facts_beyond_checkpoints(database)
                report.left_behind.append(inspection.head(database) - min(reached.values(), default=0))
                progress(
                    f"round {number + 1}: at {min(reached.values(), default=0):,}, {report.left_behind[-1]:,} behind"
                )
                if report.wrong:
                    break
        with _Project(settings):
            report.wrong += inspection.facts_equal_a_replay(database, settings)
            until(
                lambda: set(_reached(database).values()) == {inspection.head(database)}, "every projection at the end"
            )
        report.events = inspection.head(database)
    return report


def facts_beyond_checkpoints(database: Database) -> Iterator[str]:
    """Fact tables with rows of events that their projection's checkpoint does not cover yet: half a batch."""
    with database.connect("projector") as conn, generations.in_live_facts(conn) as generation:
        if generation is None:
            return
        reached = {name: point.position for name, point in generations.checkpoints(conn, generation).items()}
        for projection in PROJECTIONS:
            for table in projection.fact_tables:
                last = sql.SQL("select max(position) from {}").format(sql.Identifier(table))
                (found,) = conn.execute(last).fetchone() or (None,)
                if found is not None and found > reached[projection.name]:
                    yield f"{table} has facts of {found}, the checkpoint is at {reached[projection.name]}"


def _kill_one(settings: Settings, database: Database, report: Report, random: Random, *, whenever: bool) -> None:
    before = sum(_reached(database).values())
    with _Project(settings):
        if whenever:
            time.sleep(random.random() * report.slowest_start)
            report.killed["at any moment"] += 1
        else:
            took = until(lambda: sum(_reached(database).values()) > before, "the runner writes facts")
            report.slowest_start = max(report.slowest_start, took)
            time.sleep(random.random() * AT_WORK)
            report.killed["soon after it wrote"] += 1


def _reached(database: Database) -> Reached:
    with database.connect("projector") as conn:
        generation = generations.live(conn)
        if generation is None:
            return {}
        return {name: point.position for name, point in generations.checkpoints(conn, generation).items()}


def _gone_back(before: Reached, after: Reached) -> list[str]:
    return [f"{name} went back from {was} to {after[name]}" for name, was in before.items() if after[name] < was]


class _Project:
    """`coopschool project` in a process of its own; leaving the context kills it."""

    def __init__(self, settings: Settings) -> None:
        command = [sys.executable, "-m", "coopschool.cli", "project", "--log-level", "error"]
        self._process = subprocess.Popen(command, env=environment(settings), stdin=subprocess.DEVNULL)

    def __enter__(self) -> _Project:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
