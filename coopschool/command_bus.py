"""Group commit: one thread takes the commands that are waiting and carries them out in one transaction.

Under the log's lock the thread knows the exact state, so a command is decided once, never retried for a conflict and
never refused on stale state; fifty commands cost one lock, one insert and one commit. Each command succeeds or fails
alone: a refusal leaves no trace in the group, the cache or the database.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid4

import msgspec
import psycopg
import structlog

from coopschool.domain.base import Aggregate, Command, Event, Occurrence, Unchanged
from coopschool.domain.errors import DomainError
from coopschool.eventstore import log
from coopschool.eventstore.log import SQL, Connection, Head, RecordedEvent
from coopschool.eventstore.mapper import encode
from coopschool.eventstore.repository import Key, Repository

A = TypeVar("A", bound=Aggregate)
Answer = dict[str, Any]

logger = structlog.get_logger()


class StoreAway(Exception):
    """The store cannot be reached or does not answer; nothing is known to be written. Try again."""


class OutcomeUnknown(StoreAway):
    """The store went away while it was committing. Repeat with the same Idempotency-Key to learn what happened."""


class Busy(Exception):
    """Too many commands are waiting. Try again in a moment."""


class KeyReused(DomainError):
    """This Idempotency-Key was used before, with another body."""


class VaultWrite(Protocol):
    """Personal data or typed text, written in the command's own transaction. All checks come before the first write."""

    def check(self, conn: Connection) -> None: ...

    def write(self, conn: Connection) -> None: ...


class Repeatable(msgspec.Struct, frozen=True):
    """Keyed hashes of who asked for what under which key, and of the body."""

    key: bytes
    body: bytes


class Outcome(msgspec.Struct, frozen=True):
    """What became of a command: its events, the log position after it, and the answer, as JSON holds it."""

    position: int
    events: tuple[Event, ...]
    answer: Answer
    repeated: bool = False


@dataclass(slots=True, kw_only=True)
class Job:
    """A command on its way to `future`. `answer` makes the body of the answer from the events; it must not fail."""

    command: Command
    future: asyncio.Future[Outcome] | Future[Outcome]
    actor: str = "system"
    vault: Sequence[VaultWrite] = ()
    answer: Callable[[Sequence[Event]], Answer] = lambda _events: {}
    repeatable: Repeatable | None = None
    correlation: UUID = field(default_factory=uuid4)
    causation: UUID | None = None
    preview: bool = False
    since: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Figures:
    """Counts since the start, for the metrics."""

    groups: int = 0
    commands: int = 0
    events: int = 0
    failed: int = 0
    rerun_alone: int = 0
    lost_commits: int = 0
    seconds_waited: float = 0.0


