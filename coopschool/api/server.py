"""Serving the API: Granian around one application a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import ip_address

from granian.constants import HTTPModes, Interfaces, Loops
from granian.server import Server
from litestar import Litestar

from coopschool import logs
from coopschool.api.app import create_app
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.settings import Settings

# Connections that may wait to be accepted, and requests that may be under way in a worker.
BACKLOG = 2_048
IN_FLIGHT = 2_048
SECONDS_TO_DRAIN = 25


class Exposed(Exception):
    """Development tokens would be accepted from other machines."""


def refuse_exposure(settings: Settings, host: str) -> None:
    """Raises `Exposed` where anybody on the network could come with a development token.

    Fine are loopback addresses, an identity provider, and a signing key that somebody set on purpose.
    """
    if settings.oidc_issuer is not None or settings.signing_key_file is not None or _is_loopback(host):
        return
    raise Exposed(
        f"{host} can be reached from other machines, where development tokens must not count: set "
        "COOPSCHOOL_OIDC_ISSUER (or COOPSCHOOL_SIGNING_KEY_FILE, for tokens signed with a key of your own), or serve "
        "on 127.0.0.1."
    )


def serve(settings: Settings, *, host: str = "127.0.0.1", port: int = 8000, workers: int = 1) -> None:
    """Serves until SIGINT or SIGTERM, then answers what is under way. Raises `Exposed`.

    Each worker is a process with a command bus of its own; they share nothing but the log.
    """
    refuse_exposure(settings, host)
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
        workers_kill_timeout=SECONDS_TO_DRAIN,
        respawn_failed_workers=True,
    )
    server.serve(target_loader=partial(app_of, settings), wrap_loader=False)


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


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
