"""Keys with which other systems sign in: random, kept as keyed hashes, for a scope, until a day, until taken back.

A key is 256 random bits, so a plain keyed hash keeps it as well as a slow one would. It is looked up at each request:
a key that was taken back opens nothing from then on.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, get_args
from uuid import uuid4

import msgspec
import psycopg
from msgspec import Meta

from coopschool.domain.base import Command, Decided, Load
from coopschool.domain.errors import Unknown
from coopschool.sql import statements

SQL = statements("coopschool", "api_keys.sql")

# What a key may be for.
Scope = Literal["events"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

PREFIX = "csk_"
KEY_BYTES = 32
DEFAULT_DAYS = 90
LONGEST_DAYS = 366
Days = Annotated[int, Meta(ge=1, le=LONGEST_DAYS)]

Connection = psycopg.Connection[Any]


class InForce(msgspec.Struct, frozen=True):
    """A key that counts."""

    key_id: str
    scopes: frozenset[Scope]
    expires_at: datetime


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as administrators see it: everything but the key."""

    key_id: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    created_by: str | None
    expires_at: datetime
    revoked_at: datetime | None


class ChangeApiKeys(Command, frozen=True, kw_only=True):
    """Makes a key or takes one back. That is no event of the school: only the vault write that goes with it counts."""

    def decide(self, load: Load) -> Decided:  # noqa: ARG002
        return ()


class PutApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """Keeps what is kept of a new key."""

    hash: bytes
    kept: ApiKey

    def check(self, conn: Connection) -> None: ...

    def write(self, conn: Connection) -> None:
        conn.execute(SQL["create"], {**msgspec.structs.asdict(self.kept), "hash": self.hash})


class RevokeApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """Takes a key back; the first time counts. Raises `Unknown`."""

    key_id: str
    at: datetime

    def check(self, conn: Connection) -> None:
        if conn.execute(SQL["exists"], (self.key_id,)).fetchone() is None:
            raise Unknown("api_key", self.key_id)

    def write(self, conn: Connection) -> None:
        conn.execute(SQL["revoke"], {"key_id": self.key_id, "at": self.at})


class ApiKeys:
    """Makes keys and recognises them."""

    def __init__(self, derive_key: Callable[[str], bytes]) -> None:
        self._key = derive_key("api key")

    def new(
        self, *, name: str, scopes: Collection[Scope], at: datetime, days: int = DEFAULT_DAYS, by: str | None = None
    ) -> tuple[str, PutApiKey]:
        """A new key, which nobody will see again, and the write that keeps what is kept of it."""
        key = PREFIX + secrets.token_urlsafe(KEY_BYTES)
        kept = ApiKey(
            key_id=str(uuid4()),
            name=name,
            scopes=sorted(set(scopes)),
            created_at=at,
            created_by=by,
            expires_at=at + timedelta(days=days),
            revoked_at=None,
        )
        return key, PutApiKey(hash=self._hash(key), kept=kept)

    def in_force(self, conn: Connection, key: str, at: datetime) -> InForce | None:
        """The key, if it counts at that moment."""
        found = conn.execute(SQL["in_force"], {"hash": self._hash(key), "at": at}).fetchone()
        return None if found is None else InForce(str(found[0]), frozenset(SCOPES) & set(found[1]), found[2])

    def _hash(self, key: str) -> bytes:
        return hmac.digest(self._key, key.encode(), hashlib.sha256)


def all_keys(conn: Connection) -> list[ApiKey]:
    """Every key, also those that no longer count; the newest first."""
    rows = conn.execute(SQL["all"]).fetchall()
    return [msgspec.convert(dict(zip(ApiKey.__struct_fields__, map(_plain, row), strict=True)), ApiKey) for row in rows]


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | list | datetime) else str(value)
