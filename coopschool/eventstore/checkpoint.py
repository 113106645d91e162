"""A signed note of where the log stood, to be kept elsewhere: later it proves that the log extends what was seen then.

The hash chain shows an edit in the middle, but whoever may write every row can also write the whole chain anew, or cut
its tail. A checkpoint names a position and its hash under an Ed25519 signature (RFC 8032), whose key derives from the
root secret and is not in the database. Anybody who has the public key can check the signature without us.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from coopschool.eventstore import log
from coopschool.eventstore.log import SQL, Connection
from coopschool.eventstore.verify import Finding


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What is signed: this log (`epoch`) had this hash (hexadecimal) at this position; 0 for an empty log."""

    epoch: UUID
    position: int
    hash: str
    taken_at: datetime


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file: what was seen, its signature, and the key that checks it (both hexadecimal)."""

    seen: Seen
    public_key: str
    signature: str


class NotACheckpoint(Exception):
    """The file is not a checkpoint; the message says why."""


def take(conn: Connection, key: bytes, now: datetime) -> Checkpoint:
    """Where the log stands now, signed with a key of 32 bytes."""
    head = log.head(conn)
    seen = Seen(epoch=log.epoch(conn), position=head.position, hash=head.hash.hex(), taken_at=now)
    private = Ed25519PrivateKey.from_private_bytes(key)
    signature = private.sign(_signed(seen))
    return Checkpoint(seen=seen, public_key=private.public_key().public_bytes_raw().hex(), signature=signature.hex())


def read(content: bytes) -> Checkpoint:
    """A checkpoint from its file. Raises `NotACheckpoint`."""
    try:
        return msgspec.json.decode(content, type=Checkpoint)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotACheckpoint(str(error)) from error


def write(checkpoint: Checkpoint) -> bytes:
    """The content of its file."""
    return msgspec.json.format(msgspec.json.encode(checkpoint)) + b"\n"


def compare(conn: Connection, checkpoint: Checkpoint, key: bytes) -> Iterator[Finding]:
    """What speaks against the log being the one that was seen, only longer. `key` is the one that `take` had."""
    ours = Ed25519PrivateKey.from_private_bytes(key).public_key()
    seen = checkpoint.seen
    if not _is_signed(checkpoint, ours):
        yield Finding(seen.position, "checkpoint", "its signature is not ours: forged, or of another installation")
        return
    if seen.position == 0:
        return
    row = conn.execute(SQL["hash_at"], (seen.position,)).fetchone()
    if row is None:
        yield Finding(seen.position, "checkpoint", f"the log ends before the position seen at {_moment(seen)}")
    elif bytes(row[0]).hex() != seen.hash:
        yield Finding(seen.position, "checkpoint", f"the log up to here is not the one seen at {_moment(seen)}")


def _is_signed(checkpoint: Checkpoint, key: Ed25519PublicKey) -> bool:
    try:
        key.verify(bytes.fromhex(checkpoint.signature), _signed(checkpoint.seen))
    except (InvalidSignature, ValueError):
        return False
    return True


def _signed(seen: Seen) -> bytes:
    return b"coopschool checkpoint\n" + msgspec.json.encode(seen, order="sorted")


def _moment(seen: Seen) -> str:
    return seen.taken_at.isoformat(timespec="seconds")
