"""What surrounds every request, and what is said of the server itself."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
import structlog
from litestar import Litestar
from litestar.testing import TestClient
from msgspec.structs import replace

from coopschool.api import access, edge
from coopschool.api.edge import Edge
from coopschool.api.metrics import Metrics
from coopschool.api.origin import Origin, Origins
from coopschool.api.problems import Problem
from coopschool.settings import Settings
from tests.api.callers import Callers

# What shows neither names nor texts nor the whole log.
SHOWING_NOBODY = {
    "",
    "GetInstrument",
    "GetModule",
    "GetSession",  # notes it itself, where it shows names
    "GetWaitlist",
    "GetWave",
    "ListApiKeys",
    "ListInstruments",
    "ListModules",
    "ListSessions",
    "ListTeams",
    "ListTeamsOfMember",
    "ListWaves",
    "Live",
    "Metrics",
    "Ready",
    "ShowAnswerForm",
    "UnknownReport",
}


async def broken(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("Ada's secret")


async def broken_midway(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"public")]})
    raise RuntimeError("Ada's secret")


async def test_what_escapes_the_application_is_answered_and_not_told() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    with structlog.testing.capture_logs() as lines:
        scope: Any = {"type": "http", "method": "GET", "path": "/api/members", "headers": []}
        await Edge(broken, Metrics())(scope, _nothing, send)
    start, body = sent
    assert start["status"] == 500
    assert b"/problems/internal-error" in body["body"]
    assert "secret" not in str(sent) + str(lines)
    assert [line["error"] for line in lines if line["event"] == "unexpected"] == ["RuntimeError"]


async def test_an_answer_that_has_begun_is_not_begun_again() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {"type": "http", "method": "GET", "path": "/api/members", "headers": []}
    await Edge(broken_midway, Metrics())(scope, _nothing, send)
    assert [message["type"] for message in sent] == ["http.response.start"]
    assert (b"cache-control", b"no-store") not in sent[0]["headers"]


async def test_a_caller_who_goes_away_while_sending_leaves_what_came(app: Litestar) -> None:
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    metrics, sent = Metrics(), []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    async def listening(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["body"] == b"{"
        assert (await receive())["type"] == "http.disconnect"

    messages = iter([*messages, {"type": "http.disconnect"}])
    scope: Any = {"type": "http", "method": "POST", "path": "/api/members", "headers": []}
    await Edge(listening, metrics)(scope, receive, send)
    assert sent == []
    assert 'status="499"' in metrics.text().decode()


async def _nothing() -> Any:
    return {"type": "http.disconnect"}


def test_metrics_count_by_route_template_and_never_by_id(callers: Callers) -> None:
    member = callers.member()
    member.get(f"/api/members/{member.person}")
    member.send("BREW", "/api/coffee")
    text = callers.client.get("/metrics").text
    assert 'coopschool_http_requests_total{method="GET",route="/api/members/{person_id}",status="200"} 1.0' in text
    assert 'method="other",route="unmatched"' in text
    assert str(member.person) not in text
    assert 'coopschool_command_bus{what="commands"} 1.0' in text


def test_without_its_database_the_server_lives_but_is_not_ready(client: TestClient[Litestar], app: Litestar) -> None:
    assert client.get("/health/ready").json()["status"] == "ready"
    app.state.reads.close()
    assert client.get("/health/live").json() == {"status": "live"}
    response = client.get("/health/ready")
    assert (response.status_code, response.json()) == (
        503,
        {"status": "store_away", "position": None, "projections": []},
    )
    assert client.get("/metrics").status_code == 200


@pytest.mark.parametrize("path", ["/api/sessions", "/api/modules", "/api/reports/progress"])
def test_reads_without_a_database_are_503(callers: Callers, app: Litestar, path: str) -> None:
    app.state.reads.close()
    response = callers.coordinator.get(path)
    assert (response.status_code, response.json()["type"]) == (503, "/problems/store-away")


async def never(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.Event().wait()


async def slowly(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await asyncio.to_thread(lambda: None)
    await send({"type": "http.response.body", "body": b"done", "more_body": False})


async def asked(app: Any = never, receive: Any = None, *, door: Edge | None = None, **scope: Any) -> list[Any]:
    """What the edge sends for a request."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    whole: Any = {"type": "http", "method": "GET", "path": "/api/members", "headers": [], **scope}
    await (door or Edge(app, Metrics()))(whole, receive or _nothing, send)
    return sent


