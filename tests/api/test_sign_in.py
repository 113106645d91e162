"""People who sign in at an issuer, and other systems that come with keys: whom they are taken for, and until when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from msgspec.structs import replace

from coopschool.api import sign_in
from coopschool.api.app import SchoolApp
from coopschool.api.auth import mint_token
from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.database import Database
from coopschool.domain.advisers.team_membership import FormTeam, JoinTeam
from coopschool.settings import Settings
from tests.api.callers import Caller, Callers
from tests.cli.running import Command
from tests.support.issuer import AUDIENCE, Issuer

FOR_COORDINATORS = "/api/sessions/00000000-0000-4000-8000-000000000000/waitlist"
FOR_ADMINS = "/api/api-keys"


def may_use(caller: Caller, path: str) -> bool:
    """Whether the caller gets past the guard."""
    status = caller.get(path).status_code
    assert status in (200, 403, 404)
    return status != 403


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


@pytest.fixture
def signed_in_at(
    routed: SchoolApp, database: Database, settings: Settings, clock: FixedClock, issuer: Issuer
) -> Iterator[TestClient[Litestar]]:
    """The API of a school whose people sign in at the issuer."""
    told = replace(settings, oidc_issuer=issuer.url, oidc_audience=AUDIENCE)
    school = CoopSchool(database, told, clock)
    with TestClient(routed.serving(school), raise_server_exceptions=False) as client:
        yield client


class People:
    """Makes callers by their subject."""

    def __init__(self, client: TestClient[Litestar], issuer: Issuer, command: Command) -> None:
        self.client = client
        self.issuer = issuer
        self.command = command

    def caller(self, subject: str, **claims: Any) -> Caller:
        return Caller(self.client, self.issuer.token(sub=subject, **claims), None)

    def granted(self, subject: str, role: str, *more: str) -> Caller:
        """Somebody who got a role from the command line."""
        said = self.command.said("grant", self.issuer.url, subject, role, *more)
        caller = self.caller(subject)
        caller.person = said["person_id"]
        return caller


@pytest.fixture
def people(signed_in_at: TestClient[Litestar], issuer: Issuer, environment: dict[str, str]) -> People:
    return People(signed_in_at, issuer, Command(environment))


def test_the_first_admin_signs_in_and_gives_roles_that_count_at_once(people: People) -> None:
    admin = people.granted("root", "admin")
    bo = admin.made("/api/people", {"name": "Bo"})["person_id"]
    admin.done("PUT", f"/api/people/{bo}/sign-in", {"subject": "bo"})
    caller = people.caller("bo")

    def with_roles(*roles: str) -> list[bool]:
        admin.done("PUT", f"/api/people/{bo}/roles", {"roles": [{"role": role} for role in roles]})
        return [may_use(caller, path) for path in ("/api/modules", FOR_COORDINATORS, FOR_ADMINS)]

    assert with_roles() == [False, False, False]
    assert with_roles("coordinator") == [True, True, False]
    assert with_roles("admin") == [True, False, True]
    assert with_roles() == [False, False, False]


def test_a_role_that_another_process_took_back_opens_nothing_more(people: People, school: CoopSchool) -> None:
    admin = people.granted("root", "admin")
    other = people.granted("other", "admin")
    assert may_use(other, FOR_ADMINS)
    admin.done("PUT", f"/api/people/{other.person}/roles", {"roles": []})
    assert not may_use(other, FOR_ADMINS)
    people.granted("other", "coordinator")
    assert (may_use(other, FOR_COORDINATORS), may_use(other, FOR_ADMINS)) == (True, False)


def test_a_role_ends_with_its_last_day(people: People, clock: FixedClock) -> None:
    clock.advance(timedelta(days=365 * 70))
    caller = people.granted("temp", "coordinator", "--until", f"{clock.now():%Y-%m-%d}")
    assert may_use(caller, FOR_COORDINATORS)
    clock.advance(timedelta(days=1))
    assert not may_use(caller, FOR_COORDINATORS)


def test_the_issuer_gives_no_roles(people: People) -> None:
    people.granted("ada", "member")
    claims = {"roles": ["admin"], "realm_access": {"roles": ["admin"]}, "scope": "events admin", "groups": ["admin"]}
    caller = people.caller("ada", **claims)
    assert (may_use(caller, "/api/modules"), may_use(caller, FOR_ADMINS)) == (True, False)


def test_somebody_whom_nobody_connected_is_nobody_whatever_their_address(people: People) -> None:
    people.granted("ada", "admin")
    stranger = people.caller("eve", email="ada@example.org", email_verified=True, preferred_username="ada")
    response = stranger.get("/api/modules")
    assert (response.status_code, response.json()["type"]) == (403, "/problems/sign-in-unknown")


def test_members_are_members_and_advisers_advisers_while_they_are(
    people: People, school: CoopSchool, clock: FixedClock
) -> None:
    coordinator, admin = people.granted("coco", "coordinator"), people.granted("root", "admin")
    member = coordinator.made("/api/members", {"category": "B", "joined_on": "2026-01-05"})["person_id"]
    admin.done("PUT", f"/api/people/{member}/sign-in", {"subject": "mem"})
    caller = people.caller("mem")
    assert caller.done("GET", "/api/members/me")["person_id"] == member
    assert admin.done("GET", f"/api/people/{member}")["roles_today"] == ["member"]
    team = str(uuid4())
    school.execute_now(FormTeam(at=school.now(), team=team, name=str(uuid4())))
    school.execute_now(JoinTeam(at=school.now(), team=team, adviser=member, from_=school.now().date()))
    assert admin.done("GET", f"/api/people/{member}")["roles_today"] == ["adviser", "member"]
    coordinator.done("POST", f"/api/members/{member}/end", {"ended_on": "2026-03-02"})
    clock.advance(timedelta(days=1))
    assert caller.get("/api/members/me").status_code == 403


def test_a_sign_in_is_one_persons_and_forgotten_with_them(people: People) -> None:
    admin = people.granted("root", "admin")
    ada, bo = (admin.made("/api/people", {})["person_id"] for _ in range(2))
    admin.done("PUT", f"/api/people/{ada}/sign-in", {"subject": "ada", "issuer": people.issuer.url})
    admin.done("PUT", f"/api/people/{ada}/sign-in", {"subject": "ada"})
    admin.done("PUT", f"/api/people/{ada}/roles", {"roles": [{"role": "trainer"}]})
    taken = admin.put(f"/api/people/{bo}/sign-in", {"subject": "ada"})
    assert (taken.status_code, taken.json()["type"]) == (409, "/problems/identity-taken")
    assert people.caller("ada").get("/api/modules").status_code == 200
    admin.done("DELETE", f"/api/people/{ada}/personal-data")
    assert people.caller("ada").get("/api/modules").json()["type"] == "/problems/sign-in-unknown"
    admin.done("PUT", f"/api/people/{bo}/sign-in", {"subject": "ada"})
    admin.done("PUT", f"/api/people/{bo}/roles", {"roles": [{"role": "trainer"}]})
    assert people.caller("ada").get("/api/modules").status_code == 200


def test_the_people_used_last_are_remembered(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "REMEMBERED_PEOPLE", 1)
    callers = [people.granted(name, "coordinator") for name in ("one", "two", "one")]
    assert all(may_use(caller, FOR_COORDINATORS) for caller in callers)


def test_without_an_issuer_a_sign_in_must_name_it(callers: Callers) -> None:
    person = callers.admin.made("/api/people", {})["person_id"]
    response = callers.admin.put(f"/api/people/{person}/sign-in", {"subject": "ada"})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "#/issuer")


def test_development_tokens_count_for_nothing_beside_an_issuer(people: People, settings: Settings) -> None:
    token = mint_token(settings.signing_key(), ["admin"], person=str(uuid4()))
    assert Caller(people.client, token, None).get("/api/people").status_code == 401


@pytest.mark.parametrize("status", [500, 200])
def test_an_issuer_that_is_away_is_503_and_a_token_that_is_wrong_401(people: People, status: int) -> None:
    people.issuer.status = status
    caller = people.caller("ada", aud="another")
    response = caller.get("/api/modules")
    expected = (401, "/problems/not-signed-in") if status == 200 else (503, "/problems/issuer-away")
    assert (response.status_code, response.json()["type"]) == expected
    assert ("Retry-After" in response.headers) == (status == 500)


# --- keys of other systems


def key(callers: Callers, **more: Any) -> tuple[str, Caller]:
    made = callers.admin.made("/api/api-keys", {"name": "warehouse", "scopes": ["events"], **more})
    return made["key_id"], Caller(callers.client, made["key"], None)


def test_a_key_opens_what_its_scope_names_and_nothing_else(callers: Callers) -> None:
    _, warehouse = key(callers)
    assert len(warehouse.token.removeprefix("csk_")) == 43
    assert warehouse.done("GET", "/api/events")["events"] == []
    for path in ("/api/people", "/api/members", "/api/modules", "/api/api-keys", "/api/reports/progress"):
        assert warehouse.get(path).status_code == 403
    assert warehouse.post("/api/members", {"category": "A", "joined_on": "2026-01-05"}).status_code == 403


def test_a_key_that_was_taken_back_opens_nothing(callers: Callers) -> None:
    id, warehouse = key(callers)
    other_id, other = key(callers)
    callers.admin.done("DELETE", f"/api/api-keys/{id}")
    callers.admin.done("DELETE", f"/api/api-keys/{id}")
    assert (warehouse.get("/api/events").status_code, other.get("/api/events").status_code) == (401, 200)
    assert callers.admin.delete(f"/api/api-keys/{uuid4()}").status_code == 404
    listed = {one["key_id"]: one for one in callers.admin.done("GET", "/api/api-keys")["items"]}
    assert listed[id]["revoked_at"]
    assert listed[other_id]["revoked_at"] is None
    assert other.token not in str(listed)


def test_a_key_lasts_as_long_as_was_said(callers: Callers, clock: FixedClock) -> None:
    _, warehouse = key(callers, days=7)
    clock.advance(timedelta(days=7) - timedelta(seconds=1))
    assert warehouse.get("/api/events").status_code == 200
    clock.advance(timedelta(seconds=1))
    assert warehouse.get("/api/events").status_code == 401


@pytest.mark.parametrize(
    "wrong", [{"days": 0}, {"days": 367}, {"scopes": []}, {"scopes": ["everything"]}, {"name": "of Ada Lovelace"}]
)
def test_a_key_for_nothing_or_for_ever_is_refused(callers: Callers, wrong: dict[str, Any]) -> None:
    body = {"name": "warehouse", "scopes": ["events"], **wrong}
    assert callers.admin.post("/api/api-keys", body).status_code == 422


@pytest.mark.parametrize("token", ["csk_", "csk_" + "A" * 43, "csk_" + "x" * 10_000])
def test_a_key_that_nobody_made_opens_nothing(callers: Callers, token: str) -> None:
    assert Caller(callers.client, token, None).get("/api/events").status_code == 401


def test_a_repeated_request_makes_one_key_and_does_not_show_it_again(callers: Callers, database: Database) -> None:
    body, headers = {"name": "warehouse", "scopes": ["events"]}, {"Idempotency-Key": "once"}
    first = callers.admin.post("/api/api-keys", body, headers=headers).json()
    again = callers.admin.post("/api/api-keys", body, headers=headers).json()
    assert again == {name: value for name, value in first.items() if name != "key"}
    with database.connect("app") as conn:
        kept = conn.execute("select k::text from api_keys k union all select i::text from idempotency i").fetchall()
    assert len(kept) == 2
    assert first["key"] not in str(kept)


def test_keys_are_made_and_taken_back_from_the_command_line(callers: Callers, environment: dict[str, str]) -> None:
    command = Command(environment)
    result = command.run("api-key", "create", "lake", "--scope", "events", "--days", "3")
    said = command.said("api-key", "create", "lake", "--scope", "events")
    assert said["scopes"] == ["events"]
    printed = Caller(callers.client, result.stdout.strip(), None)
    assert "shown this once" in result.stderr
    assert command.run("api-key", "list").stdout.count("lake") == 2
    (first,) = [one for one in command.said("api-key", "list") if one["key_id"] != said["key_id"]]
    assert "Traceback" not in command.run("api-key", "revoke", first["key_id"]).output
    assert command.said("api-key", "revoke", first["key_id"])["key_id"] == first["key_id"]
    assert printed.get("/api/events").status_code == 401
    assert "there is no api_key" in command.refused("api-key", "revoke", str(uuid4()))
    assert "name is not acceptable" in command.refused("api-key", "create", "two words", "--scope", "events")
