"""A TCP proxy in front of PostgreSQL that does what networks do: resets, delays, swallows, and loses the one answer.

It reads the messages of the protocol (version 3) just enough to know a COMMIT when it passes, in which role a
connection works, and who listens for notifications.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

PIECE = 65_536
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time
ROW_OF_LOG = b'"correlation"'  # in what the command bus sends, when it appends to the log


class Loss(StrEnum):
    """What may be lost of a COMMIT: the request, which then never arrives, or its answer."""

    request = "request"
    answer = "answer"


class Wire:
    """Listens on a loopback port, forwards to a socket of PostgreSQL, and harms what passes. A context manager.

    `delay`: seconds that everything waits on its way. `swallowing`: nothing passes, in no direction. `lose`: the next
    COMMIT of a connection that works as this role and has written is lost, and its connection with it; `lost` counts.
    """

    def __init__(self, server: Path) -> None:
        self.delay = 0.0
        self.lose: tuple[str, Loss] | None = None
        self.lost = 0
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._passing = asyncio.Event()
        self._passing.set()
        self._connections: set[_Connection] = set()
        self._left_open: list[_Connection] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)

    def __enter__(self) -> Wire:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def swallowing(self) -> bool:
        return not self._passing.is_set()

    @swallowing.setter
    def swallowing(self, given: bool) -> None:
        self._loop.call_soon_threadsafe(self._passing.clear if given else self._passing.set)

    def reset(self, *, told_after: float = 0.0) -> None:
        """Every connection is gone: its client learns it at once, PostgreSQL after so many seconds."""
        done = threading.Event()

        def end_all() -> None:
            for connection in list(self._connections):
                connection.server_learns = not told_after
                connection.end()
                if told_after:
                    self._left_open.append(connection)
                    self._loop.call_later(told_after, connection.tell)
            done.set()

        self._loop.call_soon_threadsafe(end_all)
        done.wait()

    def listening(self) -> list[int]:
        """The process ids of the backends whose clients listen for notifications."""
        return [connection.backend for connection in list(self._connections) if connection.listens]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._socket))
        self._loop.run_forever()
        server.close()
        for connection in [*self._connections, *self._left_open]:
            connection.tell()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            beyond = await asyncio.open_unix_connection(str(self._server))
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(self, writer, beyond[1])
        self._connections.add(connection)
        try:
            await asyncio.gather(connection.requests(reader), connection.answers(beyond[0]))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            connection.end()
            self._connections.discard(connection)

    async def pass_on(self, messages: bytes, writer: asyncio.StreamWriter) -> None:
        """Sends it on its way, when the way is open."""
        await self._passing.wait()
        if self.delay:
            await asyncio.sleep(self.delay)
        writer.write(messages)
        await writer.drain()

    def loses(self, role: str, loss: Loss) -> bool:
        """Whether this COMMIT is the one to be lost; it is then no more."""
        if self.lose != (role, loss):
            return False
        self.lose = None
        self.lost += 1
        return True


class _Connection:
    """One client's connection, on its way to its backend."""

    def __init__(self, wire: Wire, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._wire, self._client, self._server = wire, client, server
        self._role = ""
        self._sends_rows = self._has_written = False
        self.backend = 0
        self.server_learns = True
        self.listens = False

    async def requests(self, reader: asyncio.StreamReader) -> None:
        size = await reader.readexactly(4)
        startup = size + await reader.readexactly(int.from_bytes(size) - 4)
        self._role = _role(startup)
        await self._wire.pass_on(startup, self._server)
        async for messages in _whole_messages(reader):
            for number, message in enumerate(messages):
                if self._is_lost_request(message):
                    await self._wire.pass_on(b"".join(messages[:number]), self._server)
                    self.end()
                    return
            await self._wire.pass_on(b"".join(messages), self._server)
        self.end()

    async def answers(self, reader: asyncio.StreamReader) -> None:
        async for messages in _whole_messages(reader):
            for number, message in enumerate(messages):
                if self._is_lost_answer(message):
                    await self._wire.pass_on(b"".join(messages[:number]), self._client)
                    self.end()
                    return
            await self._wire.pass_on(b"".join(messages), self._client)
        self.end()

    def end(self) -> None:
        with suppress(OSError):
            self._client.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._client.transport.abort()
        if self.server_learns:
            self._server.transport.abort()

    def tell(self) -> None:
        """Has PostgreSQL learn that the client is gone."""
        self.server_learns = True
        self.end()

    def _is_lost_request(self, message: bytes) -> bool:
        """Follows what the client says; whether it is the COMMIT to be lost."""
        if message[:1] in (b"Q", b"P"):  # Query, Parse: there is SQL in it
            self.listens = self.listens or b"listen " in message
            if b"COMMIT" in message:
                sends_rows, self._sends_rows = self._sends_rows, False
                return sends_rows and self._wire.loses(self._role, Loss.request)
        elif message[:1] == b"B":  # Bind: there are values in it
            self._sends_rows = self._sends_rows or ROW_OF_LOG in message
        return False

    def _is_lost_answer(self, message: bytes) -> bool:
        """Follows what the server says; whether it is the answer to COMMIT that is to be lost."""
        if message[:1] == b"K":  # BackendKeyData
            self.backend = int.from_bytes(message[5:9])
        elif message[:1] == b"C":  # CommandComplete
            done = message[5:-1]
            if done.startswith((b"INSERT", b"COPY")):
                self._has_written = True
            elif done in (b"COMMIT", b"ROLLBACK"):
                has_written, self._has_written = self._has_written, False
                return has_written and done == b"COMMIT" and self._wire.loses(self._role, Loss.answer)
        return False


def _role(startup: bytes) -> str:
    """Which role a connection works as: our connections say so in their name."""
    named = startup.partition(b"application_name\0")[2].partition(b"\0")[0].decode()
    return named.removeprefix("coopschool ")


async def _whole_messages(reader: asyncio.StreamReader) -> AsyncIterator[list[bytes]]:
    """What comes, cut into messages: a byte for the kind, four for the length, the rest."""
    rest = b""
    while piece := await reader.read(PIECE):
        rest += piece
        messages, start = [], 0
        while len(rest) >= start + 5 and len(rest) > (end := start + int.from_bytes(rest[start + 1 : start + 5])):
            messages.append(rest[start : end + 1])
            start = end + 1
        rest = rest[start:]
        if messages:
            yield messages
