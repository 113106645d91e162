"""Files that still name somebody who was erased: they stay away, and the rest comes in."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from coopschool import vault
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.erasing import erase
from tests.importing.test_history import SCHOOL, brought
from tests.support.importing import write
from tests.support.postgres import TestServer


def person_of(school: CoopSchool, reference: str) -> str:
    hashed = school.vault.reference("person", reference)
    with school.database.connect("app") as conn:
        return vault.references(conn, [hashed])[hashed]


def test_the_same_files_again_do_not_bring_back_who_was_erased(school: CoopSchool, tmp_path: Path) -> None:
    files = write(tmp_path / "files", **SCHOOL)
    brought(school, files)
    for reference in ("m1", "t1"):
        erase(school, person_of(school, reference))
    again = brought(school, files)
    assert again.events == 0
    assert any(line.startswith("members.csv, line 2: ") and "erased" in line for line in again.left_out)
    with school.database.connect("app") as conn:
        assert conn.execute("select count(*) from vault_people where name is not null").fetchone() == (0,)


def test_an_empty_school_with_the_ledger_takes_in_the_others_only(
    school: CoopSchool, test_server: TestServer, tmp_path: Path
) -> None:
    files = write(tmp_path / "files", **SCHOOL)
    waivers = write(files, waivers="m1,M01,2020-01-20", categories="m1,B,2020-02-01")
    brought(school, waivers)
    for reference in ("m1", "t1"):
        erase(school, person_of(school, reference))

    with test_server.database() as url:
        settings = replace(school.settings, database_url=url)
        with Database.open(settings) as database, CoopSchool(database, settings, school.clock) as anew:
            imported = brought(anew, files)
            with database.connect("app") as conn:
                joined = conn.execute("select count(*) from events where type = 'MemberJoined.v1'").fetchone()
    assert joined == (1,)
    named = {line.partition(",")[0] for line in imported.left_out}
    assert named == {
        f"{name}.csv" for name in ("members", "categories", "waivers", "sessions", "enrolments", "attendance")
    }
