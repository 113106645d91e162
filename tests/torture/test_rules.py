"""The rules under random use of `make torture`, in their short form."""

from __future__ import annotations

from coopschool.database import Database
from coopschool.settings import Settings
from torture import rules


def test_two_processes_keep_every_rule_whatever_people_wish(database: Database, settings: Settings) -> None:
    tally = rules.live(database, settings, lives=4, seed=7, steps=25)
    assert tally.wrong == []
    assert tally.lives >= 2 * 4
    assert tally.at_once > 0
    assert tally.facts > 0
