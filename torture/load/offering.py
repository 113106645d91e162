"""An open-loop client: requests are sent when they are due, whether or not earlier ones were answered.

A latency counts from the moment a request was due, so it includes every wait, also the one for a free connection
here. A client that waits for answers before it asks again would leave out exactly the requests that suffer.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import cast

import numpy as np
import uvloop

from torture.load.traffic import Asked, Event

CONNECTIONS = 1_500
SECONDS_TO_ANSWER = 30.0
LIMIT_MS = 250.0  # within which 99 of 100 are to be answered
REFUSALS_KEPT = 2_000
BROKEN, UNANSWERED = 0, 1  # instead of a status: the connection broke; no answer within 30 s


@dataclass
class Offered:
    """What became of the requests of one phase, in order of their answers; times in seconds since the phase began."""

    rate: float
    seconds: float
    due: array[float] = field(default_factory=lambda: array("d"))
    latency: array[float] = field(default_factory=lambda: array("d"))
    status: array[int] = field(default_factory=lambda: array("H"))
    kind: list[str] = field(default_factory=list)
    writes: list[tuple[Event, int, bytes]] = field(default_factory=list)
    refused: list[tuple[bytes, bytes]] = field(default_factory=list)  # head and body of the first so many 503
    surprises: list[str] = field(default_factory=list)
    late: int = 0  # done after the limit
    undone: int = 0
    latest_start: float = 0.0
    processor_seconds: float = 0.0  # that the server used

    def note(self, asked: Asked, due: float, latency: float, status: int, head: bytes = b"", body: bytes = b"") -> None:
        self.due.append(due)
        self.latency.append(latency)
        self.status.append(status)
        self.kind.append(asked.kind)
        if not 200 <= status < 300:
            self.undone += 1
        elif latency * 1000 > LIMIT_MS:
            self.late += 1
        if asked.event is not None:
            self.writes.append((asked.event, status, body))
        if status == 503:
            if len(self.refused) < REFUSALS_KEPT:
                self.refused.append((head, body))
        elif not 200 <= status < 300:
            line, _, _ = asked.request.partition(b"\r\n")
            self.surprises.append(f"{status} for {line.decode()}: {body.decode()[:300]}")

    def __len__(self) -> int:
        return len(self.due)

    @property
    def is_beyond_hope(self) -> bool:
        """Whether the rate is not held, whatever else comes: one was not done, or one in a hundred of all was late."""
        return self.undone > 0 or self.late > self.rate * self.seconds / 100

    @property
    def answered(self) -> int:
        """How many were done: neither refused nor lost."""
        return int(np.count_nonzero(_done(np.asarray(self.status))))

    @property
    def shed(self) -> int:
        """How many were refused with 503."""
        return self.status.count(503)

    @property
    def lost(self) -> int:
        """How many got no answer, or one that no client expects."""
        return len(self) - self.answered - self.shed

    def percentiles(self, *shares: float) -> list[float]:
        """Milliseconds that these shares of what was done did not exceed; infinite where nothing was done."""
        done = np.asarray(self.latency)[_done(np.asarray(self.status))]
        return [float(p) * 1000 for p in np.quantile(done, shares)] if len(done) else [float("inf")] * len(shares)

    def by_kind(self) -> list[tuple[str, int, float, float]]:
        """What was asked, how often it was done, the median and the 99th percentile in milliseconds; slowest first."""
        kinds, latency, done = np.asarray(self.kind), np.asarray(self.latency), _done(np.asarray(self.status))
        found = []
        for kind in np.unique(kinds[done]):
            p50, p99 = np.quantile(latency[done & (kinds == kind)], (0.5, 0.99)) * 1000
            found.append((str(kind), int((done & (kinds == kind)).sum()), float(p50), float(p99)))
        return sorted(found, key=lambda row: -row[3])

    def from_second(self, second: int, share: float) -> tuple[float, int]:
        """Of what was due from this second on: the percentile in milliseconds, and how many were not done."""
        due, latency, done = np.asarray(self.due), np.asarray(self.latency), _done(np.asarray(self.status))
        these = due >= second
        held = latency[these & done]
        return float(np.quantile(held, share)) * 1000 if len(held) else float("inf"), int((these & ~done).sum())


def _done(status: np.ndarray) -> np.ndarray:
    return (status >= 200) & (status < 300)


class _Connection(asyncio.Protocol):
    """Carries one request at a time and is kept for the next."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._buffer = b""
        self._asked: tuple[Asked, float] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def send(self, asked: Asked, due: float) -> None:
        self._asked = asked, due
        self.transport.write(asked.request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator or len(body) < _content_length(head) or self._asked is None:
            return
        (asked, due), self._asked, self._buffer = self._asked, None, b""
        self._client.answered(asked, due, int(head[9:12]), head, body)
        self._client.idle(self)

    def give_up(self) -> tuple[Asked, float] | None:
        """What it has not been answered, and no longer waits for."""
        asked, self._asked = self._asked, None
        return asked

    def connection_lost(self, _error: Exception | None) -> None:
        self._client.lost(self, self._asked)


def _content_length(head: bytes) -> int:
    found = head.lower().find(b"content-length:")
    return int(head[found + 15 : (head + b"\r\n").index(b"\r\n", found)])


class Client:
    """Offers requests at a rate (Poisson arrivals) to a server on loopback."""

    def __init__(self, port: int, random: Random) -> None:
        self._port = port
        self._random = random
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._opening = 0

    def offer(
        self, traffic: Iterator[Asked], rate: float, seconds: float, *, while_there_is_hope: bool = False
    ) -> Offered:
        """Sends for so many seconds, or until the rate cannot be held; then waits for what is still unanswered."""
        return uvloop.run(self._offer(traffic, rate, seconds, while_there_is_hope=while_there_is_hope))

    async def _offer(
        self, traffic: Iterator[Asked], rate: float, seconds: float, *, while_there_is_hope: bool
    ) -> Offered:
        self._offered = Offered(rate, seconds)
        self._waiting: deque[tuple[Asked, float]] = deque()
        self._sent: int | None = None
        self._all_answered = asyncio.Event()
        self._began, due = time.perf_counter(), 0.0
        sent = 0
        try:
            while (due := due + self._random.expovariate(rate)) < seconds:
                if (early := due - self._now()) > 0:
                    await asyncio.sleep(early)
                if while_there_is_hope and self._offered.is_beyond_hope:
                    self._offered.seconds = due
                    break
                self._offered.latest_start = max(self._offered.latest_start, self._now() - due)
                self._dispatch(next(traffic), due)
                sent += 1
                if not sent % 20:
                    await asyncio.sleep(0)  # what has come meanwhile is read, also when we are late
            self._all_sent(sent)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._all_answered.wait(), SECONDS_TO_ANSWER)
            self._give_up()
        finally:
            for connection in list(self._open):
                connection.transport.abort()
            self._open.clear()
            self._idle.clear()
        return self._offered

    def _all_sent(self, sent: int) -> None:
        self._sent = sent
        if len(self._offered) == sent:
            self._all_answered.set()

    def _now(self) -> float:
        return time.perf_counter() - self._began

    def _dispatch(self, asked: Asked, due: float) -> None:
        if self._idle:
            self._idle.pop().send(asked, due)
            return
        self._waiting.append((asked, due))
        if len(self._open) + self._opening < CONNECTIONS:
            self._opening += 1
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self), "127.0.0.1", self._port
            )
        except OSError:
            if self._waiting:
                asked, due = self._waiting.popleft()
                self.answered(asked, due, BROKEN)
        else:
            self._open.add(connection)
            self.idle(connection)
        finally:
            self._opening -= 1

    def idle(self, connection: _Connection) -> None:
        if self._waiting:
            connection.send(*self._waiting.popleft())
        else:
            self._idle.append(connection)

    def answered(self, asked: Asked, due: float, status: int, head: bytes = b"", body: bytes = b"") -> None:
        self._offered.note(asked, due, self._now() - due, status, head, body)
        if len(self._offered) == self._sent:
            self._all_answered.set()

    def lost(self, connection: _Connection, asked: tuple[Asked, float] | None) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if asked is not None:
            self.answered(*asked, BROKEN)

    def _give_up(self) -> None:
        left = [*self._waiting, *(c.give_up() for c in self._open)]
        for one in left:
            if one is not None:
                self.answered(*one, UNANSWERED)
