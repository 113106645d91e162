"""Enrolments over HTTP: against an empty handler, the stock application and the bare SQL transaction; and a race."""

from __future__ import annotations

import time
from itertools import cycle
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import msgspec
import uvloop

from benchmarks.client import Measured, request, send, spread
from benchmarks.school import SmallSchool, small_school
from benchmarks.servers import running
from coopschool.api.auth import mint_token
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.eventstore import log
from coopschool.eventstore.log import SQL, RecordedEvent
from coopschool.settings import Settings

PORT = 18_431
SESSIONS = 200
CONNECTIONS = (1, 16, 64)


class Row(NamedTuple):
    """One line of the table."""

    server: str
    connections: int
    rate: float
    p50: float
    p99: float


def enrolments(settings: Settings, school: SmallSchool, members: list[str]) -> list[bytes]:
    """Requests that enrol each member once, all sessions in turn."""
    token = mint_token(settings.signing_key(), ["coordinator"])
    return [
        request(
            "POST",
            f"/api/sessions/{session}/enrolments",
            token=token,
            body=msgspec.json.encode({"person_id": member}),
        )
        for member, session in zip(members, cycle(school.sessions), strict=False)
    ]


def compare(data_dir: Path, requests: int, rounds: int = 2) -> list[Row]:
    """Each server at each number of connections, in turn, the best of the rounds; then the bare transaction."""
    settings = Settings(data_dir=data_dir)
    rows: dict[tuple[str, int], Row] = {}
    with Database.open(settings) as database, CoopSchool(database, settings) as school:
        for _ in range(rounds):
            for kind in ("empty", "ours", "stock"):
                made = small_school(school, sessions=SESSIONS, members=requests * 3)
                with running(kind, PORT, data_dir):
                    for row in _one_server(kind, settings, made, requests):
                        known = rows.get((kind, row.connections))
                        rows[kind, row.connections] = row if known is None or row.rate > known.rate else known
        bare = bare_transaction(database, 300)
    return [*rows.values(), bare]


def _one_server(kind: str, settings: Settings, made: SmallSchool, requests: int) -> list[Row]:
    rows = []
    members = iter(made.members)
    for connections in CONNECTIONS:
        count = requests if connections > 1 else requests // 5
        prepared = enrolments(settings, made, [next(members) for _ in range(count)])
        measured = uvloop.run(send(PORT, spread(prepared, connections)))
        _only(measured, 201)
        rows.append(Row(kind, connections, measured.rate, measured.percentile(0.5), measured.percentile(0.99)))
    return rows


def bare_transaction(database: Database, count: int) -> Row:
    """What PostgreSQL alone takes for the same rows: begin, lock, head, insert, notify, commit, one after the other."""
    latencies = []
    with database.connect("app", autocommit=False) as conn:
        for _ in range(count):
            event = RecordedEvent(
                "MemberEnrolled.v1",
                msgspec.json.encode(
                    {"member": str(uuid4()), "session": str(uuid4()), "module": "M01", "walk_in": False}
                ),
                [f"member:{uuid4()}", f"session:{uuid4()}", "module:M01"],
            )
            started = time.perf_counter()
            log.lock(conn)
            row = conn.execute(SQL["head"], prepare=True).fetchone()
            log.chain([event], log.Head(*row) if row else log.EMPTY, event.occurred_at)
            log.insert(conn, [event])
            log.notify(conn, event.position)
            conn.commit()
            latencies.append(time.perf_counter() - started)
    measured = Measured(sum(latencies), latencies)
    return Row("bare SQL", 1, measured.rate, measured.percentile(0.5), measured.percentile(0.99))


class Race(NamedTuple):
    """Many members, one session: who got in, in which order, and how fast."""

    confirmed: int
    waitlisted: int
    ranks_exact: bool
    rate: float
    quiet_rate: float


def race(data_dir: Path, members: int = 500) -> Race:
    """All the members ask for one session at once; before it, as many ask for sessions spread out."""
    settings = Settings(data_dir=data_dir)
    with Database.open(settings) as database, CoopSchool(database, settings) as school:
        made = small_school(school, sessions=SESSIONS, members=members * 4)
        hot, calm_ones = SmallSchool(made.sessions[:1], []), SmallSchool(made.sessions[1:], [])
        with running("ours", PORT, data_dir):
            quiet, raced = 0.0, Measured(1.0, [1.0])
            for half in range(2):
                offset = half * members * 2
                calm = enrolments(settings, calm_ones, made.members[offset : offset + members])
                quiet = max(quiet, uvloop.run(send(PORT, spread(calm, 64))).rate)
                if half == 0:
                    crowd = enrolments(settings, hot, made.members[offset + members : offset + 2 * members])
                    raced = uvloop.run(send(PORT, spread(crowd, 64), keep_bodies=True))
    answers = sorted((msgspec.json.decode(body) for body in raced.bodies), key=lambda answer: answer["position"])
    ranks = [answer["rank"] for answer in answers if answer["status"] == "waitlisted"]
    confirmed = sum(answer["status"] == "confirmed" for answer in answers)
    return Race(confirmed, len(ranks), ranks == list(range(ranks[0], ranks[0] + len(ranks))), raced.rate, quiet)


def _only(measured: Measured, status: int) -> None:
    if set(measured.statuses) != {status}:
        raise RuntimeError(f"expected only {status}, got {dict(measured.statuses)}")
