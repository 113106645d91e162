"""The keys of answer boxes: one file each, outside the database and its backups, and destroyed after one use.

A box is sealed anew at every change, with a new key; the old one goes once the change is committed. So somebody who
gets hold of a key reads the box as it is then, never how it came to be, however many old versions of the sealed
value the database's files, its WAL or its backups still hold.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

KEY_BYTES = 32
ID_BYTES = 16


class KeyLost(Exception):
    """The key of an answer box is not in its place."""


class BoxKeys:
    """A directory of keys, ``<box>.<id of the key>``. Processes that serve one school share it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def exist(self) -> bool:
        """Whether there ever was a key here."""
        return self._directory.is_dir()

    def make(self, box: UUID) -> tuple[bytes, bytes]:
        """The id and the bytes of a new key, which is on the disk for good when this returns."""
        id, key = secrets.token_bytes(ID_BYTES), secrets.token_bytes(KEY_BYTES)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._file(box, id), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        self._sync()
        return id, key

    def read(self, box: UUID, id: bytes) -> bytes:
        """Raises `KeyLost`."""
        with suppress(FileNotFoundError):
            key = self._file(box, id).read_bytes()
            if len(key) == KEY_BYTES:
                return key
        raise KeyLost(str(box))

    def has(self, box: UUID, id: bytes) -> bool:
        return self._file(box, id).exists()

    def forget(self, box: UUID, keep: bytes | None = None) -> None:
        """Destroys every key of a box but the one to keep."""
        kept = None if keep is None else self._file(box, keep)
        gone = [file for file in self._directory.glob(f"{box}.*") if file != kept]
        for file in gone:
            _destroy(file)
        if gone:
            self._sync()

    def destroy(self, box: UUID, id: bytes) -> None:
        """Destroys one key of a box, if it is still there."""
        _destroy(self._file(box, id))
        self._sync()

    def older_than(self, seconds: float) -> Iterator[UUID]:
        """The boxes that have a key which was made so long ago."""
        before = time.time() - seconds
        for file in self._directory.glob("*.*"):
            with suppress(FileNotFoundError):
                if file.stat().st_mtime < before:
                    yield UUID(file.name.partition(".")[0])

    def _file(self, box: UUID, id: bytes) -> Path:
        return self._directory / f"{box}.{id.hex()}"

    def _sync(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _destroy(file: Path) -> None:
    """Overwrites and removes; what that leaves on the medium is a matter of the medium (docs/privacy.md)."""
    with suppress(FileNotFoundError):
        with file.open("r+b") as handle:
            handle.write(secrets.token_bytes(KEY_BYTES))
            handle.flush()
            os.fsync(handle.fileno())
        file.unlink()
