"""Looking after the installation: its schema, its facts, its log."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coopschool.cli import output
from coopschool.cli.running import WRONG, CannotDo, fail
from coopschool.cli.school import AsJson, DataDir, load_settings, opened

if TYPE_CHECKING:
    from coopschool.database import Database
    from coopschool.eventstore.checkpoint import Checkpoint
    from coopschool.settings import Settings

CHECKPOINTS = "checkpoints"  # what the signing key is derived for


def migrate(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Bring schema, roles and grants up to date, as the owner."""
    from coopschool.database import Database

    settings = load_settings(data_dir)
    with Database.open(settings) as database:
        applied = [str(migration) for migration in database.migrate()]
    if as_json:
        output.show_json({"schema": settings.schema, "applied": applied})
    else:
        output.show_table(["applied"], [[name] for name in applied])
        output.note(f"Schema {settings.schema} is up to date.")


def replay(
    projection: Annotated[
        list[str] | None,
        typer.Argument(help="The projections to make anew; all, if none is named.", show_default=False),
    ] = None,
    until: Annotated[
        int | None,
        typer.Option(metavar="POSITION", help="Stop there and only compare.", min=0, show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only compare, whatever comes out.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Make the facts anew beside the live ones, compare, and put them in their place.

    Exits with 1 if the live facts were not what the log gives.
    """
    settings = load_settings(data_dir)
    with opened(settings) as database:
        done = _rebuild(database, settings, projection or [], until=until, dry_run=dry_run)
    told = {
        "position": done.position,
        "seconds": round(done.seconds, 3),
        "events_per_second": round(done.events_per_second),
        "differing": list(done.differing),
        "swapped": done.swapped,
        "generation": done.generation if done.swapped else None,
    }
    if as_json:
        output.show_json(told)
    else:
        output.show_pairs(told)
    if done.differing:
        output.note(f"{', '.join(done.differing)}: the live facts were not what the log gives.")
        fail(WRONG)


def checkpoint(
    file: Annotated[Path, typer.Argument(help="Where to write it; keep it elsewhere.", dir_okay=False)],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Write down where the log stands, signed: `verify --checkpoint` shows later whether it only grew since."""
    from datetime import UTC, datetime

    from coopschool.eventstore.checkpoint import take, write

    settings = load_settings(data_dir)
    with opened(settings) as database, database.connect("app") as connection:
        taken = take(connection, settings.derive_key(CHECKPOINTS), datetime.now(UTC))
    try:
        with file.open("xb") as new:
            new.write(write(taken))
    except FileExistsError:
        raise CannotDo(f"{file} exists: a checkpoint is never overwritten; name a new file.") from None
    except OSError as error:
        raise CannotDo(f"{file} cannot be written: {error.strerror}.") from None
    told = {"file": file, "position": taken.seen.position, "hash": taken.seen.hash, "public_key": taken.public_key}
    if as_json:
        output.show_json(told)
    else:
        output.show_pairs(told)


def verify(
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", metavar="FILE", help="What was seen before, by `coopschool checkpoint`."),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """See that the log is whole and readable, and that the facts are what it gives.

    Exits with 1 if anything is found. A tail that was cut off, or a chain written anew, shows only against a
    checkpoint.
    """
    from coopschool.eventstore.checkpoint import compare
    from coopschool.eventstore.verify import verify as findings_in

    seen = None if checkpoint is None else _read_checkpoint(checkpoint)
    settings = load_settings(data_dir)
    with opened(settings) as database:
        with (
            database.connect("app") as connection,
            output.progress("Events", _head(connection)) as progress,
        ):
            found = [finding._asdict() for finding in findings_in(connection, progress)]
            if seen is not None:
                found += [one._asdict() for one in compare(connection, seen, settings.derive_key(CHECKPOINTS))]
        found += _facts_findings(database, settings, readable=not found)
    if as_json:
        output.show_json({"findings": found})
    else:
        output.show_table(["position", "check", "detail"], [list(one.values()) for one in found])
    if found:
        fail(WRONG)
    output.note("Nothing is wrong.")
    if seen is None:
        output.note("Whether a tail was cut off cannot be seen without a checkpoint: `coopschool checkpoint FILE`.")


def _read_checkpoint(file: Path) -> Checkpoint:
    from coopschool.eventstore.checkpoint import NotACheckpoint, read

    try:
        return read(file.read_bytes())
    except OSError as error:
        raise CannotDo(f"{file} cannot be read: {error.strerror}.") from None
    except NotACheckpoint as error:
        raise CannotDo(f"{file} is not a checkpoint of ours: {error}.") from None


def _facts_findings(database: Database, settings: Settings, *, readable: bool) -> list[dict[str, Any]]:
    """The tables of facts that a fresh replay gives otherwise."""
    if not readable:
        return [{"position": None, "check": "facts", "detail": "not compared: the log itself is not in order"}]
    done = _rebuild(database, settings, [], until=None, dry_run=True)
    return [
        {"position": done.position, "check": "facts", "detail": f"{table} is not what a fresh replay gives"}
        for table in done.differing
    ]


def _rebuild(database: Database, settings: Settings, names: list[str], *, until: int | None, dry_run: bool) -> Any:
    from projections.projection import Poison
    from projections.replay import AlreadyRebuilding, UnknownProjection, rebuild

    with output.stages() as show:
        try:
            return rebuild(
                database, settings.zone, names, until=until, dry_run=dry_run, progress=partial(show, "Replaying")
            )
        except UnknownProjection as error:
            raise CannotDo(str(error)) from None
        except AlreadyRebuilding:
            raise CannotDo("another rebuild is under way: wait for it.") from None
        except Poison as poison:
            output.note(f"coopschool: the event at {poison.position} ({poison.topic}) cannot be folded: {poison.cause}")
            fail(WRONG)


def _head(connection: Any) -> int:
    from coopschool.eventstore.log import head

    return head(connection).position
