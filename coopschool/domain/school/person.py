"""People: who is known to the cooperative, in which roles. Names and addresses are in the vault, never here."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from eventsourcing.domain import event

from coopschool.domain import tags
from coopschool.domain.base import Aggregate, Event, Role
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


class PersonalDataErased(Event, frozen=True, kw_only=True):
    """A person's names, addresses and texts were erased; what remains is pseudonymous."""

    TOPIC: ClassVar[str] = "PersonalDataErased.v1"
    person: tags.PersonId


# --- errors


class PersonKnown(RuleBroken):
    """This person is registered already."""


class PersonErased(RuleBroken):
    """This person's data were erased."""


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
        """The roles granted for that day. Membership is not among them: see `member.roles_on`."""
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
