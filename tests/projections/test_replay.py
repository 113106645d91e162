"""Replay: beside the live facts, compared, swapped; readers see one generation or the other, whole."""

from __future__ import annotations

import threading

import psycopg
import pytest
from psycopg import sql

from coopschool.database import Database
from projections import generations
from projections.projection import Poison
from projections.replay import AlreadyRebuilding, UnknownProjection, rebuild
from projections.reports import run
from projections.runner import Runner
from tests.projections.test_runner import fill, poison
from tests.support.made_log import BRUSSELS


def live(database: Database) -> int | None:
    with database.connect("reader") as conn:
        return generations.live(conn)


def schemas(database: Database) -> list[str]:
    with database.connect("projector") as conn:
        return [
            name for (name,) in conn.execute("select nspname from pg_namespace where nspname like '%facts%' order by 1")
        ]


def test_a_replay_gives_what_is_live_and_takes_its_place(database: Database) -> None:
    head = fill(database)
    Runner(database, batch=77).catch_up()
    done: list[tuple[int, int]] = []
    rebuilt = rebuild(database, BRUSSELS, progress=lambda so_far, upto: done.append((so_far, upto)))
    assert (rebuilt.differing, rebuilt.swapped, rebuilt.position, rebuilt.generation) == ((), True, head, 2)
    assert rebuilt.events_per_second > 0
    assert done[-1] == (head, head)
    assert live(database) == 2
    head = fill(database, seed=2)
    assert Runner(database).catch_up() == head
    assert rebuild(database, BRUSSELS, dry_run=True).differing == ()


def outside_the_facts(database: Database) -> dict[str, tuple[int, str]]:
    """What the projector may not write: the log, the vault, what the command bus and the time keeper keep."""
    with database.connect("owner") as conn:
        tables = conn.execute(
            "select relname from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace"
            " and not has_table_privilege(%s, oid, 'insert') order by 1",
            (database.role_name("projector"),),
        ).fetchall()
        return {
            name: conn.execute(  # type: ignore[misc]
                sql.SQL("select count(*), md5(string_agg(t::text, '' order by t::text)) from {} t").format(
                    sql.Identifier(name)
                )
            ).fetchone()
            for (name,) in tables
        }


def test_a_replay_has_no_side_effects(database: Database) -> None:
    fill(database)
    Runner(database).catch_up()
    before = outside_the_facts(database)
    assert {"events", "event_tags", "idempotency"} < set(before)
    with database.connect("app") as listener:
        listener.execute(sql.SQL("listen {}").format(sql.Identifier(database.schema)))
        assert rebuild(database, BRUSSELS).swapped
        assert list(listener.notifies(timeout=0)) == []
    assert outside_the_facts(database) == before


def test_the_first_facts_may_come_from_a_replay(database: Database) -> None:
    head = fill(database)
    assert rebuild(database, BRUSSELS).swapped
    assert Runner(database).catch_up() == head


@pytest.mark.parametrize("how", [{"dry_run": True}, {"until": 100}])
def test_a_replay_that_only_compares_leaves_nothing_behind(database: Database, how: dict[str, int]) -> None:
    fill(database)
    Runner(database).catch_up()
    before = schemas(database)
    rebuilt = rebuild(database, BRUSSELS, **how)  # type: ignore[arg-type]
    assert (rebuilt.differing, rebuilt.swapped) == ((), False)
    assert (schemas(database), live(database)) == (before, 1)


def test_facts_that_were_changed_by_hand_are_found_and_made_good(database: Database) -> None:
    fill(database)
    Runner(database).catch_up()
    with database.connect("projector") as conn, conn.transaction():
        generations.enter(conn, database.schema, 1)
        conn.execute(
            "update enrolments set completed = 1 - completed where position = (select min(position) from enrolments)"
        )
        conn.execute("delete from categories where position = (select min(position) from categories)")
    assert rebuild(database, BRUSSELS, ["interest", "catalogue"], dry_run=True).differing == ()
    assert rebuild(database, BRUSSELS).differing == ("enrolments", "categories", "session_totals", "participations")
    assert rebuild(database, BRUSSELS).differing == ()


