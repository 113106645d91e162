"""The phases: step by step to the highest rate, hold it, three times as much, and back.

The rate counts as held while the 99th percentile stays within 250 ms and nothing is refused or lost.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil

from coopschool.api.auth import mint_token
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.demo import seed as seed_demo
from coopschool.settings import Settings
from projections.runner import wait_for
from torture import inspection
from torture.load.accounting import every_write_is_in_the_log_once, refusals_say_what_to_do
from torture.load.offering import LIMIT_MS, Client, Offered
from torture.load.supply import SLOTS, Supplier, Supply
from torture.load.traffic import ENROLMENTS, SHEETS, Known, traffic
from torture.served import Served

TIMES = 3
STEP = 1.25  # from one rate to the next
LOWEST = 100.0
LOWER = 0.9  # after a rate that was not held
ATTEMPTS = 12
TRIES = 3  # of each step: other work on the machine may spoil one
SPARE = 1.15  # of the supply, for chance
SECONDS_FOR_RECOVERY = 5

KNOWN = """
    select distinct type, coalesce(data::jsonb ->> 'module', ''), coalesce(data::jsonb ->> 'session', ''),
        coalesce(data::jsonb ->> 'member', '')
    from events where type = any(array['ModulePublished.v1', 'SessionScheduled.v1', 'MemberJoined.v1'])
"""


@dataclass
class Length:
    """Seconds of each phase."""

    step: float = 10.0
    hold: float = 300.0
    overload: float = 30.0
    recovery: float = 20.0


@dataclass
class Report:
    """What was measured and what is wrong."""

    curve: list[Offered] = field(default_factory=list)
    held: list[Offered] = field(default_factory=list)
    overload: Offered | None = None
    after: Offered | None = None
    writes: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def recovered_after(self) -> int | None:
        """Seconds after the overload's end from when on the limit held; None if it did not come to that."""
        if self.after is None:
            return None
        for second in range(int(self.after.seconds)):
            p99, undone = self.after.from_second(second, 0.99)
            if p99 <= LIMIT_MS and not undone:
                return second
        return None


def is_held(offered: Offered) -> bool:
    """Whether the server held this rate."""
    return offered.percentiles(0.99)[0] <= LIMIT_MS and offered.answered == len(offered)


