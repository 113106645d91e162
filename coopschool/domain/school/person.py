"""People: who is known to the cooperative, in which roles. Names and addresses are in the vault, never here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import ClassVar

from eventsourcing.domain import event

from coopschool.domain import bounds, tags
from coopschool.domain.base import Aggregate, Command, Decided, Event, Load, Role, Unchanged, as_read, existing
from coopschool.domain.errors import RuleBroken
from coopschool.domain.school.words import Language

# --- events


class PersonRegistered(Event, frozen=True, kw_only=True):
    """Somebody became known to the cooperative."""

    TOPIC: ClassVar[str] = "PersonRegistered.v1"
    person: tags.PersonId


class RoleGranted(Event, frozen=True, kw_only=True):
    """A person took on a role, until the end of a day or until it is taken back."""

    TOPIC: ClassVar[str] = "RoleGranted.v1"
    person: tags.PersonId
    role: Role
    until: date | None = None


class RoleRevoked(Event, frozen=True, kw_only=True):
    """A role was taken back."""

    TOPIC: ClassVar[str] = "RoleRevoked.v1"
    person: tags.PersonId
    role: Role


class LanguageChosen(Event, frozen=True, kw_only=True):
    """A person said which language to write to them in."""

    TOPIC: ClassVar[str] = "LanguageChosen.v1"
    person: tags.PersonId
    language: Language


class LegalHoldPlaced(Event, frozen=True, kw_only=True):
    """The law obliges the cooperative to keep a person's data for now."""

    TOPIC: ClassVar[str] = "LegalHoldPlaced.v1"
    person: tags.PersonId


class LegalHoldLifted(Event, frozen=True, kw_only=True):
    """The obligation to keep a person's data ended."""

    TOPIC: ClassVar[str] = "LegalHoldLifted.v1"
    person: tags.PersonId


class PersonalDataErased(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A person's names, addresses and texts were erased; what remains is pseudonymous. `member`: who was one, too."""

    TOPIC: ClassVar[str] = "PersonalDataErased.v1"
    person: tags.PersonId
    member: tags.MemberId | None = None


# --- errors


class PersonKnown(RuleBroken):
    """This person is registered already."""


class PersonErased(RuleBroken):
    """This person's data were erased."""


class RoleAlreadyOver(RuleBroken):
    """A role cannot be granted until a day that is past."""


# --- aggregate


class Person(Aggregate):
    """Somebody the cooperative knows; `roles` maps each role granted to its last day (None: until taken back)."""

    KIND = "person"

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.registered = False
        self.revision = 0
        self.roles: dict[Role, date | None] = {}
        self.language: Language | None = None
        self.legal_hold = False
        self.erased = False

    @property
    def exists(self) -> bool:
        return self.registered

    def roles_on(self, day: date) -> frozenset[Role]:
        """The roles granted for that day. Membership is not among them: see `membership.roles_on`."""
        return frozenset(self.granted_on(day))

    def granted_on(self, day: date) -> dict[Role, date | None]:
        """The roles that hold on that day, with their last day."""
        return {role: until for role, until in self.roles.items() if until is None or day <= until}

    @event(PersonRegistered)
    def _(self) -> None:
        self.revision += 1
        self.registered = True

    @event(RoleGranted)
    def _(self, role: Role, until: date | None) -> None:
        self.revision += 1
        self.roles[role] = until

    @event(RoleRevoked)
    def _(self, role: Role) -> None:
        self.revision += 1
        self.roles.pop(role, None)

    @event(LanguageChosen)
    def _(self, language: Language) -> None:
        self.revision += 1
        self.language = language

    @event(LegalHoldPlaced)
    def _(self) -> None:
        self.revision += 1
        self.legal_hold = True

    @event(LegalHoldLifted)
    def _(self) -> None:
        self.revision += 1
        self.legal_hold = False

    @event(PersonalDataErased)
    def _(self) -> None:
        self.revision += 1
        self.erased = True
        self.roles = {}
        self.language = None


# --- decisions


def known(load: Load, id: str) -> Person:
    """A person whose data are still there; raises `Unknown` or `PersonErased`."""
    person = existing(load, Person, id)
    if person.erased:
        raise PersonErased(person=id)
    return person


class AboutPerson(Command, frozen=True, kw_only=True):
    """A command that one person's state decides."""

    person: str

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Person, self.person)]


