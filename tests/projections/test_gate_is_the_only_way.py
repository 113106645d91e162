"""Answers of people leave through the statistics gate, or not at all."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

import projections
from coopschool.database import Database
from coopschool.settings import Settings
from coopschool.sql import statements
from projections.advisers.ratings import WITHHELD
from projections.generations import in_live_facts
from projections.reports import REPORTS, run
from tests.projections.story import Story
from tests.support.advisers import FEEDBACK, published
from tests.support.chantier import alike, rated, wave
from tests.support.lakes import released


@pytest.fixture
def story(database: Database) -> Story:
    story = Story(database)
    story.tell(
        ("2018-01-02 09:00", published()),
        ("2018-01-02 09:00", published(FEEDBACK)),
        *wave("w1", "2020-05-10", {"small": alike(1, 1, 1, 1), "a": alike(4, 4, 4, 3, 3)}),
        ("2020-05-11 09:00", rated("s1", "M01", (1, 1))),
        ("2020-05-12 09:00", rated("s2", "M02", (3, 3, 3, 4, 4))),
    )
    return story


@pytest.mark.parametrize("table", WITHHELD)
def test_the_role_of_the_reports_may_not_read_answers(story: Story, database: Database, table: str) -> None:
    assert story.rows("autonomy")
    with (
        database.connect("reader") as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        in_live_facts(conn),
    ):
        conn.execute(f"select count(*) from {table}")  # type: ignore[arg-type]


def test_a_report_that_reads_answers_without_saying_so_is_refused(
    story: Story, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert story.rows("feedback")
    bypassing = REPORTS["feedback"]._replace(gated=False)
    monkeypatch.setitem(REPORTS, "feedback", bypassing)  # type: ignore[arg-type]
    with database.connect(bypassing.read_by) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(conn, "feedback", {})


def test_reports_that_read_answers_are_those_that_say_they_are_gated() -> None:
    reading = {
        about.name
        for about in REPORTS.values()
        for text in statements("projections.reports", f"{about.name}.sql").values()
        if any(table in text for table in WITHHELD)
    }
    assert reading == {about.name for about in REPORTS.values() if about.gated}


def test_no_other_statement_of_the_projections_names_the_answers() -> None:
    gated = {f"{about.name}.sql" for about in REPORTS.values() if about.gated}
    naming = {
        path.name
        for path in Path(next(iter(projections.__path__))).rglob("*.sql")
        if any(table in path.read_text() for table in WITHHELD)
    }
    assert naming == gated | {"facts.sql", "comments.sql"}


def test_groups_under_five_are_hidden_whole_in_every_gated_report(story: Story) -> None:
    for small in (
        [row for row in story.rows("autonomy") if row["team"] == "small"],
        [row for row in story.rows("feedback") if row["module"] == "M01"],
    ):
        assert small
        for row in small:
            assert row["suppressed"] is True
            assert (row["n"], row["mean"]) == (None, None)


def test_the_lake_has_the_gated_rows_and_no_answers(
    story: Story, database: Database, settings: Settings, tmp_path: Path
) -> None:
    assert story.rows("autonomy")
    lake = released(database, settings, tmp_path / "lake").lake
    assert not set(lake.manifest.tables) & set(WITHHELD)
    names = {file.path.split("-")[1] for file in lake.manifest.documents if file.path.startswith("figures-")}
    assert names == {about.name for about in REPORTS.values() if about.gated}
    assert all(table not in file.path for file in lake.manifest.files() for table in WITHHELD)
