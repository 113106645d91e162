"""The OpenAPI 3.1 document at `/schema/openapi.json`: what Litestar derives, plus what holds for every route.

Handlers give `operation_id`, a docstring, `example=` (a body), and `may_answer=` (statuses of their own); here every
operation gets its problem answers, its sign-in, and the headers that the edge and the guard read (`If-Match`,
`Idempotency-Key`). The page `/answer/{wave}` is for browsers and left out: what it takes, and what it answers, is HTML.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Request, Router
from litestar.enums import OpenAPIMediaType
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from coopschool.api import access, problems
from coopschool.api.examples import PARAMETERS, dated
from coopschool.api.problems import Problem
from coopschool.application import CoopSchool

TITLES = {
    400: "The body is not JSON, or nested too deep",
    401: "Not signed in",
    403: "Not allowed",
    404: "No such thing",
    408: "The body took too long to come",
    409: "A rule of the cooperative forbids it",
    412: "Changed since it was read",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "A value is not acceptable; `errors` names the field",
    428: "`If-Match` is missing",
    500: "Our fault; the correlation id leads to the log",
    503: "The store is away or busy, or the figures have not caught up; `Retry-After` says when to come back",
}


_MOMENT = {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}
# The forms of parameters that routes read themselves; any other is text.
_FORMS: Mapping[str, Mapping[str, Any]] = {
    "as_of": _MOMENT,
    "known_at": _MOMENT,
    "min_position": {"type": "integer", "minimum": 0, "maximum": (1 << 63) - 1},
}
_TEXT = {"type": "string", "maxLength": 200}


class _Document(JsonRenderPlugin):
    """Serves the completed document, made once a day: some days in its examples lie ahead."""

    def __init__(self) -> None:
        super().__init__(path="/openapi.json", media_type=OpenAPIMediaType.OPENAPI_JSON)
        self._completed = False
        self._of: date | None = None
        self._rendered = b""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        if not self._completed:
            complete(openapi_schema, {route.operation: route for route in access.routes(request.app)})
            self._completed = True
        school: CoopSchool = request.app.state.school
        now = school.now()
        if self._of != now.date():
            self._rendered = self.render_json(request, dated(openapi_schema, now))
            self._of = now.date()
        return self._rendered


def config() -> OpenAPIConfig:
    plugin = _Document()
    return OpenAPIConfig(
        title="coopschool",
        version=version("coopschool"),
        summary="Event-sourced learning backend of a cooperative: its school and its adviser teams",
        components=Components(
            security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
        ),
        render_plugins=[plugin],
        openapi_router=Router("/schema", route_handlers=[], include_in_schema=False, opt={"roles": access.PUBLIC}),
        use_handler_docstrings=True,
    )


def complete(document: dict[str, Any], routes: Mapping[str, access.Route]) -> None:
    """Adds to each operation what its route and method imply."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            route = routes[operation["operationId"]]
            if route.roles:
                operation["security"] = [{"bearer": []}]
                operation["x-roles"] = sorted(route.roles)
            if route.roles.scope:
                operation["x-scope"] = route.roles.scope
            _add_headers(operation, method, route)
            _add_parameters(operation, route)
            _add_example(operation, route)
            _add_other_forms(operation, route)
            for status in _statuses(method, path, operation, route):
                operation["responses"].setdefault(str(status), _problem(status))
    _use_exact_schemas(document, routes)


