"""Many writers and a reader, in the short form of `make torture`."""

from __future__ import annotations

from coopschool.settings import Settings
from torture import writers


def test_a_reader_misses_nothing_of_what_eight_writers_in_four_processes_append(settings: Settings) -> None:
    report = writers.campaign(settings, events=2_000, seed=7)
    assert report.wrong == []
    assert report.seen == report.events == 2_000
