"""`CoopSchool`: the one door for commands, and exact state for those who look."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

from coopschool.clock import Clock, SystemClock
from coopschool.command_bus import Answer, CommandBus, Job, Outcome, Repeatable, VaultWrite
from coopschool.database import Database
from coopschool.domain.base import Command, Event, Load
from coopschool.erasure_ledger import ErasureLedger
from coopschool.reading_room import ReadingRoom
from coopschool.settings import Settings
from coopschool.vault import Vault

T = TypeVar("T")


def _no_answer(_events: Sequence[Event]) -> Answer:
    return {}


class CoopSchool:
    """The school on one database: a command bus, a reading room and the vault. Close it when done: it drains."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        clock: Clock | None = None,
        *,
        queue_limit: int = 2_000,
        cache_limit: int = 20_000,
    ) -> None:
        self.database = database
        self.settings = settings
        self.clock = clock or SystemClock()
        self.vault = Vault(self.settings.derive_key)
        self.erasures = ErasureLedger(self.settings.erasures_file)
        self._repeatable_key = self.settings.derive_key("idempotency")
        self.bus = CommandBus(
            lambda: database.connect("app"), self.clock.now, queue_limit=queue_limit, cache_limit=cache_limit
        )
        self._reading_room = ReadingRoom(lambda: database.connect("app"))

    def now(self) -> datetime:
        """The moment, in the school's time zone: what commands take as `at`."""
        return self.clock.now().astimezone(self.settings.zone)

    async def execute(self, command: Command, **how: Any) -> Outcome:
        """Carries out a command; answers when it is committed. Keywords as in `job`.

        Raises `DomainError`, `Busy` or `StoreAway`.
        """
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.bus.submit(self.job(command, future, **how))
        return await future

    def execute_now(self, command: Command, **how: Any) -> Outcome:
        """`execute` for code without an event loop."""
        future: Future[Outcome] = Future()
        self.bus.submit(self.job(command, future, **how))
        return future.result()

    async def preview(self, command: Command) -> tuple[Event, ...]:
        """The events that the command would have now; nothing is written."""
        return (await self.execute(command, preview=True)).events

    async def read(self, look: Callable[[Load], T]) -> T:
        """The value of ``look(load)`` on exact state. The look must neither keep nor change what it loads."""
        return await asyncio.wrap_future(self._reading_room.look(look))

    def read_now(self, look: Callable[[Load], T]) -> T:
        """`read` for code without an event loop."""
        return self._reading_room.look(look).result()

    def repeatable(self, actor: str, route: str, key: str, body: bytes) -> Repeatable:
        """What an Idempotency-Key stands for: keyed hashes, so that neither the key nor the body is kept."""
        scope = "\x1f".join((actor, route, key)).encode()
        return Repeatable(self._keyed(scope), self._keyed(body))

    def job(
        self,
        command: Command,
        future: asyncio.Future[Outcome] | Future[Outcome],
        *,
        vault: Sequence[VaultWrite] = (),
        answer: Callable[[Sequence[Event]], Answer] = _no_answer,
        idempotency: Repeatable | None = None,
        correlation: UUID | None = None,
        causation: UUID | None = None,
        preview: bool = False,
    ) -> Job:
        """A command with everything that goes with it.

        `vault`: personal data to write in the same transaction. `answer`: makes the answer's body from the events.
        `idempotency`: from `repeatable`. `preview`: decide only.
        """
        return Job(
            command=command,
            future=future,
            actor=command.by.person or "system",
            vault=vault,
            answer=answer,
            repeatable=idempotency,
            correlation=correlation or uuid4(),
            causation=causation,
            preview=preview,
        )

    def close(self) -> None:
        """Carries out the commands that wait and ends both threads."""
        self.bus.close()
        self._reading_room.close()

    def __enter__(self) -> CoopSchool:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _keyed(self, content: bytes) -> bytes:
        return hmac.digest(self._repeatable_key, content, hashlib.sha256)
