"""Looking things up without holding up the event loop: pooled connections, used in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from psycopg import Connection
from psycopg_pool import ConnectionPool

from coopschool.database import Database, Role

T = TypeVar("T")

POOL_SIZE = 6
SECONDS_TO_WAIT = 5.0


class Reads:
    """`facts` looks at the read models, `vault` at names and texts. Both raise `psycopg.OperationalError` when away."""

    def __init__(self, database: Database) -> None:
        self._facts = _pool(database, "reader")
        self._vault = _pool(database, "app")

    async def facts(self, look: Callable[[Connection[Any]], T]) -> T:
        """``look(connection)`` as the role that may read the facts only."""
        return await asyncio.to_thread(_with, self._facts, look)

    async def vault(self, look: Callable[[Connection[Any]], T]) -> T:
        """``look(connection)`` as the role that may read the vault."""
        return await asyncio.to_thread(_with, self._vault, look)

    def close(self) -> None:
        self._facts.close()
        self._vault.close()


def _with(pool: ConnectionPool[Connection[Any]], look: Callable[[Connection[Any]], T]) -> T:
    with pool.connection(timeout=SECONDS_TO_WAIT) as connection:
        return look(connection)


def _pool(database: Database, role: Role) -> ConnectionPool[Connection[Any]]:
    """Opened on first use; a connection that died is replaced when it is next asked for."""
    pool: ConnectionPool[Connection[Any]] = ConnectionPool(
        database.url(role),
        min_size=0,
        max_size=POOL_SIZE,
        kwargs={"autocommit": True},
        check=ConnectionPool.check_connection,
        reconnect_timeout=SECONDS_TO_WAIT,
        open=True,
        name=f"coopschool {role}",
    )
    return pool
