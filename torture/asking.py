"""Requests that are repeated until they are answered, and what must be true of the answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

import msgspec

from benchmarks.client import request
from benchmarks.school import small_school
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.settings import Settings

HUNG_AFTER = 40.0  # seconds without an answer on a connection that stands


@dataclass(slots=True)
class Wish:
    """One enrolment that somebody wants, asked for under one Idempotency-Key until it is answered."""

    key: str
    member: str
    session: str
    answers: list[bytes] = field(default_factory=list)

    def request(self, token: str) -> bytes:
        body = msgspec.json.encode({"person_id": self.member})
        headers = (f"Idempotency-Key: {self.key}",)
        return request("POST", f"/api/sessions/{self.session}/enrolments", token=token, body=body, headers=headers)


def new_wishes(database: Database, settings: Settings, random: Random, *, members: int, sessions: int) -> list[Wish]:
    """So many members, made on the spot, who each want a place in one of so many sessions."""
    with CoopSchool(database, settings) as school:
        made = small_school(school, sessions=sessions, members=members)
    keys = [str(UUID(int=random.getrandbits(128), version=4)) for _ in made.members]
    return [Wish(key, member, random.choice(made.sessions)) for key, member in zip(keys, made.members, strict=True)]


@dataclass
class Asked:
    """What became of the requests: how many were sent, by status (0: the connection broke), and what is wrong.

    `cut_off`: how many of them were given up by the client, on their way or before the answer came.
    """

    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    repeats_answered: int = 0
    cut_off: int = 0
    wrong: list[str] = field(default_factory=list)


class Crowd:
    """Clients that ask at the same time, each after a pause of at most so many seconds. One wish may be several's.

    `cut_off`: the share of requests in which the client goes away in the middle, to ask again.
    """

    def __init__(
        self, port: int, token: str, random: Random, *, clients: int = 8, pause: float = 0.015, cut_off: float = 0.0
    ) -> None:
        self._port = port
        self._token = token
        self._random = random
        self._clients = clients
        self._pause = pause
        self._cut_off = cut_off
        self.asked = Asked()

    async def grant(self, wishes: Sequence[Wish], repeats: float = 1.0) -> None:
        """Returns when every wish is answered. `repeats`: how many more times each is asked for, on average."""
        copies = [
            (number + self._random.random() * len(wishes) * 0.3 * copy, wish)
            for number, wish in enumerate(wishes)
            for copy in range(1 + int(repeats + self._random.random()))
        ]
        self._waiting = [wish for _, wish in sorted(copies, key=lambda copy: -copy[0])]
        seeds = [self._random.random() for _ in range(self._clients)]
        await asyncio.gather(*(self._client(Random(seed)) for seed in seeds))

    async def _client(self, random: Random) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while self._waiting:
            wish = self._waiting.pop()
            while True:
                await asyncio.sleep(random.random() * self._pause)
                try:
                    if connection is None:
                        connection = await asyncio.open_connection("127.0.0.1", self._port)
                    if random.random() < self._cut_off:
                        connection = await self._go_away(connection, wish, random)
                        continue
                    status, body = await asyncio.wait_for(self._ask(connection, wish), HUNG_AFTER)
                except TimeoutError:
                    self.asked.wrong.append(f"no answer within {HUNG_AFTER:.0f} s: {wish.key}")
                    return
                except (OSError, asyncio.IncompleteReadError):
                    self.asked.statuses[0] += 1
                    await self._close(connection)
                    connection = None
                    continue
                if self._is_answer(wish, status, body):
                    break
        await self._close(connection)

    async def _ask(
        self, connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], wish: Wish
    ) -> tuple[int, bytes]:
        reader, writer = connection
        self.asked.sent += 1
        writer.write(wish.request(self._token))
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:")
        return int(head[9:12]), await reader.readexactly(length)

    async def _go_away(
        self, connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], wish: Wish, random: Random
    ) -> None:
        """Sends the request, or half of it, and is gone a moment later."""
        request = wish.request(self._token)
        self.asked.sent += 1
        self.asked.cut_off += 1
        connection[1].write(request if random.random() < 0.8 else request[: random.randrange(len(request))])
        await asyncio.sleep(random.random() * 0.01)
        connection[1].transport.abort()

    def _is_answer(self, wish: Wish, status: int, body: bytes) -> bool:
        self.asked.statuses[status] += 1
        if status == 201:
            self.asked.repeats_answered += bool(wish.answers)
            wish.answers.append(body)
            return True
        if status != 503:
            self.asked.wrong.append(f"{status} for {wish.key}: {body.decode()[:300]}")
            return True
        return False

    async def _close(self, connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None) -> None:
        if connection is not None:
            connection[1].close()
            with suppress(OSError):
                await connection[1].wait_closed()
