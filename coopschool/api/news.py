"""Who waits for the log to grow: one connection a process listens for all of them."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import psycopg
from psycopg import sql

from coopschool.database import Database

POLL = 1.0  # seconds between looks whether anybody still wants to know, and pauses where PostgreSQL is away


class News:
    """Wakes those who wait when something was appended. The listening begins with the first of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._bell = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Returns when something was appended, or after so many seconds: a bell that did not ring delays, no more."""
        if self._thread is None:
            loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._listen, args=(loop,), name="log-news", daemon=True)
            self._thread.start()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._bell.wait(), seconds)

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stop.is_set():
            with suppress(psycopg.OperationalError), self._database.connect("app") as conn:
                conn.execute(sql.SQL("listen {}").format(sql.Identifier(self._database.schema)))
                while not self._stop.is_set():
                    for _ in conn.notifies(timeout=POLL, stop_after=1):
                        with suppress(RuntimeError):  # the loop has ended meanwhile
                            loop.call_soon_threadsafe(self._ring)
            self._stop.wait(POLL)

    def _ring(self) -> None:
        self._bell.set()
        self._bell = asyncio.Event()
