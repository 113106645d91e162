"""The one piece of ASGI around the application: what every request needs, done once and cheaply.

In: correlation id, limits on the body (size, depth, `\\u0000`), on time and on how many wait. Out: security headers,
log lines, metrics.

Nothing that identifies anybody by name reaches log or metrics: no paths, query strings or bodies, only route templates;
and of what goes to an answer box nothing at all, because the times or the number of the lines would tell too much.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec
import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from coopschool.api import problems, shape
from coopschool.api.call import Call
from coopschool.api.failures import note_bug
from coopschool.api.metrics import Metrics
from coopschool.api.origin import Origins

CONTENT_SECURITY = b"content-security-policy"
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (CONTENT_SECURITY, b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
)
# Only behind https, where a browser that once came stays with it.
HSTS = (b"strict-transport-security", b"max-age=31536000")
NO_STORE = (b"cache-control", b"no-store")
UNMATCHED = "unmatched"
NOTHING: Mapping[str, str] = {}
# The rest of the body stays unread, so nothing more can come over this connection: a client that keeps it would fail.
LEAVING = {"connection": "close"}
RETRY = {"Retry-After": str(problems.RETRY_AFTER_SECONDS)}
REFUSALS = frozenset((401, 403))
# Where browsers send forms; everywhere else a body is JSON.
FORMS = "/answer/"

_UUID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WITH_BODY = frozenset(("POST", "PUT", "PATCH", "DELETE"))

# How long a body may take to come, and an answer to begin; one that has begun may take its time.
SECONDS_FOR_BODY = 20.0
SECONDS_FOR_ANSWER = 60.0
TOO_SLOW = problems.TooSlow(headers=LEAVING)
TOO_LATE = problems.StoreAway(headers=RETRY)

# How many answers may be waited for in one process: room for an intake that races for the same seats. Where even less
# is more work than can be done, a crowd waits and its first has waited long. More would only wait longer; they are told
# at once to come back. What operators look at is always answered.
WAITING_AT_MOST = 600
CROWD = 100
SECONDS_IN_A_CROWD = 2.0
ALWAYS_ANSWERED = ("/health/", "/metrics")

log = structlog.get_logger("coopschool.access")
audit = structlog.get_logger("coopschool.audit")


class Edge:
    """Wraps the application; used by the benchmarks' empty handler as well, so that both pay the same."""

    def __init__(self, app: ASGIApp, metrics: Metrics, origins: Origins | None = None) -> None:
        self._app = app
        self._metrics = metrics
        self._origins = origins or Origins()
        self._waiting: dict[_Sending, float] = {}  # since when, the first first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = dict(scope["headers"])
        call = Call(headers, _correlation(headers.get(b"x-correlation-id")), self._origins(scope, headers))
        call.keep_in(scope)
        sent = _Sending(send, call, self._waiting)
        try:
            async with asyncio.timeout(SECONDS_FOR_BODY) as sent.limit:
                try:
                    await self._pass_on(scope, receive, sent, call)
                finally:
                    sent.limit = None
        except TimeoutError:
            late = sent.late
            if not sent.status:
                await _answer(sent, problems.of_refusal(late, call.language), call, late.headers)
        except problems.RequestRefused as refusal:
            await _answer(sent, problems.of_refusal(refusal, call.language), call, refusal.headers)
        except Exception as error:  # noqa: BLE001 - the last door: whatever it is, the caller gets an answer and no more
            note_bug(error, call)
            if not sent.status:
                await _answer(sent, problems.of_code("internal-error", 500, call.language), call)
        finally:
            self._waiting.pop(sent, None)
            self._note(scope, call, sent.status or 499, time.perf_counter() - began)

    async def _pass_on(self, scope: HTTPScope, receive: Receive, sent: _Sending, call: Call) -> None:
        """Reads the body, then has the application answer, each within its time."""
        if scope["method"] in _WITH_BODY:
            call.body = await read_body(receive, call.headers, form=scope["path"].startswith(FORMS))
            receive = _replay(call.body, receive)
        self._let_in(scope, sent)
        sent.await_answer(SECONDS_FOR_ANSWER)
        await self._app(scope, receive, sent)

    def _let_in(self, scope: Scope, sent: _Sending) -> None:
        """Raises `TooMany` where too many wait already; else this one waits, too, until its answer begins."""
        if scope["path"].startswith(ALWAYS_ANSWERED):
            return
        now, waiting = time.perf_counter(), len(self._waiting)
        if waiting >= WAITING_AT_MOST:
            raise problems.TooMany(headers=RETRY)
        if waiting >= CROWD and now - next(iter(self._waiting.values())) > SECONDS_IN_A_CROWD:
            raise problems.TooMany(headers=RETRY)
        self._waiting[sent] = now

    def _note(self, scope: Any, call: Call, status: int, seconds: float) -> None:
        if call.unnoted and status < 500:
            return
        method, route = scope["method"], scope.get("path_template") or UNMATCHED
        self._metrics.request(method, route, status, seconds)
        actor = call.caller.actor if call.caller and not call.unnoted else None
        log.info(
            "request",
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 2),
            actor=actor.person if actor else None,
            correlation=str(call.correlation),
        )
        if status in REFUSALS or (call.shows and status < 400):
            self._note_for_audit(scope, call, status)

    def _note_for_audit(self, scope: Any, call: Call, status: int) -> None:
        """Who was refused what, and who saw what of whom: by ids, never by name or by what was searched for."""
        caller = call.caller
        ids = {name: id for name, id in (scope.get("path_params") or {}).items() if _is_id(id)}
        write, event = (audit.warning, "denied") if status in REFUSALS else (audit.info, "shown")
        write(
            event,
            what=call.shows,
            method=scope["method"],
            route=scope.get("path_template") or UNMATCHED,
            status=status,
            of=ids,
            actor=caller.actor.person if caller else None,
            roles=sorted(caller.actor.roles) if caller else [],
            key=caller.key if caller else None,
            correlation=str(call.correlation),
        )


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], *, form: bool = False) -> bytes:
    """The whole body, or the refusal of one that is too large, too deep, not JSON, or holds what cannot be kept.

    With `form`, what a browser sends of a form is taken instead of JSON.
    """
    announced = headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > shape.MAX_BODY_BYTES:
        raise problems.BodyTooLarge(headers=LEAVING, limit=shape.MAX_BODY_BYTES)
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        parts.append(part := message.get("body", b""))
        if (size := size + len(part)) > shape.MAX_BODY_BYTES:
            raise problems.BodyTooLarge(headers=LEAVING, limit=shape.MAX_BODY_BYTES)
        more = message.get("more_body", False)
    body = parts[0] if len(parts) == 1 else b"".join(parts)
    if body:
        kind = headers.get(b"content-type", b"application/json").partition(b";")[0].strip().lower()
        if form:
            if kind != b"application/x-www-form-urlencoded":
                raise problems.UnsupportedMediaType
            return body
        if kind != b"application/json" and not kind.endswith(b"+json"):
            raise problems.UnsupportedMediaType
        shape.check_depth(body)
        shape.check_text(body)
    return body


