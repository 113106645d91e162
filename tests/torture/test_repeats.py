"""Repeated and broken off requests, in the short form of `make torture`."""

from __future__ import annotations

from coopschool.settings import Settings
from torture import repeats


def test_however_often_it_is_asked_for_an_enrolment_has_one_effect_and_one_answer(settings: Settings) -> None:
    report = repeats.campaign(settings, requests=300, seed=7, workers=1)
    assert report.wrong == []
    assert report.asked.sent >= 300
    assert report.asked.repeats_answered > 0
    assert report.asked.cut_off > 0
