"""Exact state for readers: aggregates as they stand now, on a thread and a connection apart from the command bus.

A look never waits for the log's lock. Each batch of looks first follows the log to its end, so what a reader is told
includes every command answered before they asked.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

import psycopg

from coopschool.command_bus import Busy, StoreAway
from coopschool.domain.base import Aggregate, Load
from coopschool.eventstore.log import Connection
from coopschool.eventstore.repository import Repository

A = TypeVar("A", bound=Aggregate)
T = TypeVar("T")
Look = Callable[[Load], Any]


class ReadingRoom:
    """Runs looks, one after the other. A look must neither keep nor change what it loads."""

    def __init__(
        self, connect: Callable[[], Connection], *, queue_limit: int = 2_000, cache_limit: int = 5_000
    ) -> None:
        self._connect = connect
        self._conn: Connection | None = None
        self._repository = Repository(cache_limit)
        self._queue: queue.Queue[tuple[Look, Future[Any]] | None] = queue.Queue(queue_limit)
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="reading-room", daemon=True)
        self._thread.start()

    def look(self, look: Callable[[Load], T]) -> Future[T]:
        """The value of ``look(load)``; the future raises what it raises, or `StoreAway`. `Busy` when too many wait."""
        future: Future[T] = Future()
        try:
            if self._closed:
                raise Busy
            self._queue.put_nowait((look, future))
        except queue.Full:
            raise Busy from None
        return future

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            closing = False
            with suppress(queue.Empty):
                while True:
                    item = self._queue.get_nowait()
                    if item is None:
                        closing = True
                        break
                    batch.append(item)
            self._answer(batch)
            self._repository.trim()
            if closing:
                break
        if self._conn is not None:
            self._conn.close()

    def _answer(self, batch: list[tuple[Look, Future[Any]]], *, again: bool = True) -> None:
        try:
            conn = self._connection()
            self._repository.follow(conn)
        except psycopg.Error as error:
            self._lost()
            if again:
                self._answer(batch, again=False)
            else:
                for _, future in batch:
                    future.set_exception(StoreAway(str(error)))
            return

        def load(aggregate: type[A], id: str) -> A:
            return self._repository.get(conn, aggregate, id)

        for look, future in batch:
            if future.set_running_or_notify_cancel():
                _settle(future, look, load)
        if conn.closed:
            self._lost()

    def _connection(self) -> Connection:
        if self._conn is None or self._conn.closed:
            self._conn = self._connect()
            self._conn.autocommit = True
        return self._conn

    def _lost(self) -> None:
        if self._conn is not None:
            self._conn.close()
        self._conn = None
        self._repository.forget()


def _settle(future: Future[Any], look: Look, load: Load) -> None:
    try:
        value = look(load)
    except psycopg.Error as error:
        future.set_exception(StoreAway(str(error)))
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked
        future.set_exception(error)
    else:
        future.set_result(value)
