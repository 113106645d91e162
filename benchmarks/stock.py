"""What one would build first: the library's `Application` with an aggregate a session, on the same PostgreSQL.

The comparison is kept fair: the same route, token, body checks, log line and metrics; the library's own PostgreSQL
recorder with its default settings; a conflict retried until it passes.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError
from litestar import post

from coopschool.api import access
from coopschool.api.request import ApiRequest


class StockSession(Aggregate):
    """A session with seats and a waiting list, as the library's tutorials write it."""

    @event("Scheduled")
    def __init__(self, session: str, seats: int) -> None:
        self.session = session
        self.seats = seats
        self.confirmed: list[str] = []
        self.waiting: list[str] = []

    @staticmethod
    def create_id(session: str) -> UUID:
        return uuid5(NAMESPACE_URL, session)

    def enrol(self, member: str) -> str:
        if len(self.confirmed) < self.seats:
            self._confirm(member)
            return "confirmed"
        self._wait(member)
        return "waitlisted"

    @event("Enrolled")
    def _confirm(self, member: str) -> None:
        self.confirmed.append(member)

    @event("Waitlisted")
    def _wait(self, member: str) -> None:
        self.waiting.append(member)


class StockSchool(Application[UUID]):
    """The library's application object, unchanged."""

    def enrol(self, session: str, member: str) -> tuple[str, int]:
        """Enrols, and answers what became of it and the position in the notification log."""
        while True:
            try:
                found: StockSession = self.repository.get(StockSession.create_id(session))
            except AggregateNotFoundError:
                found = StockSession(session=session, seats=20)
            status = found.enrol(member)
            try:
                return status, self.save(found)[-1].notification.id
            except IntegrityError:
                continue  # somebody else was first: read again, decide again


def environment(url: str, schema: str) -> dict[str, str]:
    """The library's settings for a database URL on a Unix socket, whose role may create tables in the schema."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path.removeprefix("/"),
        "POSTGRES_HOST": query["host"][0],
        "POSTGRES_PORT": query.get("port", ["5432"])[0],
        "POSTGRES_USER": parts.username or "postgres",
        "POSTGRES_PASSWORD": parts.password or "none",
        "POSTGRES_SCHEMA": schema,
    }


class EnrolBody(msgspec.Struct, forbid_unknown_fields=True):
    person_id: str | None = None


def route(stock: StockSchool, threads: int = 40) -> Any:
    """The enrolment route over the stock application; its calls block, so they run in threads."""
    pool = ThreadPoolExecutor(threads)

    @post("/api/sessions/{session_id:str}/enrolments", roles=access.may("member", "coordinator"), status_code=201)
    async def enrol(request: ApiRequest, session_id: str, data: EnrolBody) -> dict[str, Any]:
        member = data.person_id or request.me()
        loop = asyncio.get_running_loop()
        status, position = await loop.run_in_executor(pool, stock.enrol, session_id, member)
        return {"status": status, "position": position}

    return enrol
