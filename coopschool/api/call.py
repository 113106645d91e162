"""What the edge knows about one request, kept in the ASGI scope for guards, handlers and problem answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from coopschool.api import wording
from coopschool.api.auth import Caller
from coopschool.api.origin import Origin
from coopschool.domain.school.words import Language

_KEY = "coopschool.call"


class Call:
    """One request: its headers (the last of a name), correlation id, origin, body, and, once known, its caller.

    `unnoted`: it goes to an answer box, so that it leaves neither a line in the log nor a count in the metrics.
    `shows`: what of people its answer shows, for the log.
    """

    __slots__ = ("body", "caller", "correlation", "headers", "origin", "shows", "unnoted")

    def __init__(self, headers: Mapping[bytes, bytes], correlation: UUID, origin: Origin) -> None:
        self.headers = headers
        self.correlation = correlation
        self.origin = origin
        self.shows: str | None = None
        self.body = b""
        self.caller: Caller | None = None
        self.unnoted = False

    @staticmethod
    def of(scope: Mapping[str, Any]) -> Call:
        call: Call = scope[_KEY]
        return call

    def keep_in(self, scope: Any) -> None:
        scope[_KEY] = self

    def header(self, name: bytes) -> str | None:
        """A header's value, by its name in small letters."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def language(self) -> Language:
        """The language that the reader asked for."""
        return wording.preferred(self.header(b"accept-language"))
