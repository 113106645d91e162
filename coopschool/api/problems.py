"""What went wrong, as RFC 9457 problem details. Every error becomes an answer here and nowhere else.

`type` is stable (`/problems/session-full`); `title` and `detail` are in the reader's language; `errors` name the
fields: `pointer` is a JSON pointer into the body (`#/slots/0/starts_at`), `parameter` the name of a query, path or
header parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from coopschool.api import wording
from coopschool.domain import errors as domain
from coopschool.domain.school.words import Language

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field that is wrong, and why, in the reader's language."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457 problem details. `instance` carries the correlation id that the server's log has too."""

    type: str
    title: str
    status: int
    detail: str | None = None
    instance: str | None = None
    errors: tuple[FieldError, ...] = ()
    details: Mapping[str, Any] = {}


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong in a request, before it is put into words: `code` is looked up in the message files."""

    code: str
    pointer: str | None = None
    parameter: str | None = None
    details: Mapping[str, Any] = {}

    def said(self, language: Language) -> FieldError:
        words = wording.detail(self.code, language, self.details) or self.code
        return FieldError(words, self.pointer, self.parameter)


class RequestRefused(Exception):
    """The request is not acceptable as it stands."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "request-refused"

    def __init__(self, *faults: Fault, headers: Mapping[str, str] | None = None, **details: Any) -> None:
        self.faults = faults
        self.headers = headers or {}
        self.details = details
        super().__init__(self.code)

    def __init_subclass__(cls, *, status: int, code: str) -> None:
        cls.status = status
        cls.code = code


class MalformedJson(RequestRefused, status=400, code="malformed-json"):
    """The body is not JSON."""


class NestedTooDeep(RequestRefused, status=400, code="nested-too-deep"):
    """The body is nested too deep."""


class NotSignedIn(RequestRefused, status=401, code="not-signed-in"):
    """Sign in first."""


class NotAllowed(RequestRefused, status=403, code="forbidden"):
    """You may not do this."""


class SignInUnknown(RequestRefused, status=403, code="sign-in-unknown"):
    """You signed in, but nobody here is known by this sign-in."""


class NotFound(RequestRefused, status=404, code="not-found"):
    """There is no such thing."""


class MethodNotAllowed(RequestRefused, status=405, code="method-not-allowed"):
    """This cannot be done here."""


class TooSlow(RequestRefused, status=408, code="too-slow"):
    """The request took too long to come."""


class PreconditionFailed(RequestRefused, status=412, code="stale"):
    """It has changed since you read it."""


class BodyTooLarge(RequestRefused, status=413, code="body-too-large"):
    """The body is too large."""


class UnsupportedMediaType(RequestRefused, status=415, code="unsupported-media-type"):
    """The body must be JSON."""


class InvalidRequest(RequestRefused, status=422, code="invalid"):
    """A value is not acceptable."""


class PreconditionRequired(RequestRefused, status=428, code="precondition-required"):
    """Say which version you change."""


class TooMany(RequestRefused, status=503, code="busy"):
    """Too many requests are waiting."""


class StoreAway(RequestRefused, status=503, code="store-away"):
    """The store is away."""


class IssuerAway(RequestRefused, status=503, code="issuer-away"):
    """The identity provider cannot be asked."""


class NotYet(RequestRefused, status=503, code="not-yet"):
    """The reports have not caught up yet."""


class ProjectionStopped(RequestRefused, status=503, code="projection-stopped"):
    """These figures are out of order."""


def body_fault(code: str, pointer: str, **details: Any) -> InvalidRequest:
    """The refusal of one field of the body; `pointer` is ``seats`` or ``slots/0/starts_at``."""
    return InvalidRequest(Fault(code, pointer=f"#/{pointer}" if pointer else "#", details=details))


def parameter_fault(code: str, name: str, **details: Any) -> InvalidRequest:
    """The refusal of one query or header parameter."""
    return InvalidRequest(Fault(code, parameter=name, details=details))


_DOMAIN_STATUS: tuple[tuple[type[domain.DomainError], int], ...] = (
    (domain.Unknown, 404),
    (domain.Forbidden, 403),
    (domain.Invalid, 422),
    (domain.Stale, 412),
    (domain.RuleBroken, 409),
)


