"""Other names for people, sessions, teams and all else that has an id, for those who study without knowing whom.

A key gives one set of names: a release of the lake has its own, and so has each research grant, so that what one
researcher holds cannot be laid beside what another does. A UUID becomes another 128 bits by a keyed permutation (one
block of AES), so that who has the key can turn a pseudonym in a filter back (`Pseudonyms.id_of`); any other id is
hashed with the key first and cannot be turned back. The names of one person are the same whether the person is meant
as a member, a trainer or an adviser.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any, get_args, get_type_hints
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

import coopschool.domain.events  # noqa: F401 - all events, so that all kinds of id are known
from coopschool.domain.base import Event
from coopschool.domain.tags import Identifies, identifying_fields, tag, withheld_fields
from coopschool.eventstore.upcasting import current_topic, upcast

PEOPLE = frozenset({"person", "member", "trainer", "adviser"})
REMEMBERED = 30_000

Change = Callable[["Pseudonyms", Any], Any]


class Pseudonyms:
    """The pseudonyms that one key gives. `zone` is where times are cut to days."""

    def __init__(self, key: bytes, zone: ZoneInfo) -> None:
        self.zone = zone
        self._key = key
        cipher = Cipher(AES256(hmac.digest(key, b"pseudonyms", "sha256")), ECB())  # noqa: S305 - a block, not a message
        self._forward = cipher.encryptor().update
        self._backward = cipher.decryptor().update
        self.of = lru_cache(maxsize=REMEMBERED)(self._of)
        self.tag = lru_cache(maxsize=REMEMBERED)(self._tag)

    def _of(self, id: str) -> str:
        """The pseudonym of an id: 32 hexadecimal digits."""
        return self._forward(_block(id) or hmac.digest(self._key, id.encode(), "sha256")[:16]).hex()

    def of_blocks(self, blocks: bytes) -> bytes:
        """The pseudonyms of many UUIDs at once: 16 bytes each, one after the other, as they come out."""
        return self._forward(blocks)

    def id_of(self, pseudonym: str) -> str | None:
        """The UUID that this is the pseudonym of, if it is one; None for what cannot be a pseudonym."""
        block = _block(pseudonym)
        return None if block is None else str(UUID(bytes=self._backward(block)))

    def _tag(self, real: str) -> str:
        """A tag as the researcher sees it. Only kinds of id that are known to be no secret stay as they are."""
        kind, _, id = real.partition(":")
        return real if kind in public_kinds() else tag(kind, self.of(id))

    def tag_of(self, shown: str) -> str:
        """The tag that a researcher means."""
        kind, _, pseudonym = shown.partition(":")
        return shown if kind in public_kinds() else tag(kind, self.id_of(pseudonym) or pseudonym)

    def day(self, moment: datetime) -> date:
        """The school's day."""
        return moment.astimezone(self.zone).date()

    def data(self, topic: str, stored: bytes | str) -> bytes:
        """What an event says, as JSON: ids as pseudonyms, moments as days, answers left out, in today's version.

        Raises `KeyError` for an event that this version does not know, `msgspec.DecodeError` for odd data.
        """
        changes, withheld = _seen_as(topic)
        fields = upcast(topic, _decode(stored))
        for name, change in changes:
            value = fields.get(name)
            if value is not None:
                fields[name] = change(self, value)
        if withheld:
            fields = {name: value for name, value in fields.items() if value is not _GONE}
        return _encode(fields)


def without_answers(topic: str, stored: str) -> bytes:
    """What an event says, as it was stored, but for what people answered."""
    event = Event.BY_TOPIC.get(current_topic(topic))
    withheld = withheld_fields(event) if event is not None else frozenset()
    if not withheld:
        return stored.encode()
    fields = msgspec.json.decode(stored)
    return msgspec.json.encode({name: value for name, value in fields.items() if name not in withheld})


_GONE = object()
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def _block(id: str) -> bytes | None:
    """The 16 bytes of a UUID, written with or without hyphens; None for any other text."""
    if len(id) not in (32, 36):
        return None
    try:
        block = bytes.fromhex(id.replace("-", ""))
    except ValueError:
        return None
    return block if len(block) == 16 else None


@cache
def public_kinds() -> frozenset[str]:
    """The kinds of id that everybody may know: codes of modules and questionnaires."""
    found: dict[str, bool] = {}
    for event in Event.BY_TOPIC.values():
        for identifies in _identifying(identifying_fields(event)):
            found[identifies.kind] = found.get(identifies.kind, False) or identifies.confidential
    return frozenset(kind for kind, confidential in found.items() if not confidential)


def _identifying(fields: Mapping[str, Any]) -> list[Identifies]:
    return [
        one for value in fields.values() for one in ([value] if isinstance(value, Identifies) else _identifying(value))
    ]


@cache
def _seen_as(topic: str) -> tuple[tuple[tuple[str, Change], ...], bool]:
    """What to do with which fields of the events stored by that name, and whether any is left out."""
    event = Event.BY_TOPIC[current_topic(topic)]
    return _changes(event), bool(withheld_fields(event))


@cache
def _changes(struct: type[msgspec.Struct]) -> tuple[tuple[str, Change], ...]:
    """What to do with which fields of an event, or of a part of one, by their names as stored."""
    identifying, withheld = identifying_fields(struct), withheld_fields(struct)
    hints = get_type_hints(struct, include_extras=True)
    changes: list[tuple[str, Change]] = []
    for name, stored in zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True):
        if stored in withheld:
            changes.append((stored, _leave_out))
        elif isinstance(identifying.get(stored), Identifies):
            if identifying[stored].confidential:
                changes.append((stored, _rename))
        elif datetime in _leaves(hints[name]):
            changes.append((stored, _cut))
        else:
            changes += [(stored, _within(part)) for part in _leaves(hints[name]) if _is_struct(part) and _changes(part)]
    return tuple(changes)


def _leaves(hint: Any) -> list[Any]:
    """The plain types that a field may hold, itself or in a sequence."""
    parts = get_args(hint)
    return [leaf for part in parts for leaf in _leaves(part)] if parts else [hint]


def _is_struct(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, msgspec.Struct)


def _leave_out(_pseudonyms: Pseudonyms, _value: Any) -> Any:
    return _GONE


def _rename(pseudonyms: Pseudonyms, value: str | Sequence[str]) -> str | list[str]:
    return pseudonyms.of(value) if isinstance(value, str) else [pseudonyms.of(one) for one in value]


def _cut(pseudonyms: Pseudonyms, value: str) -> date:
    return pseudonyms.day(datetime.fromisoformat(value))


def _within(struct: type[msgspec.Struct]) -> Change:
    changes = _changes(struct)

    def change_all(pseudonyms: Pseudonyms, value: Any) -> Any:
        for part in value if isinstance(value, list) else [value]:
            for name, change in changes:
                if part.get(name) is not None:
                    part[name] = change(pseudonyms, part[name])
        return value

    return change_all
