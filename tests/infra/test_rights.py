"""Who may do what, on the embedded server and on one that an operator runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import errors

from coopschool.database import OUR_KEEPALIVES, THEIR_KEEPALIVES, Database, DatabaseError, Role
from coopschool.settings import Settings
from projections import generations
from projections.runner import Runner
from tests.infra import rights
from tests.support.plain_server import PASSWORD, PlainServer

ROW = (
    "insert into events values (1, 'Sown.v1', '{garden:1}', '{}', now(), now(), 'system', gen_random_uuid(), null, '')"
)
LOGINS = """
create role api login password 'api' in role coopschool_app, coopschool_reader;
create role runner login password 'runner' in role coopschool_projector;
create role stranger login password 'stranger';
"""


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with Database.open(Settings(data_dir=tmp_path_factory.mktemp("embedded"))) as database:
        yield database


@pytest.fixture(scope="module")
def plain(plain_server: PlainServer) -> Database:
    """With one URL for everything: the superuser's."""
    database = Database.open(_settings(plain_server, "postgres", PASSWORD))
    database.migrate()
    with plain_server.connect() as connection:
        connection.execute(LOGINS)
    return database


def _settings(server: PlainServer, user: str, password: str) -> Settings:
    file = server.password_file.with_name(f"password-of-{user}")
    file.write_text(password)
    return Settings(database_url=server.url(user), database_password_file=file, secret_file=Path("unused"))


@pytest.fixture(params=["embedded", "plain", "plain with a login of its own"])
def served(request: pytest.FixtureRequest, plain_server: PlainServer) -> Database:
    """Each way in which the application reaches its database."""
    if request.param == "embedded":
        found: Database = request.getfixturevalue("embedded")
        return found
    plain: Database = request.getfixturevalue("plain")
    return plain if request.param == "plain" else Database.open(_settings(plain_server, "api", "api"))


@pytest.fixture(params=["embedded", "plain"])
def filled(request: pytest.FixtureRequest) -> Database:
    """Each kind of server, with a generation of facts and an answer box."""
    database: Database = request.getfixturevalue(request.param)
    Runner(database, ZoneInfo("UTC")).catch_up()
    with database.connect("app") as conn:
        conn.execute("select open_answer_box(gen_random_uuid(), gen_random_uuid()::text, '')")
    return database


def refused(database: Database, role: Role, statement: str) -> None:
    with database.connect(role) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "update events set data = '{}'",
        "delete from events",
        "truncate events",
        "drop table events cascade",
        "alter table events disable trigger all",
        "alter table events add column note text",
        "alter table events owner to current_user",
        "begin; lock table events in access exclusive mode",
        "create rule silence as on insert to events do instead nothing",
        "create trigger t before insert on events execute function suppress_redundant_updates_trigger()",
        "create index on events (actor)",
        "update event_tags set tag = 'x'",
        "delete from event_tags",
        "truncate event_tags",
        "drop table event_tags",
        "update log_epochs set begun_after = 9",
        "delete from migrations",
        "drop schema coopschool cascade",
        "create table coopschool.mine (x int)",
        "create schema mine",
        "create role mine",
        "alter system set fsync = off",
    ],
)
def test_the_application_cannot_change_the_log_or_what_stands_around_it(served: Database, statement: str) -> None:
    refused(served, "app", statement)


def test_the_application_appends_and_reads(served: Database) -> None:
    with served.connect("app", autocommit=False) as connection:
        connection.execute(ROW.encode())
        assert connection.execute("select type from events_readable").fetchall() == [("Sown.v1",)]
        connection.rollback()


@pytest.mark.parametrize("table", ["vault_people", "vault_texts", "vault_places", "vault_references", "idempotency"])
@pytest.mark.parametrize("role", ["projector", "reader"])
def test_projections_and_reports_never_see_the_vault(embedded: Database, role: Role, table: str) -> None:
    refused(embedded, role, f"select from {table}")


@pytest.mark.parametrize("role", ["projector", "reader"])
@pytest.mark.parametrize("statement", [ROW, "delete from events", "update events set data = ''", "truncate events"])
def test_projections_and_reports_cannot_write_the_log(embedded: Database, role: Role, statement: str) -> None:
    refused(embedded, role, statement)


