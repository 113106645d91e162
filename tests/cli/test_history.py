"""Importing from the command line; what is imported, and which rows are wrong, is tested in `tests/importing`."""

from __future__ import annotations

from pathlib import Path

import pytest

from coopschool.cli import history
from coopschool.eventstore.bulk import Overtaken
from tests.cli.running import Command
from tests.importing.test_answers import ADVISERS, answers
from tests.importing.test_history import SCHOOL
from tests.support.importing import write

MEMBERS = "member_ref,category,joined_on\nada,A,2020-01-01\nbob,B,2020-02-01\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    files = tmp_path / "files"
    files.mkdir()
    (files / "members.csv").write_text(MEMBERS)
    return files


def test_an_import_tells_what_it_brought(command: Command, directory: Path) -> None:
    imported = command.said("import", directory)
    assert imported["rows"]["members.csv"] == 2
    assert imported["events"] == 4
    assert imported["problems"] == []
    assert command.said("events")["next"] == imported["position"] == 4


def test_the_same_files_again_bring_nothing(command: Command, directory: Path) -> None:
    result = command.run("import", directory)
    assert "members.csv\t2" in result.stdout
    assert "4 events written" in result.stderr
    assert command.said("import", directory)["events"] == 0


def test_a_dry_run_writes_nothing(command: Command, directory: Path) -> None:
    assert "nothing was written" in command.run("import", directory, "--dry-run").stderr
    assert command.said("import", directory, "--dry-run")["position"] is None
    assert command.said("events")["next"] == 0


def test_rows_that_are_wrong_are_listed_and_nothing_is_written(command: Command, directory: Path) -> None:
    (directory / "members.csv").write_text(MEMBERS + "cleo,Z,2020-01-01\n")
    (problem,) = command.said("import", directory, status=1)["problems"]
    assert (problem["file"], problem["line"], problem["column"]) == ("members.csv", 4, "category")
    result = command.run("import", directory)
    assert result.exit_code == 1
    assert "members.csv\t4\tcategory" in result.stdout
    assert command.said("events")["next"] == 0


def test_what_teams_and_feedback_cannot_have_been_is_named_and_nothing_is_written(
    command: Command, tmp_path: Path
) -> None:
    """Waves that overlap, items outside the scale, unknown or too few, too much telework, no date of review, too many
    sheets."""
    odd = "w3,autonomy,1,2020-05-06,2020-05-19,t2"
    waves = [
        *answers("t1", 3),
        *answers("t1", 3, wave="w2,autonomy,1,2019-05-10,2019-05-29"),
        f"{odd},1,s1,6",
        f"{odd},1,s2,3",
        f"{odd},1,mood,3",
        "w4,autonomy,1,2021-05-06,2021-05-19,t2,1,s1,3",
    ]
    files = {
        **SCHOOL,
        **ADVISERS,
        "members": [*SCHOOL["members"], *ADVISERS["members"]],
        "wave_responses": waves,
        "telework": "t1,2020Q1,covid,61,60",
        "workshops": "w1,t1,2019-03-12,,,2019-03-12,a1,rota",
        "decisions": "d1,w1,rota,team,",
        "feedback": ["s1,hot,1,feedback,1,pace,3", "s1,hot,2,feedback,1,pace,3"],
    }
    directory = write(tmp_path / "history", **files)
    expected = {
        ("wave_responses.csv", 5, "opened_on", "team-in-open-wave"),
        ("wave_responses.csv", 8, "score", "outside-scale"),
        ("wave_responses.csv", 10, "item", "unknown-item"),
        ("wave_responses.csv", 11, "sheet", "too-few-items"),
        ("telework.csv", 2, "quarter", "more-teleworked-than-worked"),
        ("decisions.csv", 2, "review_on", "cell"),
        ("feedback.csv", 2, "sheet", "more-sheets-than-present"),
    }
    for dry in ((), ("--dry-run",)):
        found = command.said("import", directory, *dry, status=1)["problems"]
        assert {(one["file"], one["line"], one["column"], one["rule"]) for one in found} == expected
    assert command.said("events")["next"] == 0


def test_files_that_are_no_history_are_left_out_by_name(command: Command, directory: Path) -> None:
    (directory / "weather.csv").write_text("day,weather\n")
    assert "weather.csv" in command.run("import", directory).stderr


def test_a_directory_without_files_is_refused(command: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "members.csv" in command.refused("import", tmp_path / "empty")
    command.refused("import", tmp_path / "gone")


def test_an_import_that_is_always_overtaken_says_to_try_again(
    command: Command, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(*_: object, **__: object) -> None:
        raise Overtaken("another import")

    monkeypatch.setattr("coopschool.importing.import_history", overtaken)
    assert history.AWAY == 3
    assert "Try again" in command.refused("import", directory, status=3)
