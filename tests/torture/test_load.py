"""The load campaign of `make load`, in its short form: a moment's traffic, far too much of it, and a moment's again."""

from __future__ import annotations

from pathlib import Path

from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.settings import Settings
from torture.load.accounting import every_write_is_in_the_log_once
from torture.load.campaign import Campaign
from torture.load.offering import Offered
from torture.load.supply import Supplier, Supply
from torture.load.traffic import ENROLLED, Event


def a_small_school(school: CoopSchool) -> Supply:
    return Supplier(school).supply(wishes=25, courses=1)


def assert_that_the_accounting_sees(database: Database) -> None:
    """A write that was acknowledged and is not there, one that was acknowledged twice, and those nobody was told of."""
    forged = Offered(rate=1, seconds=1)
    forged.writes += [(Event(ENROLLED, "a session", "a member"), 201, b'{"position":999999999}')] * 2
    said = " ".join(every_write_is_in_the_log_once(database, 0, forged))
    for wrong in ("two writes were acknowledged", "which holds nothing", "which nobody was told"):
        assert wrong in said


def test_what_is_too_much_is_refused_and_of_what_was_acknowledged_nothing_is_lost(tmp_path: Path) -> None:
    with Campaign(tmp_path / "data", seed=7, fill=a_small_school) as campaign:
        calm = campaign.offer("calm", rate=50, seconds=1)
        rush = campaign.offer("rush", rate=10_000, seconds=0.2)
        after = campaign.offer("after", rate=50, seconds=1)
        with Database.open(Settings(data_dir=tmp_path / "data")) as database:
            assert_that_the_accounting_sees(database)
    assert campaign.report.wrong == []
    assert campaign.report.writes > 0
    assert calm.answered == len(calm)
    assert rush.shed > 0
    assert rush.answered + rush.shed == len(rush)
    assert after.answered == len(after)
    assert sum(done for _, done, _, _ in calm.by_kind()) == calm.answered
    assert {"enrolment", "a session"} <= {kind for kind, *_ in calm.by_kind()}
