"""The log as it will be: what stands in the database up to a head, and after it what the import has decided.

Nothing is locked: at the end `relied_on` says which streams the decisions stand on, so that whoever appends can see
whether one of them has grown meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from datetime import datetime
from typing import TypeVar
from uuid import UUID, uuid4

from coopschool.domain.base import Aggregate, Event, Occurrence
from coopschool.eventstore.log import SQL, Connection, RecordedEvent
from coopschool.eventstore.mapper import decode, encode
from coopschool.eventstore.repository import projected_topics

A = TypeVar("A", bound=Aggregate)
ACTOR = "import"


class Ledger:
    """Aggregates as of `head` plus everything recorded here; of the ids in `made` the database holds nothing."""

    def __init__(self, conn: Connection, head: int, made: Set[str]) -> None:
        self.events: list[RecordedEvent] = []
        self._conn = conn
        self._head = head
        self._correlation: UUID = uuid4()
        self._kept: dict[str, Aggregate] = {}
        self._new = made
        self._later: defaultdict[str, list[tuple[Event, int, datetime]]] = defaultdict(list)
        self._topics: dict[type[Aggregate], frozenset[str]] = {}

    @property
    def relied_on(self) -> Mapping[str, frozenset[str]]:
        """The tags whose streams were looked at, each with the stored names of the events that count."""
        return {
            tag: self._projected(type(aggregate))
            for tag, aggregate in self._kept.items()
            if aggregate.id not in self._new
        }

    def load(self, aggregate: type[A], id: str, /) -> A:
        """The aggregate as it stands after everything recorded so far."""
        tag = f"{aggregate.KIND}:{id}"
        found = self._kept.get(tag)
        if found is None:
            self.prepare(aggregate, [id])
            found = self._kept[tag]
        assert isinstance(found, aggregate)
        return found

    def prepare(self, aggregate: type[Aggregate], ids: Iterable[str]) -> None:
        """Reads several aggregates at once."""
        wanted = {found.tag: found for found in map(aggregate, ids) if found.tag not in self._kept}
        in_database = [tag for tag, found in wanted.items() if found.id not in self._new]
        if in_database:
            rows = self._conn.execute(SQL["streams"], (in_database, sorted(self._projected(aggregate)), self._head))
            for tag, position, topic, data, occurred_at in rows:
                wanted[tag].fold(decode(topic, data), position, occurred_at)
        for tag, found in wanted.items():
            for event, position, occurred_at in self._later.pop(tag, ()):
                if event.TOPIC in self._projected(aggregate):
                    found.fold(event, position, occurred_at)
        self._kept |= wanted

    def record(self, occurrences: Iterable[Occurrence]) -> None:
        """Adds what was decided, and folds it."""
        for occurrence in occurrences:
            event = occurrence.event
            topic, data = encode(event)
            row = RecordedEvent(topic, data, occurrence.tags, occurrence.occurred_at, ACTOR, self._correlation)
            self.events.append(row)
            position = self._head + len(self.events)
            for tag in row.tags:
                found = self._kept.get(tag)
                if found is None:
                    self._later[tag].append((event, position, occurrence.occurred_at))
                elif topic in self._projected(type(found)):
                    found.fold(event, position, occurrence.occurred_at)

    def _projected(self, aggregate: type[Aggregate]) -> frozenset[str]:
        topics = self._topics.get(aggregate)
        if topics is None:
            topics = self._topics[aggregate] = frozenset(projected_topics(aggregate))
        return topics
