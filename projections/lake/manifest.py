"""The manifest of a release: its files, their hashes, and which log they come from. And how to open a lake by it."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec

FORMAT = 1
MANIFEST = "manifest.json"
CURRENT = "current"  # names the release that the lake's directory stands for
PIECE = 1 << 20


class LakeError(Exception):
    """The lake cannot be read or extended as asked; the message says why and what to do."""


class File(msgspec.Struct, frozen=True):
    """A file of a release, by its path in it. `sha256` in hexadecimal."""

    path: str
    rows: int
    bytes: int
    sha256: str


class Table(msgspec.Struct, frozen=True):
    """A table: its columns with their types as Arrow names them, and its files."""

    columns: dict[str, str]
    rows: int
    files: tuple[File, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A release: everything up to `position` of the log's life `epoch`, as the projections of that version saw it."""

    format: int = FORMAT
    release: str
    epoch: UUID
    position: int
    projections: str
    time_zone: str
    min_group: int
    made_at: datetime
    tables: dict[str, Table]
    documents: tuple[File, ...] = ()

    def files(self) -> Iterator[File]:
        for table in self.tables.values():
            yield from table.files
        yield from self.documents


class Lake(NamedTuple):
    """A release, and where it is."""

    directory: Path
    manifest: Manifest

    def paths(self, table: str) -> list[str]:
        """The Parquet files of a table. Raises `LakeError`, which lists the tables there are."""
        if table not in self.manifest.tables:
            known = ", ".join(sorted(self.manifest.tables))
            raise LakeError(f"this lake has no table {table!r}; it has {known}.")
        files = self.manifest.tables[table].files
        return [str(self.directory / file.path) for file in files if file.path.endswith(".parquet")]

    def damage(self) -> list[str]:
        """What is wrong with the files: each that is missing or not as it was written."""
        found = []
        for file in self.manifest.files():
            path = self.directory / file.path
            if not path.is_file():
                found.append(f"{file.path} is missing")
            elif sha256(path) != file.sha256:
                found.append(f"{file.path} has changed")
        return found


def open_lake(directory: Path) -> Lake:
    """The release in a directory, or the current one of a lake. Raises `LakeError`."""
    current = directory / CURRENT
    release = directory / current.read_text().strip() if current.is_file() else directory
    if not (release / MANIFEST).is_file():
        raise LakeError(f"there is no lake in {directory}: `coopschool export {directory}` makes one.")
    try:
        manifest = msgspec.json.decode((release / MANIFEST).read_bytes(), type=Manifest)
    except msgspec.DecodeError as error:
        raise LakeError(f"{release / MANIFEST} cannot be read: {error}") from error
    if manifest.format != FORMAT:
        raise LakeError(f"{release / MANIFEST} is of format {manifest.format}; this coopschool reads format {FORMAT}.")
    return Lake(release, manifest)


def save(directory: Path, manifest: Manifest) -> None:
    """Makes the files that the manifest names the release, all at once."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    replace_file(directory / MANIFEST, text)


def make_current(directory: Path, release: str) -> None:
    """Has the lake's directory stand for a release."""
    replace_file(directory / CURRENT, f"{release}\n".encode())


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file whole, or leaves what was there."""
    draft = path.with_name(f"{path.name}.part")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Has the names in a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """The hash of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Keeps other exports out of a lake. Raises `LakeError` where one is at work."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LakeError(f"another export is writing to {directory}: let it finish.") from None
        yield
