"""The answer box's campaign of `make torture`, in its short form."""

from __future__ import annotations

from pathlib import Path

from coopschool.settings import Settings
from torture import answer_box


def test_no_answer_is_lost_or_doubled_and_no_token_spent_without_one_whatever_is_killed(tmp_path: Path) -> None:
    report = answer_box.campaign(Settings(data_dir=tmp_path / "data"), rounds=2, seed=7)
    assert report.wrong == []
    assert {"answer", "close", "give", "release"} <= report.steps.keys()
    assert sum(times for what, times in report.killed.items() if "over" not in what) >= 6
