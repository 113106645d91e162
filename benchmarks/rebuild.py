"""Rebuilding projections: ours, from the log, against the library's `ProjectionRunner` on a view of the same kind."""

from __future__ import annotations

import time
from abc import abstractmethod
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.persistence import Tracking, TrackingRecorder
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL, Identifier

from benchmarks.school import lengthen
from benchmarks.stock import StockSchool, StockSession, environment
from coopschool.database import Database
from coopschool.settings import Settings
from projections.replay import rebuild


class SeatsTaken(TrackingRecorder):
    """Who has which seat: one row an enrolment, as in our facts."""

    @abstractmethod
    def confirm(self, session: UUID, member: str, tracking: Tracking) -> None: ...


class PostgresSeatsTaken(SeatsTaken, PostgresTrackingRecorder):
    """The view in PostgreSQL, written with its position in one transaction, as the library's documentation does it."""

    def _create_table(self, curs: Any) -> None:
        super()._create_table(curs)
        curs.execute(SQL("create table if not exists {} (session uuid, member text)").format(self._seats()))

    def _seats(self) -> Identifier:
        return Identifier(self.datastore.schema, f"{self.tracking_table_name}_seats")

    def confirm(self, session: UUID, member: str, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(SQL("insert into {} values (%s, %s)").format(self._seats()), (session, member))


class SeatsProjection(Projection[SeatsTaken]):
    """The library's projection of enrolments."""

    name = "seats"

    @singledispatchmethod
    def process_event(self, _event: Any, tracking: Tracking) -> None:
        self.view.insert_tracking(tracking)

    @process_event.register
    def _(self, domain_event: StockSession.Enrolled, tracking: Tracking) -> None:
        self.view.confirm(domain_event.originator_id, domain_event.member, tracking)


class Rebuilt(NamedTuple):
    """Events a second of both, and how many each was given; ours for the facts of learning alone, and for all facts."""

    learning: float
    ours: float
    our_events: int
    library: float
    library_events: int


def compare(data_dir: Path, events: int, library_events: int) -> Rebuilt:
    """Lengthens the log to `events` and rebuilds all facts; has the library's runner follow its own log."""
    settings = Settings(data_dir=data_dir)
    with Database.open(settings) as database:
        with database.connect("app") as conn:
            lengthen(conn, events)
        ours = rebuild(database, settings.zone)
        learning = rebuild(database, settings.zone, ["learning"])  # alone: the others are live already
        library = _library(environment(database.url("owner"), database.schema), library_events)
    return Rebuilt(learning.events_per_second, ours.events_per_second, ours.position, library, library_events)


def _library(env: dict[str, str], events: int) -> float:
    with StockSchool(env) as school:
        first = max(school.recorder.max_notification_id() or 0, 0)
        for number in range(events // 21 + 1):
            session = StockSession(session=f"rebuild {time.time_ns()} {number}", seats=20)
            for member in range(20):
                session.enrol(f"member {member}")
            school.save(session)
        last = school.recorder.max_notification_id() or 0
    started = time.perf_counter()
    with ProjectionRunner(
        application_class=StockSchool, projection_class=SeatsProjection, view_class=PostgresSeatsTaken, env=env
    ) as runner:
        runner.wait(last, timeout=600)
        seconds = time.perf_counter() - started
    return (last - first) / seconds
