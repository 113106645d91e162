"""What follows from a decision within the same transaction: seats that go on, waits that end, lists that lapse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from coopschool.domain.base import A, Aggregate, Command, Event, Load, Occurrence
from coopschool.domain.school.eligibility import first_eligible
from coopschool.domain.school.enrolment import (
    EnrolmentWithdrawn,
    InterestRegistered,
    MemberEnrolled,
    MemberPromoted,
    MemberWaitlisted,
    PassedOver,
    PromotionRule,
    WaitlistLapsed,
)
from coopschool.domain.school.member import Member
from coopschool.domain.school.session import Session, Waiting


class Consequences:
    """The occurrences decided so far, and a `load` that sees them.

    An aggregate that one of them concerns is copied on its next load, and they are folded into the copy: what was
    loaded from outside never changes. Load again after something happened.
    """

    def __init__(self, command: Command, load: Load) -> None:
        self.at = command.at
        self.occurrences: list[Occurrence] = []
        self._load = load
        self._foreseen: dict[str, Aggregate] = {}
        self._concerning: defaultdict[str, list[Occurrence]] = defaultdict(list)

    def happens(self, event: Event, occurred_at: datetime | None = None) -> None:
        """Adds an occurrence, at the command's moment unless another is given."""
        occurrence = Occurrence(event, occurred_at or self.at)
        self.occurrences.append(occurrence)
        for tag in occurrence.tags:
            self._concerning[tag].append(occurrence)
            if tag in self._foreseen:
                _fold(self._foreseen[tag], occurrence)

    def happen_all(self, events: Iterable[Event]) -> None:
        """Adds occurrences at the command's moment."""
        for event in events:
            self.happens(event)

    def load(self, aggregate: type[A], id: str, /) -> A:
        """The aggregate as it will stand after the occurrences so far."""
        found = self._load(aggregate, id)
        concerning = self._concerning.get(found.tag)
        if not concerning:
            return found
        foreseen = self._foreseen.get(found.tag)
        if foreseen is None:
            foreseen = self._foreseen[found.tag] = _copied(found)
            for occurrence in concerning:
                _fold(foreseen, occurrence)
        assert isinstance(foreseen, aggregate)
        return foreseen

    # --- seats

    def confirm(self, session: Session, member: str, *, walk_in: bool = False) -> None:
        """Gives a seat; the person's other waits for the module end."""
        waits = self._other_waits(session, member)
        self.happens(MemberEnrolled(member=member, session=session.id, module=session.module, walk_in=walk_in))
        self.happen_all(waits)

    def wait(self, session: Session, member: str) -> None:
        """Puts somebody at the end of the waiting list."""
        waitlisted = MemberWaitlisted(member=member, session=session.id, module=session.module, rank=session.next_rank)
        self.happens(waitlisted)

    def promote(
        self,
        session: Session,
        waiting: Waiting,
        rule: PromotionRule,
        *,
        freed_by: str | None,
        passed_over: Iterable[PassedOver] = (),
        occurred_at: datetime | None = None,
    ) -> None:
        """Gives a seat to somebody on the list."""
        promoted = MemberPromoted(
            member=waiting.member,
            session=session.id,
            module=session.module,
            rank=session.ranks[waiting.member],
            rule=rule,
            freed_by=freed_by,
            passed_over=tuple(passed_over),
        )
        waits = self._other_waits(session, waiting.member)
        self.happens(promoted, occurred_at)
        self.happen_all(waits)

    def fill_seats(self, session_id: str, freed_by: str | None = None) -> None:
        """Until the cutoff, gives each free seat to the first in rank who may take it.

        A promotion frees no seat elsewhere (waits hold none), so the chain ends here.
        """
        while self._promotes(session := self.load(Session, session_id)):
            waiting, passed_over = first_eligible(session, self.at, self.load)
            if waiting is None:
                return
            self.promote(session, waiting, "first_eligible", freed_by=freed_by, passed_over=passed_over)

    def reconsider(self, members: Iterable[str]) -> None:
        """Fills the seats for which these people wait: something that kept them from one may be gone."""
        waits: dict[str, None] = {}
        for member in members:
            enrolments = self.load(Member, member).enrolments
            waits.update({session: None for session, own in enrolments.items() if own.standing == "waitlisted"})
        for session in waits:
            self.fill_seats(session)

    def _promotes(self, session: Session) -> bool:
        return bool(session.is_open and session.free > 0 and session.waitlist and self.at < session.promotion_cutoff)

    def _other_waits(self, session: Session, member: str) -> list[EnrolmentWithdrawn]:
        return [
            EnrolmentWithdrawn(
                member=member,
                session=other,
                module=session.module,
                was="waitlisted",
                reason_code="confirmed_elsewhere",
            )
            for other, own in self.load(Member, member).enrolments.items()
            if own.module == session.module and own.standing == "waitlisted" and other != session.id
        ]

    # --- waits that end in an interest

    def lapse_waitlist(self, session_id: str) -> None:
        """Ends every wait as of the first slot's start; each becomes an interest."""
        session = self.load(Session, session_id)
        for rank, waiting in list(session.waitlist.items()):
            since = self.load(Member, waiting.member).enrolments[session.id].since
            lapsed = WaitlistLapsed(member=waiting.member, session=session.id, module=session.module, rank=rank)
            self.happens(lapsed, session.starts_at)
            self.leave_interest(session, waiting.member, since, session.starts_at)

    def leave_interest(
        self, session: Session, member_id: str, since: datetime, occurred_at: datetime | None = None
    ) -> None:
        """Registers the interest that an ended enrolment leaves, with the first date it was asked for.

        None for somebody who is still enrolled in another session of the module or is no longer a member.
        """
        member = self.load(Member, member_id)
        if member.enrolled_in(session.module) or not member.active_on(self.at.date()):
            return
        registered = InterestRegistered(
            member=member_id,
            module=session.module,
            languages=session.languages,
            places=(session.place,),
            format=session.format,
            since=since,
        )
        self.happens(registered, occurred_at)


def reconsidered(command: Command, load: Load, member: str, decided: Iterable[Occurrence]) -> list[Occurrence]:
    """The occurrences, and the promotions they lead to where they make a waiting member eligible."""
    consequences = Consequences(command, load)
    for occurrence in decided:
        consequences.happens(occurrence.event, occurrence.occurred_at)
    consequences.reconsider([member])
    return consequences.occurrences


def _fold(aggregate: Aggregate, occurrence: Occurrence) -> None:
    if type(occurrence.event) in aggregate.projected_types:
        aggregate.fold(occurrence.event, aggregate.position, occurrence.occurred_at)


def _copied(aggregate: A) -> A:
    copy = type(aggregate)(aggregate.id)
    vars(copy).update({name: _unshared(value) for name, value in vars(aggregate).items()})
    return copy


def _unshared(value: Any) -> Any:
    """A container's copy. What is in it is immutable or replaced, never changed: a fold sees to that."""
    return value.copy() if isinstance(value, dict | list | set) else value
