"""The API's own document: complete, and true of every example in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from coopschool.api import examples
from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from tests.api.callers import Caller, Callers
from tests.api.example_school import build
from tests.api.test_roles import EXPECTED

OPERATIONS = sorted(EXPECTED.keys() - {"UnknownReport", "UnknownExplanation", "ShowAnswerForm", "SendAnswerForm"})
# Requests that are not repeated by a key: nothing of them may be kept.
KEYLESS = {"SubmitResponse", "GiveFeedback", "AddFeedbackSheets", "IssueTokens"}


DATE = re.compile(r"20\d\d-\d\d-\d\d")
LAST = {"EndMembership", "LeaveTeam"}  # after which others would have nobody to be about


DOCUMENT: dict[str, Any] = {}


@pytest.fixture
def document(client: TestClient[Litestar]) -> dict[str, Any]:
    """Made once: it takes a second, and by the tests' clock it is always the same."""
    if not DOCUMENT:
        response = client.get("/schema/openapi.json")
        assert response.status_code == 200
        DOCUMENT.update(response.json())
    return DOCUMENT


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def test_the_document_has_every_operation_once_with_summary_tags_and_roles(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert sorted(operation["operationId"] for _, _, operation in operations(document)) == OPERATIONS
    for path, _, operation in operations(document):
        assert operation["summary"], path
        assert operation["tags"], path
        open_to_all = path.startswith(("/health", "/metrics")) or operation["operationId"] == "SubmitResponse"
        assert operation.get("x-roles") or open_to_all, path


def test_every_body_has_an_example_and_every_answer_that_may_come_is_there(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        answers = set(operation["responses"])
        assert {"422", "500", "503"} <= answers
        if "requestBody" in operation:
            (content,) = operation["requestBody"]["content"].values()
            assert "example" in content, path
            assert {"400", "413", "415"} <= answers
        if operation.get("security"):
            assert {"401", "403"} <= answers
        if method == "patch":
            assert {"412", "428"} <= answers
        names = {parameter["name"] for parameter in operation["parameters"]}
        assert ("Idempotency-Key" in names) == (method == "post" and operation["operationId"] not in KEYLESS)


def test_every_page_has_an_end(document: dict[str, Any]) -> None:
    most: dict[str, set[int]] = {}
    for _, _, operation in operations(document):
        names = {parameter["name"]: parameter for parameter in operation["parameters"]}
        assert ("cursor" in names) <= ("limit" in names), operation["operationId"]
        if "cursor" in names:
            most.setdefault("cursor", set()).add(names["limit"]["schema"]["maximum"])
    assert most == {"cursor": {500}}


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_example_of_an_operation_gets_the_answer_that_is_documented(
    name: str, document: dict[str, Any], callers: Callers, example: CoopSchool
) -> None:
    caller = callers.caller("coordinator", "admin", "adviser", "trainer", person=examples.ADVISER)
    path, method, operation = next(found for found in operations(document) if found[2]["operationId"] == name)
    response = send(caller, path, method, operation)
    documented = operation["responses"][str(response.status_code)]
    assert response.is_success, response.text
    assert response.headers["content-type"].partition(";")[0] in {
        kind.partition(";")[0] for kind in documented["content"]
    }


def test_the_examples_hold_in_any_year(
    client: TestClient[Litestar],
    callers: Callers,
    school: CoopSchool,
    clock: FixedClock,
    catch_up: Callable[[], int],
) -> None:
    """All that have a date in them, one after the other in one school; some move with the day, others lie behind."""
    today = document_of(client)
    clock.advance(timedelta(days=15 * 365 + 123))
    later = document_of(client)
    build(school)
    catch_up()
    caller = callers.caller("coordinator", "admin", "adviser", "trainer", person=examples.ADVISER)
    found = {operation["operationId"]: (path, method, operation) for path, method, operation in operations(later)}
    moved = {one["operationId"] for _, _, one in operations(today) if one != found[one["operationId"]][2]}
    assert {"ScheduleSession", "OpenWave", "TakeDecision", "ReviewDecision", "PlanWorkshop"} <= moved
    with_dates = [name for name, (_, _, operation) in found.items() if DATE.search(str(given_in(operation)))]
    assert moved < set(with_dates)
    for name in sorted(with_dates, key=lambda name: (name in LAST, name)):
        response = send(caller, *found[name])
        assert response.is_success, (name, response.text)


def document_of(client: TestClient[Litestar]) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/schema/openapi.json").json()
    return found


def given_in(operation: dict[str, Any]) -> list[Any]:
    """The examples of an operation: its parameters and its body."""
    bodies = operation.get("requestBody", {}).get("content", {}).values()
    return [one.get("example") for one in (*operation["parameters"], *bodies)]


def send(
    caller: Caller, path: str, method: str, operation: dict[str, Any], more: Mapping[str, str] | None = None
) -> Any:
    """Sends an operation's example."""
    given = {parameter["name"]: parameter.get("example") for parameter in operation["parameters"]}
    inside = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
    path = path.format_map({name: given[name] for name in inside})
    query = {
        parameter["name"]: parameter["example"]
        for parameter in operation["parameters"]
        if parameter["in"] == "query" and "example" in parameter
    }
    headers = dict(more or {})
    if "If-Match" in given:
        headers["If-Match"] = caller.get(path).headers["etag"]
    body = None
    if "requestBody" in operation:
        (content,) = operation["requestBody"]["content"].values()
        body = content["example"]
    return caller.send(method.upper(), path, body, params=query, headers=headers)
