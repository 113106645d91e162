"""Bringing a school back from a backup, into an empty database only.

The rows come in one transaction, with the next life of the log (docs/adr/0032) as its last act. Until all that follows
is done, too (erasures that came after the backup, answer boxes whose keys are gone), `unfinished_restore` keeps every
process from serving; the same restore again goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import msgspec
import psycopg
from msgspec.structs import replace
from psycopg import sql

from coopschool.answer_box import AnswerBox
from coopschool.answer_box.survey import open_waves, wave_of
from coopschool.application import CoopSchool
from coopschool.backups.manifest import ROOT, SEALING, Backup, BackupError, Manifest, Progress
from coopschool.backups.saving import BOXES, COPIED, SQL
from coopschool.database import Database
from coopschool.erasing import replay_ledger
from coopschool.erasure_ledger import ErasureLedger
from coopschool.eventstore import log
from coopschool.eventstore.verify import verify_rows
from coopschool.migrate import migrations
from coopschool.settings import Settings

ROUNDS = 10  # looks, a tenth of a second apart, for processes that are about to end

Connection = psycopg.Connection[Any]


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: where the log stands, its new life, who was erased again, which waves begin anew, and what those
    answer boxes were about whose keys are gone. `ledger_found`: whether there was an erasure ledger at all."""

    position: int
    epoch: UUID
    erased_again: list[str]
    reopened_waves: list[str]
    lost_boxes: list[str]
    ledger_found: bool


def restore(settings: Settings, directory: Path, *, reopen_waves: bool, progress: Progress) -> Restored:
    """Restores the backup in a directory into the database that the settings name, which it migrates first.

    The login must be allowed to act as the owner and as the application. `reopen_waves`: waves that were open then may
    begin anew, with new tokens. Raises `BackupError`, before anything is touched where the backup is not whole; and
    what `Database.open`, `Database.migrate` and `replay_ledger` raise.
    """
    secret = _secret(settings, directory)
    backup = Backup.read(directory, secret.derive_key(SEALING))
    _require_fitting(backup.manifest, reopen_waves=reopen_waves)
    ledger = ErasureLedger(settings.erasures_file)
    ledger_found = ledger.file.exists()
    ledger.entries()  # a damaged one had better show now
    backup.check(progress)
    if secret is not settings:
        settings.adopt_secret(secret.root_secret())
    with Database.open(settings) as database:
        if database.pending():
            database.migrate()
        database.url("app")  # so that it can be finished, too
        _load(database, backup, progress)
        with CoopSchool(database, settings) as school:
            restored = _finish(school, ledger_found=ledger_found)
        with database.connect("owner") as conn:
            conn.execute(SQL["end"])
    return restored


def _secret(settings: Settings, directory: Path) -> Settings:
    """Settings with a root secret to read the backup by: where none is here yet, the one that came with the backup.

    One made anew would not recognise what is in it.
    """
    if not settings.keeps_own_secret or settings.own_secret_file.exists():
        return settings
    brought = directory / ROOT
    if not brought.exists():
        raise BackupError(
            f"there is no root secret in {settings.data_dir.absolute()}, nor in the backup: put the copy of the one "
            f"that was in use there first, as {settings.own_secret_file}, or name it with COOPSCHOOL_SECRET_FILE."
        )
    return replace(settings, secret_file=brought)


def _require_fitting(manifest: Manifest, *, reopen_waves: bool) -> None:
    if manifest.migration not in map(str, migrations()):
        raise BackupError(
            f"the backup is of a newer schema ({manifest.migration}, by coopschool {manifest.made_by}): restore it "
            "with that version or a later one."
        )
    waves = manifest.open_waves
    if waves and not reopen_waves:
        raise BackupError(
            f"survey waves were open when the backup was made ({', '.join(waves)}). Their answers are lost, unless "
            "nothing was answered since and their keys are here: they would begin anew, and new tokens have to be "
            "handed out. Say --reopen-waves if that is meant."
        )


