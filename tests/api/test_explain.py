"""Explain over HTTP: within what the caller may see of events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from coopschool.domain.school.enrolment import ModuleCompleted
from coopschool.domain.school.session import SessionClosed
from tests.api.callers import Caller, Callers
from tests.api.test_feed import Record, enrolled, recorded, researcher, scheduled

__all__ = ["recorded", "researcher"]


@pytest.fixture
def session(recorded: Record, catch_up: Callable[[], int]) -> str:
    """Five people completed M01 in it."""
    session = str(uuid4())
    people = enrolled(session, 5)
    outcomes = [
        ModuleCompleted(member=one.member, session=session, module="M01", attended=(1, 1), expected=1) for one in people
    ]
    recorded(scheduled(session), *people, SessionClosed(session=session, module="M01"), *outcomes)
    catch_up()
    return session


def explained(caller: Caller, **asked: Any) -> dict[str, Any]:
    answer: dict[str, Any] = caller.done("GET", "/api/reports/progress/explain", params=asked)
    return answer


def test_a_coordinator_learns_that_and_when_but_reads_no_log(callers: Callers, session: str) -> None:
    found = explained(callers.coordinator, figure="completed", module="M01", period="2020Q1", session=session)
    assert (found["value"], found["suppressed"], found["count"]) == (5, False, 5)
    assert {event["type"] for event in found["events"]} == {"ModuleCompleted.v1"}
    assert {(*event["tags"], *event["data"]) for event in found["events"]} == {()}


def test_a_researcher_sees_what_the_feed_shows(callers: Callers, session: str, researcher: Caller) -> None:
    found = explained(researcher, figure="completed")
    feed = researcher.get("/api/events", params={"type": "ModuleCompleted"}).json()["events"]
    assert found["events"] == feed
    name = feed[0]["data"]["session"]
    assert explained(researcher, figure="completed", session=name)["count"] == 5
    response = researcher.get("/api/reports/progress/explain", params={"figure": "completed", "session": session})
    assert (response.status_code, response.json()["details"]["known"]) == (404, [{"module": "M01"}])


def test_events_come_in_pages(callers: Callers, session: str) -> None:
    first = explained(callers.coordinator, figure="enrolled", limit=3)
    second = explained(callers.coordinator, figure="enrolled", limit=3, after=first["next"])
    assert [event["position"] for page in (first, second) for event in page["events"]] == [2, 3, 4, 5, 6]
    assert (first["at_end"], second["at_end"]) == (False, True)


REFUSED: list[dict[str, Any]] = [
    {},
    {"figure": "x"},
    {"figure": "enrolled", "limit": 0},
    {"figure": "enrolled", "limit": 10_001},
    {"figure": "enrolled", "after": "x"},
    {"figure": "enrolled", "as_of": "2026-03-03"},
]


@pytest.mark.parametrize("asked", REFUSED)
def test_what_cannot_be_explained_is_refused(callers: Callers, session: str, asked: dict[str, Any]) -> None:
    response = callers.coordinator.get("/api/reports/progress/explain", params=asked)
    assert response.status_code == 422, response.text


def test_an_unknown_report_has_no_explanation_and_the_others_are_named(callers: Callers) -> None:
    response = callers.coordinator.get("/api/reports/weather/explain")
    assert response.status_code == 404
    assert "progress" in response.json()["details"]["known"]


def test_researchers_find_sessions_in_reports_under_the_names_of_their_feed(
    callers: Callers, session: str, researcher: Caller
) -> None:
    report = researcher.done("GET", "/api/reports/progress", params={"group_by": "session"})
    (row,) = report["rows"]
    assert row["session"] == researcher.get("/api/events").json()["events"][0]["data"]["session"] != session
    again = researcher.done("GET", "/api/reports/progress", params={"session": row["session"]})
    assert again["parameters"]["session"] == row["session"]
    assert again["rows"][0]["enrolled"] == 5
    (known,) = callers.coordinator.done("GET", "/api/reports/progress", params={"group_by": "session"})["rows"]
    assert known["session"] == session


def test_a_report_on_the_future_is_refused(callers: Callers, session: str) -> None:
    response = callers.coordinator.get("/api/reports/progress", params={"as_of": "2026-03-03"})
    assert (response.status_code, response.json()["details"]["latest"]) == (422, "2026-03-02")
    assert callers.coordinator.get("/api/reports/progress", params={"as_of": "2026-03-02"}).status_code == 200
