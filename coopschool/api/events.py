"""The log as those see it who follow it: `/api/events`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from coopschool import feed
from coopschool.api.access import may
from coopschool.api.request import ApiRequest

MOST_EVENTS = 10_000


@get("/api/events", operation_id="ListEvents", roles=may("admin", scope="events"), tags=["events"])
async def list_events(
    request: ApiRequest,
    after: Annotated[int, QueryParameter(ge=0, le=(1 << 63) - 1, description="Events after this position")] = 0,
    type: Annotated[
        list[str] | None,
        QueryParameter(max_items=50, description="Of these types: `MemberEnrolled` (every version of it) or `….v1`"),
    ] = None,
    tag: Annotated[
        str | None, QueryParameter(max_length=200, description="That carry this tag, such as `session:ID`")
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MOST_EVENTS, description="At most so many events")] = 1_000,
) -> Response[feed.Page]:
    """Events in the order of the log; go on with `after=` what `next` says."""
    query = feed.Query(types=tuple(type or ()), tag=tag)
    page = await request.reads.vault(partial(feed.page, query=query, after=after, limit=limit))
    return Response(msgspec.json.encode(page), media_type="application/json")  # type: ignore[arg-type]


ROUTES: tuple[HTTPRouteHandler, ...] = (list_events,)
