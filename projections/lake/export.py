"""Writing a release, or what has come since to one that there is.

The order makes any interruption harmless: files under draft names, then their names, then the manifest, at last the
pointer. Before the manifest is replaced nothing counts; what an interrupted run left behind the next one removes.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from coopschool.database import Database
from coopschool.pseudonyms import Pseudonyms
from coopschool.settings import Settings
from projections.generations import Connection, NotCaughtUp, ProjectionStopped, in_live_facts
from projections.lake import dictionary, figures, reading
from projections.lake.bulk import Bulk, beside
from projections.lake.columns import SQL, Described, described
from projections.lake.manifest import (
    MANIFEST,
    File,
    Lake,
    LakeError,
    Manifest,
    Table,
    alone_in,
    make_current,
    open_lake,
    replace_file,
    save,
    sha256,
)
from projections.lake.writing import Parts
from projections.registry import projections_version

Progress = Callable[[str, int, int | None], None]
SMALL = pa.schema([("occurred_on", pa.date32()), ("type", pa.string()), ("events", pa.int64())])


class Exported(NamedTuple):
    """What a run wrote: the release as it is now, and how many rows came to it, by table."""

    lake: Lake
    rows: Mapping[str, int]


class _Head(NamedTuple):
    """The log and the facts as the transaction sees them."""

    epoch: UUID
    position: int


class _Run(NamedTuple):
    """One run: where it writes, after which positions, under which names."""

    root: Path
    release: str
    before: Manifest | None
    names: Pseudonyms
    head: _Head
    bulk: Bulk
    as_csv: bool
    progress: Progress

    @property
    def after(self) -> int:
        """What was exported before."""
        return self.before.position if self.before else 0

    @property
    def facts_after(self) -> int:
        """Facts of other code do not go with those that are there: they are exported anew."""
        return self.after if self.before and self.before.projections == projections_version() else 0

    def parts(self, table: str, schema: pa.Schema, dated: str, after: int) -> Parts:
        span = f"{after + 1}-{self.head.position}"
        return Parts(self.root, table, schema, dated, span, as_csv=self.as_csv)


def key_of(settings: Settings, release: str) -> bytes:
    """The key of a release's pseudonyms."""
    return settings.derive_key(f"pseudonyms of release {release}")


def export(
    database: Database,
    settings: Settings,
    directory: Path,
    *,
    new_release: bool = False,
    as_csv: bool = False,
    now: datetime | None = None,
    progress: Progress = lambda _table, _done, _total: None,
) -> Exported:
    """Brings the lake in a directory up to what the projections have reached, or starts another release in it.

    Raises `LakeError`; `NotCaughtUp` and `ProjectionStopped` where the facts are not to be had.
    """
    with alone_in(directory), _reading(database) as (conn, head), beside(conn, database) as bulk:
        before = None if new_release else _release_in(directory)
        if before is not None:
            _check_same_log(before.manifest, head, settings)
        release = before.manifest.release if before else f"release-{head.position}-{secrets.token_hex(8)}"
        _sweep(directory)
        run = _Run(
            root=directory / release,
            release=release,
            before=before.manifest if before else None,
            names=Pseudonyms(key_of(settings, release), settings.zone),
            head=head,
            bulk=bulk,
            as_csv=as_csv,
            progress=progress,
        )
        run.root.mkdir(exist_ok=True)
        written = _write(conn, run, settings, now or datetime.now(UTC))
        make_current(directory, release)
        return written


def _release_in(directory: Path) -> Lake | None:
    try:
        return open_lake(directory)
    except LakeError:
        if any(directory.glob(f"*/{MANIFEST}")) or (directory / MANIFEST).exists():
            raise
        return None


@contextmanager
def _reading(database: Database) -> Iterator[tuple[Connection, _Head]]:
    """A transaction that sees log and facts of one moment."""
    with database.connect("app") as conn, in_live_facts(conn) as generation:
        conn.execute(SQL["take_your_time"])
        if generation is None:
            raise NotCaughtUp(0, 0)
        reached = []
        for projection, position, *stopped in conn.execute(SQL["checkpoints"], [generation]):
            if stopped[0] is not None:
                raise ProjectionStopped(projection, *stopped)
            reached.append(position)
        row = conn.execute(SQL["epoch"]).fetchone()
        assert row is not None
        yield conn, _Head(row[0], min(reached))


def _check_same_log(manifest: Manifest, head: _Head, settings: Settings) -> None:
    """A release is extended from the log that it began with, under the rules that it began with."""
    if manifest.epoch != head.epoch:
        raise LakeError(
            f"this release is of another life of the log (epoch {manifest.epoch}, before a restore; now {head.epoch}): "
            "positions no longer mean the same. Start another with --new-release."
        )
    if manifest.position > head.position:
        raise LakeError(
            f"this release reaches position {manifest.position}, beyond what there is ({head.position}): wait until "
            "the projections have caught up, see `coopschool doctor`; or start another with --new-release."
        )
    if (manifest.time_zone, manifest.min_group) != (settings.timezone, settings.min_group):
        raise LakeError(
            f"this release counts days in {manifest.time_zone} and shows groups of {manifest.min_group}, now they are "
            f"{settings.timezone} and {settings.min_group}: start another with --new-release."
        )


