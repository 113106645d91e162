"""What a backup says of itself: which log it holds up to where, and every file with its size and hash, under a seal.

The seal is a keyed hash from the root secret, so neither a file nor the manifest can be changed unseen, and a backup is
not restored where e-mail addresses, references and sign-ins would never be recognised again.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec

MANIFEST = "manifest.json"
ROOT = "secret"  # the root secret, only of an installation that keeps it in its data directory
SEALING = "backups"  # what the key of the seal is derived for
FORMAT = 1
AT_ONCE = 1024 * 1024  # bytes

Progress = Callable[[str, int, int | None], None]  # stage, done, total


class BackupError(Exception):
    """A backup cannot be made, read or restored; the message says why and what to do."""


class SavedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table as PostgreSQL's COPY writes it, in a file `<table>.copy`. `sha256` is hexadecimal, `size` in bytes."""

    columns: tuple[str, ...]
    rows: int
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was saved: the log's life `epoch` up to `position`, whose hash (hexadecimal) that is; 0 for an empty log."""

    format: int = FORMAT
    made_by: str
    taken_at: datetime
    migration: str
    epoch: UUID
    position: int
    hash: str
    open_waves: tuple[str, ...]
    tables: dict[str, SavedTable]


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """A backup in its directory, whose manifest is as it was written; `seal` (hexadecimal) names it."""

    directory: Path
    manifest: Manifest
    seal: str

    @classmethod
    def read(cls, directory: Path, key: bytes) -> Backup:
        """The backup in a directory; `key` sealed it. Raises `BackupError`."""
        file = directory / MANIFEST
        try:
            found = msgspec.json.decode(file.read_bytes(), type=_File)
            if found.manifest.get("format") != FORMAT:
                raise BackupError(f"{directory} was made by a newer coopschool: restore it with that version or later.")
            manifest = msgspec.convert(found.manifest, Manifest)
        except FileNotFoundError:
            raise BackupError(f"{directory} is no backup, or not a whole one: it has no {MANIFEST}.") from None
        except OSError as error:
            raise BackupError(f"{file} cannot be read: {error.strerror}.") from None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BackupError(f"{file} is not a manifest of ours: {error}.") from None
        if not hmac.compare_digest(found.seal, _seal(manifest, key)):
            raise BackupError(
                f"the seal of {file} does not fit: either it was changed since it was written, or this installation "
                "has another root secret than the one that was in use. Put the copy of that secret in its place."
            )
        return cls(directory=directory, manifest=manifest, seal=found.seal)

    def file(self, table: str) -> Path:
        """Where the rows of a table are."""
        return file_of(self.directory, table)

    def check(self, progress: Progress) -> None:
        """Raises `BackupError` for the first file that is not as it was written."""
        total = sum(table.size for table in self.manifest.tables.values())
        done = 0
        for name, table in self.manifest.tables.items():
            digest, size = hashlib.sha256(), 0
            for chunk in self.chunks(name):
                digest.update(chunk)
                size += len(chunk)
                progress("Checking the files", done + size, total)
            done += size
            if (size, digest.hexdigest()) != (table.size, table.sha256):
                raise BackupError(
                    f"{self.file(name)} is not as it was written ({size} bytes, expected {table.size}): use another "
                    "backup, or a copy of this one."
                )

    def chunks(self, table: str) -> Iterator[bytes]:
        """The content of a table's file, piece by piece. Raises `BackupError`."""
        try:
            with self.file(table).open("rb") as file:
                while chunk := file.read(AT_ONCE):
                    yield chunk
        except OSError as error:
            raise BackupError(f"{self.file(table)} cannot be read: {error.strerror}.") from None


class _File(msgspec.Struct, frozen=True):
    """The manifest's file."""

    manifest: dict[str, object]
    seal: str


def file_of(directory: Path, table: str) -> Path:
    """Where a backup keeps the rows of a table."""
    return directory / f"{table}.copy"


def written(manifest: Manifest, key: bytes) -> bytes:
    """The content of the manifest's file."""
    return msgspec.json.format(msgspec.json.encode({"manifest": manifest, "seal": _seal(manifest, key)})) + b"\n"


def _seal(manifest: Manifest, key: bytes) -> str:
    return hmac.digest(key, msgspec.json.encode(manifest, order="sorted"), hashlib.sha256).hex()
