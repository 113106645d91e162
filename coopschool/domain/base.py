"""The four words the domain is written in: `Event`, `Occurrence`, `Aggregate`, `Command`.

A `Command` loads the aggregates it needs, checks its rules as guard clauses and returns occurrences; it changes
nothing. An `Aggregate` is created from an id and folds the events that carry its tag; it changes in no other way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from inspect import signature
from typing import Any, ClassVar, Literal, Protocol, TypeVar

import msgspec
from eventsourcing.dcb.domain import Decision, Selector, Slice, Tagged, decorated_funcs
from eventsourcing.utils import register_topic

from coopschool.domain import tags
from coopschool.domain.errors import RuleBroken, Stale, Unknown

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

P = TypeVar("P")
Role = Literal["member", "trainer", "adviser", "coordinator", "researcher", "admin"]


class Event(msgspec.Struct, Decision, frozen=True, kw_only=True):
    """Something that happened, under a stored name of its own (`TOPIC`), never a Python path."""

    TOPIC: ClassVar[str]
    BY_TOPIC: ClassVar[dict[str, type[Event]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        topic = cls.__dict__.get("TOPIC")
        if topic is not None:
            Event.BY_TOPIC[topic] = cls
            register_topic(topic, cls)

    def mutate(self, obj: P | None) -> P | None:
        """Has the aggregate's handler fold it, as the library does; but what handlers ask for is looked up once.

        Folding is much of what a decision costs.
        """
        handler, asked = _handler(type(obj), type(self))  # type: ignore[arg-type]
        if handler is not None:
            handler(obj, **{name: getattr(self, name) for name in asked})
        return obj


@cache
def _handler(aggregate: type[Any], event: type[Event]) -> tuple[Callable[..., None] | None, tuple[str, ...]]:
    """The method that folds such an event into such an aggregate, and the fields that it asks for."""
    method = decorated_funcs.get((aggregate, event))  # type: ignore[arg-type]  # filled by its metaclass
    asked = signature(method).parameters if method is not None else ()
    return method, tuple(name for name in event.__struct_fields__ if name in asked)


class Occurrence(Tagged[Event]):
    """An event, what it concerns, and when it happened in the world (`occurred_at`, in UTC)."""

    __slots__ = ("occurred_at",)

    def __init__(self, event: Event, occurred_at: datetime) -> None:
        super().__init__(tags.of(event), event)
        self.occurred_at = occurred_at.astimezone(UTC)  # as the log gives it back

    @property
    def event(self) -> Event:
        return self.decision

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Occurrence) and (self.event, self.occurred_at) == (other.event, other.occurred_at)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{self.event!r} at {self.occurred_at.isoformat()}"


class Aggregate(Slice[Event]):
    """The state that decisions look at: everything folded from the events tagged ``KIND:id``.

    `position` and `moment` are the log position and the `occurred_at` of the event being folded, so that state can
    remember where and when it came from.
    """

    KIND: ClassVar[str]
    projected_types: ClassVar[list[type[Event]]]  # found by the library's metaclass

    def __init__(self, id: str) -> None:
        self.id = id
        self.position = 0
        self.moment = EPOCH

    @property
    def exists(self) -> bool:
        """Whether its founding event is in the log."""
        raise NotImplementedError

    @property
    def tag(self) -> str:
        return tags.tag(self.KIND, self.id)

    def consistency_boundary(self) -> Selector:
        return Selector(types=self.projected_types, tags=[self.tag])

    def fold(self, event: Event, position: int, occurred_at: datetime) -> None:
        self.position = position
        self.moment = occurred_at
        event.mutate(self)


A = TypeVar("A", bound=Aggregate)


class Load(Protocol):
    """Gives an aggregate as it stands now; one that has no events yet has `exists` false."""

    def __call__(self, aggregate: type[A], id: str, /) -> A: ...


def existing(load: Load, aggregate: type[A], id: str) -> A:
    """The aggregate, or `Unknown` where nothing of it is in the log."""
    found = load(aggregate, id)
    if not found.exists:
        raise Unknown(aggregate.KIND, id)
    return found


def as_read(read: int | None, now: int) -> None:
    """Raises `Stale` where the asker has read another revision than there is now; None: they did not say."""
    if read is not None and read != now:
        raise Stale(revision=now)


class Actor(msgspec.Struct, frozen=True):
    """Who gives a command: the person (None for the system itself) and the roles they act in."""

    person: str | None
    roles: frozenset[Role]

    def is_any(self, *roles: Role) -> bool:
        return not self.roles.isdisjoint(roles)

    def acts_for(self, person: str) -> bool:
        """Whether this is that person, or somebody who runs the school."""
        return self.person == person or self.is_any("coordinator")

    @property
    def is_system(self) -> bool:
        """Whether this is `SYSTEM` itself: a token without a person may well carry the same roles."""
        return self is SYSTEM


SYSTEM = Actor(None, frozenset({"coordinator", "admin"}))


class Unchanged(msgspec.Struct, frozen=True):
    """The command asked for what already is; `position` is where that was recorded."""

    position: int


Decided = Sequence[Occurrence] | Unchanged


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants done. Ids and the moment come with it; `at` is in the school's time zone.

    `exceptions` names rules (error codes) that are set aside: only an import of history fills it.
    """

    at: datetime
    by: Actor = SYSTEM
    exceptions: frozenset[str] = frozenset()

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        """The aggregates known beforehand to be needed, so that they can be read before the log is locked."""
        return ()

    def decide(self, load: Load) -> Decided:
        """The occurrences that follow, or a `DomainError`. Pure: it changes nothing."""
        raise NotImplementedError

    def refuse(self, broken: RuleBroken) -> None:
        """Raises the error, unless its rule is set aside."""
        if broken.code not in self.exceptions:
            raise broken

    def start_of(self, day: date) -> datetime:
        """The first moment of that day in the school's zone."""
        return datetime.combine(day, time.min, self.at.tzinfo)

    def end_of(self, day: date) -> datetime:
        """The last moment of that day in the school's zone."""
        return self.start_of(day + timedelta(days=1)) - timedelta(microseconds=1)

    def occurs(self, *events: Event) -> list[Occurrence]:
        """The events, happening at the moment of the command."""
        return [Occurrence(event, self.at) for event in events]
