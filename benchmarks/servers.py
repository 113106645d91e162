"""The servers that are compared, each in processes of its own: ``python -m benchmarks.servers KIND PORT DATA_DIR``.

All run the same server settings, edge (correlation, limits, log line, metrics), token check and body decoding:

- ``ours``: the API as it is;
- ``empty``: a handler with nothing behind it;
- ``stock``: the library's stock application behind the same route.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from litestar import Litestar, post

from benchmarks.stock import EnrolBody, StockSchool, environment, route
from coopschool import logs
from coopschool.api import access, server
from coopschool.api.app import SchoolApp
from coopschool.api.request import ApiRequest
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.settings import Settings

KIND = "BENCHMARK_SERVER"


@post("/api/sessions/{session_id:str}/enrolments", roles=access.may("member", "coordinator"), status_code=201)
async def nothing(request: ApiRequest, session_id: str, data: EnrolBody) -> dict[str, Any]:  # noqa: ARG001 - decoded
    """What the same request costs with nothing behind it."""
    return {"status": "confirmed", "position": 1}


def make(settings: Settings, _stopping: object = None) -> Litestar:
    """The application that the environment asks for."""
    logs.configure()
    database = Database.open(settings)
    school = CoopSchool(database, settings)
    if os.environ[KIND] == "ours":
        return SchoolApp().serving(school)
    if os.environ[KIND] == "empty":
        return SchoolApp([nothing]).serving(school)
    return SchoolApp([route(StockSchool(environment(database.url("owner"), database.schema)))]).serving(school)


class Running:
    """A server that answers."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process

    def resident_megabytes(self) -> float:
        """The memory of the process that serves, the largest of the family."""
        family = [self._process, *self._process.children(recursive=True)]
        return max(process.memory_info().rss for process in family) / 2**20


@contextmanager
def running(kind: str, port: int, data_dir: Path) -> Iterator[Running]:
    """Starts a server and ends it afterwards."""
    command = [sys.executable, "-m", "benchmarks.servers", kind, str(port), str(data_dir)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            yield Running(psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(60)


def _wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=1).close()
        except urllib.error.HTTPError:
            return  # it answers, if only to say that it has no such page
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"no server on port {port}")


if __name__ == "__main__":
    _, os.environ[KIND], port, data_dir = sys.argv
    server.app_of = make
    server.serve(Settings(data_dir=Path(data_dir)), port=int(port))
