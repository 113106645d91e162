"""Learning modules: what the school teaches, to whom, and what must come before."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Literal

from eventsourcing.domain import event

from coopschool.domain import tags
from coopschool.domain.base import Aggregate, Event
from coopschool.domain.errors import RuleBroken
from coopschool.domain.school.session import SessionCancelled, SessionClosed, SessionScheduled
from coopschool.domain.school.words import Category, Format

# --- events


class ModuleDrafted(Event, frozen=True, kw_only=True):
    """A module was written down; its title and aim are in the vault, under `text`."""

    TOPIC: ClassVar[str] = "ModuleDrafted.v1"
    module: tags.ModuleCode
    half_days: int
    minutes: int
    format: Format
    min_attendance: Decimal
    prerequisites: tuple[tags.ModuleRef, ...]
    audience: tuple[Category, ...]
    text: tags.TextId


class ModuleRevised(Event, frozen=True, kw_only=True):
    """A module was changed; sessions scheduled before keep the revision they had."""

    TOPIC: ClassVar[str] = "ModuleRevised.v1"
    module: tags.ModuleCode
    revision: int
    half_days: int
    minutes: int
    format: Format
    min_attendance: Decimal
    prerequisites: tuple[tags.ModuleRef, ...]
    audience: tuple[Category, ...]
    text: tags.TextId


class ModulePublished(Event, frozen=True, kw_only=True):
    """A module may have sessions from now on."""

    TOPIC: ClassVar[str] = "ModulePublished.v1"
    module: tags.ModuleCode
    revision: int


class ModuleRetired(Event, frozen=True, kw_only=True):
    """A module gets no new sessions."""

    TOPIC: ClassVar[str] = "ModuleRetired.v1"
    module: tags.ModuleCode


# --- errors


class ModuleCodeTaken(RuleBroken):
    """There is a module with this code already."""


class ModuleIsRetired(RuleBroken):
    """The module is retired."""


class ModuleNotPublished(RuleBroken):
    """The module is not published."""


class PrerequisiteUnknown(RuleBroken):
    """A prerequisite is not a module of the school."""


class PrerequisiteCycle(RuleBroken):
    """The module would be its own prerequisite."""


# --- aggregate


class LearningModule(Aggregate):
    """A module as it is taught now.

    `revision` counts what sessions keep (its rules), `version` every change (for ETags). `sessions` are those
    neither cancelled nor closed, in the order they were scheduled. Enrolments are not folded here: they are many.
    """

    KIND = "module"
    half_days: int
    minutes: int
    format: Format
    min_attendance: Decimal
    prerequisites: tuple[str, ...]
    audience: tuple[Category, ...]
    text: str

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.status: Literal["draft", "published", "retired"] = "draft"
        self.revision = 0
        self.version = 0
        self.sessions: dict[str, None] = {}

    @property
    def exists(self) -> bool:
        return self.revision > 0

    def _describe(
        self,
        revision: int,
        half_days: int,
        minutes: int,
        format: Format,
        min_attendance: Decimal,
        prerequisites: tuple[str, ...],
        audience: tuple[Category, ...],
        text: str,
    ) -> None:
        self.version += 1
        self.revision = revision
        self.half_days = half_days
        self.minutes = minutes
        self.format = format
        self.min_attendance = min_attendance
        self.prerequisites = prerequisites
        self.audience = audience
        self.text = text

    @event(ModuleDrafted)
    def _(
        self,
        half_days: int,
        minutes: int,
        format: Format,
        min_attendance: Decimal,
        prerequisites: tuple[str, ...],
        audience: tuple[Category, ...],
        text: str,
    ) -> None:
        self._describe(1, half_days, minutes, format, min_attendance, prerequisites, audience, text)

    @event(ModuleRevised)
    def _(
        self,
        revision: int,
        half_days: int,
        minutes: int,
        format: Format,
        min_attendance: Decimal,
        prerequisites: tuple[str, ...],
        audience: tuple[Category, ...],
        text: str,
    ) -> None:
        self._describe(revision, half_days, minutes, format, min_attendance, prerequisites, audience, text)

    @event(ModulePublished)
    def _(self) -> None:
        self.version += 1
        self.status = "published"

    @event(ModuleRetired)
    def _(self) -> None:
        self.version += 1
        self.status = "retired"

    @event(SessionScheduled)
    def _(self, session: str) -> None:
        self.sessions[session] = None

    @event(SessionCancelled)
    def _(self, session: str) -> None:
        self.sessions.pop(session, None)

    @event(SessionClosed)
    def _(self, session: str) -> None:
        self.sessions.pop(session, None)
