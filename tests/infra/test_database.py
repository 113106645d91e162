"""Where the database is, and how its URL is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from coopschool.database import Database, DatabaseError
from coopschool.migrate import migrations
from coopschool.settings import Settings


def test_the_embedded_database_comes_migrated_and_keeps_its_data(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    with Database.open(settings) as database, database.connect("app") as connection:
        assert database.embedded
        assert connection.execute("select count(*) from migrations").fetchone() == (len(migrations()),)
        epoch = connection.execute("select epoch from log_epochs").fetchone()
    with Database.open(settings) as database, database.connect("app") as connection:
        assert connection.execute("select epoch from log_epochs").fetchone() == epoch


def test_on_the_embedded_server_each_role_logs_in_as_itself(tmp_path: Path) -> None:
    with Database.open(Settings(data_dir=tmp_path)) as database, database.connect("app") as connection:
        assert connection.execute("select session_user, current_user").fetchone() == ("coopschool_app",) * 2


def test_a_second_school_on_the_embedded_server_gets_its_own_schema(tmp_path: Path) -> None:
    one, two = Settings(data_dir=tmp_path, schema="one"), Settings(data_dir=tmp_path, schema="two")
    with Database.open(one), Database.open(two) as database, database.connect("app") as connection:
        assert connection.execute("select current_schema()").fetchone() == ("two",)


def test_a_database_that_cannot_be_used_leaves_no_server_running(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with Database.open(settings) as database, database.connect("owner") as connection:
        connection.execute("update migrations set sha256 = 'edited' where number = 1")
    with pytest.raises(DatabaseError, match="0001_event_log is not what was applied"):
        Database.open(settings)
    assert not (tmp_path / "pgdata" / "postmaster.pid").exists()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://an%40a:p%3A%2Fw@db.example:5433/sch%20ool?sslmode=require",
        "postgresql://ana@one,two:5433/school?target_session_attrs=read-write",
        "host=/run/postgresql user=ana dbname=school options='-c work_mem=1MB'",
        "host=db.example user=ana dbname=school",
    ],
)
def test_what_the_operator_wrote_reaches_the_server_unchanged(url: str) -> None:
    database = Database(url, "coopschool", trusted=True)
    said, meant = conninfo_to_dict(database.url("reader")), conninfo_to_dict(url)
    assert said.pop("user") == "coopschool_reader"
    assert str(said.pop("options")).startswith(f"{meant.pop('options', '')} -c search_path=".strip())
    del meant["user"]
    assert {name: str(value) for name, value in said.items() if name in meant} == {
        **{name: str(value) for name, value in meant.items()}
    }


def test_something_that_is_no_url_is_refused_without_repeating_it() -> None:
    with pytest.raises(DatabaseError, match="write postgresql://") as refusal:
        Database.open(Settings(database_url="http://ana:hunter2@db", secret_file=Path("unused")))
    assert "hunter2" not in str(refusal.value)
