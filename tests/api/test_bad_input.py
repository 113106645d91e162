"""What is not as documented is refused with the field named, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from coopschool.clock import FixedClock
from tests.api.callers import MODULE, Callers, slots_from
from tests.api.conftest import Written

NOBODY = "00000000-0000-4000-8000-000000000000"
MEMBER = {"category": "A", "joined_on": "2026-01-05"}
SLOT = {"starts_at": "2026-05-04T09:00:00+02:00", "ends_at": "2026-05-04T12:00:00+02:00"}
SESSION = {
    "module": "M01",
    "seats": 12,
    "languages": ["fr"],
    "place": "brussels",
    "format": "online",
    "slots": [SLOT],
}


def named(answer: dict[str, Any]) -> list[str]:
    """The fields that a problem names."""
    return [error.get("pointer") or error["parameter"] for error in answer.get("errors", ())]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/members", {**MEMBER, "nickname": "Jo"}, "#/nickname"),
        ("/api/members", {"category": "A"}, "#/joined_on"),
        ("/api/members", {**MEMBER, "category": "D"}, "#/category"),
        ("/api/members", {**MEMBER, "joined_on": "2026-02-30"}, "#/joined_on"),
        ("/api/members", {**MEMBER, "joined_on": "1815-06-18"}, "#/joined_on"),
        ("/api/members", {**MEMBER, "joined_on": 20260105}, "#/joined_on"),
        ("/api/members", {**MEMBER, "name": ""}, "#/name"),
        ("/api/members", {**MEMBER, "name": "x" * 201}, "#/name"),
        ("/api/members", {**MEMBER, "name": "Jo\0"}, "#/name"),
        ("/api/members", {**MEMBER, "email": "nobody"}, "#/email"),
        ("/api/members", {**MEMBER, "email": "a@b\0.be"}, "#/email"),
        ("/api/members", {**MEMBER, "language": "de"}, "#/language"),
        ("/api/members", {**MEMBER, "person_id": "me"}, "#/person_id"),
        ("/api/modules", {**MODULE, "code": "M 01"}, "#/code"),
        ("/api/modules", {**MODULE, "half_days": 0}, "#/half_days"),
        ("/api/modules", {**MODULE, "half_days": "2"}, "#/half_days"),
        ("/api/modules", {**MODULE, "half_days": 2.5}, "#/half_days"),
        ("/api/modules", {**MODULE, "half_days": 10**30}, "#/half_days"),
        ("/api/modules", {**MODULE, "half_days": True}, "#/half_days"),
        ("/api/modules", {**MODULE, "min_attendance": 1.5}, "#/min_attendance"),
        ("/api/modules", {**MODULE, "min_attendance": 0.12345}, "#/min_attendance"),
        ("/api/modules", {**MODULE, "title": {"en": "No French"}}, "#/title/fr"),
        ("/api/modules", {**MODULE, "title": {"fr": "x", "de": "y"}}, "#/title/de"),
        ("/api/modules", {**MODULE, "audience": []}, "#/audience"),
        ("/api/modules", {**MODULE, "audience": ["A", "Z"]}, "#/audience/1"),
        ("/api/sessions", {**SESSION, "seats": 0}, "#/seats"),
        ("/api/sessions", {**SESSION, "seats": 10_001}, "#/seats"),
        ("/api/sessions", {**SESSION, "slots": []}, "#/slots"),
        ("/api/sessions", {**SESSION, "slots": [SLOT] * 61}, "#/slots"),
        ("/api/sessions", {**SESSION, "slots": [SLOT, SLOT]}, "#/slots/1/starts_at"),
        ("/api/sessions", {**SESSION, "slots": [{**SLOT, "starts_at": "2026-05-04T09:00:00"}]}, "#/slots/0/starts_at"),
        ("/api/sessions", {**SESSION, "slots": [{**SLOT, "starts_at": "tomorrow"}]}, "#/slots/0/starts_at"),
        ("/api/sessions", {**SESSION, "slots": [{**SLOT, "ends_at": SLOT["starts_at"]}]}, "#/slots/0/ends_at"),
        (
            "/api/sessions",
            {**SESSION, "slots": [{"starts_at": "0001-01-01T00:00:00+14:00", "ends_at": "0001-01-01T01:00:00+14:00"}]},
            "#/slots/0/starts_at",
        ),
        ("/api/sessions", {**SESSION, "slots": [{**SLOT, "room": 3}]}, "#/slots/0/room"),
        ("/api/sessions", {**SESSION, "place": ""}, "#/place"),
        ("/api/sessions", {**SESSION, "place": "Chez\0nous"}, "#/place"),
        ("/api/sessions", {**SESSION, "languages": []}, "#/languages"),
        ("/api/sessions", {**SESSION, "languages": ["fr", "fr"]}, "#/languages"),
        ("/api/modules", {**MODULE, "audience": ["A", "A"]}, "#/audience"),
        ("/api/modules", {**MODULE, "prerequisites": ["M02", "M02"]}, "#/prerequisites"),
        ("/api/sessions", {**SESSION, "trainers": ["Ines"]}, "#/trainers/0"),
        ("/api/modules/M01/enrolments", {"from": "soon"}, "#/from"),
        ("/api/modules/M01/enrolments", {"person_id": "you"}, "#/person_id"),
        ("/api/modules/M01/enrolments", {"waitlist": "yes"}, "#/waitlist"),
        ("/api/modules/M01/enrolments", ["me"], "#"),
        (f"/api/members/{NOBODY}/waivers", {"module": "M01", "reason_code": "because"}, "#/reason_code"),
        (f"/api/members/{NOBODY}/end", {"ended_on": None}, "#/ended_on"),
        (f"/api/sessions/{NOBODY}/slots/1/corrections", {"person_id": NOBODY}, "#/status"),
        (f"/api/sessions/{NOBODY}/promote", {"rank": 0}, "#/rank"),
        (f"/api/sessions/{NOBODY}/cancel", {}, "#/reason_code"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_written(
    callers: Callers, written: Written, path: str, body: Any, field: str
) -> None:
    callers.module()
    before = written()
    response = callers.coordinator.post(path, body)
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert named(response.json()) == [field]
    assert all(error["detail"] for error in response.json()["errors"])
    assert written() == before


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/api/sessions", {**SESSION, "module": "M99"}, "#/module"),
        ("POST", "/api/sessions", {**SESSION, "trainers": [NOBODY]}, "#/trainers/0"),
        ("POST", "/api/modules/M99/enrolments", {"person_id": "member"}, None),
        ("POST", "/api/modules/M01/enrolments", {"person_id": NOBODY}, "#/person_id"),
        ("POST", f"/api/sessions/{NOBODY}/enrolments", {"person_id": "member"}, None),
        ("POST", "/api/members/not-an-id/end", {"ended_on": "2026-03-01"}, "person_id"),
        ("POST", f"/api/members/{NOBODY}/waivers", {"module": "M99", "reason_code": "other"}, None),
        ("GET", "/api/sessions/none", None, "session_id"),
        ("GET", f"/api/sessions/{NOBODY}", None, None),
        ("GET", "/api/modules/M99", None, None),
        ("GET", "/api/modules/M%0099", None, "code"),
        ("GET", "/api/nothing", None, None),
        ("POST", f"/api/sessions/{NOBODY}/slots/0/cancel", None, "number"),
        ("POST", f"/api/sessions/{NOBODY}/slots/one/cancel", None, None),
    ],
)
def test_what_does_not_exist_is_not_found(
    callers: Callers, written: Written, method: str, path: str, body: Any, field: str | None
) -> None:
    callers.module()
    if body and body.get("person_id") == "member":
        body = {"person_id": callers.member().person}
    before = written()
    response = callers.coordinator.send(method, path, body)
    assert response.status_code == 404, response.text
    if field is not None:
        assert named(response.json()) == [field]
    assert written() == before


@pytest.mark.parametrize(
    ("content", "status", "problem"),
    [
        (b"{", 400, "malformed-json"),
        (b"not json", 400, "malformed-json"),
        (b'{"category": "A", "joined_on": "2026-01-05", "name": "\xff"}', 400, "malformed-json"),
        (b'{"category": "A", "joined_on": "2026-01-05", "name": "\\ud800"}', 400, "malformed-json"),
        (b"[" * 101 + b"]" * 101, 400, "nested-too-deep"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, 400, "nested-too-deep"),
        (b"[" * 300_000, 400, "nested-too-deep"),
        (b'{"name": "' + b"x" * (1 << 20) + b'"}', 413, "body-too-large"),
    ],
)
def test_a_body_beyond_the_limits_is_refused(
    callers: Callers, written: Written, content: bytes, status: int, problem: str
) -> None:
    before = written()
    response = callers.coordinator.post("/api/members", content=content, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["type"]) == (status, f"/problems/{problem}")
    assert written() == before


@pytest.mark.parametrize(
    ("path", "body", "known"),
    [
        ("/api/members", {**MEMBER, "category": "D"}, "A, B, C, candidate"),
        ("/api/members", {**MEMBER, "language": "de"}, "en, fr, nl"),
        ("/api/modules", {**MODULE, "audience": ["A", "Z"]}, "A, B, C, candidate"),
        ("/api/sessions", {**SESSION, "format": "on_site"}, "hybrid, in_person, online"),
    ],
)
def test_what_is_not_in_a_list_is_told_what_is(callers: Callers, path: str, body: Any, known: str) -> None:
    (error,) = callers.coordinator.post(path, body).json()["errors"]
    assert known in error["detail"]


def test_a_body_without_an_announced_length_is_not_read_beyond_the_limit(callers: Callers, written: Written) -> None:
    before = written()
    response = callers.coordinator.post("/api/members", content=(b"x" * 65_536 for _ in range(17)))
    assert response.status_code == 413
    assert written() == before


def test_brackets_in_a_text_are_not_depth(callers: Callers) -> None:
    name = '"' + "[{" * 90 + "\\"
    made = callers.coordinator.made("/api/members", {**MEMBER, "name": name})
    assert callers.coordinator.done("GET", f"/api/members/{made['person_id']}")["name"] == name


def test_wide_is_not_deep(callers: Callers) -> None:
    response = callers.coordinator.post("/api/members", {**MEMBER, "name": [[]] * 5000})
    assert named(response.json()) == ["#/name"]


def test_the_six_characters_that_spell_an_escape_are_a_text_like_any_other(callers: Callers) -> None:
    made = callers.coordinator.made("/api/members", {**MEMBER, "name": "\\u0000"})
    assert callers.coordinator.done("GET", f"/api/members/{made['person_id']}")["name"] == "\\u0000"


def test_a_form_is_not_json(callers: Callers) -> None:
    response = callers.coordinator.post("/api/members", data={"category": "A"})
    assert (response.status_code, response.json()["type"]) == (415, "/problems/unsupported-media-type")


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/api/sessions?colour=blue", "colour"),
        ("/api/sessions?limit=0", "limit"),
        ("/api/sessions?limit=501", "limit"),
        ("/api/sessions?limit=many", "limit"),
        ("/api/sessions?status=late", "status"),
        ("/api/sessions?module=M%0001", "module"),
        ("/api/sessions?from=soon", "from"),
        ("/api/sessions?cursor=!!", "cursor"),
        ("/api/sessions?cursor=é", "cursor"),
        ("/api/sessions?cursor=bm90IG91cnM", "cursor"),
        ("/api/sessions?min_position=-1", "min_position"),
        ("/api/sessions?min_position=1.5", "min_position"),
        ("/api/members?q=a", "q"),
    ],
)
def test_a_wrong_parameter_is_named(callers: Callers, path: str, parameter: str) -> None:
    response = callers.coordinator.get(path)
    assert response.status_code == 422, response.text
    assert named(response.json()) == [parameter]


def test_days_outside_the_calendar_are_refused_in_parameters_as_well(callers: Callers) -> None:
    response = callers.coordinator.get("/api/sessions?from=0001-01-01")
    assert (response.status_code, named(response.json())) == (422, ["from"])


def test_a_rule_that_is_broken_is_409_and_points_at_what_breaks_it(
    callers: Callers, clock: FixedClock, written: Written
) -> None:
    session = callers.session(callers.module(), clock.now() + timedelta(days=10), slots=2)
    member = callers.member()
    callers.coordinator.made(f"/api/sessions/{session}/enrolments", {"person_id": member.person})
    before = written()

    again = callers.coordinator.post(f"/api/sessions/{session}/enrolments", {"person_id": member.person})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/already-enrolled")
    assert named(again.json()) == ["#/person_id"]
    assert again.json()["details"] == {"member": member.person, "session": session}

    second = slots_from(clock.now() + timedelta(days=17), 1)[0]
    overlapping = callers.coordinator.post(f"/api/sessions/{session}/slots/1/move", second)
    assert (overlapping.status_code, overlapping.json()["type"]) == (409, "/problems/slots-overlap")
    assert written() == before


def test_a_value_that_passes_the_edge_stops_no_projection(
    callers: Callers, clock: FixedClock, catch_up: Callable[[], int]
) -> None:
    odd = "\u202e\U0001f9d1\u200d\U0001f33e\t'); drop table events; --\\N\\"
    session = callers.session(
        callers.module("Z-9_.x", title={"fr": odd}, aim=odd, hours=1440),
        clock.now() + timedelta(days=60_000),
        place=odd,
        seats=10_000,
    )
    member = callers.member(name=odd)
    callers.coordinator.made(f"/api/sessions/{session}/enrolments", {"person_id": member.person})
    callers.coordinator.made("/api/modules/Z-9_.x/enrolments", {"person_id": callers.member().person, "places": [odd]})
    position = catch_up()
    (card,) = callers.coordinator.done("GET", f"/api/sessions?min_position={position}")["items"]
    assert card["place"] == odd.strip()
