"""Campaigns run long, and what they run other tests run, too."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def not_measured(no_cover: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measures neither a campaign nor the processes that it starts for coverage, which would take twice as long."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
