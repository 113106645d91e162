"""Bad networks: a proxy of our own between the school and PostgreSQL does harm, while members enrol.

Each round asks for enrolments, each under an Idempotency-Key, many of them twice or more; somewhere in the middle the
proxy does one kind of harm; the clients go on asking until they are answered. Every kind must leave every acknowledged
enrolment in the log exactly once, and a few seconds after its end everything is answered and the projections are at
the log's end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

import msgspec
import psycopg
from rich.table import Table

from coopschool.api.auth import mint_token
from coopschool.database import Database
from coopschool.embedded import SUPERUSER
from coopschool.settings import Settings
from projections import generations
from torture import inspection
from torture.admin import socket_of, superuser
from torture.asking import Crowd, Wish, new_wishes
from torture.served import Served, until
from torture.tailing import Tail
from torture.wire import Loss, Wire

SESSIONS = 20
WISHES = 40  # a round
PAUSE = 0.1  # seconds: so long a client waits at most before it asks
LATEST = 10.0  # seconds after the harm has ended: everything must be done
KEEPALIVE = 25.0  # seconds after which TCP itself finds that the other end is gone, as our connections are set
LATEST_UNTOLD = 35.0  # where that comes first


@dataclass
class Line:
    """The line to PostgreSQL, with whoever may end backends there. `busy`: whether anybody still asks."""

    wire: Wire
    admin: psycopg.Connection
    random: Random
    longest: float
    busy: Callable[[], bool] = lambda: True

    def wait(self) -> None:
        time.sleep(self.random.random() * self.longest)

    def lose(self, role: str, loss: Loss) -> None:
        """Returns when a COMMIT was lost, or nothing is left that could be."""
        before, self.wire.lose = self.wire.lost, (role, loss)
        until(lambda: self.wire.lost > before or not self.busy(), f"{loss} of COMMIT lost")
        self.wire.lose = None


def _delay(line: Line) -> None:
    line.wire.delay = 0.02 + line.random.random() * 0.15
    line.wait()
    line.wire.delay = 0.0


def _swallow(line: Line) -> None:
    line.wire.swallowing = True
    line.wait()
    line.wire.swallowing = False


def _swallow_and_reset(line: Line) -> None:
    line.wire.swallowing = True
    line.wait()
    line.wire.reset()
    line.wire.swallowing = False


def _end_listeners(line: Line) -> None:
    until(lambda: bool(line.wire.listening()), "somebody listens")
    line.admin.execute("select pg_terminate_backend(pid) from unnest(%s::int[]) as pid", [line.wire.listening()])


UNTOLD = f"connections reset, PostgreSQL told {KEEPALIVE:.0f} s later"
HARM: dict[str, Callable[[Line], None]] = {
    "connections reset": lambda line: line.wire.reset(),
    UNTOLD: lambda line: line.wire.reset(told_after=KEEPALIVE),
    "answer to COMMIT lost: commands": lambda line: line.lose("app", Loss.answer),
    "answer to COMMIT lost: projections": lambda line: line.lose("projector", Loss.answer),
    "COMMIT lost on its way: commands": lambda line: line.lose("app", Loss.request),
    "backends that LISTEN ended": _end_listeners,
    "latency": _delay,
    "black hole": _swallow,
    "black hole, then reset": _swallow_and_reset,
}


@dataclass
class Suffered:
    """What one kind of harm did: how often, what it cost at most, in seconds, and what was wrong then."""

    times: int = 0
    lost: int = 0
    doubled: int = 0
    slowest: float = 0.0


@dataclass
class Report:
    """What a campaign did and what it found wrong."""

    suffered: dict[str, Suffered] = field(default_factory=lambda: {kind: Suffered() for kind in HARM})
    wishes: int = 0
    requests: int = 0
    events: int = 0
    wrong: list[str] = field(default_factory=list)

    def table(self) -> Table:
        table = Table("harm", "times", "lost", "doubled", "slowest recovery, s", show_footer=True)
        for kind, suffered in self.suffered.items():
            times, lost, doubled = f"{suffered.times:,}", f"{suffered.lost:,}", f"{suffered.doubled:,}"
            table.add_row(kind, times, lost, doubled, f"{suffered.slowest:.1f}")
        total = list(self.suffered.values())
        table.columns[0].footer = f"{self.wishes:,} enrolments, {self.requests:,} requests, {self.events:,} events"
        table.columns[1].footer = f"{sum(one.times for one in total):,}"
        table.columns[2].footer = f"{sum(one.lost for one in total):,}"
        table.columns[3].footer = f"{sum(one.doubled for one in total):,}"
        table.columns[4].footer = f"{max(one.slowest for one in total):.1f}"
        return table


def campaign(
    settings: Settings,
    rounds: int,
    seed: int,
    progress: Callable[[str], None] = lambda _line: None,
    *,
    kinds: Sequence[str] = tuple(HARM),
    longest: float = 6.0,
) -> Report:
    """Does so much harm, of these kinds in turn, to a school on the PostgreSQL of `settings`.

    `longest`: seconds that latency and black holes last at most.
    """
    random, report = Random(seed), Report()
    with Database.open(settings) as database, _line(settings, database, random, longest) as (line, through):
        token = mint_token(settings.signing_key(), ["coordinator"])
        with Served(through) as served, Database.open(through) as seen, Tail(seen) as tail:
            wishes: list[Wish] = []
            number = 0
            while number < rounds and not report.wrong:
                kind = kinds[number % len(kinds)]
                new = new_wishes(database, settings, random, members=WISHES, sessions=SESSIONS)
                crowd = Crowd(served.port, token, random, pause=PAUSE)
                old = random.sample(wishes, min(10, len(wishes)))
                wishes += new
                harmed = line.wire.lost
                took = asyncio.run(_round(line, crowd, [*new, *old], HARM[kind], database))
                report.requests += crowd.asked.sent
                if " lost" in kind and line.wire.lost == harmed:
                    continue  # it was over before any harm was done: once more
                number += 1
                _note(report, kind, took, inspection.effects_of(database, wishes), crowd.asked.wrong)
                progress(f"{number}: {kind}, all done after {took:.1f} s, {dict(crowd.asked.statuses)}")
            report.wrong += inspection.log_is_whole(database)
            report.wrong += inspection.facts_equal_a_replay(database, settings)
            until(lambda: tail.seen == inspection.head(database), "the feed shows the log's end")
            report.wrong += tail.wrong
            report.wishes, report.events = len(wishes), inspection.head(database)
    return report


async def _round(
    line: Line, crowd: Crowd, wishes: Sequence[Wish], harm: Callable[[Line], None], database: Database
) -> float:
    """The seconds from the end of the harm until everything was answered and the projections were at the log's end."""
    asking = asyncio.create_task(crowd.grant(wishes))
    line.busy = lambda: not asking.done()
    await asyncio.sleep(line.random.random() * 0.25)
    await asyncio.to_thread(harm, line)
    ended = time.monotonic()
    await asking
    with database.connect("reader") as conn:
        await asyncio.to_thread(until, lambda: _slowest(conn) == inspection.head(database), "projections at the end")
    return time.monotonic() - ended


