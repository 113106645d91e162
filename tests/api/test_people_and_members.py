"""People, roles, members and their data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.database import Database
from coopschool.domain.school.person import GrantRole
from coopschool.identities import Identities, PutIdentity
from coopschool.vault import PutReferences
from tests.api.callers import Callers


def test_a_person_takes_on_roles_and_gives_them_back(callers: Callers) -> None:
    admin = callers.admin
    made = admin.post("/api/people", {"name": "Ines", "email": "ines@example.org", "language": "nl"})
    assert made.status_code == 201
    person = made.json()["person_id"]
    assert made.headers["location"] == f"/api/people/{person}"

    roles = f"/api/people/{person}/roles"
    admin.done("PUT", roles, {"roles": [{"role": "trainer"}, {"role": "adviser", "until": "2026-12-31"}]})
    seen = admin.get(f"/api/people/{person}")
    assert seen.json() == {
        "person_id": person,
        "name": "Ines",
        "email": "ines@example.org",
        "language": "nl",
        "roles": [{"role": "adviser", "until": "2026-12-31"}, {"role": "trainer", "until": None}],
        "roles_today": ["adviser", "trainer"],
        "legal_hold": False,
        "erased": False,
    }
    stale = {"If-Match": '"1"'}
    assert admin.put(roles, {"roles": []}, headers=stale).status_code == 412
    admin.done("PUT", roles, {"roles": []}, headers={"If-Match": seen.headers["etag"]})
    assert admin.done("GET", f"/api/people/{person}")["roles"] == []


def test_a_role_cannot_end_in_the_past(callers: Callers) -> None:
    person = callers.admin.made("/api/people", {})["person_id"]
    body = {"roles": [{"role": "trainer", "until": "2026-03-01"}]}
    response = callers.admin.put(f"/api/people/{person}/roles", body)
    assert (response.status_code, response.json()["type"]) == (409, "/problems/role-already-over")


def test_a_person_known_already_becomes_a_member_with_their_name(callers: Callers) -> None:
    person = callers.admin.made("/api/people", {"name": "Ines"})["person_id"]
    joined = {"category": "B", "joined_on": "2026-01-05", "person_id": person}
    assert callers.coordinator.made("/api/members", joined)["person_id"] == person
    assert callers.coordinator.done("GET", f"/api/members/{person}")["name"] == "Ines"
    again = callers.coordinator.post("/api/members", joined)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/already-member")
    assert callers.admin.done("GET", f"/api/people/{person}")["roles_today"] == ["member"]


def test_a_category_holds_from_its_day_on(callers: Callers) -> None:
    ada = callers.member("candidate")
    path = f"/api/members/{ada.person}/category"
    callers.coordinator.done("POST", path, {"category": "B", "effective_on": "2026-04-01"})
    seen = ada.done("GET", "/api/members/me")
    assert seen["category"] == "candidate"
    assert seen["categories"] == [
        {"category": "candidate", "effective_on": "2026-01-05"},
        {"category": "B", "effective_on": "2026-04-01"},
    ]


def test_members_change_their_own_details(callers: Callers) -> None:
    ada = callers.member(name="Ada", email="ada@example.org")
    read = ada.get("/api/members/me")
    changed = {"name": None, "email": "ada@example.net", "language": "fr"}
    ada.done("PATCH", "/api/members/me", changed, headers={"If-Match": read.headers["etag"]})
    seen = ada.get("/api/members/me")
    assert (seen.json()["name"], seen.json()["email"], seen.json()["language"]) == (None, "ada@example.net", "fr")
    only_the_vault_changed = {"If-Match": ".".join(read.headers["etag"].split(".")[:2]) + '.99"'}
    assert ada.patch("/api/members/me", {"name": "Ada"}, headers=only_the_vault_changed).status_code == 412


def test_one_e_mail_address_is_one_person_s(callers: Callers) -> None:
    callers.member(email="ada@example.org")
    bo = callers.member()
    read = bo.get("/api/members/me")
    response = bo.patch(
        "/api/members/me", {"email": "ADA@example.org "[:-1]}, headers={"If-Match": read.headers["etag"]}
    )
    assert (response.status_code, response.json()["type"]) == (409, "/problems/email-taken")
    assert "ada@example.org" not in response.text.lower()


def test_the_end_of_a_membership_frees_the_seats_not_used_yet(callers: Callers, clock: FixedClock) -> None:
    session = callers.session(callers.module(), clock.now() + timedelta(days=10), seats=1)
    ada, bo = callers.member(), callers.member()
    ada.made(f"/api/sessions/{session}/enrolments", {})
    bo.made(f"/api/sessions/{session}/enrolments", {})
    callers.coordinator.done("POST", f"/api/members/{ada.person}/end", {"ended_on": "2026-03-02"})
    assert ada.done("GET", "/api/members/me")["ended_on"] == "2026-03-02"
    assert bo.done("GET", f"/api/sessions/{session}")["own"] == {"status": "confirmed"}


def test_enrolments_interests_waivers_and_completions_are_shown_as_they_stand(
    callers: Callers, clock: FixedClock
) -> None:
    first, second = callers.module("M01"), callers.module("M02", prerequisites=["M01"])
    begins = clock.now() + timedelta(days=10)
    full, open_ = callers.session(first, begins, seats=1), callers.session(second, begins + timedelta(days=1))
    ada, bo = callers.member(), callers.member()
    ada.made(f"/api/sessions/{full}/enrolments", {})
    bo.made(f"/api/sessions/{full}/enrolments", {})
    refused = bo.post(f"/api/sessions/{open_}/enrolments", {})
    assert (refused.status_code, refused.json()["details"]["missing"]) == (409, ["M01"])
    waiver = {"module": "M01", "reason_code": "experience"}
    callers.coordinator.done("POST", f"/api/members/{bo.person}/waivers", waiver)
    bo.made(f"/api/sessions/{open_}/enrolments", {})

    seen = bo.done("GET", "/api/members/me/enrolments")
    assert [(one["session_id"], one["status"], one["rank"]) for one in seen["items"]] == [
        (full, "waitlisted", 1),
        (open_, "confirmed", None),
    ]
    assert seen["waived"] == ["M01"]


def test_a_person_reads_all_that_is_kept_about_them_and_nothing_about_others(
    callers: Callers, clock: FixedClock
) -> None:
    trainer = callers.trainer(name="Ines")
    session = callers.session(callers.module(), clock.now() + timedelta(days=5), slots=1, trainers=[trainer.person])
    ada, bo = callers.member(name="Ada", email="ada@example.org", language="fr"), callers.member(name="Bo")
    for member in (ada, bo):
        member.made(f"/api/sessions/{session}/enrolments", {})
    clock.advance(timedelta(days=6))
    slot = f"/api/sessions/{session}/slots/1"
    sheet = [{"person_id": person, "status": "present"} for person in (ada.person, bo.person)]
    trainer.done("PUT", f"{slot}/attendance", {"records": sheet})
    note = {"person_id": ada.person, "status": "excused", "reason_code": "other", "note": "Ada was at the dentist"}
    trainer.done("POST", f"{slot}/corrections", note)

    data = ada.done("GET", "/api/people/me/personal-data")
    assert (data["name"], data["email"], data["language"]) == ("Ada", "ada@example.org", "fr")
    assert list(data["texts"].values()) == ["Ada was at the dentist"]
    types = [event["type"].partition(".")[0] for event in data["events"]]
    assert types == [
        "PersonRegistered",
        "LanguageChosen",
        "MemberJoined",
        "MemberEnrolled",
        "AttendanceLogged",
        "AttendanceCorrected",
    ]
    assert str(bo.person) not in str(data)
    assert (data["signs_in"], data["references"], data["legal_hold"], data["api_keys_made"]) == (False, 0, False, [])
    assert data["names"] == {"M01": "Welcome"}
    french = ada.get("/api/people/me/personal-data", headers={"Accept-Language": "fr"}).json()
    assert french["names"] == {"M01": "Bienvenue"}
    assert data["events"][-1]["meaning"].startswith("A line of a sheet was put right")
    assert any("survey" in sentence for sentence in data["not_here"])
    assert str(trainer.person) in str(trainer.done("GET", "/api/people/me/personal-data")["events"])


def test_what_is_kept_beside_names_and_events_is_counted(callers: Callers, school: CoopSchool) -> None:
    """Given an administrator with a sign-in, references and a key that they made, then all of it is in the export."""
    person = str(callers.trainer(name="Ines").person)
    admin = callers.caller("admin", person=person)
    admin.made("/api/api-keys", {"name": "warehouse", "scopes": ["events"]})
    identity = Identities(school.settings.derive_key).identity("https://id.example.org", "ines")
    references = PutReferences(references=[(school.vault.reference("person", "m-1"), person)])
    school.execute_now(
        GrantRole(person=person, role="researcher", at=school.now()),
        vault=[PutIdentity(identity=identity, person=person), references],
    )
    kept = admin.done("GET", "/api/people/me/personal-data")
    assert (kept["signs_in"], kept["references"], kept["api_keys_made"]) == (True, 1, ["warehouse"])
    assert kept["roles"] == {"trainer": None, "researcher": None}


def test_whoever_is_no_member_has_their_details_put_right(callers: Callers) -> None:
    """Given a trainer from outside, when they or an administrator correct the details, then those are what is kept."""
    trainer = callers.trainer(name="Ines", email="ines@example.org")
    path = "/api/people/me/personal-data"
    read = trainer.get(path).headers["etag"]
    trainer.done("PATCH", path, {"name": "Inès", "language": "fr"}, headers={"If-Match": read})
    stale = trainer.patch(path, {"email": None}, headers={"If-Match": read})
    assert stale.status_code == 412
    theirs = f"/api/people/{trainer.person}/personal-data"
    read = callers.admin.get(theirs).headers["etag"]
    callers.admin.done("PATCH", theirs, {"email": "i@example.org"}, headers={"If-Match": read})
    kept = trainer.done("GET", path)
    assert (kept["name"], kept["email"], kept["language"]) == ("Inès", "i@example.org", "fr")
    taken = callers.member(email="ada@example.org")
    read = taken.get(path).headers["etag"]
    refused = taken.patch(path, {"email": "i@example.org"}, headers={"If-Match": read})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/email-taken")
    assert callers.coordinator.patch(theirs, {"name": "X"}, headers={"If-Match": read}).status_code == 403


def test_an_erased_person_is_gone_from_the_vault_and_stays_in_the_figures(
    callers: Callers, clock: FixedClock, database: Database
) -> None:
    session = callers.session(callers.module(), clock.now() + timedelta(days=10))
    ada = callers.member(name="Ada", email="ada@example.org")
    ada.made(f"/api/sessions/{session}/enrolments", {})
    ada.done("DELETE", "/api/people/me/personal-data")
    assert ada.done("DELETE", "/api/people/me/personal-data")["position"] > 0
    with database.connect("app") as conn:
        assert conn.execute("select count(*) from vault_people where person = %s", [ada.person]).fetchone() == (0,)
    data = callers.admin.done("GET", f"/api/people/{ada.person}/personal-data")
    assert (data["erased"], data["name"], data["texts"]) == (True, None, {})
    assert "EnrolmentWithdrawn.v1" in [event["type"] for event in data["events"]]
    callers.member(email="ada@example.org")


def test_erasure_waits_until_somebody_else_gives_the_person_s_sessions(callers: Callers, clock: FixedClock) -> None:
    trainer = callers.trainer(name="Ines")
    session = callers.session(callers.module(), clock.now() + timedelta(days=10), trainers=[trainer.person])
    response = trainer.delete("/api/people/me/personal-data")
    assert (response.status_code, response.json()["type"]) == (409, "/problems/trains-open-session")
    assert response.json()["details"]["sessions"] == [session]


def test_members_are_found_by_a_part_of_their_name(callers: Callers, catch_up: Callable[[], int]) -> None:
    ada = callers.member("B", name="Ada Lovelace", email="ada@example.org")
    callers.member(name="Bo")
    catch_up()
    (found,) = callers.coordinator.done("GET", "/api/members?q=LOVE")["items"]
    assert (found["person_id"], found["name"], found["category"]) == (ada.person, "Ada Lovelace", "B")
    assert callers.coordinator.done("GET", "/api/members?q=50%25")["items"] == []


def test_a_legal_hold_keeps_data_from_being_erased_until_it_is_lifted(callers: Callers) -> None:
    ada = callers.member(name="Ada")
    path = f"/api/people/{ada.person}"
    assert callers.coordinator.put(f"{path}/legal-hold").status_code == 403
    placed = callers.admin.done("PUT", f"{path}/legal-hold")
    assert callers.admin.done("PUT", f"{path}/legal-hold") == placed
    assert callers.admin.done("GET", path)["legal_hold"]
    refused = ada.delete("/api/people/me/personal-data")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/under-legal-hold")
    callers.admin.done("DELETE", f"{path}/legal-hold")
    assert not callers.admin.done("GET", path)["legal_hold"]
    ada.done("DELETE", "/api/people/me/personal-data")
    assert callers.admin.put("/api/people/00000000-0000-4000-8000-000000000000/legal-hold").status_code == 404
