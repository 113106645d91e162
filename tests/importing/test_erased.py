"""Files that still name somebody who was erased: they stay away, and the rest comes in."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from msgspec.structs import replace

from coopschool import vault
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.domain.advisers.adviser_team import AdviserJoinedTeam
from coopschool.domain.advisers.autonomy_survey import WaveResponsesReleased
from coopschool.domain.advisers.workshop import DecisionTaken, WorkshopHeld, WorkshopPlanned
from coopschool.domain.school.feedback import FeedbackReleased
from coopschool.erasing import erase
from coopschool.erasure_ledger import erased
from coopschool.importing import Imported
from tests.importing.test_answers import ADVISERS, HOT, TWO
from tests.importing.test_history import SCHOOL, brought, events
from tests.importing.test_teams import TEAMS
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


def forget(school: CoopSchool, *references: str) -> None:
    """As if those who are called this elsewhere had been erased here."""
    hashes = [school.vault.reference("person", reference) for reference in references]
    school.erasures.note([erased(str(uuid4()), [one]) for one in hashes])


def lines(imported: Imported) -> set[str]:
    """The file and line of each row that was left out."""
    return {line.partition(":")[0] for line in imported.left_out}


def test_a_team_and_a_workshop_come_in_without_who_was_erased(school: CoopSchool, tmp_path: Path) -> None:
    """Given an adviser who was erased, when her team's history is imported, then her rows are left out and counted."""
    forget(school, "a2")
    imported = brought(school, write(tmp_path / "files", **TEAMS))
    assert lines(imported) == {"members.csv, line 3", "team_members.csv, line 4", "workshops.csv, line 2"}
    a1 = person_of(school, "a1")
    assert {event.adviser for event in events(school, AdviserJoinedTeam)} == {a1, person_of(school, "a3")}
    assert [event.participants for event in events(school, WorkshopHeld)] == [(a1,)]
    assert len(events(school, DecisionTaken)) == 2


def test_a_workshop_of_which_everybody_was_erased_is_left_out(school: CoopSchool, tmp_path: Path) -> None:
    forget(school, "a1", "a2")
    imported = brought(school, write(tmp_path / "files", **TEAMS))
    assert {f"decisions.csv, line {line}" for line in (2, 3, 4, 5)} < lines(imported)
    assert events(school, WorkshopHeld) == events(school, DecisionTaken) == []
    assert len(events(school, WorkshopPlanned)) == 2


def test_answers_of_those_who_were_erased_are_no_obstacle(school: CoopSchool, tmp_path: Path) -> None:
    """Given as many answers as people, when one of the people was erased, then the answers, which name nobody, stay."""
    forget(school, "m1", "a0")
    everybody = {**ADVISERS, **TWO, "members": [*ADVISERS["members"], *TWO["members"]]}
    brought(school, write(tmp_path / "files", **everybody, feedback=HOT))
    assert [len(event.paper) + len(event.online) for event in events(school, FeedbackReleased)] == [2]
    [released] = events(school, WaveResponsesReleased)
    assert [team.n for team in released.responses] == [5, 2]
