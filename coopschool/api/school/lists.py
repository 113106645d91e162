"""Lists of sessions, members and people, page by page, from the projections' current rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter
from psycopg import Connection
from psycopg.rows import dict_row

from coopschool import vault
from coopschool.api.access import SIGNED_IN, may
from coopschool.api.answers import Cursor, Limit, MinPosition, cursor_key, page
from coopschool.api.request import ApiRequest
from coopschool.domain import bounds
from coopschool.domain.base import Role
from coopschool.domain.school.words import Category, Format, Language
from coopschool.sql import statements

SQL = statements("coopschool.api.school", "lists.sql")

R = TypeVar("R")
Row = dict[str, Any]

# A search looks no further than this many people.
FOUND_AT_MOST = 1_000

Words = Annotated[
    str | None, QueryParameter(min_length=2, max_length=100, description="A part of the name or e-mail address")
]


class SessionCard(msgspec.Struct, frozen=True, kw_only=True):
    """A session at a glance."""

    session_id: str
    module: str
    status: Literal["open", "cancelled", "closed"]
    starts_at: datetime
    ends_at: datetime
    closed_at: datetime | None
    seats: int
    free: int
    waiting: int
    languages: list[Language]
    place: str
    format: Format
    trainers: list[str]
    team: str | None


class SessionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions, and the cursor of the next page."""

    items: list[SessionCard]
    next: str | None


class MemberCard(msgspec.Struct, frozen=True, kw_only=True):
    """A member at a glance; `category` is today's."""

    person_id: str
    name: str | None
    email: str | None
    language: Language | None
    category: Category | None
    joined_on: date
    ended_on: date | None
    erased: bool


class MemberPage(msgspec.Struct, frozen=True, kw_only=True):
    """Members, and the cursor of the next page."""

    items: list[MemberCard]
    next: str | None


class PersonCard(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody the cooperative knows, with today's roles."""

    person_id: str
    name: str | None
    email: str | None
    language: Language | None
    roles: list[Role]
    erased: bool


class PersonPage(msgspec.Struct, frozen=True, kw_only=True):
    """People, and the cursor of the next page."""

    items: list[PersonCard]
    next: str | None


@get("/api/sessions", operation_id="ListSessions", roles=SIGNED_IN, tags=["sessions"], csv=True)
async def list_sessions(
    request: ApiRequest,
    module: Annotated[bounds.Code | None, QueryParameter(description="Of this module")] = None,
    status: Annotated[
        Literal["open", "cancelled", "closed"] | None, QueryParameter(description="In this state")
    ] = None,
    language: Annotated[Language | None, QueryParameter(description="Given in this language")] = None,
    trainer: Annotated[str | None, QueryParameter(description="Given by this person (or `me`)", max_length=36)] = None,
    from_: Annotated[date | None, QueryParameter(name="from", description="First slot on this day or later")] = None,
    until: Annotated[date | None, QueryParameter(description="First slot on this day or earlier")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    min_position: MinPosition = None,
) -> Response[SessionPage]:
    """Sessions in order of their first slot."""
    zone = request.school.settings.zone
    after = cursor_key(cursor, tuple[datetime, str]) or (None, None)
    wanted = {
        "module": module,
        "status": status,
        "language": language,
        "trainer": None if trainer is None else request.person(trainer),
        "from": _begin(from_, "from", zone),
        "until": _begin(until, "until", zone, timedelta(days=1)),
        "after_at": after[0],
        "after_session": after[1],
        "limit": limit + 1,
    }
    rows = await request.reads.facts(["learning"], _rows("sessions", wanted), min_position)
    codes = {row["place"] for row in rows}
    places = await request.reads.vault(lambda connection: vault.places(connection, codes))
    items = [_session(row, places) for row in rows[:limit]]
    last = (items[-1].starts_at, items[-1].session_id) if len(rows) > limit else None
    return page(request, SessionPage, items, last)


@get(
    "/api/members",
    operation_id="ListMembers",
    shows="names and addresses",
    roles=may("coordinator"),
    tags=["members"],
    csv=True,
)
async def list_members(
    request: ApiRequest,
    q: Words = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    min_position: MinPosition = None,
) -> Response[MemberPage]:
    """Members in order of joining, all or those whose name or address holds some words."""
    after = cursor_key(cursor, tuple[date, str]) or (None, None)
    wanted = {
        "people": await _found(request, q),
        "today": request.school.now().date(),
        "after_day": after[0],
        "after_person": after[1],
        "limit": limit + 1,
    }
    rows = await request.reads.facts(["membership"], _rows("members", wanted), min_position)
    details = await _details(request, rows)
    items = [
        MemberCard(
            person_id=row["person"],
            name=details(row).name,
            email=details(row).email,
            language=row["language"],
            category=row["category"],
            joined_on=row["joined_on"],
            ended_on=row["ended_on"],
            erased=row["erased"],
        )
        for row in rows[:limit]
    ]
    last = (items[-1].joined_on, items[-1].person_id) if len(rows) > limit else None
    return page(request, MemberPage, items, last)


@get(
    "/api/people", operation_id="ListPeople", shows="names and addresses", roles=may("admin"), tags=["people"], csv=True
)
async def list_people(
    request: ApiRequest,
    q: Words = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    min_position: MinPosition = None,
) -> Response[PersonPage]:
    """Everybody the cooperative knows, in order of their ids."""
    wanted = {
        "people": await _found(request, q),
        "today": request.school.now().date(),
        "after": cursor_key(cursor, str),
        "limit": limit + 1,
    }
    rows = await request.reads.facts(["membership"], _rows("people", wanted), min_position)
    details = await _details(request, rows)
    items = [
        PersonCard(
            person_id=row["person"],
            name=details(row).name,
            email=details(row).email,
            language=row["language"],
            roles=row["roles"] + row["membership"],
            erased=row["erased"],
        )
        for row in rows[:limit]
    ]
    return page(request, PersonPage, items, items[-1].person_id if len(rows) > limit else None)


def _session(row: Row, places: Mapping[str, str]) -> SessionCard:
    return SessionCard(
        session_id=row["session"],
        module=row["module"],
        status=row["status"],
        starts_at=row["first_slot_at"],
        ends_at=row["last_slot_ends_at"],
        closed_at=row["closed_at"],
        seats=row["seats"],
        free=max(row["seats"] - row["confirmed"], 0),
        waiting=row["waiting"],
        languages=row["languages"],
        place=places.get(row["place"], row["place"]),
        format=row["format"],
        trainers=row["trainers"],
        team=row["team"],
    )


def _rows(statement: str, wanted: Mapping[str, Any]) -> Callable[[Connection[Any]], list[Row]]:
    def look(connection: Connection[Any]) -> list[Row]:
        return connection.cursor(row_factory=dict_row).execute(SQL[statement], wanted).fetchall()

    return look


async def _found(request: ApiRequest, words: str | None) -> Sequence[str] | None:
    if words is None:
        return None
    return await request.reads.vault(lambda connection: vault.search(connection, words, FOUND_AT_MOST))


async def _details(request: ApiRequest, rows: Iterable[Row]) -> Callable[[Row], vault.PersonalDetails]:
    ids = [row["person"] for row in rows]
    details = await request.reads.vault(lambda connection: vault.people(connection, ids))
    return lambda row: details.get(row["person"], vault.NOBODY)


def _begin(day: date | None, field: str, zone: ZoneInfo, later: timedelta = timedelta()) -> datetime | None:
    """The first moment of a day in the school's zone, or of one that is later."""
    if day is None:
        return None
    bounds.day(field, day)
    return datetime.combine(day + later, time.min, zone)