class Campaign:
    """One school, served by real processes, and a client in this one. A context manager.

    `fill` gives the empty school something to read; the full form takes the demo.
    """

    def __init__(
        self,
        data_dir: Path,
        seed: int,
        progress: Callable[[str], None] = lambda _line: None,
        *,
        fill: Callable[[CoopSchool], object] = seed_demo,
    ) -> None:
        self._random = Random(seed)
        self._settings = Settings(data_dir=data_dir)
        self._progress = progress
        self._fill = fill
        self.report = Report()

    def __enter__(self) -> Campaign:
        self._database = Database.open(self._settings)
        self._school = CoopSchool(self._database, self._settings)
        self._fill(self._school)
        self._supplier = Supplier(self._school)
        self._known = self._look_around()
        self._served = Served(self._settings).__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._served.__exit__()
        self._school.close()
        self._database.close()

    def run(self, length: Length) -> Report:
        """All phases."""
        rate = self.find(length.step)
        rate = self.hold(rate, length.hold)
        self.overload(rate, length.overload, length.recovery)
        self.inspect()
        return self.report

    def find(self, seconds: float) -> float:
        """The highest rate held for a moment, the best of some tries; the curve goes one step beyond."""
        self.offer("warming up", LOWEST, seconds)
        rate = LOWEST
        while is_held(best := self._best("step", rate, seconds)):
            self.report.curve.append(best)
            rate *= STEP
        self.report.curve.append(best)
        return rate / STEP

    def _best(self, name: str, rate: float, seconds: float) -> Offered:
        best = self.offer(name, rate, seconds)
        for _ in range(TRIES - 1):
            if is_held(best):
                break
            best = min(best, self.offer(name, rate, seconds), key=lambda offered: offered.percentiles(0.99))
        return best

    def hold(self, rate: float, seconds: float) -> float:
        """The highest rate, from this one down, that is held all the time; an attempt that cannot succeed is ended."""
        supply = Supply()
        for _ in range(ATTEMPTS):
            self._refill(supply, rate * seconds)
            offered = self.offer("hold", rate, seconds, supply, while_there_is_hope=True)
            self.report.held.append(offered)
            if is_held(offered):
                return rate
            rate *= LOWER
        self.report.wrong.append(f"not even {rate / LOWER:.0f} a second was held for {seconds:.0f} s")
        return rate

    def overload(self, rate: float, seconds: float, then: float) -> None:
        """Three times as much, then at once the rate again."""
        supply = self._refill(Supply(), TIMES * rate * seconds + rate * then)
        self.report.overload = self.offer("overload", TIMES * rate, seconds, supply)
        self.report.after = self.offer("back", rate, then, supply)
        if not self.report.overload.shed:
            self.report.wrong.append("nothing was refused at three times the rate")
        recovered = self.report.recovered_after
        if recovered is None or recovered > SECONDS_FOR_RECOVERY:
            self.report.wrong.append(f"recovered after {recovered} s")

    def offer(
        self,
        name: str,
        rate: float,
        seconds: float,
        supply: Supply | None = None,
        *,
        while_there_is_hope: bool = False,
    ) -> Offered:
        """One phase; what became of its requests is compared with the log."""
        supply = self._refill(Supply(), rate * seconds) if supply is None else supply
        requests = traffic(self._known, supply, self._random)
        after, before = inspection.head(self._database), self._processor_seconds()
        client = Client(self._served.port, self._random)
        offered = client.offer(requests, rate, seconds, while_there_is_hope=while_there_is_hope)
        offered.processor_seconds = self._processor_seconds() - before
        self.report.writes += sum(200 <= status < 300 for _, status, _ in offered.writes)
        wrong = [*every_write_is_in_the_log_once(self._database, after, offered)]
        wrong += [*refusals_say_what_to_do(offered), *offered.surprises]
        self.report.wrong += wrong[:20]
        p50, p99 = offered.percentiles(0.5, 0.99)
        self._progress(
            f"{name}: {rate:.0f}/s for {offered.seconds:.0f} s: {len(offered)} requests, p50 {p50:.1f} ms, "
            f"p99 {p99:.1f} ms, {offered.shed} shed, {offered.lost} lost, {len(wrong)} wrong, "
            f"sent at most {offered.latest_start * 1000:.0f} ms late"
        )
        return offered

    def _processor_seconds(self) -> float:
        """What all that serves has used so far: API, projections and PostgreSQL."""
        processes = [*self._served.family(), *self._served.postmaster(), *self._served.backends()]
        used = 0.0
        for process in processes:
            with suppress(psutil.NoSuchProcess):  # a connection that was closed meanwhile
                used += sum(process.cpu_times()[:2])
        return used

    def inspect(self) -> None:
        """The log as a whole, and the facts."""
        self.report.wrong += inspection.log_is_whole(self._database)
        self.report.wrong += inspection.facts_equal_a_replay(self._database, self._settings)

    def _refill(self, supply: Supply, requests: float) -> Supply:
        """Sees that there is enough for so many requests; returns when the projections have taken everything in.

        No more than is lacking: the larger the school, the longer its reports take.
        """
        wishes = round((requests * SPARE + 200) * ENROLMENTS / 100)
        if lacking := max(wishes - len(supply.wishes), 0):
            courses = 10 + round(lacking / ENROLMENTS * SHEETS / (SLOTS - 1))
            more = self._supplier.supply(wishes=lacking, courses=courses)
            supply.wishes += more.wishes
            supply.courses += more.courses
        with self._database.connect("reader") as conn:
            wait_for(conn, inspection.head(self._database), timeout=300)
        return supply

    def _look_around(self) -> Known:
        with self._database.connect("app") as conn:
            rows = conn.execute(KNOWN).fetchall()
        key = self._settings.signing_key()
        return Known(
            modules=[module for type, module, _, _ in rows if type == "ModulePublished.v1"],
            sessions=[session for _, _, session, _ in rows if session],
            members=[mint_token(key, ["member"], person=member) for _, _, _, member in rows if member],
            coordinator=mint_token(key, ["coordinator"]),
        )
