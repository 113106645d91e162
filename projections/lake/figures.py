"""Figures that were released through the statistics gate, as the lake carries them.

Ratings of people by people never leave as facts. A report that the gate has made fit to be shown is named in
`RELEASED`; its rows, as a researcher sees them, then go into each release, as they stand on the day of the export.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from coopschool.settings import Settings
from projections.reports.report import Report

# By report: how to have it as researchers see it. Empty until the advisers' reports are there.
RELEASED: Mapping[str, Callable[[datetime, Settings], Report]] = {}


def documents(
    position: int,
    now: datetime,
    settings: Settings,
    released: Mapping[str, Callable[[datetime, Settings], Report]] = RELEASED,
) -> dict[str, bytes]:
    """The released figures as files: each report whole, as the API would answer, with its provenance."""
    return {
        f"figures-{name}-{position}.json": msgspec.json.format(msgspec.json.encode(ask(now, settings)), indent=1)
        for name, ask in released.items()
    }
