"""The lake: exporting it, and asking reports of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coopschool.cli import output
from coopschool.cli.running import AWAY, WRONG, CannotDo, fail
from coopschool.cli.school import AsJson, DataDir, load_settings, opened

if TYPE_CHECKING:
    from coopschool.settings import Settings
    from projections.reports import Report


def export(
    directory: Annotated[Path, typer.Argument(help="Where the lake is or will be.", file_okay=False)],
    new_release: Annotated[
        bool, typer.Option("--new-release", help="Start another release, with other pseudonyms.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV files, too.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Write facts and events for researchers, under pseudonyms, as Parquet files; later runs add what has come since.

    The manifest says which files count; the data dictionary beside it says what each column means.
    """
    settings = load_settings(data_dir)
    with _extra("analysis"), opened(settings) as database, output.stages() as progress:
        from coopschool.cli.analyst import catch_up
        from projections import lake
        from projections.generations import NotCaughtUp, ProjectionStopped

        catch_up(settings, database)
        try:
            done = lake.export(database, settings, directory, new_release=new_release, as_csv=as_csv, progress=progress)
        except lake.LakeError as error:
            raise CannotDo(str(error)) from error
        except OSError as error:
            if error.filename is None:
                raise
            raise CannotDo(f"{error.filename} cannot be written: {error.strerror}.") from None
        except NotCaughtUp as error:
            output.note(f"coopschool: {error}. Try again in a moment, or see `coopschool doctor`.")
            fail(AWAY)
        except ProjectionStopped as error:
            output.note(f"coopschool: {error}. Until that is mended, there is nothing to export.")
            fail(WRONG)
    manifest = done.lake.manifest
    output.note_for_audit("exported", what="lake", release=manifest.release, position=manifest.position)
    if as_json:
        told = {"directory": str(done.lake.directory), "release": manifest.release, "position": manifest.position}
        output.show_json({**told, "rows": done.rows})
        return
    output.show_table(
        ("table", "new", "rows"), [[name, new, manifest.tables[name].rows] for name, new in done.rows.items()]
    )
    output.note(f"Release {manifest.release} in {done.lake.directory}, up to position {manifest.position} of the log.")


def report_over_lake(settings: Settings, directory: Path, engine: str, name: str, asked: Mapping[str, str]) -> Report:
    """A report of the lake in a directory. Raises `CannotDo`, and what a report raises."""
    with _extra("spark" if engine == "spark" else "analysis"):
        from projections import engines
        from projections.lake import LakeError, open_lake

        try:
            lake = open_lake(directory)
            with engines.engine(engine, lake, settings.spark_master) as running:
                return engines.run(running, lake, name, asked)
        except LakeError as error:
            raise CannotDo(str(error)) from error


@contextmanager
def _extra(extra: str) -> Iterator[None]:
    """Says what to install where it is not there."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise CannotDo(f"{error.name} is not installed: pip install 'coopschool[{extra}]'.") from error
