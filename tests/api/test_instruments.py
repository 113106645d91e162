"""Questionnaires over HTTP: published once a version, continued by a map, read word for word."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coopschool import data
from tests.api.callers import Callers
from tests.api.conftest import Written
from tests.api.test_lists import pages
from tests.api.test_teams import refused

AUTONOMY: dict[str, Any] = json.loads(data.read("instrument-autonomy.json"))
FEEDBACK: dict[str, Any] = json.loads(data.read("instrument-feedback.json"))
MAP = {"version": 1, "dimensions": {"scheduling": "scheduling"}, "items": {"s1": "s1"}}


def second(**changes: Any) -> dict[str, Any]:
    return {**AUTONOMY, "version": 2, **changes}


@pytest.mark.parametrize("instrument", [AUTONOMY, FEEDBACK])
def test_a_questionnaire_is_published_and_read_word_for_word(callers: Callers, instrument: dict[str, Any]) -> None:
    made = callers.coordinator.post("/api/instruments", instrument)
    where = f"/api/instruments/{instrument['code']}/1"
    assert (made.status_code, made.headers["location"]) == (201, where), made.text
    for role in ("coordinator", "researcher"):
        seen = callers.caller(role).done("GET", where)  # type: ignore[arg-type]
        assert (seen["code"], seen["version"], len(seen["digest"])) == (instrument["code"], 1, 64)
        for part in ("note", "scale", "dimensions", "hot", "cold"):
            assert seen["instrument"].get(part) == instrument.get(part)


def test_the_same_version_again_changes_nothing_and_another_wording_is_refused(
    callers: Callers, written: Written
) -> None:
    first = callers.coordinator.made("/api/instruments", AUTONOMY)
    before = written()
    assert callers.coordinator.made("/api/instruments", AUTONOMY) == first
    reworded = callers.coordinator.post("/api/instruments", {**AUTONOMY, "note": "Other words."})
    assert refused(reworded) == (409, "version-not-newer", ["#/code", "#/version"])
    assert written() == before


def test_a_revision_says_what_it_continues(callers: Callers) -> None:
    callers.coordinator.made("/api/instruments", AUTONOMY)
    callers.caller("researcher").made("/api/instruments", second(continues=[MAP]))
    callers.coordinator.made("/api/instruments", FEEDBACK)
    first, again, feedback = callers.coordinator.done("GET", "/api/instruments")["items"]
    assert [(one["code"], one["version"]) for one in (first, again, feedback)] == [
        ("autonomy", 1),
        ("autonomy", 2),
        ("feedback", 1),
    ]
    assert (first["continues"], again["continues"]) == ([], [MAP])
    assert first["dimensions"] == ["scheduling", "decision_making", "work_methods", "team_autonomy"]
    assert (len(first["items"]), feedback["items"], feedback["hot"][0]) == (13, [], "clarity")
    only = callers.coordinator.done("GET", "/api/instruments?code=feedback")["items"]
    assert [one["code"] for one in only] == ["feedback"]
    assert pages(callers.coordinator, "/api/instruments?limit=2") == [["autonomy", "autonomy"], ["feedback"]]
    table = callers.coordinator.get("/api/instruments", headers={"Accept": "text/csv"}).text
    assert "scheduling|decision_making|work_methods|team_autonomy" in table


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"continues": [{**MAP, "version": 2}]}, (422, "instrument-invalid", ["#/continues/0/version"])),
        (
            {"continues": [{**MAP, "items": {"s9": "s1"}}]},
            (422, "instrument-invalid", ["#/continues/0/items/s9"]),
        ),
        (
            {"continues": [{**MAP, "items": {"s1": "s9"}}]},
            (409, "continues-unknown", ["#/continues/0/items/s1", "#/continues"]),
        ),
        ({"scale": {"min": 5, "max": 1}}, (422, "instrument-invalid", ["#/scale/max"])),
        ({"dimensions": []}, (422, "instrument-invalid", ["#/dimensions"])),
        ({"version": 0}, (422, "invalid", ["#/version"])),
        ({"code": "Autonomy!"}, (422, "invalid", ["#/code"])),
        ({"colour": "blue"}, (422, "invalid", ["#/colour"])),
    ],
)
def test_a_questionnaire_that_does_not_hold_together_is_refused(
    callers: Callers, written: Written, changes: dict[str, Any], expected: tuple[int, str, list[str]]
) -> None:
    callers.coordinator.made("/api/instruments", AUTONOMY)
    before = written()
    assert refused(callers.coordinator.post("/api/instruments", second(**changes))) == expected
    assert written() == before


def test_what_was_never_published_is_not_found(callers: Callers) -> None:
    callers.coordinator.made("/api/instruments", AUTONOMY)
    for path in ("autonomy/2", "other/1", "autonomy/0", "Autonomy/1"):
        assert callers.coordinator.get(f"/api/instruments/{path}").status_code == 404
