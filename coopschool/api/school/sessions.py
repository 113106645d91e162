"""Sessions: announcing, changing, moving, calling off and closing them, and looking at them."""

from __future__ import annotations

from datetime import time
from typing import Annotated
from uuid import uuid4

from litestar import Controller, Response, get, patch, post
from litestar.params import JSONBody
from msgspec import Meta

from coopschool.api.access import SIGNED_IN, may
from coopschool.api.body import Body, Id, Languages, Moment, SessionPath, SlotPath, Written
from coopschool.api.examples import ENDED_SESSION, MODULE, SESSION, TRAINER, In
from coopschool.api.request import ApiRequest, etag
from coopschool.api.school.session_seen import SessionSeen, glance, with_words
from coopschool.domain import bounds
from coopschool.domain.base import existing
from coopschool.domain.school.arrangements import ReviseSession
from coopschool.domain.school.closing import CloseSession
from coopschool.domain.school.enrolment import ModuleCompleted, ModuleNotCompleted
from coopschool.domain.school.scheduling import CancelSession, CancelSlot, MoveSlot, ScheduleSession
from coopschool.domain.school.session import CancellationReason, Session, Slot, SlotMoved
from coopschool.domain.school.words import Format

Trainers = Annotated[tuple[Id, ...], Meta(max_length=20)]


class SlotTimes(Body, kw_only=True):
    """When a slot is held."""

    starts_at: Moment
    ends_at: Moment


class NewSession(Body, kw_only=True):
    """A session to be announced; slots are numbered from 1 in the order given. `place` is a code or words."""

    module: bounds.Code
    seats: bounds.Seats
    languages: Languages
    place: bounds.ShortText
    format: Format
    trainers: Trainers = ()
    slots: Annotated[tuple[SlotTimes, ...], Meta(min_length=1, max_length=60)]
    team: Id | None = None


class SessionMade(Written, kw_only=True):
    """The new session's id."""

    session_id: str


class SessionChanges(Body, kw_only=True):
    """What changes. New trainers give the slots from `from_slot` on, else those whose sheet is not in."""

    seats: bounds.Seats | None = None
    languages: Languages | None = None
    place: bounds.ShortText | None = None
    format: Format | None = None
    trainers: Trainers | None = None
    from_slot: bounds.SlotNumber | None = None


class Move(SlotTimes, kw_only=True):
    """New times; `accept_clashes` moves the slot even if people then have two sessions at once."""

    accept_clashes: bool = False


class SlotHasMoved(Written, kw_only=True):
    """`clashes` are the people who have two sessions at once since."""

    clashes: tuple[str, ...] = ()


class Cancellation(Body, kw_only=True):
    """Why the session is called off."""

    reason_code: CancellationReason


class Closed(Written, kw_only=True):
    """How many completed the module and how many did not."""

    completed: int
    not_completed: int


