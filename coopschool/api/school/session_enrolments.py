"""Seats and the waiting list of one session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, delete, get, post
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta

from coopschool import vault
from coopschool.api.access import may
from coopschool.api.body import Body, PersonOrMe, PersonPath, SessionPath, Written
from coopschool.api.examples import ENROLLED, MEMBER, SESSION, SESSION_WITH_LIST
from coopschool.api.problems import NotAllowed
from coopschool.api.request import ApiRequest
from coopschool.api.school.session_seen import runs, sees_names
from coopschool.domain.base import Actor, Event, existing
from coopschool.domain.school.enrolling import EnrolInSession
from coopschool.domain.school.enrolment import (
    MemberEnrolled,
    MemberPromoted,
    MemberWaitlisted,
    OwnReason,
    PassedOver,
    PromotionRule,
    Standing,
)
from coopschool.domain.school.session import Session
from coopschool.domain.school.waiting_list import Promote
from coopschool.domain.school.withdrawal import WithdrawEnrolment


class Enrol(Body, kw_only=True):
    """Who is to be enrolled; the caller, unless said otherwise."""

    person_id: PersonOrMe = "me"


class Enrolled(Written, kw_only=True):
    """A seat, or a rank on the waiting list."""

    status: Standing
    rank: int | None = None


class WhoPromoted(Body, kw_only=True):
    """The rank to promote; the first who may take the seat, unless said otherwise."""

    rank: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class Promoted(Written, kw_only=True):
    """Who has the seat now, and the ranks that were passed over."""

    person_id: str
    rank: int
    passed_over: tuple[PassedOver, ...]


class WaitingSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A place on the list."""

    rank: int
    person_id: str
    name: str | None
    since: datetime


class PromotionSeen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How somebody came from the list to a seat; `freed_by` for coordinators only."""

    rank: int
    rule: PromotionRule
    occurred_at: datetime
    person_id: str
    passed_over: tuple[PassedOver, ...] = ()
    freed_by: str | None = None


class WaitlistSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The list in order of rank, and what came of it; a member sees their own lines only."""

    waiting: list[WaitingSeen]
    promotions: list[PromotionSeen]


class SessionEnrolments(Controller):
    """`/api/sessions/{id}/enrolments`, `…/waitlist` and `…/promote`"""

    path = "/api/sessions/{session_id:str}"
    tags = ("enrolments",)

    @post(
        "/enrolments",
        operation_id="EnrolInSession",
        roles=may("member", "trainer", "coordinator"),
        example={"person_id": MEMBER},
        path_example={"session_id": SESSION},
    )
    async def enrol(self, request: ApiRequest, session_id: SessionPath, data: JSONBody[Enrol]) -> Response[Enrolled]:
        """Gives a seat if one is free, else a rank on the waiting list. Trainers enrol who walks in on the day."""
        person = request.person(data.person_id)
        command = EnrolInSession(at=request.school.now(), by=request.actor, session=session_id, member=person)
        outcome = await request.carry_out(command, answer=lambda events: place_of(person, session_id, events))
        return request.written(outcome, Enrolled, status=201, at=f"/api/sessions/{session_id}/enrolments/{person}")

    @delete(
        "/enrolments/{person_id:str}",
        operation_id="WithdrawEnrolment",
        roles=may("member", "coordinator"),
        status_code=200,
        path_example={"session_id": SESSION, "person_id": ENROLLED},
    )
    async def withdraw(
        self,
        request: ApiRequest,
        session_id: SessionPath,
        person_id: PersonPath,
        reason_code: Annotated[OwnReason, QueryParameter(description="Why")] = "other",
    ) -> Response[Written]:
        """Gives up a seat or a place on the list; a seat goes to the first in rank who may take it."""
        command = WithdrawEnrolment(
            at=request.school.now(),
            by=request.actor,
            session=session_id,
            member=request.self_or(person_id, "coordinator"),
            reason_code=reason_code,
        )
        return request.written(await request.carry_out(command), Written)

    @get("/waitlist", operation_id="GetWaitlist", roles=may("member", "trainer", "coordinator"))
    async def waitlist(self, request: ApiRequest, session_id: SessionPath) -> WaitlistSeen:
        """The waiting list; for a member their own rank."""
        actor, now = request.actor, request.school.now()

        def look(load: Any) -> tuple[bool, WaitlistSeen]:
            session = existing(load, Session, session_id)
            return sees_names(actor, session, now), _list(session, actor)

        named, seen = await request.school.read(look)
        ids = [waiting.person_id for waiting in seen.waiting] if named else []
        details = await request.reads.vault(lambda connection: vault.people(connection, ids))
        waiting = [
            msgspec.structs.replace(line, name=details[line.person_id].name) if line.person_id in details else line
            for line in seen.waiting
        ]
        return msgspec.structs.replace(seen, waiting=waiting)

    @post(
        "/promote",
        operation_id="Promote",
        roles=may("trainer", "coordinator"),
        status_code=200,
        example={"rank": 1},
        path_example={"session_id": SESSION_WITH_LIST},
    )
    async def promote(
        self, request: ApiRequest, session_id: SessionPath, data: JSONBody[WhoPromoted]
    ) -> Response[Promoted]:
        """Gives a free seat by hand; after the cutoff this is the only way."""
        command = Promote(at=request.school.now(), by=request.actor, session=session_id, rank=data.rank)
        return request.written(await request.carry_out(command, answer=_promotion), Promoted)


def place_of(person: str, session: str, events: Sequence[Event]) -> dict[str, Any]:
    """What the events gave the person in the session."""
    for event in events:
        if isinstance(event, MemberEnrolled | MemberPromoted) and (event.member, event.session) == (person, session):
            return {"status": "confirmed"}
        if isinstance(event, MemberWaitlisted) and (event.member, event.session) == (person, session):
            return {"status": "waitlisted", "rank": event.rank}
    return {}


def _promotion(events: Sequence[Event]) -> dict[str, Any]:
    promoted = next(event for event in events if isinstance(event, MemberPromoted))
    return {
        "person_id": promoted.member,
        "rank": promoted.rank,
        "passed_over": msgspec.to_builtins(promoted.passed_over),
    }


def _list(session: Session, actor: Actor) -> WaitlistSeen:
    everybody = runs(actor, session)
    if not everybody and not session.has(actor.person or ""):
        raise NotAllowed
    waiting = [
        WaitingSeen(rank=rank, person_id=place.member, name=None, since=place.since)
        for rank, place in sorted(session.waitlist.items())
        if everybody or place.member == actor.person
    ]
    promotions = [
        PromotionSeen(
            rank=promotion.rank,
            rule=promotion.rule,
            occurred_at=promotion.occurred_at,
            person_id=promotion.member,
            passed_over=promotion.passed_over if everybody else (),
            freed_by=promotion.freed_by if actor.is_any("coordinator") else None,
        )
        for promotion in session.promotions
        if everybody or promotion.member == actor.person
    ]
    return WaitlistSeen(waiting=waiting, promotions=promotions)
