"""Attendance sheets, and putting them right."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

from litestar import Controller, Response, post, put
from litestar.params import JSONBody
from msgspec import Meta

from coopschool.api.access import may
from coopschool.api.body import Body, Id, SessionPath, SlotPath, Written
from coopschool.api.examples import ATTENDING, RUNNING_SESSION
from coopschool.api.request import ApiRequest
from coopschool.domain import bounds
from coopschool.domain.school.attendance import CorrectAttendance, LogAttendance
from coopschool.domain.school.session import AttendanceRecord, CorrectionReason, Mode, Status
from coopschool.vault import PutText


class Line(Body, kw_only=True):
    """How one person was there; `minutes` only with status partial."""

    person_id: Id
    status: Status
    minutes: bounds.AttendedMinutes | None = None
    mode: Mode | None = None


class Sheet(Body, kw_only=True):
    """A line for everybody enrolled."""

    records: Annotated[tuple[Line, ...], Meta(max_length=10_000)]


class Correction(Body, kw_only=True):
    """What is right, why it was wrong, and a note in words, which is kept apart from the log."""

    person_id: Id
    status: Status
    minutes: bounds.AttendedMinutes | None = None
    mode: Mode | None = None
    reason_code: CorrectionReason
    note: Annotated[str, Meta(min_length=1, max_length=2_000)] | None = None


class Attendance(Controller):
    """`/api/sessions/{id}/slots/{n}/…`"""

    path = "/api/sessions/{session_id:str}/slots/{number:int}"
    tags = ("attendance",)

    @put(
        "/attendance",
        operation_id="LogAttendance",
        roles=may("trainer", "coordinator"),
        example={"records": [{"person_id": ATTENDING, "status": "partial", "minutes": 90, "mode": "on_site"}]},
        path_example={"session_id": RUNNING_SESSION, "number": 2},
    )
    async def log(
        self, request: ApiRequest, session_id: SessionPath, number: SlotPath, data: JSONBody[Sheet]
    ) -> Response[Written]:
        """Hands in the sheet of a slot; the same sheet again changes nothing, another one is refused."""
        records = tuple(
            AttendanceRecord(member=line.person_id, status=line.status, minutes=line.minutes, mode=line.mode)
            for line in data.records
        )
        command = LogAttendance(
            at=request.school.now(), by=request.actor, session=session_id, slot=number, records=records
        )
        return request.written(await request.carry_out(command), Written)

    @post(
        "/corrections",
        operation_id="CorrectAttendance",
        roles=may("trainer", "coordinator"),
        example={
            "person_id": ATTENDING,
            "status": "excused",
            "reason_code": "proof_received",
            "note": "Came back with a certificate",
        },
        path_example={"session_id": RUNNING_SESSION, "number": 1},
    )
    async def correct(
        self, request: ApiRequest, session_id: SessionPath, number: SlotPath, data: JSONBody[Correction]
    ) -> Response[Written]:
        """Puts one line of a sheet right, also after the closing."""
        note = _note(data, request.actor.person)
        command = CorrectAttendance(
            at=request.school.now(),
            by=request.actor,
            session=session_id,
            slot=number,
            member=data.person_id,
            status=data.status,
            minutes=data.minutes,
            mode=data.mode,
            reason_code=data.reason_code,
            note=note.id if note else None,
        )
        outcome = await request.carry_out(command, vault=[note] if note else [])
        return request.written(outcome, Written, status=201)


def _note(data: Correction, author: str | None) -> PutText | None:
    if data.note is None:
        return None
    return PutText(id=str(uuid4()), body=data.note, about=data.person_id, author=author)
