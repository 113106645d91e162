"""Whether the server lives, whether it can do its work, and what it counts."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import msgspec
import psycopg
import structlog
from litestar import Response, get
from litestar.types import ControllerRouterHandler
from psycopg import Connection

from coopschool.api.access import PUBLIC
from coopschool.api.metrics import Metrics
from coopschool.api.request import ApiRequest
from coopschool.sql import statements
from projections import runner
from projections.generations import Status

SQL = statements("coopschool.api", "health.sql")

PROMETHEUS = "text/plain; version=0.0.4"

log = structlog.get_logger("coopschool.health")


class Live(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["live"] = "live"


class Stop(msgspec.Struct, frozen=True):
    """The event at which a projection stopped; `cause` is the kind of error."""

    position: int
    type: str
    cause: str


class ProjectionState(msgspec.Struct, frozen=True, kw_only=True):
    """How far a projection is; `lag` in events."""

    name: str
    position: int
    lag: int
    stopped: Stop | None


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Whether commands can be written. A projection that stopped does not keep writes from going on."""

    status: Literal["ready", "store_away"]
    position: int | None
    projections: list[ProjectionState]


@get("/health/live", operation_id="Live", roles=PUBLIC, tags=["operations"], sync_to_thread=False)
def live() -> Live:
    """Says that the process answers."""
    return Live()


@get("/health/ready", operation_id="Ready", roles=PUBLIC, tags=["operations"])
async def ready(request: ApiRequest) -> Response[Ready]:
    """Says whether the log can be written, and how far the projections are; 503 if it cannot."""
    try:
        writable, position = await request.reads.vault(_can_write)
        states = await request.reads.plainly(runner.status)
    except psycopg.OperationalError as error:
        log.warning("not_ready", error=type(error).__name__)
        writable, position, states = False, None, []
    projections = [_state(status) for status in states]
    said = Ready(status="ready" if writable else "store_away", position=position, projections=projections)
    return Response(said, status_code=200 if writable else 503)


@get("/metrics", operation_id="Metrics", roles=PUBLIC, tags=["operations"], media_type=PROMETHEUS)
async def metrics(request: ApiRequest) -> Response[bytes]:
    """What the server counts, for Prometheus: by route template, never by id."""
    counts: Metrics = request.app.state.metrics
    counts.bus(request.school.bus)
    try:
        _, position = await request.reads.vault(_can_write)
        counts.projections(position, await request.reads.plainly(runner.status))
    except psycopg.OperationalError as error:
        log.warning("metrics_without_database", error=type(error).__name__)
    return Response(await asyncio.to_thread(counts.text), media_type=PROMETHEUS)


ROUTES: tuple[ControllerRouterHandler, ...] = (live, ready, metrics)


def _can_write(connection: Connection[Any]) -> tuple[bool, int]:
    row = connection.execute(SQL["can_write"]).fetchone()
    assert row is not None
    return bool(row[0]), int(row[1])


def _state(status: Status) -> ProjectionState:
    stopped = None
    if status.stopped_position is not None:
        cause = (status.stopped_cause or "").partition(":")[0]
        stopped = Stop(status.stopped_position, status.stopped_type or "", cause)
    return ProjectionState(name=status.projection, position=status.position, lag=status.lag, stopped=stopped)