class _Group:
    """What one transaction is about to commit."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.events: list[RecordedEvent] = []
        self.folded: list[tuple[Event, RecordedEvent]] = []
        self.answers: dict[bytes, tuple[bytes, bytes, int]] = {}
        self.outcomes: list[tuple[Job, Outcome | BaseException]] = []

    def touched(self) -> Iterable[str]:
        return (tag for event in self.events for tag in event.tags)


class CommandBus:
    """Carries out commands, in groups, on a thread and a connection of its own.

    `queue_limit` commands may wait, then `Busy`; `group_limit` go into one transaction. `patience`: seconds in which we
    try to learn what became of a COMMIT. `longest`: seconds after which PostgreSQL gives up on a transaction of ours,
    waiting for the lock included. `close` refuses new commands, carries out those that wait, and ends the thread.
    """

    IDLE_SECONDS = 1.0
    FEW = 8  # aggregates that are read under the lock, for one round trip less

    def __init__(
        self,
        connect: Callable[[], Connection],
        now: Callable[[], datetime],
        *,
        queue_limit: int = 2_000,
        group_limit: int = 200,
        cache_limit: int = 20_000,
        patience: float = 5.0,
        longest: float = 20.0,
    ) -> None:
        self.figures = Figures()
        self._connect = connect
        self._now = now
        self._group_limit = group_limit
        self._patience = patience
        self._longest = longest
        self._queue_limit = queue_limit
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._repository = Repository(cache_limit)
        self._conn: Connection | None = None
        self._closing = False
        self._accepting = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="command-bus", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    def submit(self, job: Job) -> None:
        """Puts a command in the queue; raises `Busy` when it is full or the bus is closing."""
        with self._accepting:
            if self._closing or self._queue.qsize() >= self._queue_limit:
                raise Busy
            self._queue.put(job)

    def close(self) -> None:
        with self._accepting:
            already, self._closing = self._closing, True
        if not already:
            self._queue.put(None)
        self._thread.join()

    # --- the thread

    def _work(self) -> None:
        while True:
            jobs, last = self._take()
            if jobs:
                self._carry_out(jobs)
                self._repository.trim()
            if last:
                break
        if self._conn is not None:
            self._conn.close()

    def _take(self) -> tuple[list[Job], bool]:
        """The commands that are waiting, up to a group; and whether the bus was closed behind them."""
        jobs: list[Job] = []
        try:
            job = self._queue.get(timeout=self.IDLE_SECONDS)
        except queue.Empty:
            self._follow_idly()
            return jobs, False
        while job is not None:
            jobs.append(job)
            if len(jobs) == self._group_limit:
                return jobs, False
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return jobs, False
        return jobs, True

    def _follow_idly(self) -> None:
        """Keeps near the head while other processes write, so that the next lock is short."""
        if self._conn is not None:
            with suppress(psycopg.Error):
                self._repository.follow(self._conn)
                self._conn.commit()

    def _carry_out(self, jobs: list[Job], *, again: bool = True) -> None:
        try:
            outcomes = self._in_one_transaction(jobs)
        except _ConnectionLost:
            if again:
                self._carry_out(jobs, again=False)
            else:
                self._deliver([(job, StoreAway()) for job in jobs])
        except OutcomeUnknown as unknown:
            self._deliver([(job, unknown) for job in jobs])
        except psycopg.errors.LockNotAvailable:
            self._deliver([(job, StoreAway()) for job in jobs])
        except psycopg.Error as error:
            if len(jobs) == 1:
                self._deliver([(jobs[0], error)])
                return
            # One of them has a value that the database refuses: alone, only the culprit fails.
            self.figures.rerun_alone += 1
            for job in jobs:
                self._carry_out([job])
        except Exception as error:
            logger.exception("command_bus.group_failed")
            self._deliver([(job, error) for job in jobs])
        else:
            self._deliver(outcomes)

    def _in_one_transaction(self, jobs: list[Job]) -> list[tuple[Job, Outcome | BaseException]]:
        conn = self._connection()
        group: _Group | None = None
        try:
            missing = self._prepare(conn, jobs)
            group = self._begin(conn, jobs, missing)
            for job in jobs:
                group.outcomes.append((job, self._decide(conn, group, job)))
            log.chain(group.events, group.head, self._now())
            self._commit(conn, group)
        except BaseException as error:
            if group is not None:
                self._repository.forget(group.touched(), group.head.position)
            if conn.closed:
                if self._conn is conn:
                    self._conn = None
                if isinstance(error, psycopg.Error):
                    raise _ConnectionLost from error
            else:
                conn.rollback()
            raise
        self.figures.groups += 1
        self.figures.commands += len(jobs)
        self.figures.events += len(group.events)
        return group.outcomes

    def _connection(self) -> Connection:
        if self._conn is None or self._conn.closed:
            try:
                self._conn = self._connect()
                # We may vanish without a word, and nobody else can write until PostgreSQL gives up on us.
                self._conn.execute(SQL["give_up_after"], (f"{self._longest * 1000:.0f}ms",))
            except psycopg.OperationalError as error:
                raise _ConnectionLost from error
            self._conn.autocommit = False
        return self._conn

    def _hang_up(self) -> None:
        if self._conn is not None:
            self._conn.close()

    def _prepare(self, conn: Connection, jobs: Sequence[Job]) -> list[Key]:
        """The aggregates that are still to be read under the lock: many are read before it, so that it stays short."""
        missing = self._repository.missing(key for job in jobs for key in job.command.needs())
        if len(missing) <= self.FEW and len(self._repository):
            return missing
        self._repository.read_and_follow(conn, missing)
        return []

    def _begin(self, conn: Connection, jobs: Sequence[Job], missing: Sequence[Key]) -> _Group:
        """Takes the lock, then learns, in the same round trip, the head, the answers given before, what others
        appended meanwhile, and the aggregates that are missing."""
        keys = [job.repeatable.key for job in jobs if job.repeatable]
        with conn.pipeline():
            log.lock(conn)
            head = conn.execute(SQL["head"], prepare=True)
            known = conn.execute(SQL["answers"], (keys,), prepare=True) if keys else None
            asked = self._repository.ask(conn, missing)
        row = head.fetchone()
        group = _Group(Head(*row) if row else log.EMPTY)
        if known is not None:
            group.answers = {key: (body, answer.encode(), position) for key, body, answer, position in known}
        self._repository.take(conn, asked)
        return group

    def _decide(self, conn: Connection, group: _Group, job: Job) -> Outcome | BaseException:
        """Decides one command and folds its events. What it raises, unless the database did, is its outcome."""
        try:
            return self._repeated(group, job) or self._decided(conn, group, job)
        except psycopg.Error:
            raise
        except Exception as error:
            if not isinstance(error, DomainError):
                logger.exception("command_bus.command_failed", command=type(job.command).__name__)
            self.figures.failed += 1
            return error

    def _repeated(self, group: _Group, job: Job) -> Outcome | None:
        if job.repeatable is None or job.repeatable.key not in group.answers:
            return None
        body, answer, position = group.answers[job.repeatable.key]
        if body != job.repeatable.body:
            raise KeyReused
        return Outcome(position, (), msgspec.json.decode(answer), repeated=True)

    def _decided(self, conn: Connection, group: _Group, job: Job) -> Outcome:
        def load(aggregate: type[A], id: str) -> A:
            return self._load(conn, group, aggregate, id)

        decided = job.command.decide(load)
        unchanged = decided.position if isinstance(decided, Unchanged) else None
        occurrences = () if isinstance(decided, Unchanged) else decided
        events = tuple(occurrence.event for occurrence in occurrences)
        position = self._repository.position + len(events) if unchanged is None else unchanged
        outcome = Outcome(position, events, {**job.answer(events), "position": position})
        if job.preview:
            return outcome
        recorded = [_record(job, occurrence) for occurrence in occurrences]
        for write in job.vault:
            write.check(conn)
        for write in job.vault:
            write.write(conn)
        self._fold(group, events, recorded)
        if job.repeatable:
            answer = msgspec.json.encode(outcome.answer)
            group.answers[job.repeatable.key] = (job.repeatable.body, answer, position)
        return outcome

    def _load(self, conn: Connection, group: _Group, aggregate: type[A], id: str) -> A:
        """An aggregate as it stands after the commands before this one in the group."""
        kept = self._repository.kept(aggregate, id)
        if kept is not None:
            return kept
        loaded = self._repository.get(conn, aggregate, id)
        for event, recorded in group.folded:
            if loaded.tag in recorded.tags and type(event) in loaded.projected_types:
                loaded.fold(event, recorded.position, recorded.occurred_at)
        return loaded

    def _fold(self, group: _Group, events: Sequence[Event], recorded: Sequence[RecordedEvent]) -> None:
        before = self._repository.position
        try:
            for event, row in zip(events, recorded, strict=True):
                row.position = self._repository.position + 1
                self._repository.fold(event, row.tags, row.position, row.occurred_at)
        except BaseException:
            self._repository.forget((tag for row in recorded for tag in row.tags), before)
            raise
        group.events += recorded
        group.folded += zip(events, recorded, strict=True)

    def _commit(self, conn: Connection, group: _Group) -> None:
        """Sends inserts, NOTIFY and COMMIT in one go. A lost answer is resolved by looking."""
        new = [(job, outcome) for job, outcome in group.outcomes if _answered_first(job, outcome)]
        try:
            with conn.pipeline():
                if group.events:
                    log.insert(conn, group.events)
                if new:
                    self._remember(conn, new)
                if group.events:
                    log.notify(conn, group.events[-1].position)
                conn.commit()
        except psycopg.Error:
            if not conn.closed or not self._was_committed(group):
                raise

    def _remember(self, conn: Connection, answered: Sequence[tuple[Job, Any]]) -> None:
        keys = [job.repeatable.key for job, _ in answered if job.repeatable]
        bodies = [job.repeatable.body for job, _ in answered if job.repeatable]
        answers = [msgspec.json.encode(outcome.answer).decode() for _, outcome in answered]
        positions = [outcome.position for _, outcome in answered]
        conn.execute(SQL["remember"], (self._now(), keys, bodies, answers, positions), prepare=True)

    def _was_committed(self, group: _Group) -> bool:
        """The answer to COMMIT was lost: looks whether our first row stands in the log. Raises `OutcomeUnknown`."""
        self.figures.lost_commits += 1
        self._conn = None
        if not group.events:
            return False
        until = time.monotonic() + self._patience
        pause = threading.Event()
        while True:
            try:
                conn = self._connection()
                # Whoever holds the lock has committed or not: our old session may still be doing either.
                log.lock(conn)
                row = conn.execute(SQL["hash_at"], (group.events[0].position,)).fetchone()
                conn.commit()
            except (psycopg.Error, _ConnectionLost) as error:
                self._hang_up()
                if time.monotonic() > until:
                    raise OutcomeUnknown from error
                pause.wait(0.1)
            else:
                return row is not None and row[0] == group.events[0].hash

    def _deliver(self, outcomes: Sequence[tuple[Job, Outcome | BaseException]]) -> None:
        """Hands out the outcomes: one wake-up for each event loop, whatever the size of the group."""
        now = time.monotonic()
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Outcome], Outcome | BaseException]]] = {}
        for job, outcome in outcomes:
            self.figures.seconds_waited += now - job.since
            if isinstance(job.future, asyncio.Future):
                by_loop.setdefault(job.future.get_loop(), []).append((job.future, outcome))
            else:
                _settle(job.future, outcome)
        for loop, settled in by_loop.items():
            with suppress(RuntimeError):  # the loop was closed: nobody waits there any more
                loop.call_soon_threadsafe(_settle_all, settled)


class _ConnectionLost(Exception):
    """The server went away before COMMIT was sent: nothing is written."""


def _record(job: Job, occurrence: Occurrence) -> RecordedEvent:
    topic, data = encode(occurrence.event)
    return RecordedEvent(
        topic, data, occurrence.tags, occurrence.occurred_at, job.actor, job.correlation, job.causation
    )


def _answered_first(job: Job, outcome: Outcome | BaseException) -> bool:
    return job.repeatable is not None and isinstance(outcome, Outcome) and not outcome.repeated and not job.preview


def _settle_all(settled: Sequence[tuple[asyncio.Future[Outcome], Outcome | BaseException]]) -> None:
    for future, outcome in settled:
        _settle(future, outcome)


def _settle(future: asyncio.Future[Outcome] | Future[Outcome], outcome: Outcome | BaseException) -> None:
    if future.done():
        return  # whoever asked went away; the command was carried out all the same
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
