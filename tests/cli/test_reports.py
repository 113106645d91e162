"""Reports on the command line: any date, any format, and up to date without a server."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator

import pytest
from psycopg import Connection

from coopschool.application import CoopSchool
from coopschool.cli import analyst, output
from coopschool.cli.analyst import Format
from coopschool.database import Database
from coopschool.demo import PERSONAS
from coopschool.settings import Settings
from projections.generations import SQL
from projections.reports import REPORTS, Definition, Provenance, Report
from projections.runner import Runner
from tests.cli.running import Command, audited
from tests.cli.test_upkeep import as_superuser
from tests.projections.story import at
from tests.support.advisers import AUTONOMY, FEEDBACK, published
from tests.support.chantier import alike, rated, wave
from tests.support.lakes import log_of


def test_a_report_is_up_to_date_though_nothing_else_runs(command: Command, seeded: CoopSchool) -> None:
    report = command.said("report", "progress", "--group-by", "module", "--module", "M01")
    assert [row["module"] for row in report["rows"]] == ["M01"]
    assert report["rows"][0]["enrolled"] > 0
    assert report["parameters"]["module"] == "M01"
    with seeded.database.connect("app") as conn:
        assert (report["provenance"]["position"],) == conn.execute("select max(position) from events").fetchone()


def test_a_report_can_be_had_for_any_date_as_known_at_any_time(command: Command, seeded: CoopSchool) -> None:
    def sessions(*options: str) -> int:
        (row,) = command.said("report", "progress", *options)["rows"]
        return int(row["sessions"])

    assert sessions("--as-of", "2017-12-31") == 0
    assert 0 < sessions("--as-of", "2018-12-31") < sessions("--as-of", "2019-12-31")
    assert sessions("--as-of", "2019-12-31", "--known-at", "2018-12-31T12:00:00+01:00") < sessions(
        "--as-of", "2019-12-31"
    )


def test_json_is_the_same_by_either_name(command: Command, seeded: CoopSchool) -> None:
    arguments = ("report", "demand", "--as-of", "2020-01-01")
    assert json.loads(command.run(*arguments, "--format", "json").stdout) == command.said(*arguments)


def test_csv_has_a_line_for_each_row(command: Command, seeded: CoopSchool) -> None:
    arguments = ("report", "progress", "--group-by", "year,format", "--as-of", "2021-12-31")
    rows = list(csv.DictReader(io.StringIO(command.run(*arguments, "--format", "csv").stdout)))
    shown = command.said(*arguments)["rows"]
    assert [(row["year"], row["format"], int(row["sessions"])) for row in rows] == [
        (row["year"], row["format"], row["sessions"]) for row in shown
    ]


def test_a_table_carries_its_notes_and_where_it_comes_from(command: Command, seeded: CoopSchool) -> None:
    result = command.run("report", "progress", "--group-by", "module", "--as-of", "2020-12-31")
    assert result.stdout.splitlines()[0].startswith("module\tsessions\t")
    assert REPORTS["progress"].notes[0] in result.stderr
    assert "2020-12-31T23:59:59.999999+01:00" in result.stderr


def test_filters_are_options(command: Command, seeded: CoopSchool) -> None:
    report = command.said("report", "progress", "--period=2020Q2", "--session-format", "online", "--group-by", "format")
    assert [row["format"] for row in report["rows"]] == ["online"]
    mine = command.said("report", "member_progress", "--member", PERSONAS["member"])
    assert any(row["open"] for row in mine["rows"])


def test_what_is_shown_of_a_person_is_noted_for_whoever_audits(command: Command, seeded: CoopSchool) -> None:
    member = PERSONAS["member"]
    (noted,) = audited(command.run("report", "member_progress", "--member", member))
    assert noted.items() >= {"event": "shown", "what": "a person's learning", "of": member}.items()
    assert noted["account"] == os.getuid()
    assert not audited(command.run("report", "progress"))
    (noted,) = audited(command.run("events", "--limit", "1"))
    assert noted["what"] == "the log"
    assert not audited(command.run("events", "--after", "99999999")), "it was refused"
    asked = ("explain", "progress", "--module", "M01", "--period", "2018Q2", "--figure", "completed")
    (noted,) = audited(command.run(*asked))
    assert noted["what"] == "the log"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "progress"),
        (["progress", "--group-by", "weather"], "weather"),
        (["progress", "--as-of", "yesterday"], "as_of"),
        (["progress", "--known-at", "2020-01-01T10:00:00"], "known_at"),
        (["progress", "--weather", "fine"], "weather"),
        (["progress", "--module"], "--module needs a value"),
        (["progress", "M01"], "one argument too many"),
        (["member_progress"], "member"),
        (["progress", "--format", "pdf"], "pdf"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(command: Command, arguments: list[str], said: str) -> None:
    assert said in command.refused("report", *arguments)


def test_without_a_name_it_lists_what_there_is(command: Command) -> None:
    assert {one["report"] for one in command.said("report")} == set(REPORTS)
    assert all(name in command.run("report").stdout for name in REPORTS)
    assert set(analyst.report_names()) == set(REPORTS)


def test_a_report_on_a_projection_that_stopped_cannot_be_had(
    command: Command, seeded: CoopSchool, settings: Settings
) -> None:
    as_superuser(settings, "update events set data = '{}' where position = 9")
    assert "position 9" in command.refused("report", "progress", status=1)


@pytest.fixture
def runner_at_work(seeded: CoopSchool) -> Iterator[Connection[tuple[object, ...]]]:
    """Somebody who has the runner's lock, and is slow."""
    with seeded.database.connect("projector") as conn:
        conn.execute(SQL["run_alone"])
        yield conn


