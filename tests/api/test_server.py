"""The server as it runs: a process of its own, asked to stop while it works."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import httpx
import psutil
import pytest

from coopschool.api.auth import mint_token
from coopschool.api.server import app_of
from coopschool.database import Database
from coopschool.settings import Settings

SERVE = """
import sys
from coopschool.api.server import serve
from coopschool.settings import Settings
serve(Settings.load(), port=int(sys.argv[1]), workers=int(sys.argv[2]))
"""
MEMBER = {"category": "A", "joined_on": "2026-01-05"}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def serving(environment: dict[str, str], workers: int = 1) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server on a port of its own, once it is ready."""
    port = free_port()
    command = [sys.executable, "-c", SERVE, str(port), str(workers)]
    process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(transport=httpx.HTTPTransport(retries=60)) as client:
            assert client.get(f"{url}/health/ready", timeout=30).status_code == 200
        yield process, url
    finally:
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.kill()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        process.wait()


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_acknowledged_before_the_end_is_in_the_log_and_nobody_is_left_behind(
    environment: dict[str, str], settings: Settings, database: Database, workers: int
) -> None:
    headers = {"Authorization": f"Bearer {mint_token(settings.signing_key(), ['coordinator'])}"}
    with serving(environment, workers) as (process, url):
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]

        def join_until_refused(number: int) -> list[str]:
            """Members who were acknowledged; the first caller asks the server to stop on the way."""
            acknowledged: list[str] = []
            with httpx.Client(headers=headers) as client, suppress(httpx.TransportError):
                while len(acknowledged) < 500:
                    response = client.post(f"{url}/api/members", json=MEMBER)
                    if response.status_code != 201:
                        break
                    acknowledged.append(response.json()["person_id"])
                    if number == 0 and len(acknowledged) == 20:
                        process.send_signal(signal.SIGTERM)
            return acknowledged

        with ThreadPoolExecutor(4) as pool:
            acknowledged = {id for ids in pool.map(join_until_refused, range(4)) for id in ids}
        assert process.wait(timeout=30) == 0
        _, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []

    assert len(acknowledged) >= 20
    with database.connect("app") as conn:
        rows = conn.execute(
            "select position, data::json->>'member' from events where type = 'MemberJoined.v1'"
        ).fetchall()
        (count, last) = conn.execute("select count(*), max(position) from events").fetchone() or (0, 0)
    assert acknowledged <= {member for _, member in rows}
    assert count == last


def test_after_a_body_that_it_did_not_read_it_says_that_it_hangs_up(
    environment: dict[str, str], settings: Settings
) -> None:
    headers = {"Authorization": f"Bearer {mint_token(settings.signing_key(), ['coordinator'])}"}
    with serving(environment) as (_, url), httpx.Client(headers=headers) as client:
        for _ in range(5):
            refused = client.post(f"{url}/api/members", content=b'"' + b"x" * (1 << 20) + b'"')
            assert (refused.status_code, refused.headers["connection"]) == (413, "close")
            assert client.post(f"{url}/api/members", json=MEMBER).status_code == 201


async def test_a_worker_s_application_closes_its_school_and_its_database(settings: Settings) -> None:
    app = app_of(settings)
    async with app.lifespan():
        school = app.state.school
        assert school.now().tzinfo is not None
    assert not school.bus._thread.is_alive()


def test_a_stream_that_has_no_end_comes_to_one_when_the_server_stops(
    database: Database, settings: Settings, environment: dict[str, str]
) -> None:
    token = mint_token(settings.signing_key(), ["admin"])
    with (
        serving(environment) as (process, url),
        httpx.stream(
            "GET", f"{url}/api/events/stream", headers={"Authorization": f"Bearer {token}"}, timeout=20
        ) as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines).startswith("retry:")
        process.send_signal(signal.SIGTERM)
        assert not [line for line in lines if line.startswith("id:")]
        assert process.wait(timeout=20) == 0
