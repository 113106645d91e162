"""What a projection is: handlers by event class, cases that it folds, rows that it adds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import psycopg

from coopschool.domain import tags
from coopschool.domain.base import Event
from coopschool.eventstore.mapper import topics_of
from projections.calendar import Calendar
from projections.facts import Facts

Connection = psycopg.Connection[Any]
C = TypeVar("C")


class Undecodable:
    """Stands for an event of the log that cannot be read."""

    def __init__(self, topic: str, error: Exception) -> None:
        self.topic = topic
        self.error = error


class Happened(NamedTuple):
    """An event as the log has it; both times as text in UTC, so that they sort."""

    position: int
    event: Event | Undecodable
    occurred_at: str
    recorded_at: str


class Reads(NamedTuple):
    """What the log holds about one case: the events of these tags."""

    case: str
    tags: tuple[str, ...]


H = TypeVar("H", bound=Callable[..., None])


def on(*events: type[Event]) -> Callable[[H], H]:
    """Marks a method as what a projection does on these events: ``handler(self, event, occurred_at)``."""

    def mark(handler: H) -> H:
        handler.__dict__["handles"] = events
        return handler

    return mark


class Cases(Generic[C]):
    """The cases at hand: those used lately, of a log from which any case can be folded again.

    `complete` means that every case ever met is here, so that one that is missing is new.
    """

    def __init__(self, make: Callable[[str], C]) -> None:
        self._make = make
        self._recent: dict[str, C] = {}
        self._older: dict[str, C] = {}
        self.complete = False

    def __contains__(self, id: str) -> bool:
        return id in self._recent or id in self._older

    def __len__(self) -> int:
        """How many were used since the last `turn_over`."""
        return len(self._recent)

    def get(self, id: str) -> C:
        """The case; made if it is not at hand (the projection reads what it lacks before it folds)."""
        case = self._recent.get(id)
        if case is None:
            case = self._older.pop(id, None)
            if case is None:
                case = self._make(id)
            self._recent[id] = case
        return case

    def turn_over(self) -> None:
        """Forgets the cases not used since the last turn."""
        self.complete = self.complete and not self._older
        self._older, self._recent = self._recent, {}

    def clear(self, *, complete: bool) -> None:
        self._recent, self._older, self.complete = {}, {}, complete


class Projection:
    """Folds events into facts and current rows. One instance follows the log; it is thrown away when in doubt.

    A subclass names itself, its `fact_tables` and `current_tables`, the events it `ignores`, and has a handler for
    every other event. Change `version` when the same events would give other rows.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    fact_tables: ClassVar[tuple[str, ...]]
    current_tables: ClassVar[Mapping[str, str]] = {}  # table: the column that its rows are replaced by
    ignores: ClassVar[frozenset[type[Event]]]
    handled: ClassVar[dict[type[Event], str]]
    kinds: ClassVar[tuple[str, ...]] = ()  # tags of its cases
    turn_after: ClassVar[int] = 30_000  # events; cases that so many events leave alone are forgotten

    def __init_subclass__(cls) -> None:
        cls.handled = {
            event: name for name in dir(cls) for event in getattr(getattr(cls, name), "__dict__", {}).get("handles", ())
        }

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.facts = Facts(self.fact_tables)
        self.position = 0
        self.handlers: dict[type, Callable[[Any, str], None]] = {
            event: getattr(self, name) for event, name in self.handled.items()
        }
        self.handlers[Undecodable] = self._refuse
        self.topics = frozenset(topic for event in self.handled for topic in topics_of(event))
        self.cases: Cases[Any] = Cases(self.make_case)
        self._since_turn = 0

    def make_case(self, id: str) -> Any:
        """An empty case. Only for projections that have some."""
        raise NotImplementedError

    def case_of(self, event: Event) -> str | None:
        """The case that an event changes, if it needs one."""
        raise NotImplementedError

    def begin(self, position: int, conn: Connection | None = None) -> None:  # noqa: ARG002
        """Starts over after a position, with nothing at hand; `conn` is in the generation that it goes on with."""
        self.position = position
        self.cases.clear(complete=position == 0)
        self.facts.take()

    def move_on(self, position: int, events: int) -> None:
        """The batch up to here, of so many events, is written: forgets cases that were not used for long."""
        self.position = max(self.position, position)
        self._since_turn += events
        if self.is_full():
            self.cases.turn_over()
            self._since_turn = 0

    def is_full(self) -> bool:
        """Whether it is time to forget something."""
        return self._since_turn > self.turn_after

    def lacks(self, events: Sequence[Happened]) -> list[Reads]:
        """The cases that these events change and that are not at hand: to be `recall`ed from the log first."""
        if self.cases.complete:
            return []
        handled, cases = self.handled, self.cases
        wanted: dict[str | None, bool] = {None: False}
        for position, event, _, _ in events:
            if type(event) in handled and position > self.position:
                case = self.case_of(event)  # type: ignore[arg-type]
                if case not in wanted:
                    wanted[case] = case is not None and case not in cases
        return [
            Reads(case, tuple(tags.tag(kind, case) for kind in self.kinds)) for case in wanted if case and wanted[case]
        ]

    def recall(self, lacking: Iterable[Reads], events: Iterable[Happened]) -> None:
        """Folds the past of cases that are not at hand, without adding rows for it."""
        for reads in lacking:
            self.cases.get(reads.case)
        with self.facts.muted():
            self._fold(events)

    def fold(self, events: Sequence[Happened]) -> None:
        """Folds the events after its position. Raises `Poison` at one that it cannot fold."""
        if events and events[0].position > self.position:
            self._fold(events)
        else:
            self._fold(happened for happened in events if happened.position > self.position)

    def _fold(self, events: Iterable[Happened]) -> None:
        handlers, facts = self.handlers, self.facts
        for position, event, occurred_at, recorded_at in events:
            handle = handlers.get(type(event))
            if handle is not None:
                facts.position, facts.recorded_at = position, recorded_at
                try:
                    handle(event, occurred_at)
                except Exception as error:
                    raise Poison(position, _topic(event), error) from error

    def _refuse(self, event: Undecodable, _occurred_at: str) -> None:
        if event.topic in self.topics:
            raise event.error

    def current(self) -> dict[str, dict[str, list[str]]]:
        """The current rows that changed since last asked: by table, then by the key whose rows they replace."""
        return {}


def _topic(event: Event | Undecodable) -> str:
    return event.topic if isinstance(event, Undecodable) else event.TOPIC


class Poison(Exception):
    """An event that a projection cannot fold."""

    def __init__(self, position: int, topic: str, cause: BaseException) -> None:
        super().__init__(position, topic, cause)
        self.position = position
        self.topic = topic
        self.cause = f"{type(cause).__name__}: {cause}"
