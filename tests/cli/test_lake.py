"""The analyst's commands on a lake, and what-if, as somebody types them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.cli.running import Command, audited


@pytest.mark.usefixtures("seeded")
def test_a_lake_is_exported_and_asked_like_the_database(command: Command, tmp_path: Path) -> None:
    done = command.said("export", tmp_path / "lake")
    assert done["rows"]["enrolments"] > 1_000
    again = command.said("export", tmp_path / "lake")
    assert again["release"] == done["release"]
    assert again["rows"]["enrolments"] == 0
    asked = ("report", "progress", "--group-by", "module", "--as-of", "2021-06-30")
    there = command.said(*asked)
    here = command.said(*asked, "--lake", tmp_path / "lake")
    assert here == there
    other = command.said("export", tmp_path / "lake", "--new-release", "--csv")
    assert other["release"] != done["release"]


@pytest.mark.usefixtures("seeded")
def test_export_prints_a_table_for_people(command: Command, tmp_path: Path) -> None:
    result = command.run("export", tmp_path / "lake")
    assert result.exit_code == 0, result.output
    assert "events" in result.stdout
    assert "Release release-" in result.stderr
    (noted,) = audited(result)
    assert noted.items() >= {"event": "exported", "what": "lake", "account": os.getuid()}.items()


def test_what_cannot_be_done_with_a_lake_is_said_in_a_sentence(command: Command, tmp_path: Path) -> None:
    assert "no lake" in command.refused("report", "progress", "--lake", tmp_path)
    assert "--lake" in command.refused("report", "progress", "--engine", "duckdb")
    (tmp_path / "file").touch()
    assert "cannot be written" in command.refused("export", tmp_path / "file" / "lake")
    assert command.run("export", tmp_path / "lake").exit_code == 0
    assert "duckdb, spark" in command.refused("report", "progress", "--lake", tmp_path / "lake", "--engine", "excel")
    (tmp_path / "lake" / "current").write_text("release-gone")
    assert "no lake" in command.refused("report", "progress", "--lake", tmp_path / "lake")


@pytest.mark.usefixtures("seeded")
def test_what_if_shows_the_difference(command: Command) -> None:
    found = command.said("whatif", "--min-attendance", "0.6")
    rows = {row["figure"]: row for row in found["rows"]}
    assert rows["completed"]["difference"] == rows["completed"]["what_if"] - rows["completed"]["happened"] > 0
    result = command.run("whatif", "--waitlist", "newcomers-first", "--group-by", "newcomer")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].split("\t") == ["newcomer", "figure", "happened", "what_if", "difference"]
    assert "refused are not in the log" in result.stderr


def test_what_if_lists_what_may_be_asked(command: Command) -> None:
    assert "x1.5" in command.refused("whatif", "--seats", "x7")
    assert "--min-attendance" in command.refused("whatif")


def test_a_missing_extra_is_named(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("projections.lake", "projections.engines"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "coopschool[analysis]" in command.refused("report", "progress", "--lake", tmp_path)


def test_json_of_export_is_one_document(command: Command, tmp_path: Path) -> None:
    result = command.run("export", tmp_path / "lake", "--json")
    assert json.loads(result.stdout)["position"] == 0
