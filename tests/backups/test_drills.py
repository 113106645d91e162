"""The whole way, on the embedded server and on one that an operator runs, each into a new installation."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from coopschool.application import CoopSchool
from coopschool.backups import restore, save
from coopschool.database import Database, DatabaseError
from coopschool.erasing import erase
from coopschool.eventstore.verify import verify
from coopschool.settings import Settings
from projections.runner import Runner
from tests.backups.conftest import join, rows, silent
from tests.support.plain_server import PASSWORD, PlainServer

# Logins of an operator's: one for backups alone, one for whoever brings them back.
LOGINS = """
create role keeper login password 'keeper' in role coopschool_owner;
create role upkeep login password 'upkeep' in role coopschool_owner, coopschool_app;
"""


def facts(database: Database, settings: Settings) -> set[str]:
    """What the projections make of the log about memberships."""
    Runner(database, settings.zone).catch_up()
    with database.connect("projector") as conn:
        return {row for (row,) in conn.execute("select t::text from coopschool_facts_1.categories t")}


def live(settings: Settings, backup: Path, keeper: Settings) -> tuple[str, set[str]]:
    """A school has its life, its backup, and then an erasure; of whom, and the facts before it."""
    with Database.open(settings) as database, CoopSchool(database, settings) as school:
        ada, _ = join(school, "Ada"), join(school, "Bo")
        before = facts(database, settings)
        with Database.open(keeper) as kept:
            save(kept, keeper, backup, now=school.now(), progress=silent)
        erase(school, ada)
    return ada, before


def is_back(settings: Settings, before: set[str]) -> None:
    with Database.open(settings) as database:
        with database.connect("app") as conn:
            assert list(verify(conn)) == []
        (bo,) = rows(database, "vault_people")
        assert "Bo" in bo
        assert before < facts(database, settings), "and what the erasure brought"


def test_an_embedded_school_that_lost_all_but_its_ledger_comes_back_on_a_new_machine(tmp_path: Path) -> None:
    settings, new = Settings(data_dir=tmp_path / "data"), Settings(data_dir=tmp_path / "new" / "data")
    ada, before = live(settings, tmp_path / "backup", settings)
    secret, ledger = settings.root_secret(), settings.erasures_file.read_bytes()
    shutil.rmtree(settings.data_dir)
    new.data_dir.mkdir(parents=True)
    new.erasures_file.write_bytes(ledger)
    assert restore(new, tmp_path / "backup", reopen_waves=False, progress=silent).erased_again == [ada]
    assert new.root_secret() == secret
    is_back(new, before)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "root-secret"
    file.write_text("a root secret that is only ever used in tests")
    return file


def test_a_server_school_moves_to_another_database(plain_server: PlainServer, tmp_path: Path, secret: Path) -> None:
    def login(user: str, database: str, password: str) -> Settings:
        file = tmp_path / f"password of {user}"
        file.write_text(password)
        return Settings(
            database_url=plain_server.url(user, database),
            database_password_file=file,
            data_dir=tmp_path / "data",
            secret_file=secret,
        )

    with plain_server.connect() as superuser:
        for name in ("old", "new"):
            superuser.execute(f"create database {name}")  # type: ignore[call-overload]
            superuser.execute(f"revoke all on database {name} from public")  # type: ignore[call-overload]
            Database.open(login("postgres", name, PASSWORD)).migrate()
        superuser.execute(LOGINS.encode())
        superuser.execute("grant connect on database old to keeper")
        superuser.execute("grant connect on database new to keeper, upkeep")
    ada, before = live(login("postgres", "old", PASSWORD), tmp_path / "backup", login("keeper", "old", "keeper"))
    with pytest.raises(DatabaseError, match="keeper may not act as coopschool_app"):
        restore(login("keeper", "new", "keeper"), tmp_path / "backup", reopen_waves=False, progress=silent)
    done = restore(login("upkeep", "new", "upkeep"), tmp_path / "backup", reopen_waves=False, progress=silent)
    assert done.erased_again == [ada]
    is_back(login("postgres", "new", PASSWORD), before)
