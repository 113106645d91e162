"""The erasure ledger: who was erased, in a file outside the database and its backups.

A backup knows nothing of erasures that came after it. The ledger does, and is read again before anything is served, so
that neither a restore nor another import of old files brings a person back. It holds random ids and keyed hashes of
references only, a JSON line each.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec


class LedgerDamaged(Exception):
    """The erasure ledger cannot be read; the message says where and what to do."""


class Erased(msgspec.Struct, frozen=True):
    """A person who was erased, and the keyed hashes (hexadecimal) of the references that they were imported by."""

    person: str
    references: tuple[str, ...] = ()


class ErasureLedger:
    """The file; several processes may share it. What it was told stays on the disk from the moment `note` returns."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def note(self, erased: Sequence[Erased]) -> None:
        """Adds what the ledger does not say already, and waits for the disk."""
        with self._opened() as file:
            known = set(self._read(file))
            new = [one for one in erased if one not in known]
            if new:
                file.write(b"".join(msgspec.json.encode(one) + b"\n" for one in new))
                file.flush()
                os.fsync(file.fileno())

    def entries(self) -> list[Erased]:
        """All of it, in order. Raises `LedgerDamaged`."""
        if not self.file.exists():
            return []
        with self._opened() as file:
            return list(self._read(file))

    def people(self) -> set[str]:
        """The ids of everybody who was erased."""
        return {one.person for one in self.entries()}

    def references(self) -> set[bytes]:
        """The keyed hashes of what they were called elsewhere."""
        return {bytes.fromhex(reference) for one in self.entries() for reference in one.references}

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        """The file for this process alone, without the half of a line that a crash may have left at its end."""
        is_new = not self.file.exists()
        self.file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if is_new:
                _sync_directory(self.file.parent)
            file.truncate(file.read().rfind(b"\n") + 1)
            yield file

    def _read(self, file: IO[bytes]) -> Iterator[Erased]:
        """From the first line to the end, where the next one is then written."""
        file.seek(0)
        for number, line in enumerate(file, start=1):
            try:
                yield msgspec.json.decode(line, type=Erased)
            except msgspec.MsgspecError as error:
                raise LedgerDamaged(
                    f"line {number} of the erasure ledger {self.file} cannot be read ({error}): put back a copy of it. "
                    "Nothing is served without it, so that nobody who was erased comes back."
                ) from None


def erased(person: str, references: Iterable[bytes]) -> Erased:
    """An entry of the ledger."""
    return Erased(person, tuple(sorted(reference.hex() for reference in references)))


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
