"""Workshops: what a team works out about its own work, and what it decides."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import uuid4

import msgspec
from litestar import Response, get, post
from litestar.params import JSONBody
from msgspec import Meta

from coopschool import vault
from coopschool.api.access import may
from coopschool.api.advisers.streams import folded
from coopschool.api.advisers.workshop_seen import (
    WorkshopPage,
    WorkshopSeen,
    card,
    eyes_of,
    seen,
    texts_in,
    worded,
)
from coopschool.api.answers import Cursor, Limit, MinPosition, cursor_key, page, portion
from coopschool.api.body import Body, People, TeamPath, WorkshopPath, Written
from coopschool.api.examples import ADVISER, HELD_WORKSHOP, OTHER_ADVISER, WORKSHOP, In
from coopschool.api.problems import NotAllowed
from coopschool.api.request import ApiRequest
from coopschool.domain import bounds
from coopschool.domain.advisers.adviser_team import AdviserTeam
from coopschool.domain.advisers.workshop import DecidedBy, Theme, Workshop
from coopschool.domain.advisers.workshop_log import AddWorkshopNote, HoldWorkshop, PlanWorkshop, TakeDecision
from coopschool.domain.base import Load, existing

# A facilitator may be anybody in these roles; whose workshop it is, is decided in the command or next to the query.
TAKING_PART = may("adviser", "member", "trainer", "coordinator")


class NewWorkshop(Body, kw_only=True):
    """The day, and who helps the team with it, from inside or outside."""

    planned_for: date
    facilitators: People = ()


class WorkshopMade(Written, kw_only=True):
    """The new workshop's id."""

    workshop_id: str


class Holding(Body, kw_only=True):
    """Who took part, what it was about, and on which day (today, unless given)."""

    participants: People
    themes: Annotated[tuple[Theme, ...], Meta(max_length=50)]
    held_on: date | None = None


class Note(Body, kw_only=True):
    """What was said; it is kept apart from the log."""

    text: bounds.Text


class NoteMade(Written, kw_only=True):
    """The new note's id."""

    note_id: str


class NewDecision(Body, kw_only=True):
    """What was decided, by whom, and when it is looked at again; its wording is kept apart from the log."""

    theme: Theme
    decided_by: DecidedBy
    review_on: date | None = None
    text: bounds.Text


class DecisionMade(Written, kw_only=True):
    """The new decision's id."""

    decision_id: str


@post(
    "/api/teams/{team_id:str}/workshops",
    operation_id="PlanWorkshop",
    roles=TAKING_PART,
    tags=["workshops"],
    example={"planned_for": In(14), "facilitators": [ADVISER]},
)
async def plan(request: ApiRequest, team_id: TeamPath, data: JSONBody[NewWorkshop]) -> Response[WorkshopMade]:
    """Announces a workshop of a team."""
    workshop = str(uuid4())
    command = PlanWorkshop(
        at=request.school.now(),
        by=request.actor,
        workshop=workshop,
        team=team_id,
        planned_for=data.planned_for,
        facilitators=tuple(map(request.person, data.facilitators)),
    )
    outcome = await request.carry_out(command, answer=lambda _: {"workshop_id": workshop})
    return request.written(outcome, WorkshopMade, status=201, at="/api/workshops/{workshop_id}")


@get(
    "/api/teams/{team_id:str}/workshops",
    operation_id="ListWorkshops",
    shows="texts",
    roles=TAKING_PART,
    tags=["workshops"],
    csv=True,
)
async def list_workshops(
    request: ApiRequest,
    team_id: TeamPath,
    limit: Limit = 50,
    cursor: Cursor = None,
    min_position: MinPosition = None,
) -> Response[WorkshopPage]:
    """A team's workshops in order of their days; for a facilitator from outside, those they help with."""
    await request.reads.logged(min_position or 0)
    actor, today, zone = request.actor, request.school.now().date(), request.school.settings.zone

    eyes = await request.school.read(
        lambda load: (existing(load, AdviserTeam, team_id), eyes_of(load, actor, today, zone))[1]
    )
    workshops = await request.reads.vault(lambda connection: folded(connection, Workshop, team_id))
    visible = [workshop for workshop in workshops if eyes.sees(workshop)]
    if not visible and not eyes.coordinates and eyes.team != team_id:
        raise NotAllowed
    shown, last = portion(visible, lambda one: (one.planned_for, one.id), cursor_key(cursor, tuple[date, str]), limit)
    return page(request, WorkshopPage, [card(workshop) for workshop in shown], last)