async def test_an_answer_that_does_not_begin_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "SECONDS_FOR_ANSWER", 0)
    start, body = await asked(never)
    assert start["status"] == 503
    assert b"/problems/store-away" in body["body"]
    assert dict(start["headers"])[b"Retry-After"]


async def test_an_answer_that_has_begun_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "SECONDS_FOR_ANSWER", 0.001)
    start, body = await asked(slowly)
    assert (start["status"], body["body"]) == (200, b"done")


async def test_more_than_may_wait_are_told_to_come_back_and_the_next_are_let_in_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(edge, "WAITING_AT_MOST", 2)
    let_go = asyncio.Event()

    async def waits(scope: Any, receive: Any, send: Any) -> None:
        if not scope["path"].startswith("/health/"):
            await let_go.wait()
        await slowly(scope, receive, send)

    door = Edge(waits, Metrics())
    first = [asyncio.create_task(asked(door=door)) for _ in range(2)]
    await asyncio.sleep(0)
    start, body = await asked(door=door, headers=[(b"accept-language", b"fr")])
    problem = msgspec.json.decode(body["body"], type=Problem)
    assert (start["status"], problem.status, problem.type) == (503, 503, "/problems/busy")
    assert problem.title == "Trop de requêtes attendent"
    assert int(dict(start["headers"])[b"Retry-After"]) > 0
    assert (await asked(door=door, path="/health/ready"))[0]["status"] == 200
    let_go.set()
    assert [(await answer)[0]["status"] for answer in first] == [200, 200]
    assert (await asked(door=door))[0]["status"] == 200


@pytest.mark.parametrize(("patience", "status"), [(-1.0, 503), (60.0, 200)])
async def test_a_crowd_grows_no_more_once_its_first_has_waited_long(
    monkeypatch: pytest.MonkeyPatch, patience: float, status: int
) -> None:
    monkeypatch.setattr(edge, "CROWD", 1)
    monkeypatch.setattr(edge, "SECONDS_IN_A_CROWD", patience)
    let_go = asyncio.Event()

    async def waits(scope: Any, receive: Any, send: Any) -> None:
        await let_go.wait()
        await slowly(scope, receive, send)

    door = Edge(waits, Metrics())
    first = asyncio.create_task(asked(door=door))
    await asyncio.sleep(0)
    next_one = asyncio.create_task(asked(door=door))
    await asyncio.sleep(0)
    let_go.set()
    assert (await first)[0]["status"] == 200
    assert (await next_one)[0]["status"] == status


