"""Lakes for tests: a made-up log in the database, its facts, and a release of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from coopschool.database import Database
from coopschool.settings import Settings
from projections.lake import Exported, Lake, export
from projections.runner import Runner
from tests.support.made_log import Dated, busy_school, record

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def log_of(database: Database, happened: Iterable[Dated], recorded_at: datetime = NOW) -> int:
    """Records events and has the projections fold them; answers the last position."""
    with database.connect("owner") as conn:
        return record(conn, happened, recorded_at)


def fold(database: Database, settings: Settings) -> None:
    Runner(database, settings.zone).catch_up()


def busy(database: Database, settings: Settings, size: int = 900) -> None:
    """A busy school, recorded on three days."""
    happened = busy_school(size)
    for month in (1, 2, 3):
        piece = list(islice(happened, size // 3 if month < 3 else None))
        log_of(database, piece, datetime(2026, month, 1, 9, tzinfo=UTC))
    fold(database, settings)


def released(database: Database, settings: Settings, directory: Path, **options: Any) -> Exported:
    return export(database, settings, directory, now=NOW, **options)


def rows_of(lake: Lake, table: str) -> list[dict[str, Any]]:
    """All rows of a table of a lake."""
    found = []
    for path in lake.paths(table):
        found += pq.ParquetFile(path).read().to_pylist()
    return found
