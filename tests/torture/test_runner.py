"""The runner's campaign of `make torture`, in its short form."""

from __future__ import annotations

from coopschool.settings import Settings
from torture import runner


def test_facts_are_what_the_log_gives_however_often_their_runner_is_killed(settings: Settings) -> None:
    report = runner.campaign(settings, rounds=2, seed=7)
    assert report.wrong == []
    assert sum(report.killed.values()) == 2
    assert report.events > 0
