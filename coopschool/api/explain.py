"""`/api/reports/{name}/explain`: the events behind one figure, as far as the caller may see events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter

from coopschool import feed
from coopschool.api.access import SIGNED_IN, may
from coopschool.api.events import MOST_EVENTS, view_of
from coopschool.api.examples import EXPLAINED, REPORT_FILTERS
from coopschool.api.problems import parameter_fault
from coopschool.api.reads import position_of
from coopschool.api.reports import COMMON, OWNERS, Names, names_for, refuse_others, renamed, viewer_of
from coopschool.api.request import ApiRequest
from coopschool.domain.errors import Unknown
from coopschool.feed import Connection, SeenEvent
from projections.disclosure import Viewer
from projections.reports import Definition, Provenance, refuse_future
from projections.reports import explain as explaining

LIMIT = 1_000
PARAMETERS = {
    "figure": "Which figure",
    "after": "Events after this position",
    "limit": f"At most so many events; {LIMIT:,} unless given",
}


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The figure and the events behind it, in order; `next` and `at_end` as in the feed.

    `cells` are its values, one a row of the report that the parameters leave; `value` where there is one only. `count`
    is how many events there are behind it, `events` those that the caller may see. A hidden value has none.
    """

    report: str
    figure: str
    parameters: dict[str, Any]
    provenance: Provenance
    value: Any
    suppressed: bool
    cells: list[dict[str, Any]]
    count: int | None
    events: list[SeenEvent]
    next: int
    at_end: bool


class Bare:
    """What those see of events who may ask for a report but not read the log: that and when something happened."""

    def at(self, conn: Connection, positions: Sequence[int]) -> list[SeenEvent]:
        return [
            msgspec.structs.replace(event, tags=[], data=msgspec.Raw(b"{}")) for event in feed.WHOLE.at(conn, positions)
        ]


def _route(about: Definition) -> HTTPRouteHandler:
    owner = OWNERS.get(about.name)
    filters = {parameter.name: parameter.description for parameter in about.parameters}
    columns = {column: f"The row's {column}" for column in about.columns}
    common = {name: says for name, says in COMMON.items() if name in ("as_of", "known_at", "min_position")}

    @get(
        f"/api/reports/{about.name}/explain",
        operation_id=f"Explain{''.join(part.title() for part in about.name.split('_'))}",
        roles=may(*about.roles, *([owner] if owner else [])),
        tags=["reports"],
        summary=f"{about.title}: the events behind a figure",
        query_parameters={**common, **columns, **filters, **PARAMETERS},
        query_example={**REPORT_FILTERS.get(about.name, {}), "group_by": None, "after": 0, **EXPLAINED[about.name]},
    )
    async def explain(request: ApiRequest) -> Explanation:
        asked = dict(request.query_params.items())
        await refuse_others(request, about, asked)
        return await _explained(request, about, asked, await viewer_of(request, about, asked))

    explain.fn.__doc__ = f"The events behind one of `{'`, `'.join(about.figures)}`."
    return explain


async def _explained(request: ApiRequest, about: Definition, asked: dict[str, Any], viewer: Viewer) -> Explanation:
    position = position_of(asked.pop("min_position", None))
    after, limit = _number("after", asked.pop("after", "0")), _limit(asked.pop("limit", str(LIMIT)))
    figure = asked.pop("figure", None)
    settings, names = request.school.settings, names_for(request)
    refuse_future(asked, settings.zone, request.school.now())
    await request.reads.caught_up(about.projections, position)
    look = request.reads.vault if about.read_by == "app" else request.reads.plainly
    asking = partial(
        explaining.explain,
        name=about.name,
        figure=figure,
        parameters=names.meant(asked),
        zone=settings.zone,
        min_group=settings.min_group,
        now=request.school.now(),
        viewer=viewer,
    )
    try:
        found = await look(asking)
    except Unknown as error:
        raise _under(names, about, asked, error) from None
    report = renamed(about, found.report, names, asked)
    positions = [position for position in found.positions if position > after][:limit]
    view = view_of(request) if request.is_any("admin", "researcher") else Bare()
    events = await request.reads.vault(partial(view.at, positions=positions)) if positions else []
    cells = [{**cell.group, "value": cell.value, "suppressed": cell.suppressed} for cell in found.cells]
    shown = names.shown(about, cells)
    return Explanation(
        report=about.name,
        figure=found.figure,
        parameters=report.parameters | asked,
        provenance=report.provenance,
        value=shown[0]["value"] if len(shown) == 1 else None,
        suppressed=found.suppressed,
        cells=shown,
        count=None if found.suppressed else len(found.positions),
        events=events,
        next=positions[-1] if positions else after,
        at_end=not positions or positions[-1] == found.positions[-1],
    )


def _under(names: Names, about: Definition, asked: Mapping[str, Any], error: Unknown) -> Unknown:
    """The refusal with the ids that the caller knows."""
    if error.details["kind"] != "group":
        return error
    group = {name: value for name, value in asked.items() if name not in ("as_of", "known_at")}
    return explaining.no_such_group(group, names.shown(about, error.details["known"]))


def _number(name: str, given: str) -> int:
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise parameter_fault("wrong-form", name)
    return int(given)


def _limit(given: str) -> int:
    limit = _number("limit", given)
    if limit < 1:
        raise parameter_fault("too-small", "limit", bound=1)
    if limit > MOST_EVENTS:
        raise parameter_fault("too-large", "limit", bound=MOST_EVENTS)
    return limit


@get("/api/reports/{name:str}/explain", operation_id="UnknownExplanation", roles=SIGNED_IN, include_in_schema=False)
async def unknown_explanation(request: ApiRequest, name: Annotated[str, PathParameter()]) -> None:  # noqa: ARG001
    """Says which reports can be explained."""
    explaining.explained(name)


def _routes() -> Iterator[HTTPRouteHandler]:
    for name in explaining.EXPLAINED:
        yield _route(explaining.explained(name))
    yield unknown_explanation


ROUTES: tuple[HTTPRouteHandler, ...] = tuple(_routes())
