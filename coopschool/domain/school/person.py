"""People: who is known to the cooperative, in which roles. Names and addresses are in the vault, never here."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from coopschool.domain import tags
from coopschool.domain.base import Event, Role
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