async def test_an_answer_that_has_begun_keeps_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "WAITING_AT_MOST", 1)
    goes_on = asyncio.Event()

    async def streams(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await goes_on.wait()

    door = Edge(streams, Metrics())
    streaming = [asyncio.create_task(asked(door=door)) for _ in range(3)]
    await asyncio.sleep(0)
    goes_on.set()
    assert [(await stream)[0]["status"] for stream in streaming] == [200, 200, 200]


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def trickling() -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(edge, "SECONDS_FOR_BODY", 0)
    start, body = await asked(never, trickling, method="POST")
    assert start["status"] == 408
    assert b"/problems/too-slow" in body["body"]
    assert dict(start["headers"])[b"connection"] == b"close"


async def test_browsers_are_bound_to_https_only_where_they_came_by_it() -> None:
    async def headers(**scope: Any) -> list[bytes]:
        return [name for name, _ in (await asked(slowly, **scope))[0]["headers"]]

    assert b"strict-transport-security" not in await headers()
    assert b"strict-transport-security" not in await headers(headers=[(b"x-forwarded-proto", b"https")])
    assert b"strict-transport-security" in await headers(scheme="https")


@pytest.mark.parametrize(
    ("client", "headers", "https", "here"),
    [
        ("10.0.0.5", {b"x-forwarded-proto": b"https", b"x-forwarded-for": b"192.0.2.7"}, True, False),
        ("10.0.0.5", {b"x-forwarded-for": b"127.0.0.1, 192.0.2.7"}, False, False),
        ("10.0.0.5", {b"x-forwarded-for": b"192.0.2.7, 127.0.0.1, 10.0.0.9"}, False, True),
        ("10.0.0.5", {b"x-forwarded-for": b"somewhere"}, False, False),
        ("10.0.0.5", {}, False, False),
        ("10.0.1.5", {b"x-forwarded-proto": b"https", b"x-forwarded-for": b"127.0.0.1"}, False, False),
        ("::ffff:10.0.0.5", {b"x-forwarded-proto": b"https"}, True, False),
        ("", {b"x-forwarded-proto": b"https"}, False, True),
    ],
)
def test_only_the_named_proxy_is_believed(
    client: str, headers: dict[bytes, bytes], https: bool, here: bool, settings: Settings
) -> None:
    origins = Origins.of(replace(settings, trusted_proxy="10.0.0.0/24, 2001:db8::1"))
    assert origins({"client": (client, 1), "scheme": "http"}, headers) == Origin(https, here)


def test_refusals_and_sights_of_people_are_noted_by_ids_alone(callers: Callers) -> None:
    ada, bo = callers.member(name="Ada Lovelace"), callers.member()
    with structlog.testing.capture_logs() as lines:
        bo.get(f"/api/members/{ada.person}")
        ada.get("/api/members/me")
        callers.admin.get(f"/api/people/{ada.person}")
        callers.client.get("/api/people", params={"q": "Lovelace"})
        callers.coordinator.get(f"/api/people/{ada.person}/personal-data")
    noted = [
        (line["event"], line["route"], line["status"], line["actor"], line["of"], line["what"])
        for line in lines
        if line["event"] in ("denied", "shown")
    ]
    details, one = "names and addresses", {"person_id": ada.person}
    assert noted == [
        ("denied", "/api/members/{person_id}", 403, bo.person, one, details),
        ("shown", "/api/members/{person_id}", 200, ada.person, {"person_id": "me"}, details),
        ("shown", "/api/people/{person_id}", 200, None, one, details),
        ("denied", "/api/people", 401, None, {}, details),
        ("denied", "/api/people/{person_id}/personal-data", 403, None, one, "everything about a person"),
    ]
    assert "Lovelace" not in str(lines)
    assert next(line for line in lines if line["event"] == "shown")["roles"] == ["member"]


def test_every_route_that_shows_names_or_texts_says_so(app: Litestar) -> None:
    quiet = {route.operation for route in access.routes(app) if route.method == "GET" and not route.opt.get("shows")}
    reports = {operation for operation in quiet if operation.startswith(("Report", "Explain", "UnknownExplanation"))}
    assert quiet - reports == SHOWING_NOBODY, "a new route says with shows=… what of people it shows, or is listed here"


def test_a_path_names_all_that_it_can_do_whichever_controller_does_it(client: TestClient[Litestar]) -> None:
    for path in ("/api/members", "/api/sessions", "/api/modules"):
        asked = client.options(path)
        assert asked.status_code == 204
        assert asked.headers["allow"] == "GET, OPTIONS, POST"
        refused = client.put(path)
        assert refused.status_code == 405
        assert set(refused.headers["allow"].split(", ")) == {"GET", "OPTIONS", "POST"}
