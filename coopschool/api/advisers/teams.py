"""Adviser teams: forming them, who is in which when, their telework, and the sessions they take together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from litestar import Controller, Response, delete, get, post, put
from litestar.params import JSONBody, QueryParameter
from psycopg import Connection

from coopschool import vault
from coopschool.api.access import may
from coopschool.api.advisers.streams import folded
from coopschool.api.advisers.team_seen import (
    StayPage,
    TeamPage,
    TeamSeen,
    card,
    guard_sees_team,
    seen,
    stays_seen,
)
from coopschool.api.answers import Cursor, Limit, MinPosition, cursor_key, page, portion
from coopschool.api.body import (
    Body,
    Moment,
    People,
    PersonOrMe,
    PersonPath,
    QuarterPath,
    SessionPath,
    TeamPath,
    Written,
)
from coopschool.api.examples import ADVISER, NEW_ADVISER, TEAM_SESSION
from coopschool.api.request import ApiRequest
from coopschool.domain import bounds
from coopschool.domain.advisers.adviser_team import Adviser, AdviserTeam, TeleworkRegime
from coopschool.domain.advisers.team_membership import FormTeam, JoinTeam, LeaveTeam
from coopschool.domain.advisers.team_session import EnrolTeam
from coopschool.domain.advisers.telework import RecordTelework
from coopschool.domain.base import Load, existing
from coopschool.domain.school.enrolment import MemberEnrolled
from coopschool.domain.school.person import Person

# Advisers are members; being one of a team is decided next to the query.
TEAM_READERS = may("adviser", "member", "coordinator")

On = Annotated[date | None, QueryParameter(description="Who is in the team on this day; today, unless given")]


class NewTeam(Body, kw_only=True):
    """A team to be formed; its name is kept apart from the log."""

    name: bounds.ShortText


class TeamMade(Written, kw_only=True):
    """The new team's id."""

    team_id: str


class NewAdviser(Body, kw_only=True):
    """Who joins, from a day on (today, unless given); with `to` until that day."""

    person_id: PersonOrMe
    from_: date | None = msgspec.field(default=None, name="from")
    to: date | None = None


class Telework(Body, kw_only=True):
    """Days of a quarter under one regime, summed over the team: those worked, and how many of them at home."""

    regime: TeleworkRegime
    days_teleworked: bounds.Days
    days_worked: bounds.Days


class TeamEnrolment(Body, kw_only=True):
    """Who of the team; all whom it has on the day of the first slot, unless given."""

    advisers: People | None = None


class TeamEnrolled(Written, kw_only=True):
    """Who got a seat by this."""

    enrolled: list[str]


class Teams(Controller):
    """`/api/teams`"""

    path = "/api/teams"
    tags = ("teams",)

    @post(operation_id="FormTeam", roles=may("coordinator"), example={"name": "Équipe de Liège"})
    async def form(self, request: ApiRequest, data: JSONBody[NewTeam]) -> Response[TeamMade]:
        """Forms a team of advisers."""
        team, name = str(uuid4()), vault.PutText(id=str(uuid4()), body=data.name)
        command = FormTeam(at=request.school.now(), by=request.actor, team=team, name=name.id)
        outcome = await request.carry_out(command, vault=[name], answer=lambda _: {"team_id": team})
        return request.written(outcome, TeamMade, status=201, at="/api/teams/{team_id}")

    @get(
        operation_id="ListTeams",
        roles=TEAM_READERS,
        csv=True,
        query_example={"on": "2026-03-01", "adviser": ADVISER},
    )
    async def several(
        self,
        request: ApiRequest,
        on: On = None,
        adviser: Annotated[
            str | None, QueryParameter(description="The team that this person (or `me`) is in", max_length=36)
        ] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
        min_position: MinPosition = None,
    ) -> Response[TeamPage]:
        """Teams in the order they were formed, with who is in them on a day; for advisers, their own."""
        await request.reads.logged(min_position or 0)
        now, person = request.school.now(), None if adviser is None else request.person(adviser)
        day = _day(on, now)
        teams = await request.reads.vault(lambda connection: folded(connection, AdviserTeam))
        if person is not None:
            teams = [team for team in teams if person in team.advisers_on(day)]
        if not request.is_any("coordinator"):
            teams = [team for team in teams if _is_own(team, request.actor.person, now.date(), day)]
        shown, last = portion(
            teams, lambda team: (team.formed_at, team.id), cursor_key(cursor, tuple[Moment, str]), limit
        )
        texts = await request.reads.vault(lambda connection: vault.texts(connection, [team.name for team in shown]))
        cards = [card(team, day, request.school.settings.zone) for team in shown]
        return page(
            request, TeamPage, [msgspec.structs.replace(one, name=texts.get(one.name or "")) for one in cards], last
        )

    @get(
        "/{team_id:str}", operation_id="GetTeam", shows="names", roles=TEAM_READERS, query_example={"on": "2026-03-01"}
    )
    async def one(self, request: ApiRequest, team_id: TeamPath, on: On = None) -> TeamSeen:
        """A team with its advisers on a day, today unless given, and its telework."""
        now, actor, zone = request.school.now(), request.actor, request.school.settings.zone
        day = _day(on, now)
        found = await request.school.read(
            lambda load: seen(guard_sees_team(load, actor, team_id, now.date()), day, zone)
        )
        return await request.reads.vault(lambda connection: _named(connection, found))

    @post(
        "/{team_id:str}/advisers",
        operation_id="JoinTeam",
        roles=may("coordinator"),
        example={"person_id": NEW_ADVISER, "from": "2026-02-01"},
    )
    async def join(self, request: ApiRequest, team_id: TeamPath, data: JSONBody[NewAdviser]) -> Response[Written]:
        """Puts a permanent worker into a team; each is in one team at a time."""
        now, person = request.school.now(), request.person(data.person_id)
        command = JoinTeam(
            at=now, by=request.actor, team=team_id, adviser=person, from_=data.from_ or now.date(), to=data.to
        )
        outcome = await request.carry_out(command)
        return request.written(outcome, Written, status=201, at=f"/api/teams/{team_id}/advisers/{person}")

    @delete(
        "/{team_id:str}/advisers/{person_id:str}",
        operation_id="LeaveTeam",
        roles=may("coordinator"),
        status_code=200,
        path_example={"person_id": ADVISER},
        query_example={"to": "2026-03-31"},
    )
    async def leave(
        self,
        request: ApiRequest,
        team_id: TeamPath,
        person_id: PersonPath,
        to: Annotated[date | None, QueryParameter(description="The last day in the team; today, unless given")] = None,
    ) -> Response[Written]:
        """Ends an adviser's time in a team with a day."""
        now = request.school.now()
        command = LeaveTeam(
            at=now, by=request.actor, team=team_id, adviser=request.person(person_id), to=to or now.date()
        )
        return request.written(await request.carry_out(command), Written)

    @put(
        "/{team_id:str}/telework/{quarter:str}",
        operation_id="RecordTelework",
        roles=TEAM_READERS,
        example={"regime": "structural", "days_teleworked": 110, "days_worked": 260},
    )
    async def record_telework(
        self, request: ApiRequest, team_id: TeamPath, quarter: QuarterPath, data: JSONBody[Telework]
    ) -> Response[Written]:
        """Records a team's days of a quarter, once for each regime; the same again changes nothing."""
        command = RecordTelework(
            at=request.school.now(),
            by=request.actor,
            team=team_id,
            quarter=quarter,
            regime=data.regime,
            days_teleworked=data.days_teleworked,
            days_worked=data.days_worked,
        )
        return request.written(await request.carry_out(command), Written)


