"""The load campaign of `make load`, in its short form: a moment's traffic, far too much of it, and a moment's again."""

from __future__ import annotations

from pathlib import Path

from coopschool.application import CoopSchool
from torture.load.campaign import Campaign
from torture.load.supply import Supplier, Supply


def a_small_school(school: CoopSchool) -> Supply:
    return Supplier(school).supply(wishes=25, courses=1)


def test_what_is_too_much_is_refused_and_of_what_was_acknowledged_nothing_is_lost(tmp_path: Path) -> None:
    with Campaign(tmp_path / "data", seed=7, fill=a_small_school) as campaign:
        calm = campaign.offer("calm", rate=50, seconds=1)
        rush = campaign.offer("rush", rate=10_000, seconds=0.2)
        after = campaign.offer("after", rate=50, seconds=1)
    assert campaign.report.wrong == []
    assert campaign.report.writes > 0
    assert calm.answered == len(calm)
    assert rush.shed > 0
    assert rush.answered + rush.shed == len(rush)
    assert after.answered == len(after)