class _Sending:
    """Passes the answer on with the headers that every answer has, and remembers its status.

    Whose answer has begun is no longer among those who wait.
    """

    __slots__ = ("_call", "_send", "_waiting", "late", "limit", "status")

    def __init__(self, send: Send, call: Call, waiting: dict[_Sending, float]) -> None:
        self.limit: asyncio.Timeout | None = None
        self.late: problems.RequestRefused = TOO_SLOW
        self._send = send
        self._call = call
        self._waiting = waiting
        self.status = 0

    def await_answer(self, seconds: float) -> None:
        """From now on it is the answer that may be late, until it begins."""
        self.late = TOO_LATE
        if self.limit is not None and not self.limit.expired():
            self.limit.reschedule(asyncio.get_running_loop().time() + seconds)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._waiting.pop(self, None)
            if self.limit is not None and not self.limit.expired():
                self.limit.reschedule(None)
            said = [(b"content-language", self._call.language.encode())] if self.status >= 400 else []
            message["headers"] = [*_with_standing_headers(message["headers"], self._call), *said]
        await self._send(message)


def _with_standing_headers(headers: Iterable[tuple[bytes, bytes]], call: Call) -> Iterable[tuple[bytes, bytes]]:
    given = set()
    for header in headers:
        given.add(header[0])
        yield header
    # A page says itself what it may show; an answer that may be kept, for how long.
    for header in (NO_STORE, *SECURITY_HEADERS):
        if header[0] not in given:
            yield header
    if call.origin.is_https:
        yield HSTS
    yield b"x-correlation-id", str(call.correlation).encode()


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body again, then whatever comes after it (the client going away)."""
    given = False

    async def replayed() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _is_id(value: Any) -> bool:
    return value == "me" or (isinstance(value, str) and _UUID.fullmatch(value.encode()) is not None)


def _correlation(given: bytes | None) -> UUID:
    """The caller's, else a new one: it may be guessed, and to ask the system for entropy costs a change of threads."""
    if given and _UUID.fullmatch(given):
        return UUID(given.decode())
    return UUID(int=random.getrandbits(128), version=4)


async def _answer(send: _Sending, problem: problems.Problem, call: Call, more: Mapping[str, str] = NOTHING) -> None:
    body = msgspec.json.encode(msgspec.structs.replace(problem, instance=f"urn:uuid:{call.correlation}"))
    headers = [(b"content-type", problems.MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    headers += [(name.encode(), value.encode()) for name, value in more.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
