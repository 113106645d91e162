"""Tampering with the log, in the short form of `make torture`."""

from __future__ import annotations

from coopschool.settings import Settings
from torture import tampering


def test_whatever_is_done_to_a_log_behind_its_back_is_found(settings: Settings) -> None:
    report = tampering.campaign(settings, tries=60, seed=2018)
    assert report.wrong == []
    assert report.tried.total() == 60
    assert {"swap", "delete", "insert", "cut tail", "tag index", "edit, chain written anew"} < report.tried.keys()
