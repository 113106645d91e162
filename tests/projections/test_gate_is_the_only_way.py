"""Answers of people leave through the statistics gate, or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg
import pytest

from coopschool.database import Database
from coopschool.settings import Settings
from projections.advisers.ratings import WITHHELD
from projections.generations import in_live_facts
from projections.reports import REPORTS, run
from tests.projections.story import Story
from tests.support.advisers import FEEDBACK, published
from tests.support.chantier import alike, rated, wave
from tests.support.gatekeeping import PACKAGES, bypasses
from tests.support.lakes import released

ROOT = Path(__file__).parents[2]


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


def test_a_gated_report_runs_for_no_role_that_may_not_read_answers(
    story: Story, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert story.rows("feedback")
    bypassing = REPORTS["feedback"]._replace(gated=False)
    monkeypatch.setitem(REPORTS, "feedback", bypassing)  # type: ignore[arg-type]
    with database.connect(bypassing.read_by) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(conn, "feedback", {})


def test_nothing_but_the_gate_reads_answers() -> None:
    assert bypasses(ROOT) == []


BYPASSES = {
    "projections/reports/ranking.sql": "-- name: ranking\nselect team, avg(score) from wave_answers group by team",
    "coopschool/api/advisers/raw.sql": "-- name: raw\nselect * from feedback_answers",
    "projections/reports/ranking.py": "def rows(conn):\n    return conn.execute('select score from wave_answers')",
    "projections/lake/raw.py": "from projections.advisers.ratings import WITHHELD\n",
    "projections/whatif/raw.py": "from projections.advisers import ratings\nTABLES = ratings.WITHHELD\n",
    "projections/reports/all_of_them.py": "from projections.disclosure.gate import SQL\nREAD = SQL['of_waves']\n",
    "projections/reports/again.py": "import projections.disclosure.gate as gate\n",
    "coopschool/api/again.py": "STATEMENTS = statements('projections.disclosure', 'answers.sql')\n",
    "coopschool/api/log.sql": "-- name: raw\nselect data from events where type = 'WaveResponsesReleased.v1'",
    "coopschool/cli/released.py": "from coopschool.domain.advisers.autonomy_survey import WaveResponsesReleased\n",
    "coopschool/cli/log.py": "def of(event):\n    return [team.answers for team in event.responses]\n",
    "projections/advisers/other.py": (
        "from coopschool.domain.school.feedback import FeedbackReleased\n"
        "@on(FeedbackReleased)\ndef released(self, event, occurred_at): ...\n"
    ),
}


def test_reports_that_bypass_the_gate_are_found(tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "*.json", "*.csv")
        )
    for path, text in BYPASSES.items():
        assert not (tmp_path / path).exists()
        (tmp_path / path).write_text(text)
    assert {found.partition(":")[0] for found in bypasses(tmp_path)} == BYPASSES.keys()


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
