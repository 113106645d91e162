"""Members, trainers and advisers, and what is their own or others': generated from the API's own document.

Somebody in each role sends the example of every operation that the role may use: a stranger, who has no part in it, and
the one whose it is. What a stranger gets must be listed here, and whose the example is, so that whoever adds a route
says for whom its objects are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from httpx import Response
from litestar import Litestar
from litestar.testing import TestClient

from coopschool.api.examples import (
    ADVISER,
    ENROLLED,
    INTERESTED,
    LEAVER,
    MEMBER,
    OTHER_ADVISER,
    OWN_SESSION,
    PERSON,
    RUNNING_SESSION,
    TRAINER,
    WAITING,
)
from coopschool.application import CoopSchool
from coopschool.domain.base import Role
from projections.reports import REPORTS
from tests.api.callers import Caller, Callers
from tests.api.example_school import build
from tests.api.test_openapi import operations, send
from tests.api.test_roles import EXPECTED

RESTRICTED: tuple[Role, ...] = ("member", "trainer", "adviser")
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


# Whose the example of an operation is, where it is not the role's own person.
OWN: dict[Role, str] = {"member": MEMBER, "trainer": TRAINER, "adviser": ADVISER}
OF_OTHERS: dict[str, str] = {
    "ExportPersonalData": MEMBER,
    "CorrectPersonalData": PERSON,
    "ErasePersonalData": LEAVER,
    "WithdrawInterest": INTERESTED,
    "WithdrawEnrolment": ENROLLED,
    **dict.fromkeys(("GetTeam", "ListTeamsOfMember", "RecordTelework"), ADVISER),
    **dict.fromkeys(("ListWorkshops", "GetWorkshop", "PlanWorkshop", "HoldWorkshop", "AddWorkshopNote"), ADVISER),
    **dict.fromkeys(("TakeDecision", "ReviewDecision", "GetDecision", "ListDecisions"), ADVISER),
    **dict.fromkeys(("GiveFeedback", "RetractFeedback", "AddFeedbackSheets", "LogTrainerReport"), ADVISER),
    **dict.fromkeys(("ListComments", "ReportFeedback", "ExplainFeedback"), ADVISER),
}
HERS: dict[tuple[Role, str], str] = {("member", "GetWaitlist"): ENROLLED}
# Other people in what is one's own: colleagues of the team, and learners for who gives the session.
TOGETHER: dict[tuple[Role, str], set[str]] = {
    ("adviser", "GetTeam"): {OTHER_ADVISER},
    ("adviser", "ListTeams"): {OTHER_ADVISER},
    ("member", "GetTeam"): {OTHER_ADVISER},
    ("trainer", "GetSession"): {ENROLLED},
    ("trainer", "Promote"): {WAITING},
}
# A rule that has nothing to do with whose it is.
RULES: dict[tuple[Role, str], str] = {
    ("member", "EnrolInSession"): "already-enrolled",  # by the example of EnrolInModule
    ("trainer", "EnrolInSession"): "walk-in-on-the-day-only",
    ("trainer", "ExplainFeedback"): "invalid",  # its example names no session
}
LAST = "CancelSession", "CloseSession", "EndMembership", "ErasePersonalData"


def asked(client: TestClient[Litestar], role: Role, ask: Callable[[str], Caller]) -> Iterator[tuple[str, Response]]:
    """The answers to the examples of all operations that the role may use, those that end something at last."""
    order = {"get": 0, "patch": 1, "put": 2, "post": 3, "delete": 4}
    found = operations(client.get("/schema/openapi.json").json())
    for path, method, operation in sorted(found, key=lambda one: (one[2]["operationId"] in LAST, order[one[1]])):
        name = operation["operationId"]
        if name in PUBLIC or name == "StreamEvents" or role not in operation.get("x-roles", ()):
            continue
        caller = ask(name)
        response = send(caller, path, method, *_without_if_match(caller, path, operation))
        assert response.status_code < 500, name
        yield name, response


def _without_if_match(caller: Caller, path: str, operation: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The operation, and the `If-Match` that the caller sends: made up where they may not read the thing."""
    inside = [one for one in operation["parameters"] if one["name"] == "If-Match"]
    if not inside:
        return operation, {}
    given = {one["name"]: one.get("example") for one in operation["parameters"] if one["in"] == "path"}
    seen = caller.get(path.format_map(given)).headers.get("etag", '"1.1.1"')
    rest = [one for one in operation["parameters"] if one not in inside]
    return {**operation, "parameters": rest}, {"If-Match": seen}


