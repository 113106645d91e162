"""Learning modules: what the school teaches, to whom, and what must come before."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar, Literal

from eventsourcing.domain import event

from coopschool.domain import bounds, tags
from coopschool.domain.base import Aggregate, Command, Decided, Event, Load, Unchanged, as_read, existing
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


# What a revision says.
DESCRIBED = ("half_days", "minutes", "format", "min_attendance", "prerequisites", "audience", "text")

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


# --- decisions


class AboutModule(Command, frozen=True, kw_only=True):
    """A command that one module's state decides; `if_version` is the version that the asker has read."""

    module: bounds.Code
    if_version: int | None = None

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(LearningModule, self.module)]

    def in_use(self, load: Load) -> LearningModule:
        """The module, read as it is now and not retired."""
        module = existing(load, LearningModule, self.module)
        as_read(self.if_version, module.version)
        if module.status == "retired":
            self.refuse(ModuleIsRetired(module=self.module))
        return module

    def check_prerequisites(self, load: Load, prerequisites: Sequence[str]) -> None:
        """Each exists, and none leads back to this module."""
        for code in prerequisites:
            if code != self.module and not load(LearningModule, code).exists:
                raise PrerequisiteUnknown(module=self.module, prerequisite=code)
        seen: set[str] = set()
        waiting = list(prerequisites)
        while waiting:
            code = waiting.pop()
            if code == self.module:
                raise PrerequisiteCycle(module=self.module)
            if code not in seen:
                seen.add(code)
                waiting += load(LearningModule, code).prerequisites


class DraftModule(AboutModule, frozen=True, kw_only=True):
    """Writes a new module down; its title and aim go to the vault under `text` in the same transaction."""

    half_days: bounds.HalfDays
    minutes: bounds.ModuleMinutes
    format: Format
    min_attendance: Decimal
    prerequisites: tuple[str, ...]
    audience: tuple[Category, ...]
    text: str

    def decide(self, load: Load) -> Decided:
        bounds.fraction("min_attendance", self.min_attendance)
        bounds.once("prerequisites", self.prerequisites)
        bounds.once("audience", self.audience)
        if load(LearningModule, self.module).exists:
            raise ModuleCodeTaken(module=self.module)
        self.check_prerequisites(load, self.prerequisites)
        return self.occurs(
            ModuleDrafted(
                module=self.module,
                half_days=self.half_days,
                minutes=self.minutes,
                format=self.format,
                min_attendance=self.min_attendance,
                prerequisites=self.prerequisites,
                audience=self.audience,
                text=self.text,
            )
        )


class ReviseModule(AboutModule, frozen=True, kw_only=True):
    """Changes what is given; None leaves it as it is."""

    half_days: bounds.HalfDays | None = None
    minutes: bounds.ModuleMinutes | None = None
    format: Format | None = None
    min_attendance: Decimal | None = None
    prerequisites: tuple[str, ...] | None = None
    audience: tuple[Category, ...] | None = None
    text: str | None = None

    def decide(self, load: Load) -> Decided:
        module = self.in_use(load)
        if self.min_attendance is not None:
            bounds.fraction("min_attendance", self.min_attendance)
        bounds.once("prerequisites", self.prerequisites or ())
        bounds.once("audience", self.audience or ())
        self.check_prerequisites(load, self.prerequisites or ())
        given = {name: getattr(self, name) for name in DESCRIBED if getattr(self, name) is not None}
        described = {name: getattr(module, name) for name in DESCRIBED}
        if described | given == described:
            return Unchanged(module.position)
        return self.occurs(ModuleRevised(module=self.module, revision=module.revision + 1, **described | given))


class PublishModule(AboutModule, frozen=True, kw_only=True):
    """Lets a module have sessions."""

    def decide(self, load: Load) -> Decided:
        module = self.in_use(load)
        if module.status == "published":
            return Unchanged(module.position)
        return self.occurs(ModulePublished(module=self.module, revision=module.revision))


class RetireModule(AboutModule, frozen=True, kw_only=True):
    """Ends a module: the sessions it has go on, and it gets no new ones."""

    def decide(self, load: Load) -> Decided:
        module = existing(load, LearningModule, self.module)
        as_read(self.if_version, module.version)
        if module.status == "retired":
            return Unchanged(module.position)
        return self.occurs(ModuleRetired(module=self.module))
