"""The API's fuzzing, in its short form: every operation's example and a few random cases. `make fuzz` does the rest."""

from __future__ import annotations

from pathlib import Path

from coopschool.settings import Settings
from torture import fuzz


def test_the_api_does_what_its_document_says_whatever_it_is_asked(tmp_path: Path) -> None:
    report = fuzz.campaign(Settings(data_dir=tmp_path / "data"), cases=2, seed=11, phases=("examples", "fuzzing"))
    assert report.wrong == []
    assert report.requests > report.operations > 0
