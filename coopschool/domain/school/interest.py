"""Interest in a module while no session of it suits: the demand by which the coordinator plans."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from coopschool.domain.base import Aggregate, Command, Decided, Load, Unchanged, existing
from coopschool.domain.errors import Forbidden, RuleBroken, Unknown
from coopschool.domain.school.enrolment import InterestRegistered, InterestWithdrawn
from coopschool.domain.school.learning_module import LearningModule, ModuleNotPublished
from coopschool.domain.school.member import Member, MembershipInactive
from coopschool.domain.school.words import Format, Language


class InterestAlreadyRegistered(RuleBroken):
    """This interest is registered already."""


class EnrolledInModule(RuleBroken):
    """There is an open enrolment in this module already."""


class RegisterInterest(Command, frozen=True, kw_only=True):
    """Says that a member would take a module; languages and places in the order they are preferred."""

    member: str
    module: str
    languages: tuple[Language, ...] = ()
    places: tuple[str, ...] = ()
    format: Format | None = None

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Member, self.member), (LearningModule, self.module)]

    def decide(self, load: Load) -> Decided:
        if not self.by.acts_for(self.member):
            raise Forbidden
        member = existing(load, Member, self.member)
        module = existing(load, LearningModule, self.module)
        if not member.active_on(self.at.date()):
            raise MembershipInactive(member=self.member, day=self.at.date())
        if module.status != "published":
            raise ModuleNotPublished(module=self.module)
        if member.enrolled_in(self.module):
            raise EnrolledInModule(member=self.member, module=self.module)
        interest = member.interests.get(self.module)
        if interest is None:
            return self.occurs(self._registered())
        if (interest.languages, interest.places, interest.format) != (self.languages, self.places, self.format):
            raise InterestAlreadyRegistered(member=self.member, module=self.module, since=interest.since)
        return Unchanged(member.position)

    def _registered(self) -> InterestRegistered:
        return InterestRegistered(
            member=self.member,
            module=self.module,
            languages=self.languages,
            places=self.places,
            format=self.format,
            since=self.at.astimezone(UTC),
        )


class WithdrawInterest(Command, frozen=True, kw_only=True):
    """Takes an interest back."""

    member: str
    module: str

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Member, self.member)]

    def decide(self, load: Load) -> Decided:
        if not self.by.acts_for(self.member):
            raise Forbidden
        if self.module not in load(Member, self.member).interests:
            raise Unknown("interest", self.module)
        return self.occurs(InterestWithdrawn(member=self.member, module=self.module))
