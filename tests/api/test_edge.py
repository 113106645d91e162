"""What surrounds every request, and what is said of the server itself."""

from __future__ import annotations

from typing import Any

import pytest
import structlog
from litestar import Litestar
from litestar.testing import TestClient

from coopschool.api.edge import Edge
from coopschool.api.metrics import Metrics
from tests.api.callers import Callers


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
        await Edge(broken, Metrics())({"type": "http", "method": "GET", "headers": []}, _nothing, send)  # type: ignore[arg-type]
    start, body = sent
    assert start["status"] == 500
    assert b"/problems/internal-error" in body["body"]
    assert "secret" not in str(sent) + str(lines)
    assert [line["error"] for line in lines if line["event"] == "unexpected"] == ["RuntimeError"]


async def test_an_answer_that_has_begun_is_not_begun_again() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {"type": "http", "method": "GET", "headers": []}
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
