"""What is over its time."""

from __future__ import annotations

from typing import Annotated

import typer

from coopschool.cli import output
from coopschool.cli.running import CannotDo
from coopschool.cli.school import AsJson, DataDir, load_settings, opened


def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what is over its time.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Let go what is over its time by the settings COOPSCHOOL_RETENTION_…; a running server does so each hour.

    Former members are erased, with all that `coopschool erase` does, unless a legal hold stands or they give a session
    that is not closed.
    """
    from msgspec.structs import asdict

    from coopschool import logs
    from coopschool.application import CoopSchool
    from coopschool.retention import apply

    logs.configure_command()
    settings = load_settings(data_dir)
    with opened(settings) as database, CoopSchool(database, settings) as school:
        applied = apply(school, dry_run=dry_run)
    if applied is None:
        raise CannotDo("another process is at it: there is nothing left to do for this one.")
    told = {
        "texts_days": settings.retention_texts_days,
        "former_members_days": settings.retention_former_members_days,
        "dry_run": dry_run,
        **asdict(applied),
    }
    if as_json:
        output.show_json(told)
    else:
        output.show_pairs({name.replace("_", " "): value for name, value in told.items()})
