"""Migrations: in order, once, never edited; and what happens where rights or order are missing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from coopschool import migrate
from coopschool.database import Database, DatabaseError
from coopschool.settings import Settings
from tests.support.plain_server import PASSWORD, PlainServer
from tests.support.postgres import TestServer


@pytest.fixture
def empty(test_server: TestServer) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection to a database without our tables."""
    with test_server.empty_database() as url, psycopg.connect(url, autocommit=True) as connection:
        yield connection


def write(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        (directory / f"{name.removeprefix('m')}.sql").write_text(text)
    return directory


def test_migrations_run_in_order_and_once(empty: psycopg.Connection[object], tmp_path: Path) -> None:
    write(tmp_path, m0002_second="insert into seen values (2)", m0001_first="create table seen (n int)")
    assert [str(done) for done in run(empty, tmp_path)] == ["0001_first", "0002_second"]
    write(tmp_path, m0010_third="insert into seen values (10)")
    assert [str(done) for done in run(empty, tmp_path)] == ["0010_third"]
    assert run(empty, tmp_path) == []
    assert empty.execute("select n from coopschool.seen order by n").fetchall() == [(2,), (10,)]


def run(connection: psycopg.Connection[object], directory: Path) -> list[migrate.Migration]:
    return migrate.migrate(connection, "coopschool", roles_log_in=False, directory=directory)


def test_an_applied_migration_that_was_edited_is_refused(empty: psycopg.Connection[object], tmp_path: Path) -> None:
    run(empty, write(tmp_path, m0001_first="create table seen (n int)"))
    write(tmp_path, m0001_first="create table seen (n bigint)", m0002_second="drop table seen")
    with pytest.raises(DatabaseError, match="0001_first is not what was applied"):
        run(empty, tmp_path)
    assert empty.execute("select count(*) from coopschool.seen").fetchone() == (0,)


def test_a_migration_that_fails_leaves_nothing_of_itself(empty: psycopg.Connection[object], tmp_path: Path) -> None:
    write(tmp_path, m0001_first="create table seen (n int)", m0002_bad="insert into seen values (1); select 1 / 0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        run(empty, tmp_path)
    assert empty.execute("select count(*) from coopschool.seen").fetchone() == (0,)
    assert [str(left) for left in migrate.pending(empty, "coopschool", tmp_path)] == ["0002_bad"]


def test_role_names_are_filled_in_as_psql_does(empty: psycopg.Connection[object], tmp_path: Path) -> None:
    text = """create table seen (n text default '{"a": "100%"}'); grant select on seen to :"reader";"""
    run(empty, write(tmp_path, m0001_first=text))
    row = empty.execute("select has_table_privilege('coopschool_reader', 'coopschool.seen', 'select')").fetchone()
    assert row == (True,)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"m0001_one": "", "m0001_two": ""}, "0001_one and 0001_two .* share a number"),
        ({"m1_one": ""}, "is not called NNNN_name"),
    ],
)
def test_a_wrong_name_is_refused(tmp_path: Path, files: dict[str, str], complaint: str) -> None:
    with pytest.raises(DatabaseError, match=complaint):
        migrate.migrations(write(tmp_path, **files))


def test_our_own_migrations_are_well_named() -> None:
    assert [migration.number for migration in migrate.migrations()][:3] == [1, 2, 3]


def test_several_processes_may_migrate_at_once(test_server: TestServer) -> None:
    with test_server.empty_database() as url, ThreadPoolExecutor() as pool:
        databases = [Database(url, "at_once") for _ in range(4)]
        applied = list(pool.map(Database.migrate, databases))
    assert sorted(map(len, applied)) == [0, 0, 0, len(migrate.migrations())]


def test_an_old_schema_is_refused_with_the_remedy(test_server: TestServer) -> None:
    with test_server.empty_database() as url:
        database = Database(url, "coopschool")
        with pytest.raises(DatabaseError, match=r"the first 0001_event_log: run `coopschool migrate`"):
            database.require_migrated()
        database.migrate()
        database.require_migrated()


def test_a_database_owner_without_superuser_rights_can_migrate(plain_server: PlainServer) -> None:
    with plain_server.connect() as connection:
        connection.execute("create role dba login createrole password 'dba'")
        connection.execute("create database school owner dba")
    database = Database(plain_server.url("dba", "school", "dba"), "school")
    assert database.migrate()
    assert database.migrate() == []
    with database.connect("app") as connection:
        assert connection.execute("select current_user").fetchone() == ("school_app",)


def test_a_login_without_the_rights_to_migrate_is_told_who_can(plain_server: PlainServer) -> None:
    with plain_server.connect() as connection:
        connection.execute("create role nobody_much login password 'x'")
    database = Database(plain_server.url("nobody_much", password="x"), "nobodys")
    with pytest.raises(DatabaseError, match=r"nobody_much may not set up schema nobodys.*superuser"):
        database.migrate()


def test_before_migrating_the_roles_are_missed_by_name(plain_server: PlainServer, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    settings = Settings(
        database_url=plain_server.url(), database_password_file=tmp_path / "password", schema="not_yet_there"
    )
    with pytest.raises(DatabaseError, match=r"not_yet_there_app.*run `coopschool migrate`"):
        Database.open(settings).url("app")