@post(
    "/api/sessions/{session_id:str}/team-enrolment",
    operation_id="EnrolTeam",
    roles=may("coordinator"),
    tags=["teams"],
    example={},
    path_example={"session_id": TEAM_SESSION},
)
async def enrol_team(
    request: ApiRequest, session_id: SessionPath, data: JSONBody[TeamEnrolment]
) -> Response[TeamEnrolled]:
    """Gives the advisers of the team that a session is reserved for their seats: all of them, or none."""
    advisers = None if data.advisers is None else tuple(map(request.person, data.advisers))
    command = EnrolTeam(at=request.school.now(), by=request.actor, session=session_id, advisers=advisers)
    outcome = await request.carry_out(
        command,
        answer=lambda events: {"enrolled": [one.member for one in events if isinstance(one, MemberEnrolled)]},
    )
    return request.written(outcome, TeamEnrolled, status=201, at=f"/api/sessions/{session_id}")


@get(
    "/api/members/{person_id:str}/teams",
    operation_id="ListTeamsOfMember",
    roles=TEAM_READERS,
    tags=["teams"],
    csv=True,
    path_example={"person_id": ADVISER},
    query_example={"on": "2026-03-01"},
)
async def teams_of_member(
    request: ApiRequest,
    person_id: PersonPath,
    on: Annotated[date | None, QueryParameter(description="The team on this day; all in order, unless given")] = None,
) -> Response[StayPage]:
    """Which teams somebody was in from when to when, or which one on a day."""
    id = request.self_or(person_id, "coordinator")
    if on is not None:
        bounds.day("on", on)

    def look(load: Load) -> Sequence[Any]:
        existing(load, Person, id)
        return stays_seen(load, load(Adviser, id).stays, on)

    stays = await request.school.read(look)
    texts = await request.reads.vault(lambda connection: vault.texts(connection, [stay.name for stay in stays]))
    named = [msgspec.structs.replace(stay, name=texts.get(stay.name)) for stay in stays]
    return page(request, StayPage, named, None)


def _day(on: date | None, now: datetime) -> date:
    if on is None:
        return now.date()
    bounds.day("on", on)
    return on


def _is_own(team: AdviserTeam, person: str | None, *days: date) -> bool:
    """Whether somebody is in the team today, or was on the day asked for."""
    return any(person in team.advisers_on(day) for day in days)


def _named(connection: Connection[Any], team: TeamSeen) -> TeamSeen:
    texts = vault.texts(connection, [team.name] if team.name else [])
    details = vault.people(connection, [adviser.person_id for adviser in team.advisers])
    advisers = [
        msgspec.structs.replace(adviser, name=details.get(adviser.person_id, vault.NOBODY).name)
        for adviser in team.advisers
    ]
    return msgspec.structs.replace(team, name=texts.get(team.name or ""), advisers=advisers)


ROUTES = (Teams, enrol_team, teams_of_member)