def _use_exact_schemas(document: dict[str, Any], routes: Mapping[str, access.Route]) -> None:
    """Replaces Litestar's schemas by msgspec's, which has them from the very types that decode and encode."""
    operations = {one["operationId"]: one for item in document["paths"].values() for one in item.values()}
    contents: list[tuple[dict[str, Any], Any]] = []
    for name, operation in operations.items():
        if "takes" in routes[name].opt:
            takes = routes[name].opt["takes"]
            contents.append((operation["requestBody"]["content"]["application/json"], takes))
            operation["requestBody"]["required"] = _needs_something(takes)
        answers = (answer.get("content", {}) for answer in operation["responses"].values())
        contents += [(one["application/json"], routes[name].gives) for one in answers if "application/json" in one]
    types = [type for _, type in contents]
    schemas, components = msgspec.json.schema_components([*types, Problem], ref_template="#/components/schemas/{name}")
    for (content, _), schema in zip(contents, schemas, strict=False):
        content["schema"] = schema
    document["components"]["schemas"] = components
    _speak_ecma(document)


def _needs_something(body: Any) -> bool:
    """Whether a body must be sent: none at all counts as an empty object."""
    about = msgspec.inspect.type_info(body)
    return not isinstance(about, msgspec.inspect.StructType) or any(field.required for field in about.fields)


def _speak_ecma(node: Any) -> None:
    """Patterns end in `\\Z` for Python, which must not let a last line break pass; JavaScript says `$`."""
    if isinstance(node, list):
        for inner in node:
            _speak_ecma(inner)
    elif isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            node["pattern"] = node["pattern"].replace(r"\Z", "$")
        for inner in node.values():
            _speak_ecma(inner)


def _statuses(method: str, path: str, operation: Mapping[str, Any], route: access.Route) -> Iterator[int]:
    writes = method != "get"
    operation["responses"].pop("400", None)
    if writes and "requestBody" in operation:
        yield from (400, 408, 413, 415)
    if route.roles:
        yield from (401, 403)
    if "{" in path or writes or "query_parameters" in route.opt:
        yield 404  # what a report is asked about may be unknown as well
    if writes:
        yield 409
    if route.opt.get("if_match"):
        yield from (412, 428)
    yield from route.opt.get("may_answer", ())
    yield from (422, 500, 503)


def _add_headers(operation: dict[str, Any], method: str, route: access.Route) -> None:
    parameters = operation.setdefault("parameters", [])
    if method == "post" and not (route.opt.get("unnoted") or route.opt.get("keyless")):
        parameters.append(
            _header(
                "Idempotency-Key",
                "The same key and body give the first answer again, for 7 days",
                pattern="^[\\x21-\\x7e]{1,255}$",
            )
        )
    if route.opt.get("if_match"):
        parameters.append(_header("If-Match", "The `ETag` of what is changed", required=True))


def _add_parameters(operation: dict[str, Any], route: access.Route) -> None:
    """The parameters of routes that read them themselves, such as reports; and examples for all."""
    for name, description in route.opt.get("query_parameters", {}).items():
        schema = {**_FORMS.get(name, _TEXT)}
        parameter = {"name": name, "in": "query", "description": description, "required": False, "schema": schema}
        operation["parameters"].append(parameter)
    given = {**PARAMETERS, **route.opt.get("path_example", {}), **route.opt.get("query_example", {})}
    for parameter in operation["parameters"]:
        if given.get(parameter["name"]) is not None:
            parameter["example"] = given[parameter["name"]]


def _add_other_forms(operation: dict[str, Any], route: access.Route) -> None:
    if route.opt.get("csv"):
        operation["responses"]["200"]["content"]["text/csv"] = {"schema": {"type": "string"}}
    for kind in route.opt.get("gives_also", ()):
        operation["responses"]["200"]["content"][kind] = {"schema": {"type": "string"}}


def _header(name: str, description: str, *, pattern: str | None = None, required: bool = False) -> dict[str, Any]:
    schema = {"type": "string"} if pattern is None else {"type": "string", "pattern": pattern}
    return {"name": name, "in": "header", "description": description, "required": required, "schema": schema}


def _add_example(operation: dict[str, Any], route: access.Route) -> None:
    example = route.opt.get("example")
    if example is not None:
        for content in operation["requestBody"]["content"].values():
            content["example"] = example


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": TITLES[status], "content": {problems.MEDIA_TYPE: {"schema": schema}}}