@get(
    "/api/workshops/{workshop_id:str}", operation_id="GetWorkshop", shows="texts", roles=TAKING_PART, tags=["workshops"]
)
async def one(request: ApiRequest, workshop_id: WorkshopPath) -> WorkshopSeen:
    """A workshop with its notes and decisions; their texts for the team and the facilitators."""
    actor, today, zone = request.actor, request.school.now().date(), request.school.settings.zone

    def look(load: Load) -> WorkshopSeen:
        return seen(load, existing(load, Workshop, workshop_id), eyes_of(load, actor, today, zone))

    found = await request.school.read(look)
    ids = texts_in([*found.notes, *found.decisions])
    texts = await request.reads.vault(lambda connection: vault.texts(connection, ids)) if ids else {}
    notes = [msgspec.structs.replace(note, text=texts.get(note.text or "")) for note in found.notes]
    return msgspec.structs.replace(found, notes=notes, decisions=worded(found.decisions, texts))


@post(
    "/api/workshops/{workshop_id:str}/hold",
    operation_id="HoldWorkshop",
    roles=TAKING_PART,
    tags=["workshops"],
    status_code=200,
    example={"participants": [ADVISER, OTHER_ADVISER], "themes": ["rota", "telework"], "held_on": "2026-03-02"},
    path_example={"workshop_id": WORKSHOP},
)
async def hold(request: ApiRequest, workshop_id: WorkshopPath, data: JSONBody[Holding]) -> Response[Written]:
    """Logs that a workshop took place."""
    command = HoldWorkshop(
        at=request.school.now(),
        by=request.actor,
        workshop=workshop_id,
        participants=tuple(map(request.person, data.participants)),
        themes=data.themes,
        held_on=data.held_on,
    )
    return request.written(await request.carry_out(command), Written)


@post(
    "/api/workshops/{workshop_id:str}/notes",
    operation_id="AddWorkshopNote",
    roles=TAKING_PART,
    tags=["workshops"],
    example={"text": "On Mondays the phone rings all morning."},
    path_example={"workshop_id": HELD_WORKSHOP},
)
async def add_note(request: ApiRequest, workshop_id: WorkshopPath, data: JSONBody[Note]) -> Response[NoteMade]:
    """Adds a note to a workshop that was held."""
    note = vault.PutText(id=str(uuid4()), body=data.text, author=request.actor.person)
    command = AddWorkshopNote(at=request.school.now(), by=request.actor, workshop=workshop_id, note=note.id)
    outcome = await request.carry_out(command, vault=[note], answer=lambda _: {"note_id": note.id})
    return request.written(outcome, NoteMade, status=201, at=f"/api/workshops/{workshop_id}")


@post(
    "/api/workshops/{workshop_id:str}/decisions",
    operation_id="TakeDecision",
    roles=TAKING_PART,
    tags=["workshops"],
    example={
        "theme": "telework",
        "decided_by": "team",
        "review_on": In(90),
        "text": "Two days a week at home, never all on the same day.",
    },
    path_example={"workshop_id": HELD_WORKSHOP},
)
async def decide(request: ApiRequest, workshop_id: WorkshopPath, data: JSONBody[NewDecision]) -> Response[DecisionMade]:
    """Logs what was decided in a workshop, and when that is looked at again."""
    decision, text = str(uuid4()), vault.PutText(id=str(uuid4()), body=data.text, author=request.actor.person)
    command = TakeDecision(
        at=request.school.now(),
        by=request.actor,
        workshop=workshop_id,
        decision=decision,
        theme=data.theme,
        decided_by=data.decided_by,
        review_on=data.review_on,
        text=text.id,
    )
    outcome = await request.carry_out(command, vault=[text], answer=lambda _: {"decision_id": decision})
    return request.written(outcome, DecisionMade, status=201, at="/api/decisions/{decision_id}")


ROUTES = (plan, list_workshops, one, hold, add_note, decide)