@pytest.mark.parametrize("table", ["session_totals", "participations", "completions"])
def test_a_roll_up_that_was_changed_by_hand_is_found_and_made_good(database: Database, table: str) -> None:
    fill(database)
    Runner(database).catch_up()
    with database.connect("projector") as conn, conn.transaction():
        generations.enter(conn, database.schema, 1)
        conn.execute(sql.SQL("update {} set completed = completed + 1").format(sql.Identifier(table)))
    assert rebuild(database, BRUSSELS).differing == (table,)
    assert rebuild(database, BRUSSELS).differing == ()


def test_what_other_code_made_is_made_anew_with_what_is_asked_for(database: Database) -> None:
    """The tables of an older version may be others: they are neither taken over nor compared."""
    fill(database)
    Runner(database).catch_up()
    with database.connect("projector") as conn, conn.transaction():
        generations.enter(conn, database.schema, 1)
        conn.execute("drop table session_totals, participations, completions")
        conn.execute("update projection_checkpoints set version = 1 where projection = 'learning'")
    assert rebuild(database, BRUSSELS, ["membership"]).differing == ()
    with database.connect("reader") as conn:
        assert run(conn, "progress", {}).rows[0]["enrolled"] > 0
    assert rebuild(database, BRUSSELS, dry_run=True).differing == ()


def test_one_projection_may_be_replayed_and_the_others_taken_over(database: Database) -> None:
    fill(database)
    Runner(database).catch_up()
    poison(database)
    Runner(database).catch_up()
    with database.connect("reader") as conn:
        before = run(conn, "cohorts", {"as_of": "2026-01-01"}).rows
        assert rebuild(database, BRUSSELS, ["membership"]).swapped
        assert run(conn, "cohorts", {"as_of": "2026-01-01"}).rows == before
        with pytest.raises(generations.ProjectionStopped):
            run(conn, "progress", {})


def test_a_poison_event_ends_a_replay_and_nothing_is_swapped(database: Database) -> None:
    fill(database)
    Runner(database).catch_up()
    position = poison(database)
    with pytest.raises(Poison) as error:
        rebuild(database, BRUSSELS)
    assert error.value.position == position
    assert (live(database), schemas(database)) == (1, [f"{database.schema}_facts_1"])


def test_a_projection_that_does_not_exist_is_not_replayed(database: Database) -> None:
    with pytest.raises(UnknownProjection, match="there are learning, membership, interest, catalogue"):
        rebuild(database, BRUSSELS, ["weather"])


def test_two_replays_at_once_are_one_too_many(database: Database) -> None:
    fill(database, 100)
    with database.connect("projector") as conn:
        conn.execute(generations.SQL["rebuild_alone"])
        with pytest.raises(AlreadyRebuilding):
            rebuild(database, BRUSSELS)


def test_readers_see_the_same_figures_all_through_a_replay(database: Database) -> None:
    fill(database, 2_000)
    Runner(database).catch_up()
    stop, seen, errors = threading.Event(), set(), []

    def read() -> None:
        try:
            with database.connect("reader") as conn:
                while not stop.is_set():
                    seen.add(run(conn, "progress", {"as_of": "2026-01-01", "group_by": "module"}).provenance.checksum)
        except Exception as error:  # noqa: BLE001 - told to the test
            errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(3):
        assert rebuild(database, BRUSSELS).swapped
        with database.connect("projector") as conn:
            generations.drop_retired(conn, database.schema, after=600)
    stop.set()
    reader.join()
    assert errors == []
    assert len(seen) == 1


def test_a_retired_generation_is_dropped_when_nobody_can_be_reading_it(database: Database) -> None:
    fill(database, 100)
    rebuild(database, BRUSSELS)
    rebuild(database, BRUSSELS)
    with database.connect("projector") as conn:
        assert generations.drop_retired(conn, database.schema) == []
        assert len(schemas(database)) == 2
        assert generations.drop_retired(conn, database.schema, after=0) == [1]
    assert schemas(database) == [f"{database.schema}_facts_2"]


def test_readers_can_change_no_fact(database: Database) -> None:
    fill(database, 100)
    rebuild(database, BRUSSELS)
    with database.connect("reader") as conn, conn.transaction():
        generations.enter(conn, database.schema, 1)
        with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
            conn.execute("delete from enrolments")
