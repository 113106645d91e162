"""Requests that are repeated: under one Idempotency-Key each, one after the other and at the same time, some cut off.

Every enrolment is asked for three times or more; every fifth client goes away in the middle, before or after its whole
request is out, and asks again. However often it was asked for, an enrolment has one effect and one answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from rich.table import Table

from coopschool.api.auth import mint_token
from coopschool.database import Database
from coopschool.settings import Settings
from torture import inspection
from torture.asking import Asked, Crowd, Wish, new_wishes
from torture.served import Served

AT_ONCE = 200  # wishes
REPEATS = 2.0
CUT_OFF = 0.2  # of all requests
CLIENTS = 16


@dataclass
class Report:
    """What a campaign did and what it found wrong."""

    wishes: int = 0
    asked: Asked = field(default_factory=Asked)
    effects: inspection.Effects = field(default_factory=inspection.Effects)
    wrong: list[str] = field(default_factory=list)

    def table(self) -> Table:
        table = Table("requests", "enrolments", "answered again", "cut off by the client", "lost", "doubled")
        table.add_row(
            f"{self.asked.sent:,}",
            f"{self.wishes:,}",
            f"{self.asked.repeats_answered:,}",
            f"{self.asked.cut_off:,}",
            f"{len(self.effects.lost):,}",
            f"{len(self.effects.doubled):,}",
        )
        return table


def campaign(
    settings: Settings,
    requests: int,
    seed: int,
    progress: Callable[[str], None] = lambda _line: None,
    *,
    workers: int = 2,
) -> Report:
    """Sends at least so many requests to a server of so many processes."""
    random, report = Random(seed), Report()
    with Database.open(settings) as database, Served(settings, workers=workers) as served:
        token = mint_token(settings.signing_key(), ["coordinator"])
        crowd = Crowd(served.port, token, random, clients=CLIENTS, cut_off=CUT_OFF)
        wishes: list[Wish] = []
        while crowd.asked.sent < requests:
            members = min(AT_ONCE, 1 + (requests - crowd.asked.sent) // 3)
            new = new_wishes(database, settings, random, members=members, sessions=1 + members // 20)
            old = random.sample(wishes, min(len(wishes), len(new) // 4))
            wishes += new
            asyncio.run(crowd.grant([*new, *old], REPEATS))
            progress(f"{crowd.asked.sent:,} requests, {crowd.asked.cut_off:,} cut off, {dict(crowd.asked.statuses)}")
        report.wishes, report.asked, report.effects = len(wishes), crowd.asked, inspection.effects_of(database, wishes)
        report.wrong += [*crowd.asked.wrong, *report.effects.wrong(), *inspection.log_is_whole(database)]
    return report
