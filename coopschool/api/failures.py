"""From exceptions to problem answers: the handlers that the application registers, and nothing leaks through them."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

import msgspec
import psycopg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from coopschool.api import problems, shape
from coopschool.api.call import Call
from coopschool.api.problems import Fault, Problem, RequestRefused
from coopschool.command_bus import Busy, KeyReused, StoreAway
from coopschool.domain.errors import DomainError
from projections.generations import NotCaughtUp, ProjectionStopped

AnyRequest = Request[Any, Any, Any]

log = structlog.get_logger("coopschool.errors")

_RETRY = {"Retry-After": str(problems.RETRY_AFTER_SECONDS)}
_BY_STATUS: Mapping[int, type[RequestRefused]] = {
    401: problems.NotSignedIn,
    403: problems.NotAllowed,
    404: problems.NotFound,
    405: problems.MethodNotAllowed,
    413: problems.BodyTooLarge,
    415: problems.UnsupportedMediaType,
}


def answer(call: Call, problem: Problem, headers: Mapping[str, str] | None = None) -> Response[Problem]:
    """The problem as an answer that carries the correlation id, unless the log has nothing of this request."""
    said = problem if call.unnoted else msgspec.structs.replace(problem, instance=f"urn:uuid:{call.correlation}")
    return Response(said, status_code=problem.status, media_type=problems.MEDIA_TYPE, headers=dict(headers or {}))


def on_refusal(request: AnyRequest, error: RequestRefused) -> Response[Problem]:
    call = Call.of(request.scope)
    headers = {**_RETRY, **error.headers} if error.status == 503 else error.headers
    return answer(call, problems.of_refusal(error, call.language), headers)


def on_domain_error(request: AnyRequest, error: DomainError) -> Response[Problem]:
    call = Call.of(request.scope)
    return answer(call, problems.of_domain(error, call.language, shape.builtins_or_none(call.body)))


def on_key_reused(request: AnyRequest, error: KeyReused) -> Response[Problem]:
    call = Call.of(request.scope)
    fault = Fault("other-body", parameter="Idempotency-Key").said(call.language)
    problem = msgspec.structs.replace(problems.of_domain(error, call.language), status=422, errors=(fault,))
    return answer(call, problem)


def on_busy(request: AnyRequest, _error: Busy) -> Response[Problem]:
    return on_refusal(request, problems.TooMany())


def on_store_away(request: AnyRequest, error: StoreAway | psycopg.OperationalError) -> Response[Problem]:
    call = Call.of(request.scope)
    log.warning("store_away", error=type(error).__name__, correlation=str(call.correlation))
    return answer(call, problems.of_code("store-away", 503, call.language), _RETRY)


def on_not_caught_up(request: AnyRequest, error: NotCaughtUp) -> Response[Problem]:
    return on_refusal(request, problems.NotYet(position=error.wanted))


def on_projection_stopped(request: AnyRequest, _error: ProjectionStopped) -> Response[Problem]:
    return on_refusal(request, problems.ProjectionStopped())


def on_invalid_parameter(request: AnyRequest, error: ValidationException) -> Response[Problem]:
    """A query, path or header parameter of the wrong form. (Bodies are decoded by `shape`.)"""
    said = error.extra if isinstance(error.extra, list) else []
    # A parameter called `from` is an argument called `from_`.
    names = [str(one.get("key", "")).rstrip("_") for one in said]
    if any(name in request.path_params for name in names):
        unknown = [Fault("names-unknown", parameter=name) for name in names if name in request.path_params]
        return on_refusal(request, problems.NotFound(*unknown))
    faults = [
        shape.parameter_fault_of(name, str(one.get("message", ""))) for name, one in zip(names, said, strict=True)
    ]
    return on_refusal(request, problems.InvalidRequest(*faults))


def on_http_exception(request: AnyRequest, error: HTTPException) -> Response[Problem]:
    """What Litestar itself refuses: unknown paths, methods, and the like."""
    if isinstance(error, ValidationException):
        return on_invalid_parameter(request, error)
    if error.status_code >= 500:
        return on_bug(request, error)
    kind = _BY_STATUS.get(error.status_code, RequestRefused)
    refusal = kind(headers=dict(error.headers or {}))
    return on_refusal(request, refusal)


def on_bug(request: AnyRequest, error: Exception) -> Response[Problem]:
    """Whatever we did not foresee: logged with where it happened but not what was in it, answered without either."""
    call = Call.of(request.scope)
    note_bug(error, call)
    return answer(call, problems.of_code("internal-error", 500, call.language))


def note_bug(error: BaseException, call: Call) -> None:
    """Writes down type and places of an error. Not its message: that may quote what somebody typed."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error("unexpected", error=type(error).__name__, frames=frames, correlation=str(call.correlation))


HANDLERS: Mapping[Any, Any] = {
    RequestRefused: on_refusal,
    KeyReused: on_key_reused,
    DomainError: on_domain_error,
    Busy: on_busy,
    StoreAway: on_store_away,
    psycopg.OperationalError: on_store_away,
    NotCaughtUp: on_not_caught_up,
    ProjectionStopped: on_projection_stopped,
    HTTPException: on_http_exception,
    Exception: on_bug,
}
