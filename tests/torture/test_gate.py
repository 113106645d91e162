"""The attack on the statistics gate through everything that people get, in its short form."""

from __future__ import annotations

from pathlib import Path

from tests.support.postgres import TestServer
from torture import gate


def test_whatever_anybody_gets_tells_nothing_of_a_hidden_team(test_server: TestServer, tmp_path: Path) -> None:
    report = gate.attacked(test_server, tmp_path, chantiers=2, seed=9)
    assert report.wrong == []
    assert report.hidden > 10
    assert report.rows > 100
    assert {"admin", "adviser", "all", "command", "coordinator", "lake", "member", "researcher", "trainer"} == {
        *report.asked
    }
