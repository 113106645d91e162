"""References of the school's files, and the ids they stand for here.

A reference is known by its keyed hash, so the vault can answer whether a thing, or a row, was imported before without
keeping what it was called elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from itertools import islice
from typing import Any
from uuid import uuid4

import psycopg

from coopschool import vault
from coopschool.vault import Vault

Key = tuple[str, ...]
"""What a reference is of and its parts: ``("person", "m-17")``, ``("enrolment", "s-3", "m-17", "2020-…")``."""
Keys = tuple[Key, ...]
"""What a row is known by, first its own key, then those of the things that it mentions."""


def person(reference: str) -> Key:
    return "person", reference


def session(reference: str) -> Key:
    return "session", reference


def module(code: str) -> Key:
    return "module", code


def team(reference: str) -> Key:
    return "team", reference


def workshop(reference: str) -> Key:
    return "workshop", reference


def decision(reference: str) -> Key:
    return "decision", reference


class References:
    """Known references, those that this import will add (`new`), and the ids that it made for them (`made`).

    Of people who were `erased`, by keyed hash, nothing is brought in again.
    """

    def __init__(self, vault: Vault, erased: Set[bytes] = frozenset()) -> None:
        self.new: dict[bytes, str] = {}
        self.made: set[str] = set()
        self._vault = vault
        self._hashes: dict[Key, bytes] = {}
        self._known: dict[bytes, str] = {}
        self._erased = erased

    def look_up(self, conn: psycopg.Connection[Any], keys: Iterable[Key]) -> None:
        """Reads which of these references are known."""
        hashes = map(self._hash, dict.fromkeys(keys))
        while some := list(islice(hashes, 10_000)):
            self._known |= vault.references(conn, some)

    def find(self, key: Key) -> str | None:
        """The id, if the reference is known or was added."""
        hashed = self._hash(key)
        return self._known.get(hashed) or self.new.get(hashed)

    def was_imported(self, key: Key) -> bool:
        """Whether an earlier import brought this."""
        return self._hash(key) in self._known

    def was_erased(self, key: Key) -> bool:
        """Whether this was somebody who has been erased since."""
        return bool(self._erased) and self._hash(key) in self._erased

    def add(self, key: Key, id: str) -> None:
        """Remembers what a reference stands for."""
        self.new[self._hash(key)] = id

    def id_of(self, key: Key) -> str:
        """The id; a new one, where the reference was never seen."""
        found = self.find(key)
        if found is None:
            self.add(key, found := str(uuid4()))
            self.made.add(found)
        return found

    def _hash(self, key: Key) -> bytes:
        hashed = self._hashes.get(key)
        if hashed is None:
            hashed = self._hashes[key] = self._vault.reference(key[0], "\x1f".join(key[1:]))
        return hashed
