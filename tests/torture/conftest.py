"""Campaigns run long, and what they run other tests run, too."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def campaign(not_measured: None) -> None:
    """Not measured, whichever it is."""
