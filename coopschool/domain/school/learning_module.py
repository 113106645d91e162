"""Learning modules: what the school teaches, to whom, and what must come before."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from coopschool.domain import tags
from coopschool.domain.base import Event
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
