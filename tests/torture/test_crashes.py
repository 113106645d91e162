"""The crash campaign of `make torture`, in its short form: each kind of process is killed once."""

from __future__ import annotations

from pathlib import Path

from coopschool.settings import Settings
from torture import crash


def test_nothing_acknowledged_is_lost_or_doubled_whatever_is_killed(tmp_path: Path) -> None:
    report = crash.campaign(Settings(data_dir=tmp_path / "data"), rounds=len(crash.VICTIMS), seed=7)
    assert report.wrong == []
    assert set(report.killed) == set(crash.VICTIMS)
    assert report.asked.repeats_answered > 0