def _load(database: Database, backup: Backup, progress: Progress) -> None:
    """Brings all rows, or none, unless an earlier try has brought them already."""
    with database.connect("owner") as conn:
        conn.execute(SQL["as_written"])
        if _is_loaded(conn, backup):
            return
        with _begun(conn, backup), conn.transaction():
            log.lock(conn)
            _require_empty(conn)
            conn.execute(SQL["forget_own_epoch"])
            for table in COPIED:
                _copy(conn, _into(table, backup), backup, table, progress)
            conn.execute(SQL["stage_boxes"])
            _copy(conn, SQL["load_boxes"], backup, BOXES, progress)
            conn.execute(SQL["make_boxes"])
            conn.execute(SQL["end_staging"])
            conn.execute(SQL["make_tag_index"])
            _verify(conn, backup.manifest, progress)
            conn.execute(SQL["begin_epoch"], [backup.manifest.position])
            conn.execute(SQL["loaded"])
        conn.execute(SQL["analyze"])


def _is_loaded(conn: Connection, backup: Backup) -> bool:
    found = conn.execute(SQL["unfinished"]).fetchone()
    if found is None or not found[1]:
        return False
    if found[0] != backup.seal:
        raise BackupError(
            "another backup was loaded into this database, and its restore was not finished: restore that one again to "
            "finish it, or this one into a new database."
        )
    return True


@contextmanager
def _begun(conn: Connection, backup: Backup) -> Iterator[None]:
    """From here on nobody starts work in this database. If it is refused after all, it is left as it was found."""
    _require_empty(conn)
    conn.execute(SQL["begin"], [backup.seal])
    try:
        _require_alone(conn)
        yield
    except BackupError:
        conn.execute(SQL["end"])
        raise


def _require_empty(conn: Connection) -> None:
    (empty, schema) = conn.execute(SQL["is_empty"]).fetchone() or (False, None)
    if not empty:
        raise BackupError(
            f"schema {schema} of database {conn.info.dbname} is not empty: a backup is restored into an empty one "
            "only. Make a new database or another data directory, and name it (COOPSCHOOL_DATABASE_URL, --data-dir)."
        )


def _require_alone(conn: Connection) -> None:
    """Whoever is at work already was let in before the restore began."""
    others: list[str] = []
    for _ in range(ROUNDS):
        others = [name for (name,) in conn.execute(SQL["others"])]
        if not others:
            return
        conn.execute(SQL["wait"])
    raise BackupError(f"others work in this database ({', '.join(others)}): stop them, and start them again after.")


def _into(table: str, backup: Backup) -> sql.Composed:
    columns = map(sql.Identifier, backup.manifest.tables[table].columns)
    return sql.SQL(SQL["load"]).format(table=sql.Identifier(table), columns=sql.SQL(", ").join(columns))


def _copy(
    conn: Connection, statement: sql.Composed | LiteralString, backup: Backup, table: str, progress: Progress
) -> None:
    rows = 0
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for chunk in backup.chunks(table):
            copy.write(chunk)
            rows += chunk.count(b"\n")
            progress(f"Loading {table}", rows, backup.manifest.tables[table].rows)


def _verify(conn: Connection, manifest: Manifest, progress: Progress) -> None:
    """Raises `BackupError` unless the log is the one that the manifest speaks of, whole."""
    done = 0

    def tell(rows: int) -> None:
        nonlocal done
        done += rows
        progress("Verifying the log", done, manifest.position)

    for finding in verify_rows(conn, tell):
        raise BackupError(
            f"the log in the backup is not whole: position {finding.position}, {finding.check}: {finding.detail}. It "
            "was so when the backup was made: restore an older one. Nothing was kept of this one."
        )
    head = log.head(conn)
    if (head.position, head.hash.hex()) != (manifest.position, manifest.hash):
        raise BackupError(f"the log in the backup ends at {head.position}, not where its manifest says.")


def _finish(school: CoopSchool, *, ledger_found: bool) -> Restored:
    """What a life of the log begins with. Doing it again does no harm."""
    box = AnswerBox(school)
    lost = box.recover(no_keys_elsewhere=True)
    reopened = {wave for wave in map(wave_of, lost) if wave}
    with school.database.connect("app") as conn:
        # Tokens may have been handed out after the backup for a wave that had no box by then.
        without_box = set(open_waves(conn)) - {wave_of(about) for about in box.boxes.all()} - reopened
    for wave in without_box:
        box.surveys.reopen(wave)
    erased_again = replay_ledger(school)
    with school.database.connect("app") as conn:
        epoch, position = log.epoch(conn), log.head(conn).position
    return Restored(
        position=position,
        epoch=epoch,
        erased_again=erased_again,
        reopened_waves=sorted(reopened | without_box),
        lost_boxes=lost,
        ledger_found=ledger_found,
    )
