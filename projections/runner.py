"""The runner: keeps the live facts up with the log, in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Event as StopEvent
from zoneinfo import ZoneInfo

import psycopg
import structlog
from psycopg import sql

from coopschool.database import Database
from projections import generations, roll_ups, writing
from projections.generations import SQL, Connection, LostPlace, NotCaughtUp, Status
from projections.log import SQL as LOG
from projections.log import Log
from projections.projection import Poison, Projection
from projections.registry import make_projections
from projections.replay import rebuild

log = structlog.get_logger()

BRUSSELS = ZoneInfo("Europe/Brussels")
BATCH = 5_000  # positions
POLL = 1.0  # seconds
GATHER = 0.05  # seconds for which events may gather: a batch of one costs as many statements as one of a thousand
LONGEST_PAUSE = 5.0  # seconds between attempts to reach PostgreSQL
PATIENCE = 20.0  # seconds: far more than the largest batch takes to fold, during which nothing is said


class Runner:
    """Follows the log and writes facts. Several may run: one works, the others stand by.

    `batch`: positions folded at a time. `patience`: seconds after which PostgreSQL gives up on a runner that is silent.
    """

    def __init__(
        self, database: Database, zone: ZoneInfo = BRUSSELS, *, batch: int = BATCH, patience: float = PATIENCE
    ) -> None:
        self._database = database
        self._zone = zone
        self._batch = batch
        self._patience = patience

    def run(self, stop: StopEvent) -> None:
        """Works until told to stop. PostgreSQL may go and come back meanwhile."""
        pause = 0.1
        while not stop.is_set():
            try:
                with self._database.connect("projector") as conn:
                    conn.execute(sql.SQL("listen {}").format(sql.Identifier(self._database.schema)))
                    pause = 0.1
                    self._work(conn, stop)
            except LostPlace as lost:
                log.warning("projections_lost_place", lost=str(lost))
            except psycopg.OperationalError as error:
                log.warning("projections_database_away", error=str(error), retry_in=pause)
                stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def catch_up(self) -> int:
        """Folds what the log holds now, then returns the position reached. Waits for another runner to be done."""
        with self._database.connect("projector") as conn:
            while not _may_run(conn):
                time.sleep(0.05)
            following = Following(conn, self._database, self._zone, self._batch)
            while following.step():
                pass
            return following.position

    def _work(self, conn: Connection, stop: StopEvent) -> None:
        while not _may_run(conn):
            if stop.wait(POLL):
                return
        following = Following(conn, self._database, self._zone, self._batch)
        # A runner may vanish without a word: no other can work until PostgreSQL gives up on it.
        conn.execute(SQL["give_up_after"], [f"{self._patience * 1000:.0f}ms"])
        log.info("projections_following", generation=following.generation, position=following.position)
        while not stop.is_set():
            try:
                if following.step():
                    if not following.behind:
                        stop.wait(GATHER)
                    continue
            except LostPlace:
                following = Following(conn, self._database, self._zone, self._batch)
                continue
            generations.drop_retired(conn, self._database.schema)
            _wait_for_news(conn, stop)


class Following:
    """One life of the projections on a connection, from their checkpoints on. In doubt, make another.

    `behind` says whether the last batch left something for the next.
    """

    def __init__(self, conn: Connection, database: Database, zone: ZoneInfo, batch: int) -> None:
        self.behind = True
        self._conn = conn
        self._schema = database.schema
        self._batch = batch
        self._log = Log(conn)
        projections = make_projections(zone)
        self.generation = _ready_generation(conn, database, projections, zone)
        with conn.transaction():
            generations.enter(conn, self._schema, self.generation)
            checkpoints = generations.checkpoints(conn, self.generation)
            for projection in projections:
                projection.begin(checkpoints[projection.name].position, conn)
        self._running = projections

    @property
    def position(self) -> int:
        """What every running projection has reached."""
        return min((projection.position for projection in self._running), default=0)

    def step(self) -> bool:
        """Folds and writes one batch; whether there was anything. Raises `LostPlace` when the facts moved on."""
        after, head = self.position, self._log.head()
        upto = min(head, after + self._batch)
        self.behind = upto < head
        if not self._running or upto == after:
            return False
        rows = self._log.between(after, upto, writing.topics_of(self._running))
        poisoned = writing.fold(self._running, rows, self._log)
        with self._conn.transaction():
            held = self._conn.execute(SQL["live_shared"]).fetchone()
            if held is None or held[0] != self.generation:
                raise LostPlace("generation", self.generation)
            generations.enter(self._conn, self._schema, self.generation)
            for projection in self._running:
                if projection.name not in poisoned and upto > projection.position:
                    poison = self._write(projection, upto)
                    if poison is not None:
                        poisoned[projection.name] = poison
            for name, poison in poisoned.items():
                stopped = [poison.position, poison.topic, poison.cause[:2000], self.generation, name]
                self._conn.execute(SQL["stop"], stopped)
        self._settle(poisoned, upto, len(rows))
        return True

    def _write(self, projection: Projection, upto: int) -> Poison | None:
        try:
            with self._conn.transaction():
                written = writing.take(projection)
                writing.write(self._conn, projection, written)
                if any(written.facts.values()):
                    roll_ups.add(self._conn, projection.name, projection.position)
                generations.move_checkpoint(self._conn, self.generation, projection.name, projection.position, upto)
        except Poison as poison:
            return poison
        return None

    def _settle(self, poisoned: dict[str, Poison], upto: int, events: int) -> None:
        for name, poison in poisoned.items():
            log.error(
                "projection_stopped", projection=name, position=poison.position, type=poison.topic, cause=poison.cause
            )
        self._running = [projection for projection in self._running if projection.name not in poisoned]
        for projection in self._running:
            projection.move_on(upto, events)


def wait_for(conn: Connection, position: int, timeout: float = 5.0) -> None:
    """Returns when every running projection has reached the position. Raises `NotCaughtUp` after so many seconds."""
    deadline = time.monotonic() + timeout
    while True:
        row = conn.execute(SQL["slowest"]).fetchone()
        reached = int(row[0]) if row and row[0] is not None else 0
        if reached >= position:
            return
        if time.monotonic() > deadline:
            raise NotCaughtUp(position, reached)
        time.sleep(0.01)


def status(conn: Connection) -> list[Status]:
    """How each live projection stands; empty before the first run."""
    row = conn.execute(LOG["head"]).fetchone()
    head = int(row[0]) if row else 0
    rows = conn.execute(SQL["status"]).fetchall()
    return [Status(name, version, position, max(head - position, 0), *rest) for name, version, position, *rest in rows]


def _may_run(conn: Connection) -> bool:
    row = conn.execute(SQL["run_alone"]).fetchone()
    return bool(row and row[0])


def _wait_for_news(conn: Connection, stop: StopEvent) -> None:
    """Until the log says it grew, or a second went by, or it is time to stop."""
    waited = 0.0
    while waited < POLL and not stop.is_set():
        if any(True for _ in conn.notifies(timeout=POLL / 4, stop_after=1)):
            return
        waited += POLL / 4


def _ready_generation(conn: Connection, database: Database, projections: Sequence[Projection], zone: ZoneInfo) -> int:
    """The live generation, made or rebuilt first where there is none or other code or another time zone made it."""
    generation = generations.live(conn)
    if generation is None:
        with conn.transaction():
            generation = generations.make(conn, database)
            generations.add_indexes(conn)
            generations.start_checkpoints(conn, generation, projections, 0)
            conn.execute(SQL["first_live"], [generation])
        return generation
    found = {
        name: (point.version, point.time_zone) for name, point in generations.checkpoints(conn, generation).items()
    }
    if found == {projection.name: (projection.version, zone.key) for projection in projections}:
        return generation
    log.info("projections_rebuilding", found=found)
    return rebuild(database, zone).generation
