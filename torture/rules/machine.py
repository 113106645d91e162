"""A machine: people wish this and that of two processes, alone and at once, and a model says what must come of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any, ClassVar, Generic, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from rich.table import Table

from coopschool.domain.base import Load
from projections.runner import Runner
from torture.rules.history import Told, history_of, length_of
from torture.rules.orders import See, State
from torture.rules.two_processes import Came, Order, TwoProcesses
from torture.rules.wishes import BRUSSELS, Model, Wish

HOURS = (1, 3, 24, 24, 48)


@dataclass
class Tally:
    """What the machines did: commands granted, commands refused by rule, groups of them at once, lives ended,
    figures in facts that were compared, events in the log, and what was wrong."""

    granted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    at_once: int = 0
    lives: int = 0
    facts: int = 0
    events: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def steps(self) -> int:
        return self.granted.total() + self.refused.total()

    def table(self) -> Table:
        table = Table("lives", "steps", "at once", "granted", "refused", "by rules", "events", "facts compared")
        table.add_row(
            f"{self.lives:,}",
            f"{self.steps:,}",
            f"{self.at_once:,}",
            f"{self.granted.total():,}",
            f"{self.refused.total():,}",
            f"{len(self.refused)}",
            f"{self.events:,}",
            f"{self.facts:,}",
        )
        return table


About = st.SearchStrategy[dict[str, Any]]
M = TypeVar("M", bound=Model)


def about(**fields: st.SearchStrategy[Any]) -> About:
    """What a wish is about."""
    return st.fixed_dictionaries(fields)


def wishes(about: dict[str, tuple[int, About]]) -> st.SearchStrategy[Wish]:
    """Any of these wishes, some so many times as often as others."""
    often = [what for what, (times, _) in about.items() for _ in range(times)]
    return st.sampled_from(often).flatmap(lambda what: about[what][1].map(lambda given: Wish(what, given)))


def named(ids: dict[str, str]) -> dict[str, str]:
    """The names by the ids."""
    return {id: name for name, id in ids.items()}


class Machine(RuleBasedStateMachine, Generic[M]):
    """One life of a school of its own on the shared database.

    A life names its things itself; everything else in the log belongs to other lives. After each step the log has grown
    by what was granted and by nothing else, and both processes see what the model says. What may be wished does not
    depend on what came of wishes: the same ones go another way when two processes race, and Hypothesis must not mind.
    """

    BEGINS: ClassVar[datetime]

    def __init__(self, two: TwoProcesses, tally: Tally) -> None:
        super().__init__()
        self.two = two
        self.tally = tally
        self.story: list[str] = []
        self.now = self.BEGINS
        self.model: M = self.prepare()
        self.compare(self.two.ask([See(self.look(), self.now)] * 2, self.now), self.model)

    # --- what each machine says of itself

    def prepare(self) -> M:
        """Makes what a life begins with; its model."""
        raise NotImplementedError

    def order(self, wish: Wish) -> Order:
        """The wish as the school understands it."""
        raise NotImplementedError

    def look(self) -> Callable[[Load], State]:
        """A look at everything that the model says something of."""
        raise NotImplementedError

    def tags(self) -> list[str]:
        """The streams of this life."""
        raise NotImplementedError

    def check_history(self, told: Sequence[Told]) -> None:
        """Whether the log, read without any of the school's code, keeps the invariants."""
        raise NotImplementedError

    def check_facts(self) -> int:
        """Whether the projections say what the model says; how many figures that were."""
        raise NotImplementedError

    # --- steps

    @property
    def at(self) -> datetime:
        """The moment, as commands take it."""
        return self.now.astimezone(BRUSSELS)

    def say(self, order: Order) -> None:
        """Something that a life begins with."""
        (came,) = self.two.ask([order], self.now)
        assert came.refused is None, came

    def agree(self, model: M, wish: Wish) -> None:
        """A wish that a life begins with."""
        assert not model.grant(wish, self.now), wish
        self.say(self.order(wish))

    def take(self, asked: Sequence[Wish], there: bool) -> None:
        """Asks for everything at once, in turn of both processes: some order of it must explain what came of it."""
        before = length_of(self.two.log)
        came = self.two.ask([self.order(wish) for wish in asked], self.now, first=int(there))
        for wish, one in zip(asked, came, strict=True):
            answer = one.refused or f"granted, {one.events} events"
            self.story.append(f"{self.at:%d %b %H:%M} {wish.what} {_shown(wish.about)}: {answer}")
            (self.tally.refused if one.refused else self.tally.granted)[one.refused or wish.what] += 1
        self.tally.at_once += len(asked) > 1
        with self._telling():
            grown = length_of(self.two.log) - before
            assert grown == sum(one.events for one in came), f"the log grew by {grown} events"
            seen = self.two.ask([See(self.look(), self.now)] * 2, self.now, first=int(there))
            self.model = self._explained(asked, came, seen)

    def _explained(self, asked: Sequence[Wish], came: Sequence[Came], seen: Sequence[Came]) -> M:
        """The model after an order of the wishes in which each is granted or refused as it was."""
        why: list[AssertionError] = []
        for order in permutations(range(len(asked))):
            model = self.model.copy()
            try:
                for one in order:
                    broken = model.grant(asked[one], self.now)
                    expected = came[one].refused in broken if broken else came[one].refused is None
                    assert expected, (
                        f"{asked[one]}: {came[one].refused}, but the rules say {sorted(broken) or 'granted'}"
                    )
                self.compare(seen, model)
            except AssertionError as error:
                why.append(error)
            else:
                return model
        raise (
            why[0]
            if len(why) == 1
            else AssertionError("no order explains it:\n  " + "\n  ".join(dict.fromkeys(map(str, why))))
        )

    def compare(self, seen: Sequence[Came], model: M) -> None:
        expected = model.seen()
        for process, one in enumerate(seen):
            assert one.refused is None, one.refused
            assert one.seen.keys() == expected.keys()
            for name, should in expected.items():
                assert one.seen[name] == should, f"process {process} sees {name} as {one.seen[name]}, not {should}"

    def later(self, hours: float) -> None:
        self.now += timedelta(hours=hours)

    def teardown(self) -> None:
        """The life is over: what the log and the projections say of it."""
        if self.tally.wrong:
            return
        with self._telling():
            self.check_history(history_of(self.two.log, self.tags()))
            Runner(self.two.database, self.two.settings.zone).catch_up()
            self.tally.facts += self.check_facts()
        self.tally.lives += 1

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """What goes wrong is told with the life so far: at once, for what two processes do may never come again."""
        try:
            yield
        except AssertionError as error:
            if not self.tally.wrong:
                self.tally.wrong.append("\n  ".join((f"{type(self).__name__}: {error}", *self.story)))
            raise


def _shown(about: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in about.items())
