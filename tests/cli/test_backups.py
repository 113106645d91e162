"""Backup and restore from the command line."""

from __future__ import annotations

from pathlib import Path

from coopschool.answer_box import AnswerBox
from coopschool.application import CoopSchool
from coopschool.erasing import erase
from coopschool.settings import Settings
from tests.answer_box.surroundings import WAVE, open_wave
from tests.backups.conftest import join
from tests.cli.running import Command, audited
from tests.support.postgres import TestServer


def test_what_was_saved_is_restored_and_said(
    command: Command, environment: dict[str, str], test_server: TestServer, school: CoopSchool, tmp_path: Path
) -> None:
    ada = join(school, "Ada")
    open_wave(school)
    saved = command.said("backup", "saved")
    assert saved["directory"] == "saved"
    assert saved["open_waves"] == [WAVE]
    assert saved["tables"]["vault_people"]["rows"] == 1
    erase(school, ada)
    result = command.run("backup", "again")
    assert "vault_people\t0\t0" in result.stdout
    assert [(noted["event"], noted["what"]) for noted in audited(result)] == [("exported", "backup")]
    assert f"up to position {saved['position'] + 2}" in result.stderr
    assert "exists" in command.refused("backup", "again")
    with test_server.database() as url:
        other = Command({**environment, "COOPSCHOOL_DATABASE_URL": url})
        assert "--reopen-waves" in other.refused("restore", "saved")
        done = other.said("restore", "saved", "--reopen-waves")
        assert (done["erased_again"], done["reopened_waves"], done["ledger_found"]) == ([ada], [WAVE], True)
        assert other.said("verify") == {"findings": []}
        assert other.said("doctor", status=1)["log_position"] == done["position"]
        assert "not empty" in other.refused("restore", "saved", "--reopen-waves")


def test_what_is_lost_or_not_there_is_said(
    command: Command,
    environment: dict[str, str],
    test_server: TestServer,
    school: CoopSchool,
    settings: Settings,
    tmp_path: Path,
) -> None:
    open_wave(school)
    AnswerBox(school).surveys.tokens(WAVE)
    command.said("backup", "saved")
    with test_server.database() as url:
        elsewhere = {"COOPSCHOOL_DATABASE_URL": url, "COOPSCHOOL_DATA_DIR": str(tmp_path / "elsewhere")}
        result = Command({**environment, **elsewhere}).run("restore", "saved", "--reopen-waves")
    assert result.exit_code == 0, result.output
    assert f"reopened waves\t{WAVE}" in result.stdout
    for said in ("new tokens", "1 answer box(es) is lost", "no erasure ledger"):
        assert said in result.stderr


def test_nothing_works_on_a_restore_that_is_not_finished(command: Command, school: CoopSchool) -> None:
    with school.database.connect("owner") as conn:
        conn.execute("insert into unfinished_restore (backup) values ('seal')")
    for arguments in (["events"], ["wave", "list"], ["backup", "saved"]):
        assert "not finished" in command.refused(*arguments, status=3)
    assert "not finished" in str(command.said("doctor", status=1)["checks"])
