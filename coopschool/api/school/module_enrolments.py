"""Enrolling in a module wherever it fits, and interests while nothing does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Response, delete, post
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta

from coopschool.api.access import may
from coopschool.api.body import Body, ModulePath, PersonOrMe, PersonPath, Written
from coopschool.api.examples import INTERESTED, MEMBER, MODULE
from coopschool.api.request import ApiRequest
from coopschool.domain import bounds
from coopschool.domain.base import Event
from coopschool.domain.school.enrolment import InterestRegistered, MemberEnrolled, MemberWaitlisted
from coopschool.domain.school.interest import WithdrawInterest
from coopschool.domain.school.module_enrolment import EnrolInModule
from coopschool.domain.school.words import Format, Language
from coopschool.vault import PutPlace


class Wish(Body, kw_only=True, rename={"from_": "from"}):
    """Who would take the module (the caller, unless said otherwise), and what would suit them; all is optional.

    `from` and `until` bound the day of the first slot. `waitlist`: wait, where no session has a seat.
    """

    person_id: PersonOrMe = "me"
    languages: Annotated[tuple[Language, ...], Meta(max_length=3)] = ()
    places: Annotated[tuple[bounds.ShortText, ...], Meta(max_length=10)] = ()
    format: Format | None = None
    from_: date | None = None
    until: date | None = None
    waitlist: bool = False


class Placed(Written, kw_only=True):
    """What the wish came to. A preview has the log's position as it was, and writes nothing."""

    status: Literal["confirmed", "waitlisted", "interested"]
    session_id: str | None = None
    rank: int | None = None


class ModuleEnrolments(Controller):
    """`/api/modules/{code}/enrolments` and `…/interests`"""

    path = "/api/modules/{code:str}"
    tags = ("enrolments",)

    @post(
        "/enrolments",
        operation_id="EnrolInModule",
        roles=may("member", "coordinator"),
        example={"person_id": MEMBER, "languages": ["fr"], "places": ["brussels"], "waitlist": True},
        path_example={"code": MODULE},
        responses={200: ResponseSpec(Placed, description="What a preview foresees")},
    )
    async def enrol(
        self,
        request: ApiRequest,
        code: ModulePath,
        data: JSONBody[Wish],
        preview: Annotated[bool, QueryParameter(description="Say what would happen, and write nothing")] = False,
    ) -> Response[Placed]:
        """The earliest session that fits, else the shortest waiting list if wanted, else a registered interest."""
        command, words = _enrolment(request, code, data)
        if preview:
            foreseen = await request.school.execute(command, preview=True, answer=_placing(command.member))
            return Response(msgspec.convert(foreseen.answer, Placed), status_code=200)
        outcome = await request.carry_out(command, vault=words, answer=_placing(command.member))
        return request.written(outcome, Placed, status=201, at=f"/api/members/{command.member}/enrolments")

    @delete(
        "/interests/{person_id:str}",
        operation_id="WithdrawInterest",
        roles=may("member", "coordinator"),
        status_code=200,
        path_example={"code": MODULE, "person_id": INTERESTED},
    )
    async def withdraw(self, request: ApiRequest, code: ModulePath, person_id: PersonPath) -> Response[Written]:
        """Takes an interest back; the id is the person's."""
        command = WithdrawInterest(
            at=request.school.now(),
            by=request.actor,
            member=request.self_or(person_id, "coordinator"),
            module=code,
        )
        return request.written(await request.carry_out(command), Written)


def _enrolment(request: ApiRequest, code: str, data: Wish) -> tuple[EnrolInModule, list[PutPlace]]:
    """The command, and the words of places that are not in the published list."""
    places = [request.school.vault.place(place) for place in data.places]
    command = EnrolInModule(
        at=request.school.now(),
        by=request.actor,
        module=code,
        member=request.person(data.person_id),
        languages=data.languages,
        places=tuple(place for place, _ in places),
        format=data.format,
        from_day=data.from_,
        until_day=data.until,
        waitlist=data.waitlist,
    )
    return command, [words for _, words in places if words is not None]


def _placing(person: str) -> Callable[[Sequence[Event]], dict[str, Any]]:
    """What the events came to; no event at all means that the same interest stands already."""

    def answer(events: Sequence[Event]) -> dict[str, Any]:
        for event in events:
            if isinstance(event, MemberEnrolled) and event.member == person:
                return {"status": "confirmed", "session_id": event.session}
            if isinstance(event, MemberWaitlisted) and event.member == person:
                return {"status": "waitlisted", "session_id": event.session, "rank": event.rank}
            if isinstance(event, InterestRegistered):
                return {"status": "interested"}
        return {"status": "interested"}

    return answer
