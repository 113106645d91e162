"""`coopschool wave`: what a coordinator does on the machine with a survey wave."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from coopschool.answer_box import AnswerBox
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.domain.advisers.survey_waves import CloseWave
from coopschool.settings import Settings
from tests.answer_box.surroundings import NORTH, SOUTH, WAVE, open_wave
from tests.cli.running import Command, audited
from tests.support.advisers import AGREES


@pytest.fixture
def today_s_school(database: Database, settings: Settings) -> Iterator[CoopSchool]:
    """A school that lives by the machine's clock, as commands do."""
    with CoopSchool(database, settings) as school:
        yield school


@pytest.fixture
def wave(today_s_school: CoopSchool) -> str:
    """An open wave of two teams, six advisers and three."""
    open_wave(today_s_school)
    return WAVE


def soon(days: int = 14) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


def test_a_wave_is_opened_handed_out_and_closed(command: Command, wave: str, today_s_school: CoopSchool) -> None:
    assert "autonomy" in command.run("wave", "show", wave).stdout
    handed_out = command.said("wave", "tokens", wave, "--address", "https://school.example/")
    assert handed_out["page"] == f"https://school.example/answer/{wave}"
    sizes = {team["team_id"]: len(team["tokens"]) for team in handed_out["teams"]}
    assert sizes == {NORTH: 6, SOUTH: 3}
    AnswerBox(today_s_school).surveys.submit(wave, handed_out["teams"][0]["tokens"][0], AGREES)
    assert command.said("wave", "close", wave)["position"] > 0
    assert "closed" in command.refused("wave", "close", wave)
    assert command.said("wave", "show", wave)["status"] == "closed"


def test_teams_are_asked_by_the_newest_version_until_a_day(
    command: Command, wave: str, today_s_school: CoopSchool, settings: Settings
) -> None:
    teams = ("--team", NORTH, "--team", SOUTH)
    said = command.refused("wave", "open", *teams, "--closes-on", soon())
    assert "open for this team" in said
    assert "three months" in _closed_then(today_s_school, command, teams)
    assert command.run("wave", "open", *teams, "--closes-on", "tomorrow").exit_code == 2
    assert command.run("wave", "open", "--team", "north", "--closes-on", soon()).exit_code == 2
    assert "no instrument" in command.refused("wave", "open", *teams, "--closes-on", soon(), "--version", "7")


def _closed_then(school: CoopSchool, command: Command, teams: tuple[str, ...]) -> str:
    school.execute_now(CloseWave(at=school.now(), wave=WAVE, responses={}))
    return command.refused("wave", "open", *teams, "--closes-on", soon())


def test_a_wave_that_is_opened_here_says_its_id(command: Command, database: Database, settings: Settings) -> None:
    with CoopSchool(database, settings, Past()) as school:
        open_wave(school)
        school.execute_now(CloseWave(at=school.now(), wave=WAVE, responses={}))
    made: dict[str, Any] = command.said("wave", "open", "--team", NORTH, "--closes-on", soon())
    assert command.said("wave", "show", made["wave_id"])["closes_on"] == soon()
    told = command.run("wave", "open", "--team", SOUTH, "--closes-on", soon(), "--version", "1")
    assert told.exit_code == 0
    assert f"coopschool wave tokens {told.stdout.strip()}" in told.stderr
    listed = command.said("wave", "list")["items"]
    assert [one["wave_id"] for one in listed] == [told.stdout.strip(), made["wave_id"], WAVE]
    assert [one["status"] for one in listed] == ["open", "open", "closed"]
    lines = command.run("wave", "list", "--limit", "1").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["wave", told.stdout.strip()]
    assert command.run("wave", "close", told.stdout.strip()).exit_code == 0


class Past:
    """A clock that is half a year behind."""

    def now(self) -> datetime:
        return datetime.now(UTC) - timedelta(days=180)


def test_tokens_are_printed_as_a_table_or_as_slips_to_cut_out(command: Command, wave: str) -> None:
    teams = command.said("wave", "tokens", wave)["teams"]
    tokens = [token for team in teams for token in team["tokens"]]
    result = command.run("wave", "tokens", wave)
    assert [noted["of"] for noted in audited(result)] == [wave]
    assert not any(token in result.stderr for token in tokens)
    lines = result.stdout.splitlines()
    assert [line.split("\t")[1] for line in lines] == ["token", *tokens]
    slips = command.run("wave", "tokens", wave, "--slips", "--language", "nl").stdout
    assert [slips.count(token) for token in tokens] == [1] * 9
    assert slips.count("kan niet meer gewijzigd worden") == 9
    assert slips.count("niet wetenschappelijk gevalideerd") == 9
    assert slips.count(f"http://127.0.0.1:8000/answer/{wave}?lang=nl") == 9
    assert slips.count("\f") == 1, "a page for each team"


def test_a_wave_whose_answers_are_lost_begins_anew(command: Command, wave: str) -> None:
    before = command.said("wave", "tokens", wave)["teams"]
    assert command.said("wave", "reopen", wave)["position"] > 0
    assert command.said("wave", "show", wave)["reopened"] == 1
    assert command.said("wave", "tokens", wave)["teams"] != before
    assert "old ones are void" in command.run("wave", "reopen", wave).stderr


def test_there_is_no_other_wave(command: Command, wave: str) -> None:
    for what in ("show", "tokens", "close", "reopen"):
        assert "no wave" in command.refused("wave", what, str(uuid4()))
        assert command.run("wave", what, "nonsense").exit_code == 2
