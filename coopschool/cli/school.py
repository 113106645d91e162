"""What commands work on: the settings, the database that they name, and the school in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coopschool.cli.running import CannotDo

if TYPE_CHECKING:
    from coopschool.database import Database
    from coopschool.settings import Settings

DataDir = Annotated[
    Path | None,
    typer.Option(
        help="Where the PostgreSQL that comes along keeps its data, instead of COOPSCHOOL_DATA_DIR.",
        show_default=False,
        file_okay=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def load_settings(data_dir: Path | None) -> Settings:
    """The settings, with another data directory where one is given. Raises `SettingsError`."""
    from msgspec.structs import replace

    from coopschool.settings import Settings

    settings = Settings.load()
    return settings if data_dir is None else replace(settings, data_dir=data_dir)


@contextmanager
def opened(settings: Settings, *, must_exist: bool = True) -> Iterator[Database]:
    """The database, ready for use: migrated, and whole. With `must_exist`, none is made where there was none.

    Raises `CannotDo`, `DatabaseError`, `EmbeddedError`.
    """
    from coopschool.database import Database

    if must_exist:
        require_data(settings)
    with Database.open(settings) as database:
        if not database.embedded:
            database.require_migrated()
        database.require_restored()
        yield database


def require_data(settings: Settings) -> None:
    """Raises `CannotDo` where the embedded PostgreSQL has no data yet."""
    if settings.embedded and not (settings.data_dir / "pgdata").is_dir():
        raise CannotDo(
            f"there is no school in {settings.data_dir.absolute()} yet: `coopschool demo` or `coopschool serve` makes "
            "one; or say where it is with --data-dir, COOPSCHOOL_DATA_DIR or COOPSCHOOL_DATABASE_URL."
        )