def test_reports_turn_dates_into_positions_and_see_nothing_else_of_the_log(embedded: Database) -> None:
    with embedded.connect("reader") as connection:
        connection.execute("select max(position) from events where recorded_at <= now()")
    refused(embedded, "reader", "select data from events")


def test_the_projector_makes_schemas_of_its_own(served: Database, plain_server: PlainServer) -> None:
    database = served if served.embedded else Database.open(_settings(plain_server, "runner", "runner"))
    with database.connect("projector", autocommit=False) as connection:
        connection.execute("create schema coopschool_facts_99")
        connection.execute("create table coopschool_facts_99.fact (n int)")
        connection.rollback()


def test_a_login_acts_only_as_what_it_was_made_for(plain: Database, plain_server: PlainServer) -> None:
    with pytest.raises(DatabaseError, match=r"api may not act as coopschool_owner.*grant coopschool_owner to api"):
        Database.open(_settings(plain_server, "api", "api")).url("owner")
    with pytest.raises(DatabaseError, match="runner may not act as coopschool_app"):
        Database.open(_settings(plain_server, "runner", "runner")).connect("app")


def test_a_stranger_is_told_which_role_is_missing(plain: Database, plain_server: PlainServer) -> None:
    with pytest.raises(DatabaseError, match="grant coopschool_app to stranger"):
        Database.open(_settings(plain_server, "stranger", "stranger")).pending()


def test_a_superuser_serves_with_the_rights_of_the_role_alone(plain: Database) -> None:
    with plain.connect("app") as connection:
        assert connection.execute("select current_user, session_user").fetchone() == ("coopschool_app", "postgres")


@pytest.mark.parametrize("role", ["app", "projector", "reader"])
def test_nobody_waits_for_ever(filled: Database, role: Role) -> None:
    with filled.connect(role) as connection:
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            assert connection.execute("select current_setting(%s)", [name]).fetchone() != ("0",)


def test_on_tcp_either_end_soon_finds_that_the_other_is_gone_without_a_word(plain: Database) -> None:
    with plain.connect("projector") as connection:
        found = connection.execute(
            "select name, setting from pg_settings where name = any(%s)", [list(THEIR_KEEPALIVES)]
        )
        assert {name: int(value) for name, value in found} == THEIR_KEEPALIVES
        assert connection.info.get_parameters().items() >= OUR_KEEPALIVES.items()


def test_every_role_may_do_with_every_table_what_is_written_down_and_nothing_else(filled: Database) -> None:
    with filled.connect("owner") as conn:
        assert rights.tables_in(conn, filled, filled.schema, "owner") == rights.written_down(rights.SCHOOL, "owner")
        for (generation,) in conn.execute("select generation from fact_generations").fetchall():
            schema = generations.schema_of(filled.schema, generation)
            assert rights.tables_in(conn, filled, schema, "projector") == rights.written_down(rights.FACTS, "projector")


def test_functions_are_run_by_whom_it_is_written_down_also_new_ones(filled: Database) -> None:
    with filled.connect("owner", autocommit=False) as conn:
        assert rights.functions_in(conn, filled) == rights.written_down(rights.FUNCTIONS, "")
        conn.execute("create function forgotten() returns int language sql return 1")
        assert set(rights.functions_in(conn, filled)["forgotten"].values()) == {"-"}
        conn.rollback()


def test_things_are_made_by_the_owner_and_facts_by_the_projector(filled: Database) -> None:
    with filled.connect("owner") as conn:
        found = rights.who_may_create(conn, filled)
    assert found.pop("coopschool") == ["owner"]
    assert found.pop("public") == []
    assert found.pop("database") == ["projector"]
    facts = {name: roles for name, roles in found.items() if name.startswith("coopschool_facts_")}
    assert facts
    assert all(roles == ["projector"] for roles in facts.values())


def test_two_schools_in_one_database_do_not_see_each_other(embedded: Database) -> None:
    other = Database(psycopg.conninfo.make_conninfo(embedded.url("owner"), user="postgres", options=""), "other")
    other.migrate()
    with embedded.connect("app", autocommit=False) as connection:
        connection.execute(ROW.encode())
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("select from other.events")
    with other.connect("app") as connection:
        assert connection.execute("select count(*) from events").fetchone() == (0,)
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("select from coopschool.events")
