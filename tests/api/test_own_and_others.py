"""Members, trainers and advisers who have no part in a thing: generated from the API's own document.

A stranger in each role sends the example of every operation that the role may use. What succeeds must be listed here,
so that whoever adds a route says for whom its objects are.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from coopschool.application import CoopSchool
from coopschool.domain.base import Role
from tests.api.callers import Callers
from tests.api.example_school import build
from tests.api.test_openapi import operations, send

STRANGER = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7eff"

# Operations whose example answers a stranger, by role: with nothing of anybody in it.
FOR_STRANGERS: dict[str, set[str]] = {
    "member": {"GetModule", "GetSession", "ListModules", "ListSessions", "ListTeams"},
    "trainer": {"GetModule", "GetSession", "ListModules", "ListSessions", "ScheduleSession"},
    # Figures of other teams are there for every adviser 14 days after their release; workshops are those of the own.
    "adviser": {
        "GetModule",
        "GetSession",
        "ListModules",
        "ListSessions",
        "ListTeams",
        "ReportAutonomy",
        "ExplainAutonomy",
        "ReportWorkshops",
    },
}
# Open to everybody: no role is asked for.
PUBLIC = {"Live", "Ready", "Metrics", "SubmitResponse", "ShowAnswerForm", "SendAnswerForm"}


@pytest.mark.parametrize("role", ["member", "trainer", "adviser"])
def test_a_stranger_in_a_role_gets_nothing_that_is_others(
    role: Role, client: TestClient[Litestar], callers: Callers, school: CoopSchool, catch_up: Callable[[], int]
) -> None:
    build(school)
    catch_up()
    caller = callers.caller(role, person=STRANGER)
    answered = {}
    for path, method, operation in operations(client.get("/schema/openapi.json").json()):
        name = operation["operationId"]
        if name in PUBLIC or name == "StreamEvents" or role not in operation.get("x-roles", ()):
            continue
        inside = [one for one in operation["parameters"] if one["name"] == "If-Match"]
        operation["parameters"] = [one for one in operation["parameters"] if one not in inside]
        response = send(caller, path, method, operation, {"If-Match": '"1.1.1"'} if inside else None)
        assert response.status_code < 500, name
        if response.is_success:
            answered[name] = response.text
    unlisted = answered.keys() - FOR_STRANGERS[role]
    assert not unlisted, f"{unlisted}: say in FOR_STRANGERS whether a {role} without part in it may have this"
    assert '"people"' not in answered["GetSession"]
    assert '"items":[]' in answered.get("ListTeams", '"items":[]')
    assert '"rows":[]' in answered.get("ReportWorkshops", '"rows":[]')
