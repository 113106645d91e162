"""Enrolling in a module: the earliest session that fits, else the shortest waiting list, else an interest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date

from coopschool.domain import bounds
from coopschool.domain.base import Aggregate, Command, Decided, Load, Unchanged, existing
from coopschool.domain.errors import Forbidden, RuleBroken
from coopschool.domain.school.consequences import Consequences
from coopschool.domain.school.eligibility import obstacles, prerequisites_missing
from coopschool.domain.school.enrolling import has_seat
from coopschool.domain.school.enrolment import (
    AlreadyEnrolled,
    CategoryNotAdmitted,
    InterestRegistered,
    InterestWithdrawn,
    OverlapsOwnSession,
    PrerequisitesMissing,
)
from coopschool.domain.school.learning_module import LearningModule, ModuleIsRetired, ModuleNotPublished
from coopschool.domain.school.member import Interest, Member, MembershipInactive
from coopschool.domain.school.session import Session
from coopschool.domain.school.words import Format, Language


class EnrolInModule(Command, frozen=True, kw_only=True):
    """Enrols a member in a module, wherever it fits.

    Takes the earliest open session with a seat that matches the wishes and overlaps nothing; else, with `waitlist`,
    the session with the shortest waiting list (the earliest of those); else registers an interest. `languages` and
    `places` are alternatives, empty for any; `from_day` and `until_day` (included) bound the first slot's local day.
    """

    module: str
    member: str
    languages: tuple[Language, ...] = ()
    places: tuple[str, ...] = ()
    format: Format | None = None
    from_day: date | None = None
    until_day: date | None = None
    waitlist: bool = False

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(LearningModule, self.module), (Member, self.member)]

    def decide(self, load: Load) -> Decided:
        if not self.by.acts_for(self.member):
            raise Forbidden
        bounds.once("languages", self.languages)
        bounds.once("places", self.places)
        module = existing(load, LearningModule, self.module)
        member = existing(load, Member, self.member)
        if module.status == "draft":
            self.refuse(ModuleNotPublished(module=self.module))
        self._refuse_second_seat(member)
        fitting = self._fitting(module, member, load)
        consequences = Consequences(self, load)
        for session in fitting:
            if has_seat(session, consequences):
                consequences.confirm(session, member.id)
                return consequences.occurrences
        without_me = [session for session in fitting if not session.has(member.id)]
        if self.waitlist and without_me:
            consequences.wait(min(without_me, key=lambda session: len(session.waitlist)), member.id)
            return consequences.occurrences
        return self._decide_interest(module, member)

    def _refuse_second_seat(self, member: Member) -> None:
        for session in member.enrolled_in(self.module):
            if member.enrolments[session].standing == "confirmed":
                raise AlreadyEnrolled(member=member.id, session=session)

    def _fitting(self, module: LearningModule, member: Member, load: Load) -> list[Session]:
        """The sessions that match the wishes and that the member may enter, the earliest first."""
        matching = [session for id in module.sessions if self._matches(session := load(Session, id))]
        barred = {session.id: next(obstacles(session, member, self.at, load), None) for session in matching}
        fitting = [session for session in matching if barred[session.id] is None]
        if not fitting:
            self._refuse_barred(module, member, [broken for broken in barred.values() if broken is not None])
        return sorted(fitting, key=lambda session: (session.starts_at, session.id))

    def _matches(self, session: Session) -> bool:
        day = session.starts_at.astimezone(self.at.tzinfo).date()
        return (
            session.team is None
            and not session.has_begun(self.at)
            and not session.is_given_by(self.member)
            and (not self.languages or not set(self.languages).isdisjoint(session.languages))
            and (not self.places or session.place in self.places)
            and self.format in (None, session.format)
            and (self.from_day is None or day >= self.from_day)
            and (self.until_day is None or day <= self.until_day)
        )

    def _refuse_barred(self, module: LearningModule, member: Member, barred: list[RuleBroken]) -> None:
        """Overlaps pass with time, so an interest makes sense; who may not take the module at all is told why."""
        if not barred:
            barred = _rules_of_module(module, member, self.at.date())
        if barred and not any(isinstance(broken, OverlapsOwnSession) for broken in barred):
            self.refuse(barred[0])

    def _decide_interest(self, module: LearningModule, member: Member) -> Decided:
        if waiting := member.enrolled_in(module.id):
            raise AlreadyEnrolled(member=member.id, session=waiting[0])
        if module.status == "retired":
            self.refuse(ModuleIsRetired(module=module.id))
        before = member.interests.get(module.id)
        since = self.at.astimezone(UTC) if before is None else before.since
        if before == Interest(languages=self.languages, places=self.places, format=self.format, since=since):
            return Unchanged(member.position)
        replaced = [] if before is None else self.occurs(InterestWithdrawn(member=member.id, module=module.id))
        registered = InterestRegistered(
            member=member.id,
            module=module.id,
            languages=self.languages,
            places=self.places,
            format=self.format,
            since=since,
        )
        return [*replaced, *self.occurs(registered)]


def _rules_of_module(module: LearningModule, member: Member, day: date) -> list[RuleBroken]:
    """The rules that the module itself, as it is now, sets against a member; for want of a session that would."""
    category = member.category_on(day)
    if category is None:
        return [MembershipInactive(member=member.id, day=day)]
    if category not in module.audience:
        return [CategoryNotAdmitted(member=member.id, category=category, audience=list(module.audience))]
    if missing := prerequisites_missing(member, module.id, module.prerequisites):
        return [PrerequisitesMissing(member=member.id, missing=missing)]
    return []
