"""Strict reading of request bodies: what is not exactly of the documented shape is refused, and the field is named."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from coopschool.api.problems import Fault, InvalidRequest, MalformedJson, NestedTooDeep

MAX_BODY_BYTES = 1 << 20
MAX_DEPTH = 100

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_WHERE = re.compile(r" - at `(?:key in )?\$(?P<path>.*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


class _Said(NamedTuple):
    """What msgspec says about a value, and what we call it."""

    pattern: re.Pattern[str]
    code: str


_SAYINGS = tuple(
    _Said(re.compile(pattern), code)
    for pattern, code in (
        (r"Object missing required field `(?P<field>.+)`", "missing"),
        (r"Object contains unknown field `(?P<field>.+)`", "unknown-field"),
        (r"Expected `[^`]+` (?:>=|>) (?P<bound>\S+)", "too-small"),
        (r"Expected `[^`]+` (?:<=|<) (?P<bound>\S+)", "too-large"),
        (r"Expected `(?:str|bytes)` of length >= (?P<bound>\d+)", "too-short"),
        (r"Expected `(?:str|bytes)` of length <= (?P<bound>\d+)", "too-long"),
        (r"Expected `(?:array|object)` of length >= (?P<bound>\d+)", "too-few"),
        (r"Expected `(?:array|object)` of length <= (?P<bound>\d+)", "too-many"),
        (r"Expected `datetime` with a timezone component", "no-zone"),
        (r"Expected `str` matching regex", "wrong-form"),
        (r"Invalid RFC3339 encoded datetime", "not-a-moment"),
        (r"Invalid (?:RFC3339|ISO8601) encoded date", "not-a-date"),
        (r"Invalid enum value (?P<value>.+)", "not-in-list"),
        (r"Expected `(?P<expected>[^`]+)`, got `(?P<got>[^`]+)`", "wrong-type"),
    )
)


def check_depth(body: bytes) -> None:
    """Refuses JSON nested over `MAX_DEPTH`, before any recursive decoder sees it."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    brackets = _STRINGS.sub(b"", body).translate(_BRACKETS, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        # Each round takes away the innermost level everywhere.
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return
    raise NestedTooDeep(limit=MAX_DEPTH)


def check_text(body: bytes) -> None:
    r"""Refuses the character `\u0000`, which no database text can hold, and names the field."""
    if rb"\u0000" not in body:
        return
    for pointer in _with_nul(_builtins(body)):
        raise InvalidRequest(Fault("nul-character", pointer=f"#/{pointer}" if pointer else "#"))


def decode(body: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    """The body as the decoder's type, or `MalformedJson` / `InvalidRequest` with the field."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        fault = _fault(str(error), _pointer)
        raise InvalidRequest(_with_list(fault, decoder.type)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedJson from error


@cache
def decoder_of(type: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type, strict=True)


def builtins_or_none(body: bytes) -> Any:
    """The body as plain values, to point into; None where it is not JSON."""
    try:
        return msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def parameter_fault_of(name: str, message: str) -> Fault:
    """What msgspec says about a query, path or header parameter."""
    fault = _fault(message, lambda _path, _field: None)
    return Fault(fault.code, parameter=name, details=fault.details)


def _with_list(fault: Fault, type: Any) -> Fault:
    """What is not in a published list is told what is."""
    if fault.code != "not-in-list" or fault.pointer is None:
        return fault
    known = _published(inspect.type_info(type), fault.pointer.split("/")[1:])
    return Fault("not-one-of", fault.pointer, details={**fault.details, "known": ", ".join(known)}) if known else fault


def _published(type: inspect.Type, steps: Sequence[str]) -> list[str]:
    """The values of the list at this place of a type; none where there is no list."""
    match type:
        case inspect.LiteralType(values) if not steps:
            return [str(value) for value in values]
        case inspect.Metadata(inner_type):
            return _published(inner_type, steps)
        case inspect.UnionType(types):
            return [value for each in types for value in _published(each, steps)]
        case inspect.StructType(_, fields) if steps:
            inner = [field.type for field in fields if field.encode_name == steps[0]]
        case inspect.CollectionType(item_type=item) | inspect.VarTupleType(item) if steps:
            inner = [item]
        case inspect.DictType(key_type=key, value_type=value) if steps:
            inner = [key, value]
        case _:
            inner = []
    return [value for each in inner for value in _published(each, steps[1:])]


def _builtins(body: bytes) -> Any:
    return decode(body, decoder_of(Any))


def _fault(message: str, point: Callable[[str, str | None], str | None]) -> Fault:
    where = _WHERE.search(message)
    path, complaint = (where["path"], message[: where.start()]) if where else ("", message)
    for pattern, code in _SAYINGS:
        if said := pattern.match(complaint):
            details = said.groupdict()
            return Fault(code, pointer=point(path, details.get("field")), details=details)
    return Fault("invalid-value", pointer=point(path, None))


def _pointer(path: str, field: str | None) -> str:
    steps = [name or number for name, number in _STEP.findall(path)]
    if field is not None:
        steps.append(field.replace("~", "~0").replace("/", "~1"))
    return "#" + "".join(f"/{step}" for step in steps)


def _with_nul(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, str) and "\0" in value:
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            if "\0" in name:
                yield path
            yield from _with_nul(inner, f"{path}/{name}".lstrip("/"))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _with_nul(inner, f"{path}/{number}".lstrip("/"))
