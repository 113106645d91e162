"""When and where something was measured: a figure means little without it."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime


def here_and_now() -> str:
    """One line: the day, and what kind of machine this is."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    return f"{datetime.now(UTC):%Y-%m-%d}, {machine}"
