"""Backups of the school of a test, and empty installations to restore them into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec.structs import replace

from coopschool.api_keys import ApiKeys
from coopschool.application import CoopSchool
from coopschool.backups import Backup, Restored, restore, save
from coopschool.command_bus import VaultWrite
from coopschool.database import Database
from coopschool.domain.school.membership import JoinAsMember
from coopschool.identities import Identities, PutIdentity
from coopschool.settings import Settings
from coopschool.vault import PutReferences, PutText
from tests.support.postgres import TestServer

Save = Callable[..., Backup]
Restore = Callable[..., Restored]


def silent(_stage: str, _done: int, _total: int | None) -> None: ...


def join(school: CoopSchool, name: str) -> str:
    """A new member with a row in each table beside the log; their id."""
    id = str(uuid4())
    _, place = school.vault.place(f"At {name}'s")
    identity = Identities(school.settings.derive_key).identity("https://id.example.org", name)
    writes: list[VaultWrite | None] = [
        school.vault.put_person(id, name=name, email=f"{name}@example.org"),
        PutText(id=str(uuid4()), about=id, body=f"{name} said:\tyes\\no\n… 'and' \"more\"\r\n\\."),
        place,
        PutReferences(references=[(school.vault.reference("person", name), id)]),
        PutIdentity(identity=identity, person=id),
        ApiKeys(school.settings.derive_key).new(name="warehouse", scopes=["events"], at=school.now())[1],
    ]
    command = JoinAsMember(person=id, category="A", joined_on=school.now().date(), at=school.now())
    school.execute_now(
        command,
        vault=[write for write in writes if write is not None],
        idempotency=school.repeatable(id, "join", name, b"{}"),
    )
    return id


def rows(database: Database, table: str) -> list[str]:
    """All rows of a table, as text, in some order that does not depend on how they are stored."""
    with database.connect("owner") as conn:
        return sorted(row for (row,) in conn.execute(f"select t::text from {table} t"))  # type: ignore[call-overload]


@pytest.fixture
def saved(school: CoopSchool, tmp_path: Path) -> Save:
    """Makes a backup of `school`."""

    def make(name: str = "backup", progress: Callable[[str, int, int | None], None] = silent) -> Backup:
        return save(school.database, school.settings, tmp_path / name, now=school.now(), progress=progress)

    return make


@pytest.fixture
def elsewhere(test_server: TestServer, settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """An empty installation with the same root secret and erasure ledger, and without the keys of answer boxes."""
    with test_server.database() as url:
        yield replace(
            settings,
            database_url=url,
            data_dir=tmp_path / "elsewhere",
            erasure_ledger_file=settings.erasures_file,
        )


@pytest.fixture
def restored(elsewhere: Settings) -> Restore:
    """Restores a backup there."""

    def bring(backup: Backup, *, reopen_waves: bool = False, into: Settings = elsewhere) -> Restored:
        return restore(into, backup.directory, reopen_waves=reopen_waves, progress=silent)

    return bring
