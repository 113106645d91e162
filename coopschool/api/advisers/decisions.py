"""Decisions of teams: which are due, and what became of them."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import uuid4

from litestar import Response, get, post
from litestar.params import JSONBody, QueryParameter

from coopschool import vault
from coopschool.api.advisers.streams import folded
from coopschool.api.advisers.workshop_seen import DecisionPage, DecisionSeen, decided, eyes_of, texts_in, worded
from coopschool.api.advisers.workshops import TAKING_PART
from coopschool.api.answers import Cursor, Limit, MinPosition, cursor_key, page, portion
from coopschool.api.body import Body, DecisionPath, Written
from coopschool.api.examples import DECISION, TEAM, In
from coopschool.api.problems import NotAllowed
from coopschool.api.request import ApiRequest
from coopschool.domain import bounds
from coopschool.domain.advisers.workshop import Decision, ReviewOutcome, Workshop
from coopschool.domain.advisers.workshop_log import ReviewDecision
from coopschool.domain.base import Load, existing


class Review(Body, kw_only=True):
    """What became of it, when it is looked at once more, and the new wording, which is kept apart from the log."""

    outcome: ReviewOutcome
    review_on: date | None = None
    text: bounds.Text | None = None


@post(
    "/api/decisions/{decision_id:str}/reviews",
    operation_id="ReviewDecision",
    roles=TAKING_PART,
    tags=["workshops"],
    example={"outcome": "changed", "review_on": In(120), "text": "Three days a week at home."},
    path_example={"decision_id": DECISION},
)
async def review(request: ApiRequest, decision_id: DecisionPath, data: JSONBody[Review]) -> Response[Written]:
    """Logs whether a decision was kept, changed or dropped."""
    text = vault.PutText(id=str(uuid4()), body=data.text, author=request.actor.person) if data.text else None
    command = ReviewDecision(
        at=request.school.now(),
        by=request.actor,
        decision=decision_id,
        outcome=data.outcome,
        review_on=data.review_on,
        text=text.id if text else None,
    )
    outcome = await request.carry_out(command, vault=[text] if text else [])
    return request.written(outcome, Written, status=201, at=f"/api/decisions/{decision_id}")


@get(
    "/api/decisions/{decision_id:str}", operation_id="GetDecision", shows="texts", roles=TAKING_PART, tags=["workshops"]
)
async def one(request: ApiRequest, decision_id: DecisionPath) -> DecisionSeen:
    """A decision with its reviews; its text for the team and the facilitators."""
    actor, today, zone = request.actor, request.school.now().date(), request.school.settings.zone

    def look(load: Load) -> DecisionSeen:
        decision, eyes = existing(load, Decision, decision_id), eyes_of(load, actor, today, zone)
        workshop = load(Workshop, decision.workshop)
        if not eyes.sees(workshop):
            raise NotAllowed
        return decided(decision, workshop, eyes)

    (found,) = await _worded(request, [await request.school.read(look)])
    return found


@get(
    "/api/decisions",
    operation_id="ListDecisions",
    shows="texts",
    roles=TAKING_PART,
    tags=["workshops"],
    csv=True,
    query_example={"due_before": In(60), "team": TEAM, "overdue": False},
)
async def list_decisions(
    request: ApiRequest,
    due_before: Annotated[date | None, QueryParameter(description="To be looked at again before this day")] = None,
    overdue: Annotated[
        bool | None, QueryParameter(description="Whether the day on which to look at it again is past")
    ] = None,
    team: Annotated[str | None, QueryParameter(description="Of this team", max_length=36)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    min_position: MinPosition = None,
) -> Response[DecisionPage]:
    """Decisions in order of the day they are due, those never due again last; all, or those of one's own team."""
    await request.reads.logged(min_position or 0)
    if due_before is not None:
        bounds.day("due_before", due_before)
    actor, today, zone = request.actor, request.school.now().date(), request.school.settings.zone
    eyes = await request.school.read(lambda load: eyes_of(load, actor, today, zone))
    workshops, decisions = await request.reads.vault(
        lambda connection: (folded(connection, Workshop, team), folded(connection, Decision, team))
    )
    visible = {workshop.id: workshop for workshop in workshops if eyes.sees(workshop)}
    if team is not None and not visible and not eyes.coordinates and eyes.team != team:
        raise NotAllowed
    wanted = [
        decision
        for decision in decisions
        if decision.workshop in visible
        and (due_before is None or (decision.review_on is not None and decision.review_on < due_before))
        and (overdue is None or decision.is_overdue(today) == overdue)
    ]
    shown, last = portion(wanted, _due, cursor_key(cursor, tuple[date, str]), limit)
    seen = [decided(decision, visible[decision.workshop], eyes) for decision in shown]
    return page(request, DecisionPage, await _worded(request, seen), last)


def _due(decision: Decision) -> tuple[date, str]:
    return decision.review_on or date.max, decision.id


async def _worded(request: ApiRequest, seen: list[DecisionSeen]) -> list[DecisionSeen]:
    ids = texts_in(seen)
    texts = await request.reads.vault(lambda connection: vault.texts(connection, ids)) if ids else {}
    return worded(seen, texts)


ROUTES = (review, one, list_decisions)
