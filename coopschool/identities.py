"""Who signs in as whom. The vault keeps the keyed hash of an identity and the person it stands for, no more.

An identity is what the identity provider says: an issuer and a subject, never an e-mail address.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import msgspec
import psycopg

from coopschool.domain.errors import RuleBroken
from coopschool.sql import statements

SQL = statements("coopschool", "identities.sql")

Connection = psycopg.Connection[Any]


class IdentityTaken(RuleBroken):
    """Somebody else signs in with this identity."""


class SignsInOtherwise(RuleBroken):
    """This person signs in with another identity."""


class PutIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Lets a person sign in with an identity; harmless when they do already."""

    identity: bytes
    person: str

    def check(self, conn: Connection) -> None:
        if person_of(conn, self.identity) not in (None, self.person):
            raise IdentityTaken
        found = conn.execute(SQL["identity_of"], (self.person,)).fetchone()
        if found is not None and bytes(found[0]) != self.identity:
            raise SignsInOtherwise(person=self.person)

    def write(self, conn: Connection) -> None:
        conn.execute(SQL["put"], (self.identity, self.person))


class Identities:
    """Makes the keyed hashes."""

    def __init__(self, derive_key: Callable[[str], bytes]) -> None:
        self._key = derive_key("vault identity")

    def identity(self, issuer: str, subject: str) -> bytes:
        """The keyed hash of an issuer and a subject, each with its length, so that no two pairs are alike."""
        parts = (part.encode() for part in (issuer, subject))
        return hmac.digest(self._key, b"".join(len(part).to_bytes(4) + part for part in parts), hashlib.sha256)


def person_of(conn: Connection, identity: bytes) -> str | None:
    """Who signs in with the identity; None if nobody does."""
    found = conn.execute(SQL["person_of"], (identity,)).fetchone()
    return None if found is None else str(found[0])
