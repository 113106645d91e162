"""The notebook runs from top to bottom on the demo's school and answers what it asks."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from coopschool import demo
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.settings import Settings
from tests.support.lakes import fold, released

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "learning.py"


@pytest.mark.filterwarnings("default")
def test_the_notebook_answers_its_questions_on_the_demos_school(
    school: CoopSchool, database: Database, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo.seed(school, "small")
    fold(database, settings)
    released(database, settings, tmp_path / "lake")
    monkeypatch.setenv("COOPSCHOOL_LAKE", str(tmp_path / "lake"))
    spec = importlib.util.spec_from_file_location("learning", NOTEBOOK)
    assert spec is not None
    assert spec.loader is not None
    notebook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(notebook)
    _, defs = notebook.app.run()
    assert "online" in {row["format"] for row in defs["completion"] if row["quarter"] == "2020Q2"}
    assert "online" not in {row["format"] for row in defs["completion"] if row["quarter"] < "2020"}
    assert defs["turn"]["2020Q2"] < defs["turn"]["2019Q2"]
    assert {row["who"] for row in defs["waits"]} == {"newcomer", "has learnt"}
    assert all(row["waits"] >= 5 for row in defs["waits"])
    for chart in (defs["completion_chart"], defs["waits_chart"]):
        assert chart.to_dict()["encoding"]
        assert chart.data.values
