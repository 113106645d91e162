"""Sealed boxes: what waits in each is one encrypted value of constant size, replaced as a whole at every change.

So there is nothing in the database's files, old versions and WAL included, that order, number or place could be read
from. This file knows nothing of what is in a box; `survey` and `feedback` do.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import msgspec
import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from coopschool.answer_box.keys import ID_BYTES, BoxKeys, KeyLost
from coopschool.command_bus import StoreAway
from coopschool.domain.errors import DomainError
from coopschool.sql import statements

SQL = statements("coopschool.answer_box", "boxes.sql")
STEP = 16 * 1024  # bytes: sizes are multiples of it
SETTLED_SECONDS = 3600.0  # by then whoever made a key has used it or crashed
# A key seals one value only, so its nonce need not differ.
_NONCE = bytes(12)
_LENGTH = struct.Struct(">I")

Connection = psycopg.Connection[Any]


class BoxChanged(DomainError):
    """Somebody answered while the box was being emptied: empty it again."""


class NoBox(Exception):
    """There is no box about this (any more)."""


class Opened:
    """A box while this transaction has it to itself."""

    def __init__(self, box: UUID, key_id: bytes, content: bytes, size: int) -> None:
        self.box = box
        self.key_id = key_id
        self.content = content
        self.size = size
        self.replacement: bytes | None = None

    def replace(self, content: bytes) -> None:
        """Puts other content into the box when the transaction ends."""
        self.replacement = content


class PutBox(NamedTuple):
    """A vault write: a new box comes with the command. Raises `BoxChanged` where there is one about this already."""

    box: UUID
    about: str
    sealed: bytes

    def check(self, conn: Connection) -> None:
        if conn.execute(SQL["find"], (self.about,)).fetchone():
            raise BoxChanged

    def write(self, conn: Connection) -> None:
        conn.execute(SQL["open"], (self.box, self.about, self.sealed))


class TakeBox(NamedTuple):
    """A vault write: the box goes with the command, if it is still as it was read; `opened` None: there was none."""

    about: str
    opened: Opened | None

    def check(self, conn: Connection) -> None:
        if self.opened is None:
            unchanged = conn.execute(SQL["find"], (self.about,)).fetchone() is None
        else:
            (unchanged,) = _row(conn.execute(SQL["hold"], (self.opened.box, self.opened.key_id)))
        if not unchanged:
            raise BoxChanged

    def write(self, conn: Connection) -> None:
        if self.opened is not None:
            conn.execute(SQL["drop"], (self.opened.box,))


class DropBox(NamedTuple):
    """A vault write: the box goes with the command, whatever is in it and whether or not that can be read."""

    about: str

    def check(self, conn: Connection) -> None: ...

    def write(self, conn: Connection) -> None:
        row = conn.execute(SQL["find"], (self.about,)).fetchone()
        if row is not None:
            conn.execute(SQL["drop"], row)


class AnswerBoxes:
    """All boxes of one school, each about one thing (``wave:…``)."""

    def __init__(self, connect: Callable[[], Connection], keys: BoxKeys) -> None:
        self._connect = connect
        self.keys = keys

    def new(self, about: str, content: bytes, size: int) -> PutBox:
        """A box that holds `size` bytes before it has to grow; it exists when this is written."""
        box = uuid4()
        return PutBox(box, about, self._seal(box, content, size))

    def make(self, about: str, content: bytes, size: int) -> None:
        """Makes a box, unless there is one, in a transaction of its own."""
        if about in self.all():
            return
        new = self.new(about, content, size)
        with self._transaction() as conn:
            (made,) = _row(conn.execute(SQL["open"], new))
        if not made:
            self.keys.forget(new.box)

    @contextmanager
    def opened(self, about: str) -> Iterator[Opened]:
        """The box, for this transaction alone; it is committed at the end, with another content if one was put in.

        Raises `NoBox`; `StoreAway` where it is not known what happened, or where this machine lacks the key.
        """
        with self._transaction() as conn:
            opened = self._open(conn, about)
            yield opened
            if opened.replacement is None:
                return
            # Nobody else can be sealing: keys but this one are left over from changes that never came about.
            self.keys.forget(opened.box, keep=opened.key_id)
            sealed = self._seal(opened.box, opened.replacement, opened.size)
            conn.execute(SQL["write"], (opened.box, sealed))
        # Only the key that sealed what was there before: somebody else may have made the next one by now.
        self.keys.destroy(opened.box, opened.key_id)

    def read(self, about: str) -> Opened | None:
        """What is in the box now; None where there is none."""
        try:
            with self.opened(about) as opened:
                return opened
        except NoBox:
            return None

    def all(self) -> dict[str, UUID]:
        """Every box, by what it is about."""
        with self._transaction() as conn:
            return {about: box for box, about in conn.execute(SQL["all"])}

    def lost(self) -> list[str]:
        """What the boxes are about whose keys are not on this machine: what was in them cannot be read by anybody."""
        return [about for about, box in self.all().items() if self._has_lost_key(box)]

    def sweep(self, older_than: float = SETTLED_SECONDS) -> None:
        """Destroys keys that seal nothing: a crash left them, or a box went while another machine had a key."""
        living = set(self.all().values())
        for box in set(self.keys.older_than(older_than)) - living:
            self.keys.forget(box)

    def discard(self, about: str) -> None:
        """Removes a box and whatever is in it, whether or not it can be read."""
        box = self.all().get(about)
        with self._transaction() as conn:
            DropBox(about).write(conn)
        if box is not None:
            self.keys.forget(box)

    def _has_lost_key(self, box: UUID) -> bool:
        with self._transaction() as conn:
            (sealed,) = _row(conn.execute(SQL["read"], (box,)))
            return sealed is not None and not self.keys.has(box, sealed[:ID_BYTES])

    def _open(self, conn: Connection, about: str) -> Opened:
        row = conn.execute(SQL["find"], (about,)).fetchone()
        if row is None:
            raise NoBox(about)
        (box,) = row
        (sealed,) = _row(conn.execute(SQL["read"], (box,)))
        if sealed is None:
            raise NoBox(about)
        return Opened(box, sealed[:ID_BYTES], *self._unseal(box, sealed))

    def _seal(self, box: UUID, content: bytes, size: int) -> bytes:
        padded = _LENGTH.pack(len(content)) + content
        padded = padded.ljust(max(size, -(-len(padded) // STEP) * STEP), b"\0")
        id, key = self.keys.make(box)
        return id + AESGCM(key).encrypt(_NONCE, padded, box.bytes + id)

    def _unseal(self, box: UUID, sealed: bytes) -> tuple[bytes, int]:
        id = sealed[:ID_BYTES]
        try:
            key = self.keys.read(box, id)
        except KeyLost as lost:
            raise StoreAway("the key of an answer box is not on this machine") from lost
        padded = AESGCM(key).decrypt(_NONCE, sealed[ID_BYTES:], box.bytes + id)
        (length,) = _LENGTH.unpack_from(padded)
        return padded[_LENGTH.size : _LENGTH.size + length], len(padded)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with closing(self._connect()) as conn, conn.transaction():
                yield conn
        except psycopg.Error as error:
            raise StoreAway(type(error).__name__) from error


def size_for(content: Any) -> int:
    """The size of a box that may come to hold as much as this."""
    return -(-(len(msgspec.msgpack.encode(content)) + _LENGTH.size) // STEP) * STEP


def _row(cursor: psycopg.Cursor[Any]) -> Any:
    row = cursor.fetchone()
    assert row is not None
    return row
