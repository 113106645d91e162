"""Serving the API: Granian around one application a worker."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from granian.constants import HTTPModes, Interfaces, Loops
from granian.log import LogLevels
from granian.server import Server
from litestar import Litestar

from coopschool import logs
from coopschool.api.app import create_app
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.exposure import Exposed, refuse_exposure
from coopschool.settings import Settings

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
    server = Server(
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
    server.serve(target_loader=partial(_worker, settings), wrap_loader=False)


def app_of(settings: Settings) -> Litestar:
    """The application of one worker process, with a school of its own."""
    logs.configure()
    database = Database.open(settings)

    @asynccontextmanager
    async def closing(_app: Litestar) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.to_thread(database.close)

    return create_app(CoopSchool(database, settings), lifespan=[closing])


def _worker(settings: Settings) -> Litestar:
    """`app_of` in a process that Granian has forked, with the handlers of its parent: they would swallow a signal."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # until Granian sets the worker's own
    return app_of(settings)
