"""A module's words: titles and aim, which live in the vault as one text while the log holds its id."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Title = Annotated[str, Meta(min_length=1, max_length=200)]
Aim = Annotated[str, Meta(min_length=1, max_length=2_000)]


class Titles(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A module's title, in French and, where there is one, in Dutch and English."""

    fr: Title
    nl: Title | None = None
    en: Title | None = None


class ModuleWords(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What people read about a module."""

    title: Titles
    aim: Aim | None = None

    def as_text(self) -> str:
        """The body of the vault's text."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_text(cls, body: str) -> ModuleWords:
        return msgspec.json.decode(body, type=cls)
