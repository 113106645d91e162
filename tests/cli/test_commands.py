"""What all commands have in common: help, errors, output for people and for programs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from coopschool import logs
from coopschool.cli import app, main, output, running
from coopschool.cli.running import Commands
from coopschool.command_bus import Busy
from coopschool.domain.errors import Unknown
from coopschool.postgres_programs import EmbeddedError
from tests.cli.running import Command, without_settings

COMMANDS = ("serve", "demo", "project", "migrate", "token", "grant", "import", "report", "events", "replay", "verify")


def test_help_lists_every_command_and_the_exit_statuses(command: Command) -> None:
    result = command.run("--help")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in (*COMMANDS, "doctor"))
    assert "3: the database is away" in result.stdout


@pytest.mark.parametrize("name", [*COMMANDS, "doctor"])
def test_every_command_has_help_of_its_own(command: Command, name: str) -> None:
    assert "Usage:" in command.run(name, "-h").stdout


def test_help_needs_nothing_heavy() -> None:
    code = "import sys; import coopschool.cli; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"litestar", "psycopg", "granian", "eventsourcing", "structlog"} & set(loaded)


def test_the_shell_can_complete_commands_and_reports(tmp_path: Path) -> None:
    def complete(words: str) -> str:
        asked = {"_COOPSCHOOL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        program = Path(sys.executable).with_name("coopschool")
        done = subprocess.run(
            [program], env=without_settings(asked), capture_output=True, text=True, cwd=tmp_path, check=False
        )
        return done.stdout

    assert "replay" in complete("coopschool rep")
    assert "member_progress" in complete("coopschool report ")


def test_a_setting_that_is_wrong_is_named(environment: dict[str, str]) -> None:
    command = Command({**environment, "COOPSCHOOL_TIMEZONE": "Atlantis"})
    assert "COOPSCHOOL_TIMEZONE" in command.refused("events")


def test_a_database_that_is_away_is_said_in_a_sentence(environment: dict[str, str]) -> None:
    command = Command({**environment, "COOPSCHOOL_DATABASE_URL": "postgresql://ada@127.0.0.1:1/school"})
    assert "coopschool doctor" in command.refused("events", status=3)


def test_a_database_url_that_is_none(environment: dict[str, str]) -> None:
    command = Command({**environment, "COOPSCHOOL_DATABASE_URL": "school"})
    assert "COOPSCHOOL_DATABASE_URL" in command.refused("events", status=3)


def program(error: BaseException) -> typer.Typer:
    """A program of ours whose only command raises."""
    made = typer.Typer(cls=Commands, pretty_exceptions_enable=False)

    @made.callback()
    def some() -> None: ...

    @made.command()
    def run() -> None:
        raise error

    return made


@pytest.mark.parametrize(
    ("error", "status"), [(EmbeddedError("no room"), 3), (Busy(), 3), (KeyboardInterrupt(), 130), (typer.Exit(7), 7)]
)
def test_errors_that_are_foreseen_have_a_status_and_no_traceback(error: BaseException, status: int) -> None:
    result = CliRunner().invoke(program(error), ["run"])
    assert result.exit_code == status
    assert "Traceback" not in result.output


def test_an_error_without_words_is_told_by_its_kind() -> None:
    assert "Too many commands are waiting" in CliRunner().invoke(program(Busy()), ["run"]).stderr


def test_a_bug_is_not_hidden() -> None:
    result = CliRunner().invoke(program(ZeroDivisionError("a bug")), ["run"])
    assert isinstance(result.exception, ZeroDivisionError)


def test_a_command_that_is_ended_closes_what_it_has_opened() -> None:
    closed = []
    made = typer.Typer(cls=Commands, pretty_exceptions_enable=False)

    @made.callback()
    def some() -> None: ...

    @made.command()
    def run() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            closed.append(True)

    assert CliRunner().invoke(made, ["run"]).exit_code == 128 + signal.SIGTERM
    assert closed == [True]


def test_the_entry_point_runs_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["coopschool", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert app.info.name == "coopschool"


def test_help_is_broken_by_the_terminal_and_not_by_the_source(
    monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    shown = command.run("explain", "--help").stdout
    assert "Of ratings there is only their release, and of what the report hides nothing." in shown


# --- output


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a person sat there."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "200")


ROWS = [["[bold]a[/bold]", 1, None, True], ["b", 20, date(2020, 1, 1), datetime(2020, 1, 1, 12, tzinfo=UTC)]]


def test_a_table_on_a_terminal_is_drawn(on_terminal: None, capsys: pytest.CaptureFixture[str]) -> None:
    output.show_table(["name", "count", "day", "when"], ROWS, title="Things")
    shown = capsys.readouterr().out
    assert "Things" in shown
    assert "[bold]a[/bold]" in shown, "what stands in a cell is no markup"
    assert "2020-01-01 12:00:00+00:00" in shown
    assert "\t" not in shown


def test_a_table_too_wide_for_the_terminal_is_turned(
    on_terminal: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    columns = ["year", *(f"kind_{number}_of_figure" for number in range(20))]
    rows = [[year, *(year * 100 + number for number in range(20))] for year in (2018, 2019, 2020, 2021)]
    output.show_table(columns, rows)
    lines = re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 40
    assert [line.split() for line in lines if "kind 7 " in line] == [
        ["kind", "7", "of", "figure", "201807", "201907"],
        ["kind", "7", "of", "figure", "202007", "202107"],
    ]


def test_an_id_goes_on_in_the_next_line_rather_than_be_cut(
    on_terminal: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    output.show_table(["session", "seats"], [["028560c8-811e-412d-83d6-7d5b2b2a189c", 12]])
    shown = re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out)
    assert max(map(len, shown.splitlines())) <= 30
    assert {"028560c8-811e-412d-8", "3d6-7d5b2b2a189c"} <= set(shown.split())


def test_reports_are_listed_with_what_they_take(
    on_terminal: None, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = re.sub(r"\x1b\[\d+m", "", command.run("report").stdout)
    assert "progress: What became of people in sessions\n" in shown
    assert "  filters: module, period, session, format, language, category" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_what_there_is_instead_is_named_as_it_is_typed() -> None:
    unknown = Unknown("group", "module=M05")
    unknown.details["known"] = [{"module": "M01", "period": "2018Q1"}, {"module": "M02", "period": "2018Q1"}]
    known = "module=M01 period=2018Q1, module=M02 period=2018Q1"
    assert running._said(unknown) == f"there is no group 'module=M05'; known: {known}."


def test_a_table_in_a_pipe_is_lines_with_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_table(["name", "count", "day", "when"], ROWS, title="Things")
    assert capsys.readouterr().out.splitlines() == [
        "name\tcount\tday\twhen",
        "[bold]a[/bold]\t1\t\tyes",
        "b\t20\t2020-01-01\t2020-01-01 12:00:00+00:00",
    ]


def test_pairs_are_lined_up_on_a_terminal(on_terminal: None, capsys: pytest.CaptureFixture[str]) -> None:
    output.show_pairs({"a": 1, "long name": 2})
    assert capsys.readouterr().out == "a          1\nlong name  2\n"


def test_a_terminal_shows_progress(on_terminal: None, capsys: pytest.CaptureFixture[str]) -> None:
    with output.progress("Events", 10) as progress:
        progress(4)
        progress(6)
    assert "Events" in capsys.readouterr().err


def test_a_pipe_shows_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with output.progress("Events", 10) as progress:
        progress(10)
    assert capsys.readouterr() == ("", "")


# --- log lines


LOGGING = """
import logging, sys, structlog
from coopschool import logs
logs.configure(*sys.argv[1:])
structlog.get_logger("x").info("told", number=1)
logging.getLogger("library").warning("also told")
try:
    {}["Ada Lovelace"]
except KeyError:
    structlog.get_logger("x").exception("failed")
    logging.getLogger("library").exception("failed too")
class Refused(Exception):
    sqlstate = "23505"
structlog.get_logger("x").error("refused", exc_info=Refused("Ada Lovelace"))
"""


def log_lines(*arguments: str, **variables: str) -> list[str]:
    return subprocess.run(
        [sys.executable, "-c", LOGGING, *arguments],
        env=without_settings(variables),
        capture_output=True,
        text=True,
        check=True,
    ).stderr.splitlines()


def test_log_lines_are_json_whoever_writes_them() -> None:
    told, also, failed, too, refused = map(json.loads, log_lines())
    assert (told["event"], told["level"], told["number"]) == ("told", "info", 1)
    assert (also["event"], also["level"]) == ("also told", "warning")
    assert failed["error"] == too["error"] == "KeyError"
    assert failed["frames"]
    assert refused["sqlstate"] == "23505"


def test_what_an_error_quotes_is_not_logged() -> None:
    assert "Ada" not in "".join(log_lines())


def test_the_least_level_is_given_or_set() -> None:
    assert len(log_lines("error")) == 3
    assert len(log_lines(**{logs.LEVEL: "warning"})) == 4
