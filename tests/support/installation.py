"""An installation as tests know it: its settings, what they are as variables, and the demo's school on one."""

from __future__ import annotations

from typing import NamedTuple

from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.settings import Settings


class Simulated(NamedTuple):
    """The demo's school; nobody writes to it."""

    settings: Settings
    database: Database
    school: CoopSchool


def as_variables(settings: Settings) -> dict[str, str]:
    """Settings for a process of its own."""
    return {
        "COOPSCHOOL_DATABASE_URL": settings.database_url or "",
        "COOPSCHOOL_SECRET_FILE": str(settings.secret_file),
        "COOPSCHOOL_DATA_DIR": str(settings.data_dir),
    }