class Sessions(Controller):
    """`/api/sessions`"""

    path = "/api/sessions"
    tags = ("sessions",)

    @post(
        operation_id="ScheduleSession",
        roles=may("coordinator", "trainer"),
        example={
            "module": MODULE,
            "seats": 12,
            "languages": ["fr", "nl"],
            "place": "brussels",
            "format": "in_person",
            "trainers": [TRAINER],
            "slots": [
                {"starts_at": In(42, time(9, 30)), "ends_at": In(42, time(12, 30))},
                {"starts_at": In(49, time(9, 30)), "ends_at": In(49, time(12, 30))},
            ],
        },
    )
    async def schedule(self, request: ApiRequest, data: JSONBody[NewSession]) -> Response[SessionMade]:
        """Announces a session of a published module."""
        session, school = str(uuid4()), request.school
        place, words = school.vault.place(data.place)
        command = ScheduleSession(
            at=school.now(),
            by=request.actor,
            session=session,
            module=data.module,
            seats=data.seats,
            slots=tuple(
                Slot(number=number, starts_at=slot.starts_at, ends_at=slot.ends_at)
                for number, slot in enumerate(data.slots, 1)
            ),
            languages=data.languages,
            place=place,
            format=data.format,
            trainers=data.trainers,
            team=data.team,
        )
        vault = [words] if words else []
        outcome = await request.carry_out(command, vault=vault, answer=lambda _: {"session_id": session})
        return request.written(outcome, SessionMade, status=201, at="/api/sessions/{session_id}")

    @get("/{session_id:str}", operation_id="GetSession", roles=SIGNED_IN)
    async def one(self, request: ApiRequest, session_id: SessionPath) -> Response[SessionSeen]:
        """A session as it stands now: the people only for coordinators and its trainers. The `ETag` is for `PATCH`."""
        actor, now = request.actor, request.school.now()
        revision, seen = await request.school.read(lambda load: glance(existing(load, Session, session_id), actor, now))
        if any(learner.name is not None for learner in seen.people or ()):
            request.call.shows = "names of learners"
        return Response(await with_words(request.reads, seen), headers={"ETag": etag(revision)})

    @patch(
        "/{session_id:str}",
        operation_id="ReviseSession",
        roles=may("coordinator", "trainer"),
        if_match=True,
        example={"seats": 15, "place": "Maison des associations, Namur"},
        path_example={"session_id": SESSION},
    )
    async def revise(
        self, request: ApiRequest, session_id: SessionPath, data: JSONBody[SessionChanges]
    ) -> Response[Written]:
        """Changes seats, languages, place, format or trainers; added seats go to the waiting list."""
        place, words = request.school.vault.place(data.place) if data.place is not None else (None, None)
        command = ReviseSession(
            at=request.school.now(),
            by=request.actor,
            session=session_id,
            seats=data.seats,
            languages=data.languages,
            place=place,
            format=data.format,
            trainers=data.trainers,
            from_slot=data.from_slot,
            if_revision=request.revisions(1)[0],
        )
        return request.written(await request.carry_out(command, vault=[words] if words else []), Written)

    @post(
        "/{session_id:str}/slots/{number:int}/move",
        operation_id="MoveSlot",
        roles=may("coordinator", "trainer"),
        status_code=200,
        example={"starts_at": In(28, time(13, 30)), "ends_at": In(28, time(16, 30))},
        path_example={"session_id": SESSION, "number": 1},
    )
    async def move_slot(
        self, request: ApiRequest, session_id: SessionPath, number: SlotPath, data: JSONBody[Move]
    ) -> Response[SlotHasMoved]:
        """Moves a slot whose sheet is not in."""
        command = MoveSlot(
            at=request.school.now(),
            by=request.actor,
            session=session_id,
            slot=number,
            starts_at=data.starts_at,
            ends_at=data.ends_at,
            accept_clashes=data.accept_clashes,
        )
        outcome = await request.carry_out(
            command,
            answer=lambda events: {"clashes": [id for e in events if isinstance(e, SlotMoved) for id in e.clashes]},
        )
        return request.written(outcome, SlotHasMoved)

    @post(
        "/{session_id:str}/slots/{number:int}/cancel",
        operation_id="CancelSlot",
        roles=may("coordinator", "trainer"),
        status_code=200,
        path_example={"session_id": SESSION, "number": 2},
    )
    async def cancel_slot(self, request: ApiRequest, session_id: SessionPath, number: SlotPath) -> Response[Written]:
        """Takes a slot out of the session; it no longer counts for completion."""
        command = CancelSlot(at=request.school.now(), by=request.actor, session=session_id, slot=number)
        return request.written(await request.carry_out(command), Written)

    @post(
        "/{session_id:str}/cancel",
        operation_id="CancelSession",
        roles=may("coordinator", "trainer"),
        status_code=200,
        example={"reason_code": "too_few"},
        path_example={"session_id": SESSION},
    )
    async def cancel(
        self, request: ApiRequest, session_id: SessionPath, data: JSONBody[Cancellation]
    ) -> Response[Written]:
        """Calls a session off; who was enrolled keeps an interest with the date they first asked."""
        command = CancelSession(
            at=request.school.now(), by=request.actor, session=session_id, reason_code=data.reason_code
        )
        return request.written(await request.carry_out(command), Written)

    @post(
        "/{session_id:str}/close",
        operation_id="CloseSession",
        roles=may("coordinator", "trainer"),
        status_code=200,
        path_example={"session_id": ENDED_SESSION},
    )
    async def close(self, request: ApiRequest, session_id: SessionPath) -> Response[Closed]:
        """Closes a session and decides who completed the module."""
        command = CloseSession(at=request.school.now(), by=request.actor, session=session_id)
        outcome = await request.carry_out(
            command,
            answer=lambda events: {
                "completed": sum(isinstance(event, ModuleCompleted) for event in events),
                "not_completed": sum(isinstance(event, ModuleNotCompleted) for event in events),
            },
        )
        return request.written(outcome, Closed)
