"""Joining the cooperative, changing category, and what a member need not have done before.

Ending a membership frees seats: see `withdrawal`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from coopschool.domain import bounds
from coopschool.domain.advisers.adviser_team import Adviser
from coopschool.domain.advisers.team_membership import ONE_DAY, stays_cut_short
from coopschool.domain.base import Aggregate, Command, Decided, Load, Occurrence, Role, Unchanged, as_read, existing
from coopschool.domain.school.consequences import reconsidered
from coopschool.domain.school.enrolment import PrerequisiteWaived, WaiverReason
from coopschool.domain.school.learning_module import LearningModule
from coopschool.domain.school.member import (
    AlreadyMember,
    Member,
    MemberJoined,
    MembershipCategoryChanged,
    MembershipInactive,
)
from coopschool.domain.school.person import LanguageChosen, Person, PersonErased, PersonRegistered, known
from coopschool.domain.school.words import Category, Language


def roles_on(load: Load, person: str, day: date) -> frozenset[Role]:
    """The roles a person has that day: those granted, `member` for members, `adviser` for those in a team."""
    roles = load(Person, person).roles_on(day)
    if load(Member, person).active_on(day):
        roles |= {"member"}
    return roles if load(Adviser, person).team_on(day) is None else roles | {"adviser"}


class JoinAsMember(Command, frozen=True, kw_only=True):
    """Makes a person a member; registers the person too, if need be."""

    person: str
    category: Category
    joined_on: date
    language: Language | None = None

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Person, self.person), (Member, self.person)]

    def decide(self, load: Load) -> Decided:
        bounds.day("joined_on", self.joined_on)
        person = load(Person, self.person)
        if person.erased:
            raise PersonErased(person=self.person)
        if load(Member, self.person).exists:
            raise AlreadyMember(person=self.person)
        decided = [] if person.exists else self.occurs(PersonRegistered(person=self.person))
        if self.language not in (None, person.language):
            decided += self.occurs(LanguageChosen(person=self.person, language=self.language))
        joined = MemberJoined(member=self.person, category=self.category, joined_on=self.joined_on)
        return [*decided, Occurrence(joined, self.start_of(self.joined_on))]


class ChangeCategory(Command, frozen=True, kw_only=True):
    """Makes a membership of another category from a day on; a seat that waits for the member goes to them at once.

    Who is no permanent worker any more leaves their adviser team the day before.
    """

    member: str
    category: Category
    effective_on: date

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Member, self.member)]

    def decide(self, load: Load) -> Decided:
        bounds.day("effective_on", self.effective_on)
        member = existing(load, Member, self.member)
        if not member.active_on(self.effective_on):
            raise MembershipInactive(member=self.member, day=self.effective_on)
        if member.category_on(self.effective_on) == self.category:
            return Unchanged(member.position)
        changed = MembershipCategoryChanged(member=self.member, category=self.category, effective_on=self.effective_on)
        decided = [Occurrence(changed, self.start_of(self.effective_on))]
        if self.category != "B":  # advisers are of category B
            cut_short = stays_cut_short(load(Adviser, self.member), self.effective_on - ONE_DAY, self._back_on(member))
            decided += [Occurrence(left, self.end_of(left.to)) for left in cut_short]
        return reconsidered(self, load, self.member, decided)

    def _back_on(self, member: Member) -> date | None:
        """When the member is a permanent worker again, as far as is known."""
        later = (period for period in member.categories if period.effective_on > self.effective_on)
        return min((period.effective_on for period in later if period.category == "B"), default=None)


class WaivePrerequisite(Command, frozen=True, kw_only=True):
    """Lets a module count for a member as if completed; a seat that waits for the member goes to them at once."""

    member: str
    module: str
    reason_code: WaiverReason

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Member, self.member), (LearningModule, self.module)]

    def decide(self, load: Load) -> Decided:
        member = existing(load, Member, self.member)
        existing(load, LearningModule, self.module)
        if not member.active_on(self.at.date()):
            self.refuse(MembershipInactive(member=self.member, day=self.at.date()))
        if self.module in member.waived:
            return Unchanged(member.position)
        waived = PrerequisiteWaived(
            member=self.member, module=self.module, by=self.by.person, reason_code=self.reason_code
        )
        return reconsidered(self, load, self.member, self.occurs(waived))


class AmendDetails(Command, frozen=True, kw_only=True):
    """Changes what is written down of a member: the language here (None leaves it), name and address in the vault.

    `if_revisions` are the revisions of person and membership that the asker has read.
    """

    member: str
    language: Language | None = None
    if_revisions: tuple[int, int] | None = None

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Person, self.member), (Member, self.member)]

    def decide(self, load: Load) -> Decided:
        person, member = known(load, self.member), existing(load, Member, self.member)
        if self.if_revisions is not None:
            as_read(self.if_revisions[0], person.revision)
            as_read(self.if_revisions[1], member.revision)
        if self.language in (None, person.language):
            return Unchanged(max(person.position, member.position))
        return self.occurs(LanguageChosen(person=self.member, language=self.language))