def _sweep(directory: Path) -> None:
    """Removes what interrupted runs left: files that no manifest names. Only in releases, which are ours."""
    for release in directory.glob("release-*"):
        named: set[Path] = set()
        if (release / MANIFEST).is_file():
            lake = open_lake(release)
            named = {release / MANIFEST, *(release / file.path for file in lake.manifest.files())}
        for path in sorted(release.rglob("*"), reverse=True):
            if path.is_file() and path not in named:
                path.unlink()
            elif path.is_dir() and not any(path.iterdir()):
                path.rmdir()
        if not any(release.iterdir()):
            release.rmdir()


def _write(conn: Connection, run: _Run, settings: Settings, now: datetime) -> Exported:
    tables = described(conn)
    drafts = {**_facts(run, tables), **_events(run, settings.min_group)}
    entries = dictionary.entries(tables, SMALL)
    named = {name: (schema, [part.name() for part in parts]) for name, (schema, parts) in drafts.items()}
    kept = dict(run.before.tables) if run.before else {}
    if run.facts_after == 0:
        kept = {name: table for name, table in kept.items() if name not in {table.name for table in tables}}
    manifest = Manifest(
        release=run.release,
        epoch=run.head.epoch,
        position=run.head.position,
        projections=projections_version(),
        time_zone=settings.timezone,
        min_group=settings.min_group,
        made_at=now,
        tables={name: _joined(kept.get(name), schema, files) for name, (schema, files) in named.items()},
        documents=_documents(conn, run, entries, now, settings),
    )
    save(run.root, manifest)
    rows = {name: sum(file.rows for file in files if _counts(file)) for name, (_, files) in named.items()}
    return Exported(Lake(run.root, manifest), rows)


def _facts(run: _Run, tables: list[Described]) -> dict[str, tuple[pa.Schema, list[Any]]]:
    found = {}
    for table in tables:
        parts = run.parts(table.name, table.schema, "occurred_at", run.facts_after)
        done = 0
        for rows in reading.facts(run.bulk, table, run.names, run.facts_after, run.head.position):
            parts.add(rows)
            done += len(rows)
            run.progress(table.name, done, None)
        found[table.name] = (table.schema, parts.finish())
    return found


def _events(run: _Run, min_group: int) -> dict[str, tuple[pa.Schema, list[Any]]]:
    events = run.parts("events", reading.EVENTS, "occurred_on", run.after)
    counted: Counter[tuple[date, str]] = Counter()
    done = 0
    for seen, small in reading.events(run.bulk, run.names, run.after, run.head.position, min_group):
        events.add(seen)
        years = pc.year(small["occurred_on"]).to_pylist()
        counted.update((date(year, 1, 1), type) for year, type in zip(years, small["type"].to_pylist(), strict=True))
        done += len(seen)
        run.progress("events", done, None)
    small_sessions = run.parts("small_sessions", SMALL, "occurred_on", run.after)
    rows = [{"occurred_on": day, "type": type, "events": count} for (day, type), count in sorted(counted.items())]
    small_sessions.add(pa.Table.from_pylist(rows, schema=SMALL))
    recorded = run.parts("recorded", reading.RECORDED, "recorded_on", run.after)
    for days in reading.recorded(run.bulk, run.names.zone.key, run.after, run.head.position):
        recorded.add(days)
    return {
        "events": (reading.EVENTS, events.finish()),
        "small_sessions": (SMALL, small_sessions.finish()),
        "recorded": (reading.RECORDED, recorded.finish()),
    }


def _joined(before: Table | None, schema: pa.Schema, files: list[File]) -> Table:
    all_files = (*(before.files if before else ()), *files)
    rows = sum(file.rows for file in all_files if _counts(file))
    return Table({field.name: str(field.type) for field in schema}, rows, all_files)


def _counts(file: File) -> bool:
    """A CSV file repeats the rows of its Parquet file."""
    return file.path.endswith(".parquet")


def _documents(
    conn: Connection, run: _Run, entries: list[dict[str, Any]], now: datetime, settings: Settings
) -> tuple[File, ...]:
    """Written for this position: an older manifest goes on naming its own."""
    position = run.head.position
    texts = {
        f"dictionary-{position}.json": dictionary.as_json(entries),
        f"dictionary-{position}.md": dictionary.as_markdown(entries),
        **figures.documents(conn, position, run.names, now, settings),
    }
    found = []
    for name, text in texts.items():
        replace_file(run.root / name, text)
        found.append(File(name, text.count(b"\n") + 1, len(text), sha256(run.root / name)))
    return tuple(found)
