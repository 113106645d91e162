"""Replay: the facts made anew from the log, beside the live ones, compared with them, then put in their place.

Everything is written in one transaction: a rebuild that is interrupted leaves nothing behind, and readers see the old
generation until the pointer moves. Three things go on at once: PostgreSQL hands out the next batch, Python folds this
one, PostgreSQL takes in the last one's rows.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

from coopschool.database import Database
from coopschool.sql import statements
from coopschool.turns import short_turns
from projections import generations, roll_ups, writing
from projections.generations import SQL, Connection
from projections.log import Log, StoredRow
from projections.projection import Projection
from projections.registry import PROJECTIONS, make_projections

REPLAY = statements("projections", "replay.sql")

BATCH = 10_000  # positions
WRITE_AFTER = 30_000  # positions: each COPY leaves some pages empty, and what is current is worked out for each

Progress = Callable[[int, int], None]  # positions folded, positions in all


class AlreadyRebuilding(Exception):
    """Another rebuild is under way."""


class UnknownProjection(Exception):
    """There is no projection of that name."""


class Rebuilt(NamedTuple):
    """What a rebuild did. `differing` are the tables whose live rows are not what the log gives."""

    generation: int
    position: int
    seconds: float
    differing: tuple[str, ...]
    swapped: bool

    @property
    def events_per_second(self) -> float:
        return self.position / max(self.seconds, 1e-9)


def rebuild(
    database: Database,
    zone: ZoneInfo,
    names: Collection[str] = (),
    *,
    until: int | None = None,
    dry_run: bool = False,
    progress: Progress = lambda _done, _all: None,
) -> Rebuilt:
    """Makes the facts of the named projections anew (of all, if none is named) and puts them in the live ones' place.

    So it does with those that are not named but whose live facts other code made.

    `until` stops at a position and, like `dry_run`, only compares. `progress` gets the positions done and all of them.
    Raises `AlreadyRebuilding`, `UnknownProjection`, `projections.projection.Poison`.
    """
    _check(names)
    with _no_garbage_collection(), database.connect("projector") as reading, database.connect("projector") as conn:
        if not _may_rebuild(conn):
            raise AlreadyRebuilding
        with conn.transaction():
            filling = Filling(conn, reading, database, zone, names)
            started = time.monotonic()
            filling.fill(filling.head() if until is None else min(until, filling.head()), progress)
            generations.add_indexes(conn)
            seconds = time.monotonic() - started
            differing = filling.compare()
            swap = until is None and not dry_run
            if swap:
                filling.go_live()
            result = Rebuilt(filling.generation, filling.position, seconds, differing, swap)
            if not swap:
                raise psycopg.Rollback
    return result


class Filling:
    """A generation on its way, in a transaction of `conn`; `reading` is for the log."""

    def __init__(
        self, conn: Connection, reading: Connection, database: Database, zone: ZoneInfo, names: Collection[str]
    ) -> None:
        self._conn = conn
        self._schema = database.schema
        self._log = Log(reading)
        self._all = make_projections(zone)
        conn.execute("set local statement_timeout = 0")
        conn.execute("set local idle_in_transaction_session_timeout = 0")
        conn.execute("set local work_mem = '64MB'")  # for the sums of the roll-ups
        conn.execute("set local maintenance_work_mem = '256MB'")  # for the indexes
        self._live = generations.live(conn)
        self._live_checkpoints = generations.checkpoints(conn, self._live) if self._live is not None else {}
        self._folding = [
            projection
            for projection in self._all
            if not names or projection.name in names or not self._is_current(projection)
        ]
        self._copied = [projection for projection in self._all if projection not in self._folding]
        self._topics = writing.topics_of(self._folding)
        self.generation = generations.make(conn, database)
        self.position = 0
        for projection in self._folding:
            projection.begin(0)

    def head(self) -> int:
        return self._log.head()

    def fill(self, upto: int, progress: Progress) -> None:
        """Folds the log up to a position."""
        with short_turns(), ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
            coming = reader.submit(self._read, self.position, upto)
            going: Future[None] = writer.submit(lambda: None)
            written = self.position
            while self.position < upto:
                rows, after = coming.result(), min(self.position + BATCH, upto)
                coming = reader.submit(self._read, after, upto)
                self._fold(rows, after)
                if after == upto or after - written >= WRITE_AFTER:
                    going.result()
                    going, written = writer.submit(self._write, self._take()), after
                progress(after, upto)
            going.result()
        for projection in self._folding:
            roll_ups.fill(self._conn, projection.name)

    def compare(self) -> tuple[str, ...]:
        """The fact tables whose live rows, up to here, are others than these, and live roll-ups that sum up wrongly.

        What other code made is not compared: its tables may be others.
        """
        if self._live is None:
            return ()
        live = self._live_checkpoints
        compared = [projection for projection in self._folding if self._is_current(projection)]
        facts = [
            table
            for projection in compared
            for table in projection.fact_tables
            if self._differs(table, min(self.position, live[projection.name].position))
        ]
        schema = generations.schema_of(self._schema, self._live)
        rolled_up = [
            table for projection in compared for table in roll_ups.differing(self._conn, schema, projection.name)
        ]
        return (*facts, *rolled_up)

    def go_live(self) -> None:
        """Catches up while the live facts stand still, then moves the pointer."""
        held = self._conn.execute(SQL["hold_live"]).fetchone()
        head = self._log.head()
        while self.position < head:
            after = self.position
            self._fold(self._read(self.position, head), min(self.position + BATCH, head))
            self._write(self._take(), freeze=False)
            for projection in self._folding:
                roll_ups.add(self._conn, projection.name, after)
        generations.start_checkpoints(self._conn, self.generation, self._folding, self.position)
        if held is None:
            self._conn.execute(SQL["first_live"], [self.generation])
            return
        self._copy_others(held[0])
        self._conn.execute(SQL["move_pointer"], [self.generation])
        self._conn.execute(SQL["retire"])

    def _is_current(self, projection: Projection) -> bool:
        """Whether this code made its live facts."""
        checkpoint = self._live_checkpoints.get(projection.name)
        return checkpoint is not None and checkpoint.version == projection.version

    def _read(self, after: int, upto: int) -> list[StoredRow]:
        return self._log.between(after, min(after + BATCH, upto), self._topics) if after < upto else []

    def _fold(self, rows: Sequence[StoredRow], after: int) -> None:
        for poison in writing.fold(self._folding, rows, self._log).values():
            raise poison
        self.position = after
        for projection in self._folding:
            projection.move_on(after, len(rows))

    def _take(self) -> list[tuple[Projection, writing.Written]]:
        return [(projection, writing.take(projection)) for projection in self._folding]

    def _write(self, batch: Sequence[tuple[Projection, writing.Written]], *, freeze: bool = True) -> None:
        for projection, written in batch:
            writing.write(self._conn, projection, written, freeze=freeze)

    def _differs(self, table: str, upto: int) -> bool:
        """Whether the rows, whatever their order, have another checksum."""
        assert self._live is not None
        return self._checksum(self._live, table, upto) != self._checksum(self.generation, table, upto)

    def _checksum(self, generation: int, table: str, upto: int) -> object:
        name = sql.Identifier(generations.schema_of(self._schema, generation), table)
        return self._conn.execute(sql.SQL(REPLAY["checksum"]).format(name), [upto]).fetchone()

    def _copy_others(self, live: int) -> None:
        """Takes over, as they are, the projections that are not made anew."""
        for projection in self._copied:
            for table in (*projection.fact_tables, *projection.current_tables, *roll_ups.tables_of(projection.name)):
                old = sql.Identifier(generations.schema_of(self._schema, live), table)
                self._conn.execute(sql.SQL(REPLAY["take_over"]).format(new=sql.Identifier(table), old=old))
            self._conn.execute(REPLAY["take_over_checkpoint"], [self.generation, live, projection.name])


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Folding makes many objects that stay and no cycles: looking for cycles would take most of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _check(names: Collection[str]) -> None:
    known = [projection.name for projection in PROJECTIONS]
    for name in names:
        if name not in known:
            raise UnknownProjection(f"there is no projection {name}; there are {', '.join(known)}")


def _may_rebuild(conn: Connection) -> bool:
    row = conn.execute(SQL["rebuild_alone"]).fetchone()
    return bool(row and row[0])
