"""Where a server listens: whether it may and can, and when it answers."""

from __future__ import annotations

import errno
import http.client
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from coopschool.cli.running import CannotDo

if TYPE_CHECKING:
    from coopschool.settings import Settings

SECONDS_BETWEEN_LOOKS = 0.05
SECONDS_TO_WAIT = 300.0


def url(host: str, port: int) -> str:
    """The address as people write it."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def require_usable(settings: Settings, host: str, port: int) -> None:
    """Raises `Exposed` where development tokens would be open to others, `CannotDo` where the port cannot be had."""
    from coopschool.exposure import refuse_exposure

    refuse_exposure(settings, host)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotDo(f"port {port} of {host} is in use: choose another with --port.") from None
        raise CannotDo(f"cannot listen at {host}, port {port}: {error.strerror}.") from None


def when_ready(host: str, port: int, announce: Callable[[], None]) -> None:
    """Announces the server once it answers that it can work."""
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while time.monotonic() < deadline:
        if _is_ready({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port):  # noqa: S104
            announce()
            return
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _is_ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
