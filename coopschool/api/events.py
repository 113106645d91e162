"""The log as those see it who follow it: `/api/events`, in pages or as lines, and `/api/events/stream`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
import psycopg
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream
from psycopg_pool import PoolTimeout

from coopschool import feed
from coopschool.api.access import admitted, may
from coopschool.api.answers import JSON, prefers
from coopschool.api.problems import RequestRefused, parameter_fault
from coopschool.api.request import ApiRequest
from coopschool.command_bus import Busy, StoreAway
from coopschool.domain import bounds
from coopschool.researcher_feed import Pseudonymised, names_of_grant
from projections.calendar import Calendar

MOST_EVENTS = 10_000
NDJSON = "application/x-ndjson"
EVENT_STREAM = "text/event-stream"
HEARTBEAT = 10.0  # seconds after which a silent stream says that it is there
RETRY = 2_000  # milliseconds after which a client should come back
WHO = may("admin", "researcher", scope="events")

Position = Annotated[int, QueryParameter(ge=0, le=(1 << 63) - 1, description="Events after this position")]
Types = Annotated[
    list[str] | None,
    QueryParameter(
        max_items=50,
        description="Of these types: `MemberEnrolled` (every version of it), `….v1`, for researchers `SmallSession`",
    ),
]
Tag = Annotated[
    str | None,
    QueryParameter(max_length=200, description="That carry this tag, such as `session:ID`; researchers: a pseudonym"),
]
From = Annotated[
    str | None, QueryParameter(max_length=40, description="That happened then or later: a date (its start) or a moment")
]
To = Annotated[
    str | None, QueryParameter(max_length=40, description="That happened by then: a date (its end) or a moment")
]
Epoch = Annotated[
    UUID | None,
    QueryParameter(description="The `epoch` of the page that your position is from: 409 if the log was restored since"),
]


@get(
    "/api/events",
    operation_id="ListEvents",
    may_answer=(409,),
    shows="the log",
    roles=WHO,
    tags=["events"],
    gives_also=[NDJSON],
)
async def list_events(
    request: ApiRequest,
    after: Position = 0,
    type: Types = None,
    tag: Tag = None,
    occurred_from: From = None,
    occurred_to: To = None,
    limit: Annotated[
        int | None,
        QueryParameter(
            ge=1, le=MOST_EVENTS, description="At most so many; 1,000 unless given, as lines: all there are"
        ),
    ] = None,
    epoch: Epoch = None,
) -> Response[feed.Page]:
    """Events in the order of the log; go on with `after=` what `next` says. As `application/x-ndjson` an event a line.

    Researchers see pseudonyms and days, and what concerns a session or a wave once that has ended: in that order.
    """
    query = _query(request, type, tag, occurred_from, occurred_to, epoch)
    view = view_of(request)
    as_lines = prefers(request.call.header(b"accept"), NDJSON)
    most = limit or (None if as_lines else feed.PAGE)
    found = await request.reads.vault(partial(view.find, query=query, after=after, limit=most))
    headers = {"X-Log-Epoch": str(found.epoch)}
    if not as_lines:
        return Response(await asyncio.to_thread(_as_page, found), media_type=JSON, headers=headers)  # type: ignore[arg-type]
    lines = _lines(request, view, query, found, endless=limit is None)
    return Stream(lines, media_type=NDJSON, headers=headers)  # type: ignore[return-value]


@get(
    "/api/events/stream",
    operation_id="StreamEvents",
    may_answer=(409,),
    shows="the log",
    roles=WHO,
    tags=["events"],
    media_type=EVENT_STREAM,
    query_example={"tag": None, "type": ["PersonRegistered"], "limit": 1},
)
async def stream_events(
    request: ApiRequest,
    after: Position = 0,
    type: Types = None,
    tag: Tag = None,
    occurred_from: From = None,
    occurred_to: To = None,
    limit: Annotated[int | None, QueryParameter(ge=1, description="End after so many events")] = None,
    epoch: Epoch = None,
    last_event_id: Annotated[
        str | None, HeaderParameter(name="Last-Event-ID", description="The position of the last event you have")
    ] = None,
) -> Stream:
    """Events as they come, as server-sent events: `id` is the position, `event` the type, `data` what the feed shows.

    It resumes after `Last-Event-ID`, and says every few seconds that it is there.
    """
    query = _query(request, type, tag, occurred_from, occurred_to, epoch)
    view = view_of(request)
    start = after if last_event_id is None else _position(last_event_id)
    page = await request.reads.vault(partial(view.page, query=query, after=start, limit=_most(limit)))
    headers = {"X-Log-Epoch": str(page.epoch), "X-Accel-Buffering": "no"}
    return Stream(_sent(request, view, query, page, limit), media_type=EVENT_STREAM, headers=headers)


def view_of(request: ApiRequest) -> feed.View:
    """What the caller may see of the log."""
    if request.is_any("admin") or "events" in request.caller.scopes:
        return feed.WHOLE
    settings = request.school.settings
    return Pseudonymised(names_of_grant(settings, request.actor.person), settings.min_group)


async def _lines(
    request: ApiRequest, view: feed.View, query: feed.Query, found: feed.Found, *, endless: bool
) -> AsyncIterator[bytes]:
    """The events as lines, from those that were found to the end that the log has by then."""
    query = msgspec.structs.replace(query, epoch=found.epoch)
    while endless and not found.at_end:
        # PostgreSQL looks for the next while these are written down and sent.
        coming = asyncio.create_task(request.reads.vault(partial(view.find, query=query, after=found.next, limit=None)))
        try:
            yield await asyncio.to_thread(_as_lines, found)
            found = await coming
        finally:
            coming.cancel()
    yield await asyncio.to_thread(_as_lines, found)


def _as_page(found: feed.Found) -> bytes:
    return msgspec.json.encode(found.page())


def _as_lines(found: feed.Found) -> bytes:
    return msgspec.json.Encoder().encode_lines(found.events())


async def _sent(
    request: ApiRequest, view: feed.View, query: feed.Query, page: feed.Page, limit: int | None
) -> AsyncIterator[bytes]:
    """The events of a page and those to come, until the caller leaves, may no longer see them, or has enough."""
    query = msgspec.structs.replace(query, epoch=page.epoch)
    left = limit
    heard = time.monotonic()
    yield f"retry: {RETRY}\n: epoch {page.epoch}\n\n".encode()
    while not request.app.state.stopping():
        if page.events:
            yield b"".join(map(_message, page.events))
            left = None if left is None else left - len(page.events)
            heard = time.monotonic()
        if left == 0:
            return
        if page.at_end:
            await request.reads.news.wait(feed.POLL)
        if time.monotonic() - heard >= HEARTBEAT:
            yield b": still here\n\n"
            heard = time.monotonic()
        try:
            await admitted(request, WHO)
            page = await request.reads.vault(partial(view.page, query=query, after=page.next, limit=_most(left)))
        except (psycopg.OperationalError, PoolTimeout, StoreAway, Busy):
            page = feed.Page([], page.next, at_end=True, epoch=page.epoch)  # it will be back
        except (RequestRefused, feed.AnotherEpoch, feed.BeyondTheLog):
            return  # whoever comes back for more is told why not


def _most(left: int | None) -> int | None:
    return None if left is None else min(left, feed.AT_ONCE)


def _message(event: feed.SeenEvent) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.position, event.type.encode(), msgspec.json.encode(event))


def _query(
    request: ApiRequest,
    types: Sequence[str] | None,
    tag: str | None,
    occurred_from: str | None,
    occurred_to: str | None,
    epoch: UUID | None,
) -> feed.Query:
    calendar = Calendar(request.school.settings.zone)
    return feed.Query(
        types=tuple(types or ()),
        tag=tag,
        occurred_from=_moment("occurred_from", occurred_from, calendar, end=False),
        occurred_to=_moment("occurred_to", occurred_to, calendar, end=True),
        epoch=epoch,
    )


def _moment(name: str, given: str | None, calendar: Calendar, *, end: bool) -> datetime | None:
    """A moment from ISO 8601; a bare date is the start or the end of the school's day."""
    if given is None:
        return None
    try:
        day = date.fromisoformat(given)
    except ValueError:
        pass
    else:
        bounds.day(name, day)
        return calendar.end_of(day) if end else datetime(day.year, day.month, day.day, tzinfo=calendar.zone)
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as error:
        raise parameter_fault("wrong-form", name) from error
    bounds.moment(name, moment)
    return moment


def _position(given: str) -> int:
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise parameter_fault("wrong-form", "Last-Event-ID")
    return int(given)


ROUTES: tuple[HTTPRouteHandler, ...] = (list_events, stream_events)
