"""An HTTP client made to measure servers: keep-alive connections on loopback, requests prepared beforehand.

It does so little per request that the server is what is measured, on a machine where both share two cores.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast


@dataclass
class Measured:
    """What a run of requests took: seconds per answer, in order of arrival, and how often each status came."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency, in milliseconds, that this share of answers did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000


def request(method: str, path: str, *, token: str = "", body: bytes = b"", headers: Iterable[str] = ()) -> bytes:
    """One HTTP/1.1 request, ready to send."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}", *headers]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines.append("Content-Type: application/json")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class _Connection(asyncio.Protocol):
    """Sends a request, waits for its whole answer, sends the next."""

    def __init__(self, requests: Iterable[bytes], measured: Measured, *, keep_bodies: bool) -> None:
        self._requests = iter(requests)
        self._measured = measured
        self._keep_bodies = keep_bodies
        self._buffer = b""
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, but not by descent
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        if len(rest) < _content_length(head):
            return
        self._measured.latencies.append(time.perf_counter() - self._sent_at)
        self._measured.statuses[int(head[9:12])] += 1
        if self._keep_bodies:
            self._measured.bodies.append(rest)
        self._buffer = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionResetError("the server closed the connection"))

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self.done.set_result(None)
            self._transport.close()
        else:
            self._sent_at = time.perf_counter()
            self._transport.write(request)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    raise ValueError("the answer does not say how long it is")


async def send(port: int, connections: Sequence[Iterable[bytes]], *, keep_bodies: bool = False) -> Measured:
    """Sends each connection's requests, all connections at once; one request in flight on each."""
    measured = Measured()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    pairs = [
        await loop.create_connection(lambda r=r: _Connection(r, measured, keep_bodies=keep_bodies), "127.0.0.1", port)
        for r in connections
    ]
    await asyncio.gather(*(protocol.done for _, protocol in pairs))
    measured.seconds = time.perf_counter() - started
    return measured


def spread(requests: Sequence[bytes], connections: int) -> list[Sequence[bytes]]:
    """The requests, dealt out to so many connections."""
    return [requests[n::connections] for n in range(connections)]
