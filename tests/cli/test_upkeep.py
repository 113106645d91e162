"""Schema, facts and log from the command line: what is whole, and what is not."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from coopschool.application import CoopSchool
from coopschool.settings import Settings
from projections.generations import SQL
from tests.cli.running import Command
from tests.support.postgres import TestServer


def as_superuser(settings: Settings, statement: str) -> None:
    """What no role of ours may do."""
    with psycopg.connect(settings.database_url or "", autocommit=True) as conn:
        conn.execute(f"set search_path = {settings.schema}")
        conn.execute(statement)


# --- migrate


def test_migrating_tells_what_it_did_and_does_it_once(
    test_server: TestServer, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with test_server.empty_database() as url:
        command = Command({**environment, "COOPSCHOOL_DATABASE_URL": url})
        assert "coopschool migrate" in command.refused("events", status=3)
        assert command.said("migrate")["applied"][0] == "0001_event_log"
        assert command.said("migrate")["applied"] == []
        assert "up to date" in command.run("migrate").stderr
        assert command.said("events")["at_end"]


# --- verify


def test_a_whole_log_with_its_facts_has_no_findings(command: Command, projected: CoopSchool) -> None:
    assert command.said("verify") == {"findings": []}
    result = command.run("verify")
    assert result.exit_code == 0
    assert result.stdout.split() == ["position", "check", "detail"]


def test_an_edited_event_is_found(command: Command, projected: CoopSchool, settings: Settings) -> None:
    as_superuser(settings, "update events set actor = 'nobody' where position = 7")
    findings = command.said("verify", status=1)["findings"]
    assert [(one["position"], one["check"]) for one in findings] == [(7, "hash chain"), (None, "facts")]
    assert "hash chain" in command.run("verify").stdout


def test_facts_that_the_log_does_not_give_are_found(
    command: Command, projected: CoopSchool, settings: Settings
) -> None:
    as_superuser(
        settings, "insert into coopschool_facts_1.enrolments select * from coopschool_facts_1.enrolments limit 1"
    )
    findings = command.said("verify", status=1)["findings"]
    assert {finding["check"] for finding in findings} == {"facts"}
    for table, finding in zip(("enrolments", "session_totals", "participations"), findings, strict=True):
        assert table in finding["detail"]


def test_a_log_that_was_cut_shows_against_a_checkpoint(
    command: Command, projected: CoopSchool, settings: Settings, tmp_path: Path
) -> None:
    assert "cut off" in command.run("verify").stderr
    seen = tmp_path / "seen.json"
    last = command.said("checkpoint", seen)["position"]
    assert "exists" in command.refused("checkpoint", seen)
    assert command.said("verify", "--checkpoint", seen) == {"findings": []}
    assert "cut off" not in command.run("verify", "--checkpoint", seen).stderr
    as_superuser(settings, f"delete from event_tags where position = {last}")
    as_superuser(settings, f"delete from events where position = {last}")
    findings = command.said("verify", "--checkpoint", seen, status=1)["findings"]
    assert (last, "checkpoint") in [(one["position"], one["check"]) for one in findings]


def test_what_is_no_checkpoint_is_refused(command: Command, tmp_path: Path) -> None:
    assert "cannot be read" in command.refused("verify", "--checkpoint", tmp_path / "none.json")
    (tmp_path / "some.json").write_text("{}")
    assert "not a checkpoint" in command.refused("verify", "--checkpoint", tmp_path / "some.json")
    assert "cannot be written" in command.refused("checkpoint", tmp_path / "no" / "where.json")


# --- replay


def test_a_replay_puts_new_facts_in_the_place_of_the_old(command: Command, projected: CoopSchool) -> None:
    done = command.said("replay")
    assert done["swapped"]
    assert done["differing"] == []
    assert done["generation"] == 2
    assert done["position"] == command.said("doctor")["log_position"]
    assert done["events_per_second"] > 0
    assert "events_per_second\t" in command.run("replay").stdout


def test_a_replay_up_to_a_position_only_compares(command: Command, projected: CoopSchool) -> None:
    done = command.said("replay", "learning", "--until", "100")
    assert (done["position"], done["swapped"], done["generation"]) == (100, False, None)
    assert not command.said("replay", "--dry-run")["swapped"]


def test_a_replay_that_finds_other_facts_says_so_and_mends_them(
    command: Command, projected: CoopSchool, settings: Settings
) -> None:
    as_superuser(
        settings, "insert into coopschool_facts_1.enrolments select * from coopschool_facts_1.enrolments limit 1"
    )
    differing = command.said("replay", status=1)["differing"]
    assert differing == ["enrolments", "session_totals", "participations"], "what is summed up differs from its sums"
    assert command.said("replay")["differing"] == []


def test_a_projection_that_does_not_exist_is_refused(command: Command) -> None:
    assert "learning" in command.refused("replay", "everything")


def test_two_replays_at_once_are_refused(command: Command, projected: CoopSchool) -> None:
    with projected.database.connect("projector") as other:
        assert other.execute(SQL["rebuild_alone"]).fetchone() == (True,)
        assert "another rebuild" in command.refused("replay")


def test_an_event_that_cannot_be_folded_is_named(command: Command, projected: CoopSchool, settings: Settings) -> None:
    as_superuser(settings, "update events set data = '{}' where position = 9")
    assert "event at 9" in command.refused("replay", status=1)
