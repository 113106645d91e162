"""The vault: names, addresses and typed text, in tables keyed by random ids, never in the log.

Writes are small objects that the command bus carries out in the command's own transaction, under the log's lock, so
looking before writing is enough to keep an e-mail address with one person. Reads are functions on a connection.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import psycopg

from coopschool.domain.errors import RuleBroken, Stale
from coopschool.sql import statements

SQL = statements("coopschool", "vault.sql")

# Places that everybody knows have codes that everybody can read; any other is words, and stays in the vault.
PLACES = frozenset(
    {"antwerp", "brussels", "bruges", "charleroi", "ghent", "hasselt", "leuven", "liege", "mons", "namur", "online"}
)

Connection = psycopg.Connection[Any]
Unset = msgspec.UnsetType


class EmailTaken(RuleBroken):
    """Another person has this e-mail address."""


class PersonalDetails(NamedTuple):
    """What the vault knows of a person; `version` counts the changes."""

    name: str | None
    email: str | None
    version: int


NOBODY = PersonalDetails(None, None, 0)


class PutPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Sets a person's name and e-mail address; what is unset stays. `if_version` refuses a change of stale details."""

    person: str
    name: str | Unset | None = msgspec.UNSET
    email: str | Unset | None = msgspec.UNSET
    email_hash: bytes | None = None
    if_version: int | None = None

    def check(self, conn: Connection) -> None:
        if self.email_hash is not None:
            owner = conn.execute(SQL["email_owner"], (self.email_hash,)).fetchone()
            if owner and str(owner[0]) != self.person:
                raise EmailTaken
        if self.if_version is not None and person(conn, self.person).version != self.if_version:
            raise Stale

    def write(self, conn: Connection) -> None:
        parameters = {
            "person": self.person,
            "name": None if self.name is msgspec.UNSET else self.name,
            "email": None if self.email is msgspec.UNSET else self.email,
            "email_hash": self.email_hash,
            "name_given": self.name is not msgspec.UNSET,
            "email_given": self.email is not msgspec.UNSET,
        }
        conn.execute(SQL["put_person"], parameters)


class PutText(msgspec.Struct, frozen=True, kw_only=True):
    """Keeps a typed text under the id that an event holds. It dies with the people it is about or by."""

    id: str
    body: str
    about: str | None = None
    author: str | None = None

    def check(self, conn: Connection) -> None: ...

    def write(self, conn: Connection) -> None:
        conn.execute(SQL["put_text"], (self.id, self.about, self.author, self.body))


class PutPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Keeps the words behind a place's code."""

    code: str
    name: str

    def check(self, conn: Connection) -> None: ...

    def write(self, conn: Connection) -> None:
        conn.execute(SQL["put_place"], (self.code, self.name))


class PutReferences(msgspec.Struct, frozen=True, kw_only=True):
    """Keeps what references of another system stand for here: (keyed hash, id)."""

    references: Sequence[tuple[bytes, str]]

    def check(self, conn: Connection) -> None: ...

    def write(self, conn: Connection) -> None:
        conn.execute(SQL["put_references"], ([r for r, _ in self.references], [i for _, i in self.references]))


class Vault:
    """Makes the writes that need a key: the keyed hashes of e-mail addresses, places and references."""

    def __init__(self, derive_key: Callable[[str], bytes]) -> None:
        self._email_key = derive_key("vault e-mail")
        self._place_key = derive_key("vault place")
        self._reference_key = derive_key("vault reference")

    def put_person(
        self,
        person: str,
        *,
        name: str | Unset | None = msgspec.UNSET,
        email: str | Unset | None = msgspec.UNSET,
        if_version: int | None = None,
    ) -> PutPerson:
        hashed = None if email is None or email is msgspec.UNSET else _keyed(self._email_key, _folded(email))
        return PutPerson(person=person, name=name, email=email, email_hash=hashed, if_version=if_version)

    def place(self, words: str) -> tuple[str, PutPlace | None]:
        """The code of a place, and the write that keeps its words, where it is not one that everybody knows."""
        folded = _folded(words)
        if folded in PLACES:
            return folded, None
        code = f"place-{_keyed(self._place_key, folded).hex()[:16]}"
        return code, PutPlace(code=code, name=words.strip())

    def reference(self, kind: str, reference: str) -> bytes:
        """The keyed hash by which a reference of another system is known."""
        return _keyed(self._reference_key, f"{kind}\x1f{reference.strip()}")


def _folded(words: str) -> str:
    return unicodedata.normalize("NFKC", words).strip().casefold()


def _keyed(key: bytes, words: str) -> bytes:
    return hmac.digest(key, words.encode(), hashlib.sha256)


def person(conn: Connection, id: str) -> PersonalDetails:
    """What the vault knows of a person; `NOBODY` after an erasure."""
    return people(conn, [id]).get(id, NOBODY)


def people(conn: Connection, ids: Iterable[str]) -> dict[str, PersonalDetails]:
    """The details of several people, by id; those without any are left out."""
    rows = conn.execute(SQL["people"], ([UUID(id) for id in ids],))
    return {str(id): PersonalDetails(name, email, version) for id, name, email, version in rows}


def texts(conn: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Typed texts by id; those erased are left out."""
    return {str(id): body for id, body in conn.execute(SQL["texts"], ([UUID(id) for id in ids],))}


def texts_of(conn: Connection, id: str) -> dict[str, str]:
    """Every text about or by a person, by id: part of what an export of personal data holds."""
    return {str(text): body for text, body in conn.execute(SQL["texts_of"], {"person": id})}


def places(conn: Connection, codes: Iterable[str]) -> dict[str, str]:
    """The words behind place codes; a code that everybody knows stands for itself and is left out."""
    return dict(conn.execute(SQL["places"], (list(codes),)).fetchall())


def references(conn: Connection, hashes: Iterable[bytes]) -> dict[bytes, str]:
    """What references of another system stand for here, by keyed hash."""
    return {bytes(hash): id for hash, id in conn.execute(SQL["references"], (list(hashes),))}


def search(conn: Connection, words: str, limit: int) -> list[str]:
    """The ids of people whose name or e-mail address holds the words, by name."""
    pattern = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return [str(id) for (id,) in conn.execute(SQL["search"], {"pattern": pattern, "limit": limit})]
