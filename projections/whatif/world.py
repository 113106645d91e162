"""A school in memory: aggregates that fold what is recorded in it, and decisions that look at them."""

from __future__ import annotations

from collections.abc import Sequence

from coopschool.domain.base import A, Aggregate, Command, Event, Occurrence, Unchanged
from coopschool.domain.errors import DomainError
from coopschool.domain.school.learning_module import LearningModule
from coopschool.domain.school.member import Member
from coopschool.domain.school.person import Person
from coopschool.domain.school.session import Session
from coopschool.domain.school.trainer import Trainer
from projections.whatif.rule import Rule

KINDS: dict[str, type[Aggregate]] = {kind.KIND: kind for kind in (Session, Member, LearningModule, Person, Trainer)}


class World:
    """What would be the case under a rule. It never touches a database."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._aggregates: dict[str, Aggregate] = {}
        self._folds = {kind: frozenset(kind.projected_types) for kind in KINDS.values()}
        self.recorded = 0

    def load(self, aggregate: type[A], id: str, /) -> A:
        """The aggregate as it stands. A waiting list is in the order in which the rule lets people go first."""
        found = self._aggregates.get(f"{aggregate.KIND}:{id}")
        if found is None:
            return aggregate(id)
        if isinstance(found, Session) and self._rule.waitlist == "newcomers-first":
            self._let_newcomers_first(found)
        assert isinstance(found, aggregate)
        return found

    def _let_newcomers_first(self, session: Session) -> None:
        waiting = session.waitlist.items()
        session.waitlist = dict(sorted(waiting, key=lambda item: (not self.is_newcomer(item[1].member), item[0])))

    def is_newcomer(self, member: str) -> bool:
        """Whether the member has not completed a module yet."""
        found = self._aggregates.get(f"{Member.KIND}:{member}")
        return not (isinstance(found, Member) and found.completed)

    def record(self, occurrences: Sequence[Occurrence]) -> None:
        for occurrence in occurrences:
            self.recorded += 1
            for tag in occurrence.tags:
                self._fold(tag, occurrence)

    def _fold(self, tag: str, occurrence: Occurrence) -> None:
        kind, _, id = tag.partition(":")
        aggregate = KINDS.get(kind)
        event: Event = occurrence.event
        if aggregate is None or type(event) not in self._folds[aggregate]:
            return
        found = self._aggregates.get(tag)
        if found is None:
            found = self._aggregates[tag] = aggregate(id)
        found.fold(event, self.recorded, occurrence.occurred_at)

    def decide(self, command: Command) -> Sequence[Occurrence] | None:
        """What follows from a command, recorded; None where a rule forbids it."""
        try:
            decided = command.decide(self.load)
        except DomainError:
            return None
        if isinstance(decided, Unchanged):
            return ()
        self.record(decided)
        return decided
