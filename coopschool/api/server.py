"""Serving the API: Granian around one application a worker."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from multiprocessing.synchronize import Event
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops
from granian.log import LogLevels
from granian.server import Server
from litestar import Litestar

from coopschool import logs
from coopschool.api.app import SchoolApp
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.exposure import Exposed, refuse_exposure
from coopschool.settings import Settings
from coopschool.turns import short_turns

__all__ = ["Exposed", "app_of", "refuse_exposure", "serve"]

# Connections that may wait to be accepted, and requests that may be under way in a worker.
BACKLOG = 2_048
IN_FLIGHT = 2_048
SECONDS_TO_DRAIN = 25


def serve(settings: Settings, *, host: str = "127.0.0.1", port: int = 8000, workers: int = 1) -> None:
    """Serves until SIGINT or SIGTERM, then answers what is under way. Raises `Exposed`.

    Each worker is a process with a command bus of its own; they share nothing but the log.
    """
    refuse_exposure(settings, host)
    logs.configure()
    stopping = multiprocessing.Event()
    server = _Server(
        stopping,
        "coopschool.api.server:app_of",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=workers,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        backlog=BACKLOG,
        backpressure=IN_FLIGHT,
        log_access=False,
        log_dictconfig={"loggers": {"_granian": {"propagate": True}}},
        log_level=LogLevels(os.environ.get(logs.LEVEL, "info")),
        workers_kill_timeout=SECONDS_TO_DRAIN,
        respawn_failed_workers=True,
    )
    with short_turns():
        server.serve(target_loader=partial(_worker, settings, stopping), wrap_loader=False)


class _Server(Server):  # type: ignore[misc, valid-type]
    """Tells the workers that the end is near before it asks them to finish: who sends a stream ends it then."""

    def __init__(self, stopping: Event, target: str, **how: Any) -> None:
        super().__init__(target, **how)
        self._stopping = stopping

    def shutdown(self, exit_code: int = 0) -> None:
        self._stopping.set()
        super().shutdown(exit_code)


def app_of(settings: Settings, stopping: Event | None = None) -> Litestar:
    """The application of one worker process, with a school of its own; `stopping` is set when the end is near."""
    logs.configure()
    database = Database.open(settings)

    @asynccontextmanager
    async def closing(_app: Litestar) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.to_thread(database.close)

    school = CoopSchool(database, settings)
    return SchoolApp(lifespan=[closing]).serving(school, stopping.is_set if stopping else lambda: False)


def _worker(settings: Settings, stopping: Event) -> Litestar:
    """`app_of` in a process that Granian has forked, with the handlers of its parent: they would swallow a signal."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # until Granian sets the worker's own
    return app_of(settings, stopping)
