"""A school in fast motion: commands decided in memory, in order of simulated time, then written in one transaction.

The same decisions as live ones; only the clock is another, so that `recorded_at` is simulated as well and reports can
be asked what was known when.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count
from uuid import UUID

from coopschool.command_bus import VaultWrite
from coopschool.domain.base import A, Aggregate, Command, Event, Unchanged
from coopschool.domain.errors import DomainError
from coopschool.eventstore import log
from coopschool.eventstore.log import Connection, RecordedEvent
from coopschool.eventstore.mapper import encode
from coopschool.eventstore.repository import projected_topics

ROWS_AT_ONCE = 2_000


class Simulation:
    """A log in memory, with its aggregates, an agenda, and one source of chance: the same seed, the same history."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - it makes a story, not a secret
        self.events: list[RecordedEvent] = []
        self.vault: list[VaultWrite] = []
        self._streams: dict[str, list[tuple[Event, int, RecordedEvent]]] = {}
        self._aggregates: dict[str, Aggregate] = {}
        self._folds: dict[type[Aggregate], frozenset[str]] = {}
        self._agenda: list[tuple[datetime, int, Callable[[datetime], object]]] = []
        self._order = count()

    def new_id(self) -> str:
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    def plan(self, at: datetime, action: Callable[[datetime], object]) -> None:
        """Puts an action on the agenda; those of one moment run in the order they were planned."""
        heapq.heappush(self._agenda, (at, next(self._order), action))

    def run(self, until: datetime) -> None:
        """Carries out the agenda, and what is put on it meanwhile, up to a moment."""
        while self._agenda and self._agenda[0][0] <= until:
            at, _, action = heapq.heappop(self._agenda)
            action(at)

    def load(self, aggregate: type[A], id: str) -> A:
        """The aggregate as the simulated log makes it."""
        tag = f"{aggregate.KIND}:{id}"
        found = self._aggregates.get(tag)
        if found is None:
            found = self._aggregates[tag] = aggregate(id)
            for event, position, row in self._streams.get(tag, ()):
                self._fold(found, event, position, row)
        assert isinstance(found, aggregate)
        return found

    def do(self, command: Command, *vault: VaultWrite) -> Sequence[Event]:
        """Carries out a command; a rule that forbids it raises."""
        decided = command.decide(self.load)
        if isinstance(decided, Unchanged):
            return ()
        for occurrence in decided:
            topic, data = encode(occurrence.event)
            row = RecordedEvent(
                topic,
                data,
                occurrence.tags,
                occurrence.occurred_at,
                actor=command.by.person or "system",
                correlation=UUID(int=self.chance.getrandbits(128), version=4),
                recorded_at=command.at,
            )
            self._append(occurrence.event, row)
        self.vault += vault
        return [occurrence.event for occurrence in decided]

    def attempt(self, command: Command) -> Sequence[Event]:
        """Carries out a command if the rules allow it: people try, and are refused."""
        try:
            return self.do(command)
        except DomainError:
            return ()

    def write(self, conn: Connection, progress: Callable[[int], None] = lambda _rows: None) -> int:
        """Writes everything into an empty log, in one transaction; the number of events. 0 if the log is not empty."""
        with conn.transaction():
            log.lock(conn)
            if log.head(conn) != log.EMPTY:
                return 0
            for write in self.vault:
                write.write(conn)
            head = log.EMPTY
            for event in self.events:
                head = log.chain([event], head, event.recorded_at)
            for start in range(0, len(self.events), ROWS_AT_ONCE):
                log.insert(conn, self.events[start : start + ROWS_AT_ONCE])
                progress(len(self.events[start : start + ROWS_AT_ONCE]))
            log.notify(conn, head.position)
        return len(self.events)

    def _append(self, event: Event, row: RecordedEvent) -> None:
        self.events.append(row)
        position = len(self.events)
        for tag in row.tags:
            self._streams.setdefault(tag, []).append((event, position, row))
            aggregate = self._aggregates.get(tag)
            if aggregate is not None:
                self._fold(aggregate, event, position, row)

    def _fold(self, aggregate: Aggregate, event: Event, position: int, row: RecordedEvent) -> None:
        folds = self._folds.get(type(aggregate))
        if folds is None:
            folds = self._folds[type(aggregate)] = frozenset(projected_topics(type(aggregate)))
        if row.type in folds:
            aggregate.fold(event, position, row.occurred_at)
