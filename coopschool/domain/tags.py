"""What an event concerns, said once: in the types of its fields.

A field typed `MemberId` tags the event with ``member:<id>``, so the event belongs to that member's stream; a field
typed `PersonRef` mentions a person without putting the event into anybody's stream. The same annotations tell the
researcher's feed which values are pseudonymised. No other code builds a tag.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec


class Identifies(NamedTuple):
    """What a value identifies, and whether an event that holds it is tagged with it."""

    kind: str
    tagged: bool
    confidential: bool


def _id(kind: str, *, tagged: bool = True, confidential: bool = True) -> msgspec.Meta:
    return msgspec.Meta(extra={"identifies": Identifies(kind, tagged, confidential)})


PersonId = Annotated[str, _id("person")]
MemberId = Annotated[str, _id("member")]
TrainerId = Annotated[str, _id("trainer")]
SessionId = Annotated[str, _id("session")]
ModuleCode = Annotated[str, _id("module", confidential=False)]
TeamId = Annotated[str, _id("team")]
AdviserId = Annotated[str, _id("adviser")]
WorkshopId = Annotated[str, _id("workshop")]
DecisionId = Annotated[str, _id("decision")]
WaveId = Annotated[str, _id("wave")]
InstrumentCode = Annotated[str, _id("instrument", confidential=False)]

# Mentioned, not concerned: the event joins no stream of theirs.
PersonRef = Annotated[str, _id("person", tagged=False)]
TeamRef = Annotated[str, _id("team", tagged=False)]
ModuleRef = Annotated[str, _id("module", tagged=False, confidential=False)]
TextId = Annotated[str, _id("text", tagged=False)]

# On the type of a field: what people answered. No feed, stream, export or explanation carries it.
WITHHELD = msgspec.Meta(extra={"withheld": True})


def tag(kind: str, id: str) -> str:
    """The tag of one stream: ``tag("session", id)`` is ``session:<id>``."""
    return f"{kind}:{id}"


def of(event: msgspec.Struct) -> list[str]:
    """The tags of an event: every identified thing it concerns, once, in the order of its fields."""
    found: dict[str, None] = {}
    for read, prefix in _tagged_fields(type(event)):
        for value in read(event):
            found[prefix + value] = None
    return list(found)


def kinds_of(event: type[msgspec.Struct]) -> list[str]:
    """The kinds of things that events of a type concern, one for each field that says which."""
    return [prefix.removesuffix(":") for _, prefix in _tagged_fields(event)]


def identifying_fields(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """For each field that holds ids: `Identifies`, or the same mapping of the structs nested in it.

    The keys are the names as stored (`from`, not `from_`).
    """
    hints = get_type_hints(struct, include_extras=True)
    fields: dict[str, Any] = {}
    for name, stored in zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True):
        for hint in _alternatives(hints[name]):
            if (identifies := _identifies(hint)) is not None:
                fields[stored] = identifies
            elif isinstance(hint, type) and issubclass(hint, msgspec.Struct) and (nested := identifying_fields(hint)):
                fields[stored] = nested
    return fields


@cache
def withheld_fields(struct: type[msgspec.Struct]) -> frozenset[str]:
    """The fields, by their names as stored, that leave the log through the statistics gate only."""
    hints = get_type_hints(struct, include_extras=True)
    names = zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True)
    return frozenset(stored for name, stored in names if WITHHELD in getattr(hints[name], "__metadata__", ()))


def _identifies(hint: Any) -> Identifies | None:
    for meta in getattr(hint, "__metadata__", ()):
        extra = getattr(meta, "extra", None)
        if extra and "identifies" in extra:
            return extra["identifies"]  # type: ignore[no-any-return]
    return None


def _alternatives(hint: Any) -> Iterator[Any]:
    """The types that a field may hold: unions opened, the element type of a tuple or list for the sequence."""
    if get_origin(hint) is Annotated and _identifies(hint) is None:
        yield from _alternatives(get_args(hint)[0])
    elif get_origin(hint) in (None, Annotated):
        yield hint
    else:
        for part in get_args(hint):
            if part is not ... and part is not type(None):
                yield from _alternatives(part)


@cache
def _tagged_fields(struct: type[msgspec.Struct]) -> list[tuple[Callable[[Any], Iterator[str]], str]]:
    hints = get_type_hints(struct, include_extras=True)
    found = []
    for name in struct.__struct_fields__:
        for hint in _alternatives(hints[name]):
            identifies = _identifies(hint)
            if identifies is not None and identifies.tagged:
                found.append((_values_of(name), f"{identifies.kind}:"))
            elif isinstance(hint, type) and issubclass(hint, msgspec.Struct):
                found += [(_nested(name, read), prefix) for read, prefix in _tagged_fields(hint)]
    return found


def _values_of(name: str) -> Callable[[Any], Iterator[str]]:
    def read(event: Any) -> Iterator[str]:
        value = getattr(event, name)
        if isinstance(value, str):
            yield value
        elif value is not None:
            yield from value

    return read


def _nested(name: str, read: Callable[[Any], Iterator[str]]) -> Callable[[Any], Iterator[str]]:
    def read_nested(event: Any) -> Iterator[str]:
        value = getattr(event, name)
        for item in value if isinstance(value, tuple | list) else () if value is None else (value,):
            yield from read(item)

    return read_nested
