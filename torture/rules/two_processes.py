"""Two processes on one database: this one and a worker, each with a command bus, caches and an answer box of its own.

Whatever is asked of a process at once is asked from as many threads, so that it lands in one group of its bus or not.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, Protocol

import psycopg

from coopschool.answer_box import AnswerBox
from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.database import Database
from coopschool.domain.errors import DomainError
from coopschool.settings import Settings

AT_ONCE = 4
CACHED_THERE = 5  # aggregates: the worker forgets almost everything between two groups
PROCESSES = multiprocessing.get_context("spawn")


class Came(NamedTuple):
    """What came of an order: `refused` names the broken rule, `events` counts what it appended."""

    refused: str | None
    events: int = 0
    seen: Any = None


class Order(Protocol):
    """Something to do in a process; it must be fit to be pickled."""

    def __call__(self, school: CoopSchool, box: AnswerBox) -> Came: ...


class Here:
    """A process's own school."""

    def __init__(self, database: Database, settings: Settings, **limits: int) -> None:
        self._clock = FixedClock(datetime.now(UTC))
        self._school = CoopSchool(database, settings, self._clock, **limits)
        self._box = AnswerBox(self._school)
        self._pool = ThreadPoolExecutor(AT_ONCE)

    def begin(self, orders: Sequence[Order], now: datetime) -> Callable[[], list[Came]]:
        self._clock.set(now)
        doing: list[Future[Came]] = [self._pool.submit(self._do, order) for order in orders]
        return lambda: [one.result() for one in doing]

    def _do(self, order: Order) -> Came:
        try:
            return order(self._school, self._box)
        except DomainError as error:
            return Came(error.code)
        except Exception as error:  # noqa: BLE001 - whatever it is, no model expects it
            return Came(f"not a rule: {error!r}")

    def close(self) -> None:
        self._pool.shutdown()
        self._school.close()


class There:
    """The worker process, seen from here."""

    def __init__(self, settings: Settings) -> None:
        self._pipe, end = PROCESSES.Pipe()
        self._process = PROCESSES.Process(target=_work, args=(end, settings), daemon=True)
        self._process.start()
        end.close()

    def begin(self, orders: Sequence[Order], now: datetime) -> Callable[[], list[Came]]:
        self._pipe.send((list(orders), now))
        return self._pipe.recv

    def close(self) -> None:
        self._pipe.close()
        self._process.join(timeout=60)


def _work(pipe: Connection, settings: Settings) -> None:
    with Database.open(settings) as database:
        here = Here(database, settings, cache_limit=CACHED_THERE)
        try:
            while True:
                orders, now = pipe.recv()
                pipe.send(here.begin(orders, now)())
        except EOFError:
            here.close()


class TwoProcesses(NamedTuple):
    """Both doors of a school; its database, and a connection to its log, to look at what came of it."""

    database: Database
    settings: Settings
    doors: tuple[Here, There]
    log: psycopg.Connection[Any]

    def ask(self, orders: Sequence[Order], now: datetime, first: int = 0) -> list[Came]:
        """Gives the orders at once, in turn to one process and the other; what came of each, in their order."""
        shares = [orders[share::2] for share in range(2)]
        waiting = [self.doors[(first + share) % 2].begin(shares[share], now) for share in range(2) if shares[share]]
        came = [answer() for answer in waiting]
        return [came[number % 2][number // 2] for number in range(len(orders))]


@contextmanager
def two_processes(database: Database, settings: Settings) -> Iterator[TwoProcesses]:
    """Opens both; ends the worker with the block."""
    here, there = Here(database, settings), There(settings)
    log = database.connect("app")
    log.autocommit = True
    try:
        yield TwoProcesses(database, settings, (here, there), log)
    finally:
        log.close()
        there.close()
        here.close()
