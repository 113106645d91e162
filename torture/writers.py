"""Eight writers in four processes append to one log, while a reader follows it.

Half of the writers give commands to a command bus, half append to the recorder in batches; each numbers its own events.
The reader must see every position once and in order, and each writer's events in theirs; afterwards the log must be
whole.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from rich.table import Table

from coopschool.application import CoopSchool
from coopschool.command_bus import Outcome
from coopschool.database import Database
from coopschool.domain import tags
from coopschool.domain.school.person import PersonRegistered, RegisterPerson
from coopschool.eventstore.log import RecordedEvent
from coopschool.eventstore.mapper import encode
from coopschool.eventstore.recorder import PostgresRecorder
from coopschool.feed import SeenEvent
from coopschool.settings import Settings
from torture import inspection
from torture.served import until
from torture.tailing import Tail

PROCESSES = 4
WRITERS = 2 * PROCESSES
AT_ONCE = 50  # commands that a writer has under way, and events of the largest batch
CATCHING_UP = 600.0  # seconds that the reader may still need when the writers are done

# Processes that begin without the threads and connections of this one.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["torture.writers"])


@dataclass
class Report:
    """What a campaign did and what it found wrong. `behind`: events not yet read when the writers were done."""

    events: int = 0
    seconds: float = 0.0
    seen: int = 0
    behind: int = 0
    wrong: list[str] = field(default_factory=list)

    def table(self) -> Table:
        table = Table(
            "writers", "events", "events a second", "reader: seen", "behind at the end", "missed, out of order"
        )
        table.add_row(
            f"{WRITERS} in {PROCESSES} processes",
            f"{self.events:,}",
            f"{self.events / max(self.seconds, 1e-9):,.0f}",
            f"{self.seen:,}",
            f"{self.behind:,}",
            f"{len(self.wrong):,}",
        )
        return table


def campaign(
    settings: Settings, events: int, seed: int, progress: Callable[[str], None] = lambda _line: None
) -> Report:
    """Has so many events written, the same share by each writer."""
    share, report, order = events // WRITERS, Report(), _Order()
    with (
        Database.open(settings) as database,
        ProcessPoolExecutor(PROCESSES, mp_context=CONTEXT) as processes,
        Tail(database, order.look) as tail,
    ):
        began = time.monotonic()
        writing = [processes.submit(_write, settings, number, share, seed) for number in range(PROCESSES)]
        while not all(process.done() for process in writing):
            time.sleep(0.1)
            if time.monotonic() - began > report.seconds + 10:
                report.seconds = time.monotonic() - began
                progress(f"{inspection.head(database):,} written, {tail.seen:,} read")
        for process in writing:
            process.result()
        report.seconds = time.monotonic() - began
        report.events = inspection.head(database)
        report.behind = report.events - tail.seen
        until(lambda: tail.seen == report.events or bool(tail.wrong), "the reader is at the end", CATCHING_UP)
        report.seen = tail.seen
        report.wrong += [*tail.wrong, *order.wrong, *inspection.log_is_whole(database)]
    if report.events != share * WRITERS:
        report.wrong.append(f"the log holds {report.events:,} events of {share * WRITERS:,}")
    return report


class _Order:
    """Whether each writer's events come in the order in which it wrote them."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self._last = dict.fromkeys(range(WRITERS), 0)

    def look(self, event: SeenEvent) -> None:
        writer, number = divmod(UUID(event.tags[0].partition(":")[2]).int, 1 << 64)
        if number != self._last[writer] + 1:
            self.wrong.append(f"writer {writer}: event {number} after {self._last[writer]} at {event.position}")
        self._last[writer] = number


def _person(writer: int, number: int) -> str:
    return str(UUID(int=(writer << 64) + number))


def _write(settings: Settings, process: int, share: int, seed: int) -> None:
    """One process: a writer that gives commands, and one that appends."""
    with Database.open(settings) as database:
        appending = threading.Thread(target=_append, args=(database, 2 * process, share, Random(seed + process)))
        appending.start()
        with CoopSchool(database, settings) as school:
            _command(school, 2 * process + 1, share)
        appending.join()


def _append(database: Database, writer: int, share: int, random: Random) -> None:
    recorder = PostgresRecorder(lambda: database.connect("app"))
    written = 0
    while written < share:
        size = min(random.randint(1, AT_ONCE), share - written)
        recorder.append(list(_registered(writer, written, size)))
        written += size
    recorder.close()


def _registered(writer: int, after: int, size: int) -> Iterator[RecordedEvent]:
    for number in range(after + 1, after + size + 1):
        event = PersonRegistered(person=_person(writer, number))
        yield RecordedEvent(*encode(event), tags.of(event))


def _command(school: CoopSchool, writer: int, share: int) -> None:
    for start in range(0, share, AT_ONCE):
        under_way: list[Future[Outcome]] = []
        for number in range(start + 1, min(start + AT_ONCE, share) + 1):
            command = RegisterPerson(person=_person(writer, number), at=school.now())
            under_way.append(Future())
            school.bus.submit(school.job(command, under_way[-1]))
        for outcome in under_way:
            outcome.result()
