"""The API's fuzzing, in its short form: every operation's examples and edges, and a few random cases and walks."""

from __future__ import annotations

from pathlib import Path

from torture import fuzz


def test_the_api_does_what_its_document_says_whatever_it_is_asked(tmp_path: Path) -> None:
    report = fuzz.campaign(tmp_path / "data", cases=3, seed=11)
    assert report.wrong == []
    assert report.requests > 10 * report.operations > 0