class RegisterPerson(AboutPerson, frozen=True, kw_only=True):
    """Makes somebody known; name and address go to the vault in the same transaction."""

    language: Language | None = None

    def decide(self, load: Load) -> Decided:
        if load(Person, self.person).exists:
            raise PersonKnown(person=self.person)
        events: list[Event] = [PersonRegistered(person=self.person)]
        if self.language is not None:
            events.append(LanguageChosen(person=self.person, language=self.language))
        return self.occurs(*events)


class ChooseLanguage(AboutPerson, frozen=True, kw_only=True):
    """Says which language to write in; `if_revision` is the revision that the asker has read."""

    language: Language
    if_revision: int | None = None

    def decide(self, load: Load) -> Decided:
        person = known(load, self.person)
        as_read(self.if_revision, person.revision)
        if person.language == self.language:
            return Unchanged(person.position)
        return self.occurs(LanguageChosen(person=self.person, language=self.language))


class CorrectDetails(AboutPerson, frozen=True, kw_only=True):
    """Puts right what is written down of anybody: the language here (None leaves it), name and address in the vault.

    `if_revision` is the revision that the asker has read.
    """

    language: Language | None = None
    if_revision: int | None = None

    def decide(self, load: Load) -> Decided:
        person = known(load, self.person)
        as_read(self.if_revision, person.revision)
        if self.language in (None, person.language):
            return Unchanged(person.position)
        return self.occurs(LanguageChosen(person=self.person, language=self.language))


class GrantRole(AboutPerson, frozen=True, kw_only=True):
    """Gives a role, or another end to one that is held."""

    role: Role
    until: date | None = None

    def decide(self, load: Load) -> Decided:
        person = known(load, self.person)
        self._check(self.until)
        if self.role in person.roles and person.roles[self.role] == self.until:
            return Unchanged(person.position)
        return self.occurs(RoleGranted(person=self.person, role=self.role, until=self.until))

    def _check(self, until: date | None) -> None:
        if until is None:
            return
        bounds.day("until", until)
        if until < self.at.date():
            self.refuse(RoleAlreadyOver(role=self.role, until=until))


class RevokeRole(AboutPerson, frozen=True, kw_only=True):
    """Takes a role back, at once."""

    role: Role

    def decide(self, load: Load) -> Decided:
        person = existing(load, Person, self.person)
        if self.role not in person.roles_on(self.at.date()):
            return Unchanged(person.position)
        return self.occurs(RoleRevoked(person=self.person, role=self.role))


class SetRoles(AboutPerson, frozen=True, kw_only=True):
    """Replaces all roles by these, each with its last day; decided as the grants and revocations that differ."""

    roles: Mapping[Role, date | None]
    if_revision: int | None = None

    def decide(self, load: Load) -> Decided:
        person = known(load, self.person)
        as_read(self.if_revision, person.revision)
        gone = sorted(person.roles_on(self.at.date()) - self.roles.keys())
        parts: list[Command] = [RevokeRole(at=self.at, by=self.by, person=self.person, role=role) for role in gone]
        for role, until in sorted(self.roles.items()):
            parts.append(GrantRole(at=self.at, by=self.by, person=self.person, role=role, until=until))
        decided = [part.decide(load) for part in parts]
        changes = [occurrence for one in decided if not isinstance(one, Unchanged) for occurrence in one]
        return changes or Unchanged(person.position)


class ConnectSignIn(AboutPerson, frozen=True, kw_only=True):
    """Lets a person sign in: with what, only the vault knows, where it is written in the same transaction."""

    def decide(self, load: Load) -> Decided:
        return Unchanged(known(load, self.person).position)


class PlaceLegalHold(AboutPerson, frozen=True, kw_only=True):
    """Keeps a person's data from being erased."""

    def decide(self, load: Load) -> Decided:
        person = known(load, self.person)
        if person.legal_hold:
            return Unchanged(person.position)
        return self.occurs(LegalHoldPlaced(person=self.person))


class LiftLegalHold(AboutPerson, frozen=True, kw_only=True):
    """Lets a person's data be erased again."""

    def decide(self, load: Load) -> Decided:
        person = existing(load, Person, self.person)
        if not person.legal_hold:
            return Unchanged(person.position)
        return self.occurs(LegalHoldLifted(person=self.person))
