"""The campaign of bad networks of `make torture`, in its short form: the kinds of harm that are over at once."""

from __future__ import annotations

from coopschool.settings import Settings
from torture import proxy


def test_nothing_acknowledged_is_lost_or_doubled_whatever_the_network_does(settings: Settings) -> None:
    quick = [kind for kind in proxy.HARM if "COMMIT" in kind or "LISTEN" in kind or kind == "connections reset"]
    report = proxy.campaign(settings, rounds=len(quick), seed=7, kinds=quick)
    assert report.wrong == []
    assert [report.suffered[kind].times for kind in quick] == [1] * 5
