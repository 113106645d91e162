"""Who may do what: a matrix over the route table, and the objects that are one's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar, Request, get
from litestar.exceptions import ImproperlyConfiguredException
from litestar.testing import TestClient

from coopschool.api import access
from coopschool.api.app import SchoolApp
from coopschool.api.auth import ROLES
from coopschool.clock import FixedClock
from coopschool.domain.base import Role
from tests.api.callers import Caller, Callers

NOBODY = "00000000-0000-4000-8000-000000000000"
FILLED_IN = {
    "person_id": NOBODY,
    "session_id": NOBODY,
    "team_id": NOBODY,
    "workshop_id": NOBODY,
    "decision_id": NOBODY,
    "quarter": "2026Q1",
    "code": "M01",
    "version": "1",
    "wave_id": NOBODY,
    "moment": "hot",
    "number": "1",
    "name": "progress",
    "key_id": NOBODY,
}

# What the contract says, route by route: operation → who may use it. A new route needs a line here.
EXPECTED: dict[str, set[Role]] = {
    "Live": set(),
    "Ready": set(),
    "Metrics": set(),
    "RegisterPerson": {"admin"},
    "CreateApiKey": {"admin"},
    "ListApiKeys": {"admin"},
    "RevokeApiKey": {"admin"},
    "ListPeople": {"admin"},
    "GetPerson": {"admin"},
    "SetRoles": {"admin"},
    "PlaceLegalHold": {"admin"},
    "LiftLegalHold": {"admin"},
    "ConnectSignIn": {"admin"},
    "ExportPersonalData": set(ROLES),
    "CorrectPersonalData": set(ROLES),
    "ErasePersonalData": set(ROLES),
    "JoinAsMember": {"coordinator"},
    "ListMembers": {"coordinator"},
    "GetMember": {"member", "coordinator"},
    "AmendDetails": {"member", "coordinator"},
    "ChangeCategory": {"coordinator"},
    "EndMembership": {"coordinator"},
    "WaivePrerequisite": {"coordinator"},
    "ListEnrolments": {"member", "coordinator"},
    "GetProgress": {"member", "coordinator"},
    "DraftModule": {"coordinator"},
    "ReviseModule": {"coordinator"},
    "PublishModule": {"coordinator"},
    "RetireModule": {"coordinator"},
    "ListModules": set(ROLES),
    "GetModule": set(ROLES),
    "EnrolInModule": {"member", "coordinator"},
    "WithdrawInterest": {"member", "coordinator"},
    "ScheduleSession": {"coordinator", "trainer"},
    "ReviseSession": {"coordinator", "trainer"},
    "MoveSlot": {"coordinator", "trainer"},
    "CancelSlot": {"coordinator", "trainer"},
    "CancelSession": {"coordinator", "trainer"},
    "CloseSession": {"coordinator", "trainer"},
    "ListSessions": set(ROLES),
    "GetSession": set(ROLES),
    "EnrolInSession": {"member", "trainer", "coordinator"},
    "WithdrawEnrolment": {"member", "coordinator"},
    "GetWaitlist": {"member", "trainer", "coordinator"},
    "Promote": {"trainer", "coordinator"},
    "LogAttendance": {"trainer", "coordinator"},
    "CorrectAttendance": {"trainer", "coordinator"},
    "FormTeam": {"coordinator"},
    "ListTeams": {"adviser", "member", "coordinator"},
    "GetTeam": {"adviser", "member", "coordinator"},
    "ListTeamsOfMember": {"adviser", "member", "coordinator"},
    "JoinTeam": {"coordinator"},
    "LeaveTeam": {"coordinator"},
    "RecordTelework": {"adviser", "member", "coordinator"},
    "EnrolTeam": {"coordinator"},
    "PlanWorkshop": {"adviser", "member", "trainer", "coordinator"},
    "ListWorkshops": {"adviser", "member", "trainer", "coordinator"},
    "GetWorkshop": {"adviser", "member", "trainer", "coordinator"},
    "HoldWorkshop": {"adviser", "member", "trainer", "coordinator"},
    "AddWorkshopNote": {"adviser", "member", "trainer", "coordinator"},
    "TakeDecision": {"adviser", "member", "trainer", "coordinator"},
    "ReviewDecision": {"adviser", "member", "trainer", "coordinator"},
    "GetDecision": {"adviser", "member", "trainer", "coordinator"},
    "ListDecisions": {"adviser", "member", "trainer", "coordinator"},
    "PublishInstrument": {"coordinator", "researcher"},
    "ListInstruments": {"coordinator", "researcher"},
    "GetInstrument": {"coordinator", "researcher"},
    "GiveFeedback": set(ROLES),
    "RetractFeedback": set(ROLES),
    "AddFeedbackSheets": {"trainer"},
    "LogTrainerReport": {"trainer"},
    "ListComments": {"trainer"},
    "OpenWave": {"coordinator", "researcher"},
    "ListWaves": {"coordinator", "researcher"},
    "GetWave": {"coordinator", "researcher"},
    "IssueTokens": {"coordinator"},
    "CloseWave": {"coordinator", "researcher"},
    "SubmitResponse": set(),
    "ShowAnswerForm": set(),
    "SendAnswerForm": set(),
    "ReportProgress": {"coordinator", "researcher"},
    "ReportCohorts": {"coordinator", "researcher"},
    "ReportDemand": {"coordinator"},
    "ReportAttendance": {"coordinator", "trainer"},
    "ReportMemberProgress": {"coordinator", "member"},
    "ReportAutonomy": {"coordinator", "researcher", "adviser"},
    "ReportWorkshops": {"coordinator", "researcher", "adviser"},
    "ReportFeedback": {"coordinator", "researcher", "trainer"},
    "UnknownReport": set(ROLES),
    "ExplainProgress": {"coordinator", "researcher"},
    "ExplainCohorts": {"coordinator", "researcher"},
    "ExplainDemand": {"coordinator"},
    "ExplainAttendance": {"coordinator", "trainer"},
    "ExplainMemberProgress": {"coordinator", "member"},
    "ExplainFeedback": {"coordinator", "researcher", "trainer"},
    "ExplainAutonomy": {"coordinator", "researcher", "adviser"},
    "ExplainWorkshops": {"coordinator", "researcher", "adviser"},
    "UnknownExplanation": set(ROLES),
    "ListEvents": {"admin", "researcher"},
    "StreamEvents": {"admin", "researcher"},
}


def school_routes(app: Litestar) -> Iterator[access.Route]:
    return (route for route in access.routes(app) if not route.path.startswith("/schema"))


def filled_in(path: str) -> str:
    return re.sub(r"{(\w+)(?::\w+)?}", lambda found: FILLED_IN[found[1]], path)


def test_every_route_is_open_to_whom_the_contract_says(app: Litestar) -> None:
    assert {route.operation: set(route.roles) for route in school_routes(app)} == EXPECTED


def test_without_a_token_nothing_but_health_and_metrics_answers(app: Litestar, client: TestClient[Litestar]) -> None:
    answers = {
        route.operation: client.request(route.method, filled_in(route.path)).status_code for route in school_routes(app)
    }
    opened = {operation for operation, status in answers.items() if status != 401}
    assert opened == {operation for operation, roles in EXPECTED.items() if not roles}


@pytest.mark.parametrize("role", ROLES)
def test_another_role_is_refused_by_every_route_that_does_not_name_it(
    app: Litestar, callers: Callers, role: Role
) -> None:
    caller = callers.caller(role, person="11111111-1111-4111-8111-111111111111")
    for route in school_routes(app):
        if route.roles and role not in route.roles:
            response = caller.send(route.method, filled_in(route.path))
            assert (response.status_code, response.json()["type"]) == (403, "/problems/forbidden"), route


def test_a_token_without_roles_opens_nothing(app: Litestar, callers: Callers) -> None:
    for route in school_routes(app):
        if route.roles:
            assert callers.caller().send(route.method, filled_in(route.path)).status_code == 403


def test_an_unguarded_route_stops_the_start() -> None:
    @get("/open", sync_to_thread=False)
    def unguarded() -> str:
        return "anybody"

    with pytest.raises(ImproperlyConfiguredException, match="GET /open"):
        SchoolApp([unguarded])


def test_a_route_with_a_hook_in_the_guards_place_stops_the_start() -> None:
    async def lets_pass(_request: Request[Any, Any, Any]) -> None: ...

    @get("/open", sync_to_thread=False, roles=access.may("admin"), before_request=lets_pass)
    def unguarded() -> str:
        return "anybody"

    with pytest.raises(ImproperlyConfiguredException, match="GET /open"):
        SchoolApp([unguarded])


PERSONAL = [
    ("GET", "/api/members/{id}", None),
    ("GET", "/api/members/{id}/enrolments", None),
    ("GET", "/api/members/{id}/progress", None),
    ("PATCH", "/api/members/{id}", {"language": "nl"}),
    ("GET", "/api/people/{id}/personal-data", None),
    ("PATCH", "/api/people/{id}/personal-data", {"language": "nl"}),
    ("GET", "/api/reports/member_progress?member={id}", None),
    ("POST", "/api/modules/M01/enrolments", {"person_id": "{id}"}),
    ("DELETE", "/api/modules/M01/interests/{id}", None),
    ("DELETE", "/api/people/{id}/personal-data", None),
]


@pytest.mark.parametrize(("method", "path", "body"), PERSONAL)
def test_what_is_about_oneself_is_for_oneself(
    callers: Callers, catch_up: Callable[[], int], method: str, path: str, body: dict[str, str] | None
) -> None:
    callers.module()
    ada, bo = callers.member(), callers.member()
    callers.coordinator.made("/api/modules/M01/enrolments", {"person_id": ada.person})
    catch_up()

    def ask(caller: Caller, whose: str) -> int:
        sent = body and {name: value.replace("{id}", whose) for name, value in body.items()}
        seen = caller.get(path.replace("{id}", whose) if method == "PATCH" else f"/api/members/{whose}")
        headers = {"If-Match": seen.headers.get("etag", '"1.1.1"')} if method == "PATCH" else {}
        return caller.send(method, path.replace("{id}", whose), sent, headers=headers).status_code

    assert ask(bo, ada.person or "") == 403
    assert ask(ada, "me") in (200, 201)


def test_a_trainer_runs_their_own_sessions_only(callers: Callers, clock: FixedClock) -> None:
    ours, theirs = callers.trainer(), callers.trainer()
    begins = clock.now() + timedelta(days=10)
    session = callers.session(callers.module(), begins, trainers=[ours.person])
    ada = callers.member()
    ada.made(f"/api/sessions/{session}/enrolments", {})
    path = f"/api/sessions/{session}"
    requests: list[tuple[str, str, Any]] = [
        ("POST", f"{path}/promote", {}),
        ("POST", f"{path}/slots/1/cancel", None),
        ("POST", f"{path}/cancel", {"reason_code": "other"}),
        ("POST", f"{path}/close", None),
        ("PUT", f"{path}/slots/1/attendance", {"records": []}),
        ("POST", f"{path}/slots/1/corrections", {"person_id": ada.person, "status": "absent", "reason_code": "other"}),
        ("POST", f"{path}/enrolments", {"person_id": callers.member().person}),
        ("GET", f"{path}/waitlist", None),
        ("GET", f"/api/reports/attendance?session={session}", None),
    ]
    for method, to, body in requests:
        assert theirs.send(method, to, body).status_code == 403, (method, to)
    moved = {"starts_at": begins.isoformat(), "ends_at": (begins + timedelta(hours=2)).isoformat()}
    assert theirs.post(f"{path}/slots/1/move", moved).status_code == 403
    assert theirs.patch(path, {"seats": 9}, headers={"If-Match": theirs.get(path).headers["etag"]}).status_code == 403
    assert ours.post(f"{path}/slots/1/move", moved).status_code == 200
    assert ours.patch(path, {"seats": 9}, headers={"If-Match": ours.get(path).headers["etag"]}).status_code == 200


def test_people_in_a_session_are_shown_to_those_who_run_it(callers: Callers, clock: FixedClock) -> None:
    ours, theirs = callers.trainer(), callers.trainer()
    session = callers.session(callers.module(), clock.now() + timedelta(days=10), seats=1, trainers=[ours.person])
    ada, bo = callers.member(name="Ada"), callers.member(name="Bo")
    ada.made(f"/api/sessions/{session}/enrolments", {})
    bo.made(f"/api/sessions/{session}/enrolments", {})

    for caller in (ours, callers.coordinator):
        people = caller.done("GET", f"/api/sessions/{session}")["people"]
        assert [(one["name"], one["status"], one["rank"]) for one in people] == [
            ("Ada", "confirmed", None),
            ("Bo", "waitlisted", 1),
        ]
    for caller in (theirs, ada, callers.admin, callers.caller("researcher")):
        seen = caller.get(f"/api/sessions/{session}")
        assert "people" not in seen.json()
        assert "Bo" not in seen.text
    waiting = bo.done("GET", f"/api/sessions/{session}/waitlist")["waiting"]
    assert [(one["rank"], one["person_id"]) for one in waiting] == [(1, bo.person)]
    assert ada.done("GET", f"/api/sessions/{session}/waitlist") == {"waiting": [], "promotions": []}
    assert callers.member().get(f"/api/sessions/{session}/waitlist").status_code == 403


def test_trainers_see_names_until_30_days_after_closing_and_coordinators_for_good(
    callers: Callers, clock: FixedClock
) -> None:
    ours = callers.trainer()
    session = callers.session(callers.module(), clock.now() + timedelta(days=5), slots=1, trainers=[ours.person])
    ada = callers.member(name="Ada")
    ada.made(f"/api/sessions/{session}/enrolments", {})
    clock.advance(timedelta(days=6))
    ours.done(
        "PUT",
        f"/api/sessions/{session}/slots/1/attendance",
        {"records": [{"person_id": ada.person, "status": "present"}]},
    )
    ours.done("POST", f"/api/sessions/{session}/close")

    def name(caller: Caller) -> str | None:
        (learner,) = caller.done("GET", f"/api/sessions/{session}")["people"]
        assert learner["attendance"] == [{"slot": 1, "status": "present"}]
        found: str | None = learner["name"]
        return found

    clock.advance(timedelta(days=30))
    ours = callers.caller("trainer", person=ours.person)
    assert (name(ours), name(callers.coordinator)) == ("Ada", "Ada")
    clock.advance(timedelta(days=1))
    assert (name(ours), name(callers.coordinator)) == (None, "Ada")


def test_me_is_nobody_without_a_person(callers: Callers) -> None:
    response = callers.caller("member").get("/api/members/me")
    assert response.status_code == 403
    assert response.json()["errors"][0]["parameter"] == "me"


def test_which_reports_there_are_is_told_to_who_asks_for_another(callers: Callers) -> None:
    response = callers.coordinator.get("/api/reports/gossip")
    assert response.status_code == 404
    assert "progress" in response.json()["details"]["known"]
