"""What all writes have in common: once by key, not on stale state, and a position to read from."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.database import Database
from tests.api.callers import Callers
from tests.api.conftest import Written

MEMBER = {"category": "A", "joined_on": "2026-01-05"}


def test_the_same_key_and_body_give_the_first_answer_and_write_once(callers: Callers, written: Written) -> None:
    coordinator, key = callers.coordinator, {"Idempotency-Key": "a-key"}
    first = coordinator.post("/api/members", MEMBER, headers=key)
    after_first = written()
    second = coordinator.post("/api/members", MEMBER, headers=key)
    assert (second.status_code, second.json()) == (201, first.json())
    assert second.headers["location"] == first.headers["location"]
    assert written() == after_first


def test_the_same_key_with_another_body_is_refused(callers: Callers, written: Written) -> None:
    coordinator, key = callers.coordinator, {"Idempotency-Key": "a-key"}
    coordinator.post("/api/members", MEMBER, headers=key)
    before = written()
    other = coordinator.post("/api/members", {**MEMBER, "category": "B"}, headers=key)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/key-reused")
    assert other.json()["errors"][0]["parameter"] == "Idempotency-Key"
    assert written() == before


def test_a_key_belongs_to_its_caller_and_its_route(callers: Callers) -> None:
    key = {"Idempotency-Key": "a-key"}
    person = callers.member().person
    mine = callers.coordinator.post("/api/members", MEMBER, headers=key)
    theirs = callers.caller("coordinator", person=person).post("/api/members", MEMBER, headers=key)
    elsewhere = callers.admin.post("/api/people", {}, headers=key)
    assert len({answer.json()["person_id"] for answer in (mine, theirs, elsewhere)}) == 3


def test_a_refusal_is_decided_anew_under_the_same_key(callers: Callers, clock: FixedClock) -> None:
    session = callers.session(callers.module(), clock.now() + timedelta(days=10), seats=1)
    member, key = callers.member(), {"Idempotency-Key": "a-key"}
    path = f"/api/sessions/{session}/promote"
    assert callers.coordinator.post(path, {}, headers=key).status_code == 409
    clock.advance(timedelta(days=9))
    callers.coordinator.made(f"/api/sessions/{session}/enrolments", {"person_id": member.person})
    waiting = callers.member()
    callers.coordinator.made(f"/api/sessions/{session}/enrolments", {"person_id": waiting.person})
    callers.coordinator.done("DELETE", f"/api/sessions/{session}/enrolments/{member.person}")
    promoted = callers.coordinator.post(path, {}, headers=key)
    assert (promoted.status_code, promoted.json()["person_id"]) == (200, waiting.person)


@pytest.mark.parametrize("key", ["", "a key", "é", "x" * 256])
def test_a_key_of_another_form_is_refused(callers: Callers, key: str) -> None:
    response = callers.coordinator.post("/api/members", MEMBER, headers={"Idempotency-Key": key.encode()})
    assert response.status_code == 422
    assert response.json()["errors"][0]["parameter"] == "Idempotency-Key"


def test_neither_key_nor_body_of_a_repeatable_request_is_kept(callers: Callers, database: Database) -> None:
    callers.coordinator.post("/api/members", {**MEMBER, "name": "Zuleika"}, headers={"Idempotency-Key": "secret-key"})
    with database.connect("app") as conn:
        (kept,) = conn.execute("select string_agg(row(i.*)::text, '') from idempotency i").fetchone() or ("",)
    assert kept
    assert "secret-key" not in kept
    assert "Zuleika" not in kept


def test_a_change_needs_the_version_that_was_read(callers: Callers) -> None:
    callers.module()
    response = callers.coordinator.patch("/api/modules/M01", {"hours": 3})
    assert (response.status_code, response.json()["type"]) == (428, "/problems/precondition-required")
    assert response.json()["errors"][0]["parameter"] == "If-Match"


@pytest.mark.parametrize("etag", ['"7"', '"2.2"', "2", "*", '"-1"', 'W/"2"', '"9999999999999999999999"'])
def test_a_change_of_another_version_is_refused(callers: Callers, etag: str) -> None:
    callers.module()
    response = callers.coordinator.patch("/api/modules/M01", {"hours": 3}, headers={"If-Match": etag})
    assert (response.status_code, response.json()["type"]) == (412, "/problems/stale")


def test_a_change_of_the_version_that_was_read_succeeds_once(callers: Callers) -> None:
    callers.module()
    read = callers.coordinator.get("/api/modules/M01")
    changed = {"hours": 3, "title": {"fr": "Autrement"}}
    headers = {"If-Match": read.headers["etag"]}
    assert callers.coordinator.patch("/api/modules/M01", changed, headers=headers).status_code == 200
    assert callers.coordinator.patch("/api/modules/M01", {"hours": 4}, headers=headers).status_code == 412
    now = callers.coordinator.done("GET", "/api/modules/M01")
    assert (now["hours"], now["title"], now["revision"]) == (3.0, {"fr": "Autrement"}, 2)


def test_only_a_change_of_the_arrangements_makes_a_session_another_version(callers: Callers, clock: FixedClock) -> None:
    session = callers.session(callers.module(), clock.now() + timedelta(days=10))
    path = f"/api/sessions/{session}"
    read = callers.coordinator.get(path)
    callers.coordinator.made(f"{path}/enrolments", {"person_id": callers.member().person})
    headers = {"If-Match": read.headers["etag"]}
    assert callers.coordinator.patch(path, {"place": "Salle 3", "seats": 5}, headers=headers).status_code == 200
    now = callers.coordinator.get(path)
    assert (now.json()["place"], now.json()["seats"]) == ("Salle 3", 5)
    assert now.headers["etag"] != read.headers["etag"]


def test_every_write_answers_with_a_growing_position(callers: Callers, database: Database) -> None:
    first = callers.coordinator.made("/api/members", MEMBER)
    second = callers.coordinator.made("/api/members", MEMBER)
    assert second["position"] > first["position"]
    with database.connect("app") as conn:
        assert conn.execute("select max(position) from events").fetchone() == (second["position"],)


def test_the_store_away_is_503_and_comes_back_without_a_restart(callers: Callers, school: CoopSchool) -> None:
    member = callers.member()

    def away() -> psycopg.Connection[object]:
        raise psycopg.OperationalError("connection refused")

    connect, school.bus._connect = school.bus._connect, away
    if school.bus._conn is not None:
        school.bus._conn.close()
    response = callers.coordinator.post("/api/members", MEMBER)
    assert (response.status_code, response.json()["type"]) == (503, "/problems/store-away")
    assert int(response.headers["retry-after"]) > 0
    school.bus._connect = connect
    assert callers.coordinator.post("/api/members", MEMBER).status_code == 201
    assert member.get("/api/members/me").status_code == 200


def test_a_full_queue_is_503_with_retry_after(callers: Callers, school: CoopSchool) -> None:
    school.bus.close()
    response = callers.coordinator.post("/api/members", MEMBER)
    assert (response.status_code, response.json()["type"]) == (503, "/problems/busy")
    assert int(response.headers["retry-after"]) > 0
