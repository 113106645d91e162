"""`doctor`: whatever is wrong, it says so, and its exit status does."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from coopschool.application import CoopSchool
from coopschool.settings import Settings
from projections.runner import Runner
from tests.cli.running import Command
from tests.cli.test_upkeep import as_superuser
from tests.support.plain_server import PASSWORD, PlainServer


def wrong(diagnosis: dict[str, Any]) -> list[str]:
    return [check["name"] for check in diagnosis["checks"] if not check["ok"]]


def test_everything_in_order(command: Command, projected: CoopSchool) -> None:
    diagnosis = command.said("doctor")
    assert diagnosis["ok"]
    assert diagnosis["schema"] == "coopschool"
    assert {one["name"]: one["lag"] for one in diagnosis["projections"]}["learning"] == 0
    assert diagnosis["log_position"] == diagnosis["projections"][0]["position"]
    with psycopg.connect(diagnosis["database_url"]) as conn:
        assert conn.execute("select max(position) from events").fetchone() == (diagnosis["log_position"],)
    assert "WRONG" not in command.run("doctor").stdout


def test_facts_that_nobody_makes(command: Command, seeded: CoopSchool) -> None:
    assert wrong(command.said("doctor", status=1)) == ["projections"]


def test_a_projection_that_stopped(command: Command, seeded: CoopSchool, settings: Settings) -> None:
    as_superuser(settings, "update events set data = '{}' where position = 9")
    Runner(seeded.database, settings.zone).catch_up()
    diagnosis = command.said("doctor", status=1)
    stopped = [one for one in diagnosis["projections"] if one["stopped_position"] is not None]
    assert wrong(diagnosis) == [f"projection {one['name']}" for one in stopped]
    assert {one["stopped_position"] for one in stopped} == {9}
    assert "WRONG" in command.run("doctor").stdout


def test_a_projection_that_lags(command: Command, seeded: CoopSchool, settings: Settings) -> None:
    Runner(seeded.database, settings.zone).catch_up()
    as_superuser(settings, "update projection_checkpoints set position = position - 3")
    diagnosis = command.said("doctor")
    assert {one["lag"] for one in diagnosis["projections"]} == {3}, "it has just moved, so it is at work"
    as_superuser(settings, "update projection_checkpoints set updated_at = now() - interval '1 hour'")
    assert "projection learning" in wrong(command.said("doctor", status=1))


def test_rights_that_a_role_must_not_have(command: Command, school: CoopSchool, settings: Settings) -> None:
    as_superuser(settings, "grant update on events to coopschool_app")
    as_superuser(settings, "revoke select on events from coopschool_projector")
    diagnosis = command.said("doctor", status=1)
    (check,) = [check for check in diagnosis["checks"] if check["name"] == "rights"]
    assert "coopschool_app must not have UPDATE on events" in check["detail"]
    assert "coopschool_projector lacks SELECT on events" in check["detail"]


def test_migrations_that_are_missing(command: Command, school: CoopSchool, settings: Settings) -> None:
    as_superuser(settings, "delete from migrations where number = 4")
    diagnosis = command.said("doctor", status=1)
    assert wrong(diagnosis) == ["migrations"]
    assert diagnosis["migrations_pending"] == ["0004_identities"]


def test_a_database_that_is_away(environment: dict[str, str]) -> None:
    url = "postgresql://ada:secret@127.0.0.1:1/school?password=secret&connect_timeout=1"
    command = Command({**environment, "COOPSCHOOL_DATABASE_URL": url})
    result = command.run("doctor", "--json")
    assert result.exit_code == 3
    assert "secret@" not in result.output
    assert "=secret" not in result.output
    assert "postgresql://ada@127.0.0.1:1/school?connect_timeout=1" in result.stdout


def test_a_directory_without_a_school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = Command({"COOPSCHOOL_DATA_DIR": str(tmp_path / "none"), "COOPSCHOOL_DATABASE_URL": ""})
    diagnosis = command.said("doctor", status=1)
    assert wrong(diagnosis) == ["settings"]
    assert "coopschool demo" in command.refused("events")
    assert not (tmp_path / "none" / "pgdata").exists(), "looking makes nothing"


def test_a_secret_that_is_missing(environment: dict[str, str], tmp_path: Path) -> None:
    command = Command({**environment, "COOPSCHOOL_SECRET_FILE": str(tmp_path / "gone")})
    assert wrong(command.said("doctor", status=1)) == ["settings"]


def test_no_password_is_shown(plain_server: PlainServer, environment: dict[str, str]) -> None:
    url = plain_server.url(password=quote(PASSWORD, safe=""))
    command = Command({**environment, "COOPSCHOOL_DATABASE_URL": url})
    command.said("migrate")
    result = command.run("doctor", "--json")
    assert result.exit_code == 0, result.output
    assert quote(PASSWORD, safe="") not in result.output
    assert PASSWORD not in result.output
