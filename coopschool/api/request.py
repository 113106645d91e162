"""The request as handlers see it: who calls, what they sent (decoded strictly), and the ways to answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.datastructures import State

from coopschool.answer_box import AnswerBox
from coopschool.api import shape
from coopschool.api.auth import Caller
from coopschool.api.call import Call
from coopschool.api.problems import (
    Fault,
    InvalidRequest,
    NotAllowed,
    NotSignedIn,
    PreconditionFailed,
    PreconditionRequired,
)
from coopschool.api.reads import Reads
from coopschool.application import CoopSchool
from coopschool.command_bus import Outcome, Repeatable, VaultWrite
from coopschool.domain.base import Actor, Command, Event, Role

Answer = dict[str, Any]
W = TypeVar("W", bound=msgspec.Struct)

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_ETAG = re.compile(r'"([0-9]{1,18}(?:\.[0-9]{1,18})*)"')


class ApiRequest(Request[Caller, Any, State]):
    """Litestar's request with the school behind it."""

    async def body(self) -> bytes:
        """The body, which the edge has read; none at all counts as an empty object."""
        return self.call.body or b"{}"

    async def json(self) -> Any:
        """The body as the route's own type. Decoded strictly, where Litestar itself would take "12" for 12."""
        return shape.decode(self.call.body or b"{}", self.route_handler.opt["decoder"])

    @property
    def call(self) -> Call:
        return Call.of(self.scope)

    @property
    def school(self) -> CoopSchool:
        school: CoopSchool = self.app.state.school
        return school

    @property
    def reads(self) -> Reads:
        reads: Reads = self.app.state.reads
        return reads

    @property
    def answer_box(self) -> AnswerBox:
        box: AnswerBox = self.app.state.answer_box
        return box

    @property
    def caller(self) -> Caller:
        if self.call.caller is None:
            raise NotSignedIn
        return self.call.caller

    @property
    def actor(self) -> Actor:
        return self.caller.actor

    def is_any(self, *roles: Role) -> bool:
        """Whether the caller acts in one of these roles."""
        return self.actor.is_any(*roles)

    # --- ids

    def me(self) -> str:
        """The caller's own person id; refused where the token names none."""
        if self.actor.person is None:
            raise NotAllowed(Fault("no-person", parameter="me"))
        return self.actor.person

    def person(self, id: str) -> str:
        """A person id from the path; `me` stands for the caller."""
        return self.me() if id == "me" else id

    def self_or(self, id: str, *roles: Role) -> str:
        """A person id from the path, if it is the caller's own or the caller acts in one of the roles."""
        person = self.person(id)
        if person != self.actor.person and not self.is_any(*roles):
            raise NotAllowed
        return person

    # --- writing

    async def carry_out(
        self,
        command: Command,
        *,
        vault: Sequence[VaultWrite] = (),
        answer: Callable[[Sequence[Event]], Answer] = lambda _events: {},
    ) -> Outcome:
        """Has the school carry a command out, once for each `Idempotency-Key`; the answer holds the log `position`."""
        return await self.school.execute(command, vault=vault, answer=answer, **self.once())

    def once(self) -> dict[str, Any]:
        """What the school is told besides a command, so that it is done once for each `Idempotency-Key`."""
        return {"idempotency": self._repeatable(), "correlation": self.call.correlation}

    def written(self, outcome: Outcome, shape: type[W], *, status: int = 200, at: str | None = None) -> Response[W]:
        """The outcome's answer; `at` is the `Location` of what was made, with fields of the answer in braces."""
        headers = {"Location": at.format_map(outcome.answer)} if at else None
        return Response(msgspec.convert(outcome.answer, shape), status_code=status, headers=headers)

    def _repeatable(self) -> Repeatable | None:
        key = self.call.header(b"idempotency-key")
        if key is None or self.method != "POST":
            return None
        if not _KEY.fullmatch(key):
            raise InvalidRequest(Fault("wrong-form", parameter="Idempotency-Key"))
        route = f"{self.method} {self.scope['path']}"
        return self.school.repeatable(self.actor.person or "-", route, key, self.call.body)

    def revisions(self, expected: int) -> tuple[int, ...]:
        """The revisions that the caller has read, from `If-Match`, as many as `etag` was given.

        Raises `PreconditionRequired` or `PreconditionFailed`.
        """
        given = self.call.header(b"if-match")
        if given is None:
            raise PreconditionRequired(Fault("missing-header", parameter="If-Match"))
        match = _ETAG.fullmatch(given.strip())
        revisions = tuple(map(int, match[1].split("."))) if match else ()
        if len(revisions) != expected:
            raise PreconditionFailed
        return revisions


def etag(*revisions: int) -> str:
    """The `ETag` of something whose parts have these revisions."""
    return f'"{".".join(map(str, revisions))}"'
