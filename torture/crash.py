"""kill -9 of everything that serves, at random moments under load.

Each round: clients enrol members, each under an Idempotency-Key, many of them twice or more, some at the same time;
somewhere in the middle one process, or all of them, is killed; the clients go on asking until they are answered.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

import psutil
from rich.table import Table

from coopschool.api.auth import mint_token
from coopschool.database import Database
from coopschool.settings import Settings
from torture import inspection
from torture.asking import Asked, Crowd, Wish, new_wishes
from torture.served import Served, kill

SESSIONS = 40
WISHES = 60  # a round
ROUNDS_BETWEEN_REPLAYS = 25

Victims = Callable[[Served], Sequence[psutil.Process]]
VICTIMS: dict[str, Victims] = {
    "worker": Served.workers,
    "postmaster": Served.postmaster,
    "backend": Served.backends,
    "projections": Served.projections,
    "api": Served.api,
    "server and PostgreSQL": lambda served: [*served.family(), *served.postmaster()],
    "postmaster twice": Served.postmaster,
    "everything that serves": Served.family,
}


@dataclass
class Report:
    """What a campaign did and what it found wrong."""

    rounds: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    asked: Asked = field(default_factory=Asked)
    wishes: int = 0
    slowest_recovery: float = 0.0
    events: int = 0
    wrong: list[str] = field(default_factory=list)

    def table(self) -> Table:
        table = Table("rounds", "killed", "wishes", "requests", "repeats answered", "by status", "events", "slowest, s")
        table.add_row(
            f"{self.rounds:,}",
            "\n".join(f"{victim}: {times}" for victim, times in self.killed.items()),
            f"{self.wishes:,}",
            f"{self.asked.sent:,}",
            f"{self.asked.repeats_answered:,}",
            "\n".join(f"{status or 'broken off'}: {times:,}" for status, times in self.asked.statuses.items()),
            f"{self.events:,}",
            f"{self.slowest_recovery:.1f}",
        )
        return table


def campaign(
    settings: Settings, rounds: int, seed: int, progress: Callable[[str], None] = lambda _line: None
) -> Report:
    """Runs so many rounds on a new school."""
    random = Random(seed)
    report = Report()
    wishes: list[Wish] = []
    with Database.open(settings) as database, Served(settings) as served:
        token = mint_token(settings.signing_key(), ["coordinator"])
        for number in range(rounds):
            new = new_wishes(database, settings, random, members=WISHES, sessions=SESSIONS)
            wishes += new
            victim = list(VICTIMS)[number % len(VICTIMS)]
            crowd = Crowd(served.port, token, random)
            old = random.sample(wishes[: -len(new)], min(20, len(wishes) - len(new)))
            recovery = asyncio.run(_round(served, crowd, [*new, *old], victim, random))
            report.slowest_recovery = max(report.slowest_recovery, recovery)
            report.killed[victim] += 1
            report.rounds += 1
            _add(report.asked, crowd.asked)
            report.wrong += inspection.effects_of(database, wishes).wrong()
            if (number + 1) % ROUNDS_BETWEEN_REPLAYS == 0 or number + 1 == rounds:
                report.wrong += inspection.log_is_whole(database)
                report.wrong += inspection.facts_equal_a_replay(database, settings)
            progress(f"round {number + 1}: {victim} killed, ready after {recovery:.1f} s, {dict(crowd.asked.statuses)}")
            if report.wrong or crowd.asked.wrong:
                report.wrong += crowd.asked.wrong
                break
        report.wishes = len(wishes)
        report.events = inspection.head(database)
    return report


async def _round(served: Served, crowd: Crowd, wishes: Sequence[Wish], victim: str, random: Random) -> float:
    asking = asyncio.create_task(crowd.grant(wishes))
    recovery = 0.0
    for _ in range(2 if victim.endswith("twice") else 1):
        await asyncio.sleep(random.random() * 0.25)
        victims = list(VICTIMS[victim](served))
        if victim == "backend":
            victims = random.sample(victims, min(1, len(victims)))
        await asyncio.to_thread(kill, victims)
        recovery = await asyncio.to_thread(served.until_ready)
    while not asking.done():
        # A worker that outlived its API may still have said that it is ready, just before the server ended.
        recovery = max(recovery, await asyncio.to_thread(served.until_ready))
        await asyncio.wait({asking}, timeout=0.5)
    await asking
    return recovery


def _add(total: Asked, one: Asked) -> None:
    total.sent += one.sent
    total.statuses += one.statuses
    total.repeats_answered += one.repeats_answered
    total.wrong += one.wrong
