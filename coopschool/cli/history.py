"""History from files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coopschool.cli import output
from coopschool.cli.running import AWAY, WRONG, CannotDo, fail
from coopschool.cli.school import AsJson, DataDir, load_settings, opened

if TYPE_CHECKING:
    from coopschool.application import CoopSchool
    from coopschool.importing import Imported

PROBLEM_COLUMNS = ("file", "line", "column", "rule", "message", "advice")


def import_(
    directory: Annotated[Path, typer.Argument(help="Where the CSV files are.", exists=True, file_okay=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is wrong; write nothing.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Bring in history from CSV files, as it happened, by the rules of today. All of it, or nothing.

    Bringing in the same files again adds nothing. Exits with 1 if a row is wrong.
    """
    from coopschool.application import CoopSchool

    settings = load_settings(data_dir)
    with opened(settings, must_exist=False) as database, CoopSchool(database, settings) as school:
        imported = _import(school, directory, dry_run=dry_run)
    if as_json:
        output.show_json(imported)
    else:
        _show(imported)
    if imported.problems:
        fail(WRONG)


def _import(school: CoopSchool, directory: Path, *, dry_run: bool) -> Imported:
    from coopschool.eventstore.bulk import Overtaken
    from coopschool.importing import import_history

    with output.stages() as progress:
        try:
            return import_history(school, directory, dry_run=dry_run, progress=progress)
        except FileNotFoundError as error:
            raise CannotDo(str(error)) from None
        except Overtaken as error:
            output.note(f"coopschool: {error}; nothing was written. Try again when less is going on.")
            fail(AWAY)


def _show(imported: Imported) -> None:
    if imported.problems:
        rows = [[getattr(problem, column) for column in PROBLEM_COLUMNS] for problem in imported.problems]
        output.show_table(PROBLEM_COLUMNS, rows)
        output.note(f"{len(rows)} to put right; nothing was written.")
        return
    output.show_table(["file", "rows"], imported.rows.items())
    for left_out in imported.left_out:
        output.note(f"Left out: {left_out}")
    if imported.dry_run:
        output.note(f"Nothing is wrong, and nothing was written; it would be {imported.events} events.")
    else:
        output.note(f"{imported.events} events written; the log is at position {imported.position}.")
