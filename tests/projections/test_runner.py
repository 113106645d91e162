"""The runner: every event once, whatever happens to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from coopschool.database import Database
from coopschool.domain.school.enrolment import MemberEnrolled
from coopschool.domain.school.session import ArrangementsChanged
from coopschool.settings import Settings
from projections import generations, writing
from projections.generations import LostPlace, NotCaughtUp, ProjectionStopped
from projections.registry import PROJECTIONS
from projections.replay import rebuild
from projections.reports import run
from projections.runner import Following, Runner, status, wait_for
from tests.support.chantier import school_and_chantier
from tests.support.made_log import BRUSSELS, busy_school, record
from tests.support.proxy import SOCKET
from torture.wire import Wire

NOW = datetime(2020, 1, 1, tzinfo=UTC)


def fill(database: Database, size: int = 600, seed: int = 1) -> int:
    with database.connect("owner") as conn:
        return record(conn, busy_school(size, seed=seed))


def differing(database: Database) -> tuple[str, ...]:
    """The tables whose live rows are not those of a fresh replay."""
    return rebuild(database, BRUSSELS, dry_run=True).differing


@contextmanager
def running(database: Database, batch: int = 100, patience: float = 20.0) -> Iterator[threading.Event]:
    stop = threading.Event()
    thread = threading.Thread(target=Runner(database, batch=batch, patience=patience).run, args=[stop])
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(timeout=30)
        assert not thread.is_alive()


def poison(database: Database, data: str = '{"member": 5}') -> int:
    """An enrolment that nobody can read."""
    with database.connect("owner") as conn:
        head = record(conn, [(NOW, MemberEnrolled(member="m", session="s", module="M01"))])
        conn.execute("update events set data = %s where position = %s", [data, head])
    return head


def test_the_runner_takes_in_what_there_is(database: Database) -> None:
    head = fill(database)
    assert Runner(database, batch=70).catch_up() == head
    assert differing(database) == ()


def test_the_runner_follows_the_log_while_it_grows(database: Database) -> None:
    fill(database)
    with running(database), database.connect("reader") as conn:
        head = fill(database, seed=2)
        wait_for(conn, head, timeout=30)
    assert differing(database) == ()


def test_a_runner_that_vanished_without_a_word_does_not_keep_another_from_working(
    database: Database, settings: Settings
) -> None:
    fill(database)
    login = conninfo_to_dict(settings.database_url or "")
    with Wire(Path(str(login["host"])) / SOCKET) as wire, database.connect("reader") as conn:
        url = make_conninfo(settings.database_url or "", host="127.0.0.1", port=wire.port, sslmode="disable")
        with running(Database(make_conninfo(url, gssencmode="disable"), database.schema), patience=0.5):
            wait_for(conn, fill(database, 100, seed=2), timeout=30)
            wire.reset(told_after=60)  # its session goes on, and holds what says who works
            wait_for(conn, fill(database, 100, seed=3), timeout=30)
    assert differing(database) == ()


def test_of_two_runners_one_works_and_the_other_stands_by(database: Database) -> None:
    fill(database)
    with running(database, batch=30), running(database, batch=30), database.connect("reader") as conn:
        head = fill(database, seed=2)
        wait_for(conn, head, timeout=30)
    assert differing(database) == ()


def test_a_runner_that_lost_its_place_cannot_write(database: Database) -> None:
    fill(database)
    with database.connect("projector") as one, database.connect("projector") as other:
        first = Following(one, database, BRUSSELS, 100)
        second = Following(other, database, BRUSSELS, 100)
        assert first.step()
        with pytest.raises(LostPlace):
            second.step()
    Runner(database).catch_up()
    assert differing(database) == ()


def test_a_runner_that_is_cut_off_from_postgresql_comes_back(database: Database, settings: Settings) -> None:
    fill(database)
    cut_off = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'coopschool projector' and datname = current_database()"
    )
    with running(database), database.connect("reader") as conn, psycopg.connect(settings.database_url or "") as admin:
        wait_for(conn, 1, timeout=30)
        cut = 0
        for seed in range(2, 6):
            head = fill(database, 100, seed)
            cut += len(admin.execute(cut_off).fetchall())
            admin.commit()
            wait_for(conn, head, timeout=30)
    assert cut >= 4
    assert differing(database) == ()


def test_the_same_events_again_add_nothing(database: Database) -> None:
    with database.connect("owner") as conn:
        head = record(conn, school_and_chantier(300))
    Runner(database).catch_up()
    with database.connect("projector") as conn:
        following = Following(conn, database, BRUSSELS, 100)
        rows = following._log.between(0, head, writing.topics_of(following._running))
        assert writing.fold(following._running, rows, following._log) == {}
        assert [writing.take(projection).facts for projection in following._running] == [
            {table: [] for table in projection.fact_tables} for projection in following._running
        ]


def test_an_event_that_cannot_be_read_stops_its_projections_and_no_others(database: Database) -> None:
    fill(database)
    Runner(database).catch_up()
    position = poison(database)
    head = fill(database, 50, seed=3)
    Runner(database).catch_up()
    with database.connect("reader") as conn:
        stopped = {found.projection: found for found in status(conn)}
        assert stopped["learning"].stopped_position == position
        assert stopped["learning"].stopped_type == "MemberEnrolled.v1"
        assert "ValidationError" in str(stopped["learning"].stopped_cause)
        assert stopped["interest"].stopped_position == position
        assert stopped["membership"].stopped_position is None
        assert (stopped["membership"].position, stopped["membership"].lag) == (head, 0)
        with pytest.raises(ProjectionStopped) as error:
            run(conn, "progress", {})
        assert (error.value.projection, error.value.position) == ("learning", position)
        assert run(conn, "cohorts", {}).provenance.position == head


def test_a_projection_goes_on_once_its_event_can_be_read(database: Database) -> None:
    fill(database)
    position = poison(database)
    Runner(database).catch_up()
    with database.connect("owner") as conn:
        good = '{"member": "m", "session": "s", "module": "M01"}'
        conn.execute("update events set data = %s where position = %s", [good, position])
    Runner(database).catch_up()
    with database.connect("reader") as conn:
        assert [found.stopped_position for found in status(conn)] == [None] * len(PROJECTIONS)
    assert differing(database) == ()


def test_a_value_that_a_column_cannot_hold_stops_the_projection_at_its_event(database: Database) -> None:
    fill(database, 100)
    Runner(database).catch_up()
    with database.connect("owner") as conn:
        found = conn.execute("select min(position) from events where type = 'SessionScheduled.v1'").fetchone()
        position = record(
            conn,
            [
                (NOW, ArrangementsChanged(session="s", module="M01", languages=("fr",), place="L", format="online")),
                (NOW, ArrangementsChanged(session="s", module="M01", languages=("fr",), place="LIE", format="online")),
            ],
        )
        conn.execute(
            "update events set data = (select replace(data, 'M', 'M\\u0000') from events where position = %s), "
            "type = 'SessionScheduled.v1' where position = %s",
            [found[0] if found else 0, position],
        )
    Runner(database).catch_up()
    with database.connect("reader") as conn:
        stopped = {found.projection: found.stopped_position for found in status(conn)}
    assert stopped["learning"] == position
    assert stopped["membership"] is None


def test_who_waits_for_a_position_that_does_not_come_is_told(database: Database) -> None:
    with database.connect("reader") as conn:
        with pytest.raises(NotCaughtUp):
            wait_for(conn, 1, timeout=0)
        head = fill(database, 100)
        Runner(database).catch_up()
        wait_for(conn, head, timeout=0)
        with pytest.raises(NotCaughtUp) as error:
            wait_for(conn, head + 1, timeout=0.02)
    assert (error.value.wanted, error.value.reached) == (head + 1, head)


def test_facts_made_by_other_code_are_made_anew_before_the_runner_goes_on(database: Database) -> None:
    head = fill(database, 100)
    Runner(database).catch_up()
    with database.connect("projector") as conn:
        conn.execute("update projection_checkpoints set version = 0 where projection = 'learning'")
        before = generations.live(conn)
        assert Runner(database).catch_up() == head
        assert generations.live(conn) != before
    assert differing(database) == ()