@pytest.mark.parametrize("role", RESTRICTED)
def test_a_stranger_in_a_role_gets_nothing_that_is_others(
    role: Role, client: TestClient[Litestar], callers: Callers, school: CoopSchool, catch_up: Callable[[], int]
) -> None:
    build(school)
    catch_up()
    stranger = callers.caller(role, person=STRANGER)
    answered = {name: answer.text for name, answer in asked(client, role, lambda _: stranger) if answer.is_success}
    unlisted = answered.keys() - FOR_STRANGERS[role]
    assert not unlisted, f"{unlisted}: say in FOR_STRANGERS whether a {role} without part in it may have this"
    assert '"people"' not in answered["GetSession"]
    assert '"items":[]' in answered.get("ListTeams", '"items":[]')
    assert '"rows":[]' in answered.get("ReportWorkshops", '"rows":[]')


@pytest.mark.parametrize("role", RESTRICTED)
def test_whose_it_is_gets_what_is_their_own_and_nobody_else_in_it(
    role: Role, client: TestClient[Litestar], callers: Callers, school: CoopSchool, catch_up: Callable[[], int]
) -> None:
    build(school)
    catch_up()
    people = {name: HERS.get((role, name), OF_OTHERS.get(name, OWN[role])) for name in EXPECTED}
    for name, answer in asked(client, role, lambda name: callers.caller(role, person=people[name])):
        rule = RULES.get((role, name))
        assert answer.is_success if rule is None else answer.json()["type"] == f"/problems/{rule}", (name, answer.text)
        seen = set(re.findall(r"5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e\w\w", answer.text))
        known = {people[name], TRAINER, *TOGETHER.get((role, name), ())}
        assert seen <= known, f"{name} shows {seen - known} to {people[name]}"


# Reports that one may ask for on one's own account: by which filter, one's own thing and another's.
OWN_REPORTS: dict[tuple[Role, str], tuple[str, str, str]] = {
    ("member", "member_progress"): ("member", MEMBER, ENROLLED),
    ("trainer", "attendance"): ("session", RUNNING_SESSION, OWN_SESSION),
    ("trainer", "feedback"): ("session", RUNNING_SESSION, OWN_SESSION),
}
# What an adviser sees in these is decided row by row: their own team, and others' releases after 14 days.
OF_TEAMS = {("adviser", "autonomy"), ("adviser", "workshops")}


@pytest.mark.parametrize("role", RESTRICTED)
def test_reports_are_on_what_is_ones_own_whatever_the_dates(
    role: Role,
    callers: Callers,
    school: CoopSchool,
    catch_up: Callable[[], int],
) -> None:
    build(school)
    catch_up()
    caller, yesterday = callers.caller(role, person=OWN[role]), str((school.now() - timedelta(days=1)).date())
    dates: tuple[dict[str, str], ...] = ({}, {"as_of": yesterday}, {"known_at": yesterday}, {"as_of": "2018-01-01"})
    for name, dated in product(REPORTS, dates):
        filter, own, others = OWN_REPORTS.get((role, name), ("", "", ""))
        asked = (
            [({filter: own}, 200), ({filter: others}, 403)] if own else [({}, 200 if (role, name) in OF_TEAMS else 403)]
        )
        for wanted, status in asked:
            answer = caller.get(f"/api/reports/{name}", params={**wanted, **dated})
            assert answer.status_code == status, (name, wanted, dated, answer.text)
            if status == 403:
                figure = {"figure": next(iter(REPORTS[name].figures))}
                explained = caller.get(f"/api/reports/{name}/explain", params={**wanted, **dated, **figure})
                assert explained.status_code == 403, (name, wanted, dated)
