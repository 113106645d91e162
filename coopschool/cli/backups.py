"""Backups, and a school brought back from one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from coopschool.cli import output
from coopschool.cli.school import AsJson, DataDir, load_settings, opened


def backup(
    directory: Annotated[Path, typer.Argument(help="Where to write it; it must not exist yet.", show_default=False)],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Write a backup of everything that cannot be made anew, while the school goes on.

    It holds names and texts: keep it as closed as the database, and delete it when it is old. The erasure
    ledger and the keys of the answer boxes are not in it: keep a copy of the ledger elsewhere, none of the keys. The
    root secret is in it only where it lies in the data directory and would be lost with it.
    """
    from datetime import UTC, datetime

    from msgspec.structs import asdict

    from coopschool.backups import save

    settings = load_settings(data_dir)
    with opened(settings) as database, output.stages() as progress:
        saved = save(database, settings, directory, now=datetime.now(UTC), progress=progress)
    manifest = saved.manifest
    output.note_for_audit("exported", what="backup", position=manifest.position)
    if as_json:
        output.show_json({"directory": saved.directory, **asdict(manifest)})
        return
    output.show_table(
        ("table", "rows", "bytes"), [[name, table.rows, table.size] for name, table in manifest.tables.items()]
    )
    output.note(f"The log up to position {manifest.position} and the vault are in {saved.directory}.")


def restore(
    directory: Annotated[Path, typer.Argument(help="Where the backup is.", exists=True, file_okay=False)],
    reopen_waves: Annotated[
        bool,
        typer.Option("--reopen-waves", help="Begin survey waves anew that were open when the backup was made."),
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Bring a school back from a backup, into an empty database only.

    Whoever was erased since is erased again, from the erasure ledger; the log begins a new epoch, so that those who
    follow it notice; facts are made anew by the projections. If it is interrupted, nothing serves from that database
    until the same restore is run again.
    """
    from coopschool import logs
    from coopschool.backups import restore as restore_from

    logs.configure_command()
    settings = load_settings(data_dir)
    with output.stages() as progress:
        restored = restore_from(settings, directory, reopen_waves=reopen_waves, progress=progress)
    if as_json:
        output.show_json(restored)
    else:
        output.show_pairs(
            {
                "position": restored.position,
                "epoch": restored.epoch,
                "erased again": len(restored.erased_again),
                "reopened waves": restored.reopened_waves,
            }
        )
    if restored.reopened_waves:
        output.note("Hand out new tokens for the reopened waves: `coopschool wave tokens`.")
    if restored.lost_boxes:
        output.note(f"What waited in {len(restored.lost_boxes)} answer box(es) is lost.")
    if not restored.ledger_found:
        output.note(
            f"There was no erasure ledger, {settings.erasures_file.absolute()}: whoever was erased after the backup "
            "is back. Put the ledger there; `coopschool serve` then erases them again before it answers anybody."
        )
