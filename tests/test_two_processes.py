"""Several processes write at once: positions stay gapless and rules hold."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from benchmarks.client import request, send, spread
from benchmarks.school import SEATS, SmallSchool, small_school
from coopschool.api.auth import mint_token
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.eventstore.verify import verify
from coopschool.settings import Settings
from tests.cli.running import coopschool as coopschool_process
from tests.cli.running import free_port, get, until

MEMBERS = 120


def race(port: int, token: str, made: SmallSchool) -> list[bytes]:
    """Every member asks twice for the one session, over many connections to one of the servers."""
    session = made.sessions[0]
    requests = [
        request(
            "POST",
            f"/api/sessions/{session}/enrolments",
            token=token,
            body=msgspec.json.encode({"person_id": member}),
            headers=[f"Idempotency-Key: {member}"],
        )
        for member in made.members
    ]
    return asyncio.run(send(port, spread(requests, 20), keep_bodies=True)).bodies


@pytest.mark.usefixtures("not_measured")
def test_two_servers_share_out_the_seats_of_one_session(
    database: Database, settings: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    with CoopSchool(database, settings) as school:
        made = small_school(school, sessions=1, members=MEMBERS)
    token = mint_token(settings.signing_key(), ["coordinator"])
    ports = [free_port(), free_port()]
    serve = [["serve", "--port", str(port), "--no-projections"] for port in ports]
    with (
        coopschool_process(serve[0], environment, tmp_path) as one,
        coopschool_process(serve[1], environment, tmp_path) as other,
    ):
        for port in ports:
            until(lambda port=port: get(port, "/health/live")[0] == 200)  # type: ignore[misc]
        answers = asyncio.run(_both(ports, token, made))
        for process in (one, other):
            process.interrupt()
            process.ended()
    decoded = [msgspec.json.decode(answer) for answer in answers]
    assert len(decoded) == 2 * MEMBERS
    by_position = {answer["position"]: answer for answer in decoded}
    assert len(by_position) == MEMBERS, "each member has one place, whichever server they asked, however often"
    in_order = [by_position[position] for position in sorted(by_position)]
    assert [answer["status"] for answer in in_order] == ["confirmed"] * SEATS + ["waitlisted"] * (MEMBERS - SEATS)
    assert [answer["rank"] for answer in in_order[SEATS:]] == list(range(1, MEMBERS - SEATS + 1))
    with database.connect("app") as conn:
        assert list(verify(conn)) == []


async def _both(ports: list[int], token: str, made: SmallSchool) -> list[bytes]:
    return [
        body
        for bodies in await asyncio.gather(*(asyncio.to_thread(race, p, token, made) for p in ports))
        for body in bodies
    ]
