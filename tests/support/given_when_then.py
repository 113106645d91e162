"""Tests of rules as sentences: ``given(what happened).when(a command).then(what follows)``.

No store and no mock: the real aggregates fold the given events by tag, the real command decides. A scenario goes on
with another ``.when``, which sees what the first one decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coopschool.domain.base import A, Aggregate, Command, Event, Occurrence, Unchanged
from coopschool.domain.errors import DomainError

BRUSSELS = ZoneInfo("Europe/Brussels")
BEFORE = datetime(2026, 1, 5, 9, 0, tzinfo=BRUSSELS)  # a Monday; given events happen then unless they say otherwise
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=BRUSSELS)  # a Monday


def local(text: str) -> datetime:
    """The moment in the school's zone: ``local("2026-03-02 14:00")``, or the start of a day."""
    return datetime.fromisoformat(text).replace(tzinfo=BRUSSELS)


def given(*happened: Event | Occurrence) -> Scenario:
    return Scenario([one if isinstance(one, Occurrence) else Occurrence(one, BEFORE) for one in happened])


class Scenario:
    """A log in memory."""

    def __init__(self, log: Sequence[Occurrence]) -> None:
        self.log = list(log)

    def folded(self, aggregate: type[A], id: str) -> A:
        """The aggregate as the log makes it."""
        found = aggregate(id)
        for position, occurrence in enumerate(self.log, start=1):
            if found.tag in occurrence.tags and type(occurrence.event) in found.projected_types:
                found.fold(occurrence.event, position, occurrence.occurred_at)
        return found

    def when(self, command: Command) -> Outcome:
        """Decides the command, and sees to it that deciding changed nothing."""
        loaded: dict[tuple[type[Aggregate], str], Aggregate] = {}

        def load(aggregate: type[A], id: str, /) -> A:
            found = loaded.setdefault((aggregate, id), self.folded(aggregate, id))
            assert isinstance(found, aggregate)
            return found

        for aggregate, needed in command.needs():
            load(aggregate, needed)
        refusal: DomainError | None = None
        decided: Sequence[Occurrence] | Unchanged = []
        try:
            decided = command.decide(load)
        except DomainError as error:
            refusal = error
        for (aggregate, found_id), found in loaded.items():
            assert vars(found) == vars(self.folded(aggregate, found_id)), f"deciding changed {found.tag}"
        return Outcome(self.log, decided, refusal)


class Outcome:
    """What a command led to."""

    def __init__(
        self, log: list[Occurrence], decided: Sequence[Occurrence] | Unchanged, refusal: DomainError | None
    ) -> None:
        self.log = log
        self.decided = decided
        self.refusal = refusal

    @property
    def occurrences(self) -> Sequence[Occurrence]:
        """What followed; a refusal fails the test."""
        if self.refusal is not None:
            raise self.refusal
        return () if isinstance(self.decided, Unchanged) else self.decided

    @property
    def events(self) -> list[Event]:
        return [occurrence.event for occurrence in self.occurrences]

    def then(self, *expected: Event | Occurrence) -> Scenario:
        """These events follow, in this order; an `Occurrence` says when as well."""
        assert not isinstance(self.decided, Unchanged), "the command changed nothing"
        found: list[Any] = [
            occurrence if isinstance(wanted, Occurrence) else occurrence.event
            for occurrence, wanted in zip(self.occurrences, expected, strict=False)
        ]
        assert found == list(expected)
        assert len(self.occurrences) == len(expected), f"also: {self.events[len(expected) :]}"
        return Scenario([*self.log, *self.occurrences])

    def then_refused(self, error: type[DomainError], **details: Any) -> None:
        """This rule forbids it; only the details that are named are compared."""
        if self.refusal is None:
            pytest.fail(f"{error.__name__} was not raised; decided: {self.decided}")
        assert type(self.refusal) is error, repr(self.refusal)
        assert {name: self.refusal.details.get(name) for name in details} == details

    def then_unchanged(self) -> None:
        """It was so already."""
        assert isinstance(self.decided, Unchanged), f"decided: {self.decided or self.refusal}"

    def when(self, command: Command) -> Outcome:
        """The next command, after what this one led to."""
        return Scenario([*self.log, *self.occurrences]).when(command)
