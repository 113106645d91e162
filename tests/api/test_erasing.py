"""Whom the cooperative forgets is nowhere any more: not in the vault, not where others wrote of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import structlog
from msgspec.structs import replace

from coopschool.application import CoopSchool
from coopschool.backups import restore, save
from coopschool.clock import FixedClock
from coopschool.command_bus import VaultWrite
from coopschool.database import Database
from coopschool.domain.school.person import GrantRole, PlaceLegalHold
from coopschool.erasing import erase, replay_ledger
from coopschool.erasure_ledger import Erased, ErasureLedger, LedgerDamaged
from coopschool.identities import Identities, PutIdentity
from coopschool.settings import Settings
from coopschool.vault import PutReferences, PutText
from projections.lake import export
from projections.runner import Runner
from tests.api.callers import Caller, Callers
from tests.api.test_canary import everything
from tests.backups.conftest import silent
from tests.support.postgres import TestServer

CANARY = "Zuleika-Quetzalcoatl"
VAULT = "vault_people", "vault_texts", "vault_places", "vault_references", "vault_identities"


def in_vault(database: Database) -> str:
    """Every row of the vault, as text."""
    with database.connect("owner") as conn:
        rows = [row for table in VAULT for row in conn.execute(f"select t::text from {table} t").fetchall()]
    return "\n".join(str(row) for row in rows)


def called(number: int) -> str:
    return f"{CANARY} {number:02}"


@pytest.fixture
def fifty(callers: Callers, clock: FixedClock, school: CoopSchool) -> list[Caller]:
    """Fifty people with their names in all that is typed about them, by them and by others."""
    module = callers.module()
    people = [callers.member(name=called(n), email=f"{CANARY}-{n}@example.org") for n in range(50)]
    begins = clock.now() + timedelta(days=10)
    session = callers.session(module, begins, seats=50, place=f"Chez {called(0)}")
    for number, one in enumerate(people):
        one.made(f"/api/sessions/{session}/enrolments", {})
        wish = {"waitlist": False, "places": [f"Salle {called(number)}"], "from": "2027-01-01"}
        one.post(f"/api/modules/{callers.module(f'N{number}')}/enrolments", wish, headers={"Idempotency-Key": "k"})
    records = [{"person_id": one.person, "status": "present"} for one in people]
    clock.set(begins + timedelta(days=1))
    callers.coordinator.done("PUT", f"/api/sessions/{session}/slots/1/attendance", {"records": records})
    for number, one in enumerate(people):
        note = {
            "person_id": one.person,
            "status": "absent",
            "reason_code": "wrong_person",
            "note": f"It was {called(number)}'s neighbour",
        }
        callers.coordinator.made(f"/api/sessions/{session}/slots/1/corrections", note)
        keep(school, str(one.person), number)
    return people


def keep(school: CoopSchool, person: str, number: int) -> None:
    """What comes by other ways than the API: references, a sign-in, an anonymous comment."""
    identity = Identities(school.settings.derive_key).identity("https://id.example.org", called(number))
    reference = school.vault.reference("person", called(number))
    writes: Sequence[VaultWrite] = [
        PutIdentity(identity=identity, person=person),
        PutReferences(references=[(reference, person)]),
        PutText(id=str(uuid4()), body=f"I learnt most from {called(number).upper()}, and from the trainer"),
    ]
    school.execute_now(GrantRole(person=person, role="adviser", at=school.now()), vault=writes)


def in_lake(database: Database, settings: Settings, directory: Path) -> str:
    """All that an export writes which can be read as it is."""
    Runner(database, settings.zone).catch_up()
    export(database, settings, directory, as_csv=True)
    return "\n".join(file.read_text() for file in directory.rglob("*") if file.suffix in (".csv", ".json", ".md"))


def test_of_fifty_people_with_their_names_everywhere_nothing_is_left(
    fifty: list[Caller],
    school: CoopSchool,
    database: Database,
    catch_up: Callable[[], int],
    test_server: TestServer,
    tmp_path: Path,
) -> None:
    assert in_vault(database).count(CANARY) > 200
    backup = save(database, school.settings, tmp_path / "backup", now=school.now(), progress=silent)
    with structlog.testing.capture_logs() as lines:
        receipts = [one.done("DELETE", "/api/people/me/personal-data") for one in fifty]
        catch_up()
    lake = in_lake(database, school.settings, tmp_path / "lake")
    assert str(fifty[0].person)[:8] not in lake
    assert "MemberEnrolled" in lake
    assert CANARY.lower() not in (in_vault(database) + everything(database) + str(lines) + lake).lower()
    assert CANARY.lower() not in school.erasures.file.read_text().lower()
    assert "and from the trainer" in in_vault(database), "what others wrote keeps its sense"
    for receipt in receipts:
        assert receipt["removed"]["people"] == 1
        assert receipt["removed"]["references"] == 1
        assert receipt["removed"]["sign_ins"] == 1
        assert receipt["removed"]["places"] == 1
        assert receipt["removed"]["texts"] == 1
    assert school.erasures.people() == {str(one.person) for one in fifty}
    assert school.vault.reference("person", called(7)) in school.erasures.references()

    assert CANARY in backup.file("vault_people").read_text(), "until it is deleted, a backup holds what it held"
    with test_server.database() as url:
        settings = replace(school.settings, database_url=url)
        done = restore(settings, backup.directory, reopen_waves=False, progress=silent)
        assert sorted(done.erased_again) == sorted(str(one.person) for one in fifty)
        with Database.open(settings) as again:
            lake = in_lake(again, settings, tmp_path / "another lake")
            assert CANARY.lower() not in (in_vault(again) + everything(again) + lake).lower()


def test_the_receipt_says_when_what_and_where_the_log_says_so(callers: Callers, clock: FixedClock) -> None:
    ada = callers.member(name="Ada Lovelace", email="ada@example.org")
    receipt = ada.done("DELETE", "/api/people/me/personal-data")
    assert receipt["person_id"] == ada.person
    assert receipt["erased_at"] == clock.now().isoformat()
    assert "pseudonymous" in receipt["remains"]
    events = callers.admin.done("GET", f"/api/events?after={receipt['position'] - 1}")["events"]
    assert [event["type"] for event in events] == ["PersonalDataErased.v1"]
    clock.advance(timedelta(days=1))
    again = callers.admin.done("DELETE", f"/api/people/{ada.person}/personal-data")
    assert (again["position"], again["erased_at"]) == (receipt["position"], receipt["erased_at"])
    assert set(again["removed"].values()) == {0}


def test_a_short_name_is_not_taken_out_of_what_others_wrote(callers: Callers, school: CoopSchool) -> None:
    jo = callers.member(name="Jo", email="jo@example.org")
    text = str(uuid4())
    words = PutText(id=text, body="Jo wrote from jo@example.org in the Journal")
    school.execute_now(GrantRole(person=str(jo.person), role="trainer", at=school.now()), vault=[words])
    assert erase(school, str(jo.person)).removed["mentions_in_texts"] == 1
    with school.database.connect("app") as conn:
        row = conn.execute("select body from vault_texts where id = %s", [text]).fetchone()
    assert row == ("Jo wrote from … in the Journal",)


def test_a_place_that_somebody_else_has_named_too_stays(callers: Callers, database: Database) -> None:
    for name in ("Ada Lovelace", "Bo"):
        member = callers.member(name=name)
        module = callers.module(name[:2].upper())
        member.post(f"/api/modules/{module}/enrolments", {"places": ["The barn"], "waitlist": False})
    assert "The barn" in in_vault(database)
    member.done("DELETE", "/api/people/me/personal-data")
    assert "The barn" in in_vault(database)


def test_an_erasure_that_is_refused_leaves_no_note(callers: Callers, school: CoopSchool) -> None:
    ada = callers.member(name="Ada Lovelace")
    school.execute_now(PlaceLegalHold(person=str(ada.person), at=school.now()))
    response = ada.delete("/api/people/me/personal-data")
    assert (response.status_code, response.json()["type"]) == (409, "/problems/under-legal-hold")
    assert school.erasures.entries() == []


# --- the ledger


def test_whom_a_restore_brings_back_is_erased_before_anything_is_served(
    callers: Callers, school: CoopSchool, database: Database
) -> None:
    """As after a restore of a backup from before the erasure, which knows of it nothing at all."""
    ada, bo = callers.member(name="Ada Lovelace"), callers.member(name="Bo Derek")
    school.execute_now(PlaceLegalHold(person=str(ada.person), at=school.now()))
    school.erasures.note([Erased(str(ada.person), ()), Erased(str(uuid4()), ())])
    assert replay_ledger(school) == [ada.person]
    assert "Lovelace" not in in_vault(database)
    assert "Derek" in in_vault(database)
    assert callers.admin.done("GET", f"/api/people/{ada.person}")["erased"]
    assert replay_ledger(school) == []
    assert bo.get("/api/people/me/personal-data").json()["name"] == "Bo Derek"


def test_a_vault_that_comes_back_without_its_log_is_emptied_again(
    callers: Callers, school: CoopSchool, database: Database
) -> None:
    ada = callers.member(name="Ada Lovelace")
    reference = school.vault.reference("person", "m-1")
    school.execute_now(
        GrantRole(person=str(ada.person), role="trainer", at=school.now()),
        vault=[PutReferences(references=[(reference, str(ada.person))])],
    )
    erase(school, str(ada.person))
    with database.connect("app") as conn:
        conn.execute("insert into vault_people (person, name) values (%s, 'Ada Lovelace')", [UUID(str(ada.person))])
        conn.execute("insert into vault_references values (%s, %s)", [reference, ada.person])
    assert replay_ledger(school) == [ada.person]
    assert in_vault(database) == ""


def test_an_installation_that_moves_learns_from_the_log_who_was_erased(callers: Callers, school: CoopSchool) -> None:
    ada = callers.member(name="Ada Lovelace")
    erase(school, str(ada.person))
    school.erasures.file.unlink()
    assert replay_ledger(school) == []
    assert school.erasures.people() == {ada.person}


def test_half_a_line_that_a_crash_has_left_is_dropped(school: CoopSchool) -> None:
    ledger = ErasureLedger(school.settings.data_dir / "deep" / "ledger")
    ledger.note([Erased("a", ("00ff",))])
    with ledger.file.open("ab") as file:
        file.write(b'["b"')
    assert ledger.people() == {"a"}
    ledger.note([Erased("c", ())])
    ledger.note([Erased("c", ())])
    assert ledger.entries() == [Erased("a", ("00ff",)), Erased("c", ())]


def test_a_damaged_ledger_is_not_passed_over(school: CoopSchool) -> None:
    school.erasures.file.parent.mkdir(parents=True, exist_ok=True)
    school.erasures.file.write_bytes(b"nonsense\n")
    with pytest.raises(LedgerDamaged, match="line 1"):
        replay_ledger(school)
