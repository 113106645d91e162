"""Making a backup: one snapshot of the database, table by table, into a directory that appears when it is whole.

Memory stays flat, and nobody waits for it: the log goes on, and answer boxes are held for a moment only.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql

from coopschool.answer_box.boxes import SQL as BOX_SQL
from coopschool.answer_box.survey import open_waves
from coopschool.backups.manifest import (
    AT_ONCE,
    MANIFEST,
    ROOT,
    SEALING,
    Backup,
    BackupError,
    Manifest,
    Progress,
    SavedTable,
    file_of,
    written,
)
from coopschool.database import Database
from coopschool.eventstore import log
from coopschool.settings import Settings
from coopschool.sql import statements

SQL = statements("coopschool.backups", "backups.sql")
# Every table of a school is in one of these; a test sees to it. What is copied has its primary key in the first column.
COPIED = (
    "log_epochs",
    "events",
    "vault_people",
    "vault_texts",
    "vault_places",
    "vault_references",
    "vault_identities",
    "idempotency",
    "api_keys",
)
BOXES = "answer_boxes"  # with what is in them, from their own tables
MADE_ANEW = frozenset(
    {
        "event_tags",
        "migrations",
        "unfinished_restore",
        "fact_generations",
        "live_facts",
        "projection_checkpoints",
    }
)

Connection = psycopg.Connection[Any]


def save(database: Database, settings: Settings, directory: Path, *, now: datetime, progress: Progress) -> Backup:
    """Makes a backup in a directory that does not exist yet. The login must be allowed to act as the owner.

    A root secret that lies in our data directory would be lost with it, so it goes along.

    Raises `BackupError` and `DatabaseError`; whatever happens, no half of a backup is left under that name.
    """
    key = settings.derive_key(SEALING)
    with _appearing_whole(directory) as draft, database.connect("owner") as conn:
        conn.execute(SQL["as_written"])
        with conn.transaction():
            conn.execute(SQL["one_snapshot"])
            manifest = _save(conn, draft, now, progress)
        content = written(manifest, key)
        with _new_file(draft / MANIFEST) as file:
            file.write(content)
        if settings.keeps_own_secret:
            with _new_file(draft / ROOT) as file:
                file.write(settings.root_secret())
    return Backup.read(directory, key)


def _save(conn: Connection, draft: Path, now: datetime, progress: Progress) -> Manifest:
    head = log.head(conn)
    (migration,) = conn.execute(SQL["latest_migration"]).fetchone() or ("",)
    tables = {BOXES: _save_boxes(conn, draft)}
    for table in COPIED:
        tables[table] = _save_table(conn, draft, table, partial(_tell, progress, table, head.position))
    return Manifest(
        made_by=version("coopschool"),
        taken_at=now,
        migration=migration,
        epoch=log.epoch(conn),
        position=head.position,
        hash=head.hash.hex(),
        open_waves=tuple(open_waves(conn)),
        tables=tables,
    )


def _save_table(conn: Connection, draft: Path, table: str, tell: Callable[[int], None]) -> SavedTable:
    columns = [name for (name,) in conn.execute(SQL["columns"], [table])]
    statement = sql.SQL(SQL["save"]).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)), table=sql.Identifier(table)
    )
    with _new_file(file_of(draft, table)) as file:
        rows = _Rows(file)
        rows.copy(conn, statement, tell)
    return rows.saved(columns)


def _save_boxes(conn: Connection, draft: Path) -> SavedTable:
    """The sealed boxes, before all else and in a transaction that is undone: else no wave could close until the end."""
    with _new_file(file_of(draft, BOXES)) as file:
        rows = _Rows(file)
        with conn.transaction(force_rollback=True):
            for box, about in conn.execute(BOX_SQL["all"]).fetchall():
                statement = sql.SQL(SQL["save_box"]).format(
                    box=sql.Literal(box), about=sql.Literal(about), table=sql.Identifier(f"answer_box_{box.hex}")
                )
                # One that was released since the snapshot is gone, with its key.
                with suppress(psycopg.errors.UndefinedTable), conn.transaction():
                    rows.copy(conn, statement, lambda _rows: None)
    return rows.saved(("box", "about", "sealed"))


class _Rows:
    """Rows on their way into a file, counted and hashed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._rows = self._size = 0

    def copy(self, conn: Connection, statement: sql.Composed, tell: Callable[[int], None]) -> None:
        """Writes what the statement gives; tells how many rows that were, now and then."""
        waiting = bytearray()
        with conn.cursor() as cursor, cursor.copy(statement) as copy:
            for chunk in copy:
                waiting += chunk
                if len(waiting) >= AT_ONCE:
                    self._write(waiting)
                    waiting.clear()
                    tell(self._rows)
        self._write(waiting)
        tell(self._rows)

    def saved(self, columns: Sequence[str]) -> SavedTable:
        """What the file holds by now."""
        return SavedTable(columns=tuple(columns), rows=self._rows, size=self._size, sha256=self._digest.hexdigest())

    def _write(self, content: bytearray) -> None:
        self._file.write(content)
        self._digest.update(content)
        self._rows += content.count(b"\n")  # COPY ends each row with one, and writes those inside otherwise
        self._size += len(content)


@contextmanager
def _appearing_whole(directory: Path) -> Iterator[Path]:
    """A directory to write into, which gets its name when everything is on the disk. Raises `BackupError`."""
    if directory.exists() or directory.is_symlink():
        raise _taken(directory)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", suffix=".unfinished", dir=directory.parent))
        try:
            yield draft
            _sync(draft)
            _rename(draft, directory)
            _sync(directory.parent)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        raise BackupError(f"{directory} cannot be written: {error.strerror}.") from None


def _rename(draft: Path, directory: Path) -> None:
    """Raises `BackupError` where somebody else has made the directory meanwhile."""
    try:
        draft.rename(directory)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise _taken(directory) from None
        raise


def _taken(directory: Path) -> BackupError:
    return BackupError(f"{directory} exists: a backup is never overwritten; name a new directory.")


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file for its owner's eyes only, which is on the disk at the end."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _tell(progress: Progress, table: str, events: int, rows: int) -> None:
    progress(f"Saving {table}", rows, events if table == "events" else None)
