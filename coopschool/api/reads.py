"""Looking things up without holding up the event loop: pooled connections, used in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Any, TypeVar

import psycopg
from psycopg import Connection
from psycopg_pool import ConnectionPool

from coopschool import feed
from coopschool.api.news import News
from coopschool.api.problems import NotYet, ProjectionStopped, parameter_fault
from coopschool.database import Database, Role
from projections import generations

T = TypeVar("T")

POOL_SIZE = 6
SECONDS_FOR_CONNECTION = 5.0
SECONDS_FOR_FACTS = 5.0
SECONDS_BETWEEN_LOOKS = 0.02


class Reads:
    """`facts` looks at the read models, `vault` at names and texts. Both raise `psycopg.OperationalError` when away."""

    def __init__(self, database: Database) -> None:
        self.news = News(database)
        self._schema = database.schema
        self._facts = _pool(database, "reader")
        self._vault = _pool(database, "app")

    async def vault(self, look: Callable[[Connection[Any]], T]) -> T:
        """``look(connection)`` as the role that may read the vault and the log."""
        return await asyncio.to_thread(_with, self._vault, look)

    async def plainly(self, look: Callable[[Connection[Any]], T]) -> T:
        """``look(connection)`` as the role that may read the facts only; of which generation is its own matter."""
        return await asyncio.to_thread(_with, self._facts, look)

    async def facts(
        self, projections: Collection[str], look: Callable[[Connection[Any]], T], min_position: int | None = None
    ) -> T:
        """``look(connection)`` on the live generation, whole, once these projections have reached `min_position`.

        Raises `NotYet` if that takes over 5 s, `ProjectionStopped` if an event stopped one of them.
        """
        await self.caught_up(projections, min_position or 0)
        return await self.plainly(lambda connection: self._in_generation(connection, look))

    async def caught_up(self, projections: Collection[str], position: int) -> None:
        """Waits until these projections have taken in the log up to a position."""
        await self._until(position, partial(self.plainly, partial(_reached, projections)))

    async def logged(self, position: int) -> None:
        """Waits until the log has a position. Raises `NotYet` if that takes over 5 s."""
        await self._until(position, partial(self.vault, feed.head))

    async def _until(self, position: int, reached: Callable[[], Awaitable[int]]) -> None:
        give_up_at = asyncio.get_running_loop().time() + SECONDS_FOR_FACTS
        while await reached() < position:
            if asyncio.get_running_loop().time() > give_up_at:
                raise NotYet(position=position)
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    def close(self) -> None:
        self.news.close()
        self._facts.close()
        self._vault.close()

    def _in_generation(self, connection: Connection[Any], look: Callable[[Connection[Any]], T]) -> T:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with connection.transaction():
            generation = generations.live(connection)
            if generation is None:
                raise NotYet(position=0)
            generations.enter(connection, self._schema, generation)
            return look(connection)


def position_of(given: str | None) -> int:
    """The log position that a query parameter names; 0 for none. Raises `InvalidRequest` for anything else."""
    if given is None:
        return 0
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise parameter_fault("wrong-form", "min_position")
    return int(given)


def _reached(projections: Collection[str], connection: Connection[Any]) -> int:
    """The position that these projections have all reached; -1 while there are no facts."""
    generation = generations.live(connection)
    if generation is None:
        return -1
    found = generations.checkpoints(connection, generation)
    checkpoints = [found[name] for name in projections if name in found]
    if any(checkpoint.stopped_position is not None for checkpoint in checkpoints):
        raise ProjectionStopped
    return min((checkpoint.position for checkpoint in checkpoints), default=-1)


def _with(pool: ConnectionPool[Connection[Any]], look: Callable[[Connection[Any]], T]) -> T:
    with pool.connection(timeout=SECONDS_FOR_CONNECTION) as connection:
        return look(connection)


def _pool(database: Database, role: Role) -> ConnectionPool[Connection[Any]]:
    """Opened on first use; a connection that died is replaced when it is next asked for."""
    return ConnectionPool(
        database.url(role),
        min_size=0,
        max_size=POOL_SIZE,
        kwargs={"autocommit": True},
        check=ConnectionPool.check_connection,
        reconnect_timeout=SECONDS_FOR_CONNECTION,
        open=True,
        name=f"coopschool {role}",
    )