def test_where_a_runner_is_at_work_a_report_waits_for_it(
    command: Command,
    seeded: CoopSchool,
    runner_at_work: Connection[tuple[object, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(analyst, "SECONDS_TO_CATCH_UP", 0.1)
    assert "Try again in a moment" in command.refused("report", "progress", status=3)
    runner_at_work.close()
    Runner(seeded.database, seeded.settings.zone).catch_up()
    as_superuser(seeded.settings, "update projection_checkpoints set position = position - 1")
    with seeded.database.connect("projector") as conn:
        conn.execute(SQL["run_alone"])
        assert "Try again in a moment" in command.refused("report", "progress", status=3)


def test_a_formula_stays_text_in_a_spreadsheet(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_csv(["a", "b", "c"], [["=1+1", True, ["x", "y"]], ["@sum", None, -1]])
    assert capsys.readouterr().out == "a,b,c\n'=1+1,yes,x y\n'@sum,,-1\n"


@pytest.mark.parametrize("format_", list(Format))
def test_a_report_without_rows_has_its_columns_all_the_same(
    format_: Format, capsys: pytest.CaptureFixture[str], report_without_rows: Callable[[], tuple[Definition, Report]]
) -> None:
    about, report = report_without_rows()
    analyst.print_report(about, report, format_, {})
    shown = capsys.readouterr().out
    assert '"rows": []' in shown if format_ is Format.json else "expected" in shown


@pytest.fixture
def report_without_rows() -> Callable[[], tuple[Definition, Report]]:
    parameters = {"as_of": "2020-01-01", "known_at": None, "group_by": []}
    return lambda: (REPORTS["attendance"], Report("attendance", parameters, Provenance(0, "", "0" * 64), [], []))


def test_the_events_behind_a_figure_are_shown(command: Command, seeded: CoopSchool) -> None:
    asked = ("progress", "--module", "M01", "--period", "2019Q2")
    (row,) = command.said("report", *asked)["rows"]
    found = command.said("explain", *asked, "--figure", "completed", "--limit", "2")
    assert found["value"] == row["completed"] > 0
    assert found["count"] >= row["completed"]
    assert [event["type"] for event in found["events"]] == ["ModuleCompleted.v1"] * 2
    assert "There is more" in command.run("explain", *asked, "--figure", "completed", "--limit", "2").stderr
    assert "completed" in command.refused("explain", "progress")
    assert "latest" in command.refused("report", "progress", "--as-of", "2100-01-01")


def test_of_ratings_there_is_the_release_and_of_a_hidden_one_nothing(command: Command, database: Database) -> None:
    feedback = [
        ("2020-02-01 09:00", rated("s1", "M01", (3, 3, 4, 4, 4))),
        ("2020-02-02 09:00", rated("s2", "M02", (1,))),
    ]
    chantier = wave("w1", "2020-05-10", {"a": alike(4, 4, 4, 3, 3), "small": alike(1, 1, 1, 1)})
    questionnaires = [("2018-01-02 09:00", published(each)) for each in (AUTONOMY, FEEDBACK)]
    log_of(database, [(at(moment), event) for moment, event in (*questionnaires, *feedback, *chantier)])
    for arguments, value, type_ in (
        (("autonomy", "--dimension", "scheduling", "--scope", "team", "--team", "a"), 3.6, "WaveResponsesReleased.v1"),
        (("feedback", "--module", "M01", "--item", "clarity"), 3.6, "FeedbackReleased.v1"),
    ):
        found = command.said("explain", *arguments, "--figure", "mean")
        assert (found["value"], found["suppressed"], found["count"]) == (value, False, 1)
        (event,) = found["events"]
        assert event["type"] == type_
        assert not {"responses", "online", "paper", "comments"} & set(event["data"])
    for arguments in (("autonomy", "--team", "small", "--dimension", "scheduling"), ("feedback", "--module", "M02")):
        found = command.said("explain", *arguments, "--figure", "n")
        assert (found["suppressed"], found["count"], found["events"]) == (True, None, [])
        assert {cell["value"] for cell in found["cells"]} == {None}
        result = command.run("explain", *arguments, "--figure", "n")
        assert "n: suppressed" in result.stderr
        assert "behind it" not in result.stderr
    assert "You may not" in command.refused("explain", "feedback", "--session", "s1", "--figure", "mean")


def test_what_a_report_hides_is_not_explained(command: Command, seeded: CoopSchool) -> None:
    rows = command.said("report", "progress", "--group-by", "category", "--period", "2018-03")["rows"]
    hidden = next(row["category"] for row in rows if row["suppressed"])
    arguments = ("explain", "progress", "--period", "2018-03", "--category", str(hidden), "--figure", "enrolled")
    found = command.said(*arguments)
    assert (found["suppressed"], found["value"], found["count"], found["events"]) == (True, None, None, [])
    assert "suppressed" in command.run(*arguments).stderr