# What an `Invalid` may say of the values that would do, the more telling first.
_WHAT_WOULD_DO = (
    ("known",), ("expected",), ("least", "most"), ("least",), ("earliest", "latest"), ("earliest",), ("latest",),
    ("after",), ("twice",), ("overlaps",), ("only_with",), ("written_like",), ("missing",),
)  # fmt: skip


def status_of(error: domain.DomainError) -> int:
    """The one place where an error of the domain gets its HTTP status."""
    return next((status for kind, status in _DOMAIN_STATUS if isinstance(error, kind)), 409)


def of_domain(error: domain.DomainError, language: Language, body: Any = None) -> Problem:
    """An error of the domain as a problem; `body` (decoded) helps to point at the field that caused it."""
    return Problem(
        type=f"/problems/{error.code}",
        title=wording.title(error.code, language, english_title(type(error))),
        status=status_of(error),
        detail=wording.detail(error.code, language, error.details),
        errors=tuple(fault.said(language) for fault in _domain_faults(error, body)),
        details=error.details,
    )


def of_refusal(error: RequestRefused, language: Language) -> Problem:
    return Problem(
        type=f"/problems/{error.code}",
        title=wording.title(error.code, language, english_title(type(error))),
        status=error.status,
        detail=wording.detail(error.code, language, error.details),
        errors=tuple(fault.said(language) for fault in error.faults),
    )


def of_code(code: str, status: int, language: Language) -> Problem:
    """A problem known by its code alone; its title is in every message file."""
    return Problem(
        type=f"/problems/{code}",
        title=wording.title(code, language, code),
        status=status,
        detail=wording.detail(code, language, {}),
    )


def english_title(error: type[BaseException]) -> str:
    """The first line of the error's docstring."""
    return (error.__doc__ or error.__name__).strip().splitlines()[0].rstrip(".")


def _domain_faults(error: domain.DomainError, body: Any) -> Iterator[Fault]:
    if isinstance(error, domain.Invalid):
        field, code = error.details["field"], _why_invalid(error.details)
        if body is None:
            yield Fault(code, parameter=field, details=error.details)
        else:
            yield Fault(code, pointer=f"#/{field.replace('.', '/')}", details=error.details)
        return
    pointers = dict.fromkeys(_mentions(body, set(_identifying(error.details.values()))))
    if isinstance(body, dict):
        pointers |= dict.fromkeys(_fields_named(error.details, body))
    for pointer in pointers:
        yield Fault("names-unknown" if isinstance(error, domain.Unknown) else "breaks-rule", pointer=f"#/{pointer}")


def _why_invalid(details: Mapping[str, Any]) -> str:
    """The message that says what would do, as far as the error knows: ``invalid-least-most``."""
    known = (f"invalid-{'-'.join(hint)}" for hint in _WHAT_WOULD_DO if details.keys() >= set(hint))
    return next(known, "invalid-value").replace("_", "-")


def _fields_named(details: Mapping[str, Any], body: Mapping[str, Any]) -> Iterator[str]:
    """Fields that a detail is about: `seats` by its name, `slots/1` by ``slot=2``, one left out by ``field=…``."""
    for name, value in details.items():
        if name == "field":
            yield value
        elif name in body:
            yield name
        elif isinstance(body.get(f"{name}s"), list) and isinstance(value, int):
            yield f"{name}s/{value - 1}"


def _identifying(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str) and value:
            yield value
        elif isinstance(value, tuple | list | set | frozenset):
            yield from _identifying(value)


def _mentions(body: Any, ids: set[str], path: str = "") -> Iterator[str]:
    """Where the body holds one of the ids that the error is about."""
    if isinstance(body, str) and body in ids and path:
        yield path
    elif isinstance(body, dict):
        for name, value in body.items():
            yield from _mentions(value, ids, f"{path}/{name}".lstrip("/"))
    elif isinstance(body, list):
        for number, value in enumerate(body):
            yield from _mentions(value, ids, f"{path}/{number}")