def _note(report: Report, kind: str, took: float, effects: inspection.Effects, refused: Sequence[str]) -> None:
    suffered = report.suffered[kind]
    suffered.times += 1
    suffered.lost += len(effects.lost)
    suffered.doubled += len(effects.doubled)
    suffered.slowest = max(suffered.slowest, took)
    wrong = [*effects.wrong(), *refused]
    if took > (LATEST_UNTOLD if kind == UNTOLD else LATEST):
        wrong.append(f"took {took:.1f} s")
    report.wrong += [f"{kind}: {line}" for line in wrong]


def _slowest(conn: psycopg.Connection) -> int:
    (reached,) = conn.execute(generations.SQL["slowest"]).fetchone() or (None,)
    return int(reached or 0)


@contextmanager
def _line(settings: Settings, database: Database, random: Random, longest: float) -> Iterator[tuple[Line, Settings]]:
    """A line to the PostgreSQL of `database`, and the settings of a school that must go through it."""
    settings.data_dir.mkdir(exist_ok=True)
    secret = settings.data_dir / "secret-of-the-line"
    secret.write_bytes(settings.root_secret())
    with superuser(database) as admin, Wire(socket_of(database)) as wire:
        name = admin.info.dbname
        url = f"postgresql://{SUPERUSER}@127.0.0.1:{wire.port}/{name}?sslmode=disable&gssencmode=disable"
        through = msgspec.structs.replace(settings, database_url=url, secret_file=secret)
        yield Line(wire, admin, random, longest), through
