"""Default deny: every route says who may use it, in its own metadata, and one guard enforces it.

    @get("/api/members", roles=may("coordinator"))

`roles=PUBLIC` opens a route to everybody, `roles=SIGNED_IN` to whoever signed in, and `may("admin", scope="events")`
also to API keys of that scope. The role matrix of the tests is generated from the same metadata.
`unnoted=True`: what comes in goes to an answer box and is not logged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Self

from litestar import Litestar, MediaType, Request, Response
from litestar.connection import ASGIConnection
from litestar.exceptions import ImproperlyConfiguredException
from litestar.handlers import HTTPRouteHandler

from coopschool.api.auth import ROLES, Caller, bearer
from coopschool.api.call import Call
from coopschool.api.problems import Fault, InvalidRequest, NotAllowed
from coopschool.api.reads import position_of
from coopschool.api.shape import decoder_of
from coopschool.api_keys import Scope
from coopschool.domain.base import Role


class Roles(frozenset[Role]):
    """The roles that may use a route, and the scope of the API keys that may, too."""

    scope: Scope | None

    def __new__(cls, roles: Iterable[Role] = (), scope: Scope | None = None) -> Self:
        made = super().__new__(cls, roles)
        made.scope = scope
        return made

    def admit(self, caller: Caller) -> bool:
        """Whether the caller acts in one of the roles, or comes with a key of the scope."""
        return not self.isdisjoint(caller.actor.roles) or self.scope in caller.scopes


PUBLIC = Roles()
SIGNED_IN = Roles(ROLES)

MIN_POSITION = {"min_position": "Wait up to 5 s until the log has this position"}


def may(*roles: Role, scope: Scope | None = None) -> Roles:
    """The roles that may use a route. Which objects they may touch is decided next to the query or in the command."""
    return Roles(roles, scope)


class Route(NamedTuple):
    """One line of the role matrix."""

    method: str
    path: str
    roles: Roles
    operation: str
    gives: Any
    opt: Mapping[str, Any]


async def guard(request: Request[Any, Any, Any]) -> Response[None] | None:
    """Signs the caller in, checks their roles against the route's, and refuses query parameters it does not know.

    What is read from the log's exact state is as late as the log, so there `min_position` is waited for here. (It runs
    before the handler and whatever that takes is read. As one of Litestar's `guards` it would do the same, but get a
    copy of the handler at each request, which costs a tenth of an empty one.)
    """
    says = request.route_handler.opt
    if request.method == "OPTIONS":
        # In the place of Litestar's own answer, which names what the path's first controller can do.
        return Response(None, status_code=204, headers={"Allow": says["methods"]}, media_type=MediaType.TEXT)
    call = Call.of(request.scope)
    call.unnoted = bool(says.get("unnoted"))
    call.shows = says.get("shows")
    roles: Roles = says["roles"]
    if roles:
        await admitted(request, roles)
    if request.scope["query_string"]:
        _check_query(request, says["query"])
        if says.get("waits_for_log"):
            await request.app.state.reads.logged(position_of(request.query_params.get("min_position")))
    return None


async def admitted(connection: ASGIConnection[Any, Any, Any, Any], roles: Roles) -> Caller:
    """The caller, as their token stands now, if they may. Raises `NotSignedIn`, `SignInUnknown`, `NotAllowed`."""
    call = Call.of(connection.scope)
    caller: Caller = await connection.app.state.sign_in.caller(bearer(call.header(b"authorization")), call.origin)
    call.caller = caller
    if not roles.admit(caller):
        raise NotAllowed
    return caller


def routes(app: Litestar) -> Iterator[Route]:
    """Every route of the app and who may use it; OPTIONS, which Litestar answers itself, left out."""
    for path, method, handler in _handlers(app):
        given = handler.parsed_return_field
        answers = given.inner_types if given.is_subclass_of(Response) else (given,)
        gives = answers[0].annotation if answers else None
        yield Route(method, path, handler.opt["roles"], str(handler.operation_id or ""), gives, handler.opt)


def refuse_unguarded(app: Litestar) -> None:
    """Stops the start if a route does not say who may use it, or has put another hook in the guard's place."""
    unguarded = [
        f"{method} {path}"
        for path, method, handler in _handlers(app)
        if "roles" not in handler.opt or handler.resolve_before_request() is not guard
    ]
    if unguarded:
        raise ImproperlyConfiguredException(f"routes that nobody guards: {', '.join(unguarded)}")


def _handlers(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    for route in app.routes:
        for method, (handler, _) in getattr(route, "route_handler_map", {}).items():
            if method != "OPTIONS":
                yield route.path, method, handler


def _check_query(request: Request[Any, Any, Any], known: frozenset[str]) -> None:
    faults = []
    for name, value in request.query_params.multi_items():
        if name not in known:
            faults.append(
                Fault("unknown-parameter", parameter=name, details={"known": ", ".join(sorted(known)) or "—"})
            )
        elif "\0" in value:
            faults.append(Fault("nul-character", parameter=name))
    if faults:
        raise InvalidRequest(*faults)


def learn_methods(app: Litestar) -> None:
    """Writes down, for the answer to OPTIONS, all that can be done at each path."""
    for route in app.routes:
        methods = getattr(route, "route_handler_map", {})
        if "OPTIONS" in methods:
            handler, _ = methods["OPTIONS"]
            handler.opt["methods"] = ", ".join(sorted(methods))


def learn_shapes(app: Litestar) -> None:
    """Writes down, for each route, the query parameters that it takes and the decoder of its body."""
    for route in app.routes:
        for method, (handler, model) in getattr(route, "route_handler_map", {}).items():
            declared = {parameter.field_alias for parameter in model.expected_query_params}
            declared.update(handler.opt.get("query_parameters", ()))
            if method == "GET" and route.path.startswith("/api/") and "min_position" not in declared:
                handler.opt["waits_for_log"] = True
                handler.opt["query_parameters"] = {**handler.opt.get("query_parameters", {}), **MIN_POSITION}
                declared.update(MIN_POSITION)
            handler.opt["query"] = frozenset(declared)
            if handler.parsed_data_field is not None:
                handler.opt["takes"] = handler.parsed_data_field.annotation
                handler.opt["decoder"] = decoder_of(handler.opt["takes"])
