"""Feedback on sessions: members' answers, paper sheets, the trainers' own reports, and comments once released.

What members answer goes to the answer box; no route tells who has answered, nor how many have.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any, Literal
from uuid import uuid4

import msgspec
from litestar import Controller, Response, delete, get, post
from litestar.params import JSONBody, PathParameter
from msgspec import Meta
from psycopg import Connection

from coopschool import vault
from coopschool.answer_box.feedback import COMMENT_AT_MOST, Sheet
from coopschool.api.access import SIGNED_IN, may
from coopschool.api.body import Body, SessionPath, Written
from coopschool.api.examples import ANSWERED_SESSION, FEEDBACK_SESSION, OWN_SESSION
from coopschool.api.problems import NotAllowed
from coopschool.api.request import ApiRequest
from coopschool.domain import bounds, tags
from coopschool.domain.base import Load, existing
from coopschool.domain.instruments import Version
from coopschool.domain.school.feedback import FeedbackMoment, FeedbackReleased
from coopschool.domain.school.feedback_release import QUESTIONNAIRE, LogTrainerReport, version_in_use
from coopschool.domain.school.session import Session
from coopschool.eventstore.mapper import decode
from coopschool.eventstore.upcasting import stored_topics
from coopschool.sql import statements
from coopschool.vault import PutText

SQL = statements("coopschool.api.school", "feedback.sql")

SHEETS_AT_MOST = 1_000

MomentPath = Annotated[
    FeedbackMoment, PathParameter(description="`hot`: until 7 days after the last slot; `cold`: 2 to 6 months after it")
]
# Which items there are, and which points, is the instrument's to say: what does not fit is refused by its name.
Answers = Annotated[
    dict[str, Any],
    Meta(
        max_length=200,
        description="A point of the scale for each item that is answered",
        extra_json_schema={"additionalProperties": {"type": "integer"}},
    ),
]
Comment = Annotated[str, Meta(min_length=1, max_length=COMMENT_AT_MOST)]


class Feedback(Body, kw_only=True):
    """Answers to the questionnaire that is in use for the session, and a comment in words."""

    instrument: bounds.Code
    version: Version
    answers: Answers
    comment: Comment | None = None


class PaperSheet(Body, kw_only=True):
    """One sheet, as it was filled in."""

    answers: Answers
    comment: Comment | None = None


class PaperSheets(Body, kw_only=True):
    """The sheets that were handed in; all are taken or none."""

    moment: FeedbackMoment
    instrument: bounds.Code
    version: Version
    sheets: Annotated[tuple[PaperSheet, ...], Meta(min_length=1, max_length=SHEETS_AT_MOST)]


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """It is in the answer box until the window closes. Nothing more is said of it."""

    status: Literal["received"] = "received"


class Retracted(msgspec.Struct, frozen=True, kw_only=True):
    """The answer is no longer in the answer box."""

    status: Literal["retracted"] = "retracted"


class TrainerReport(Body, kw_only=True):
    """How the session went, by the questionnaire's items for trainers, and a note in words."""

    items: Answers
    note: Annotated[str, Meta(min_length=1, max_length=2_000)] | None = None


class CommentSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wrote; neither with their answers nor in the order in which they came."""

    moment: FeedbackMoment
    text: str


class Comments(msgspec.Struct, frozen=True, kw_only=True):
    """All released comments on a session; `next` is always null."""

    items: list[CommentSeen]
    next: None = None


class FeedbackOnSession(Controller):
    """`/api/sessions/{id}/feedback/…` and what trainers say and see of it"""

    path = "/api/sessions/{session_id:str}"
    tags = ("feedback",)

    @post(
        "/feedback/{moment:str}",
        operation_id="GiveFeedback",
        roles=SIGNED_IN,
        unnoted=True,
        example={
            "instrument": "feedback",
            "version": 1,
            "answers": {"clarity": 4, "useful": 5},
            "comment": "More practice, please",
        },
        path_example={"session_id": FEEDBACK_SESSION, "moment": "hot"},
    )
    async def give(
        self, request: ApiRequest, session_id: SessionPath, moment: MomentPath, data: JSONBody[Feedback]
    ) -> Response[Received]:
        """Answers, once, if you attended; you can take it back until the window closes."""
        sheet = Sheet(data.answers, data.comment)
        give = request.answer_box.feedback.submit
        await asyncio.to_thread(give, session_id, moment, request.me(), data.instrument, data.version, sheet)
        return Response(Received(), status_code=201)

    @delete(
        "/feedback/{moment:str}",
        operation_id="RetractFeedback",
        roles=SIGNED_IN,
        unnoted=True,
        status_code=200,
        path_example={"session_id": ANSWERED_SESSION, "moment": "hot"},
    )
    async def retract(self, request: ApiRequest, session_id: SessionPath, moment: MomentPath) -> Retracted:
        """Takes your own answer back, until the window closes."""
        await asyncio.to_thread(request.answer_box.feedback.retract, session_id, moment, request.me())
        return Retracted()

    @post(
        "/feedback-sheets",
        operation_id="AddFeedbackSheets",
        roles=may("trainer"),
        unnoted=True,
        example={
            "moment": "hot",
            "instrument": "feedback",
            "version": 1,
            "sheets": [{"answers": {"clarity": 4, "pace": 2}, "comment": "Too fast"}],
        },
        path_example={"session_id": OWN_SESSION},
    )
    async def add_sheets(
        self, request: ApiRequest, session_id: SessionPath, data: JSONBody[PaperSheets]
    ) -> Response[Received]:
        """Types in paper sheets; with the answers given online they are no more than people were present."""
        sheets = [Sheet(sheet.answers, sheet.comment) for sheet in data.sheets]
        add = request.answer_box.feedback.add_sheets
        await asyncio.to_thread(add, session_id, data.moment, request.actor, data.instrument, data.version, sheets)
        return Response(Received(), status_code=201)

    @post(
        "/trainer-report",
        operation_id="LogTrainerReport",
        roles=may("trainer"),
        example={"items": {"participation": 5, "aims_met": 4}, "note": "The room was cold"},
        path_example={"session_id": OWN_SESSION},
    )
    async def report(
        self, request: ApiRequest, session_id: SessionPath, data: JSONBody[TrainerReport]
    ) -> Response[Written]:
        """Says how a session of your own went, once."""
        at, trainer = request.school.now(), request.me()
        version = await request.school.read(
            lambda load: version_in_use(load, existing(load, Session, session_id), "hot", at.tzinfo)
        )
        note = None if data.note is None else PutText(id=str(uuid4()), body=data.note, author=trainer)
        command = LogTrainerReport(
            at=at,
            by=request.actor,
            session=session_id,
            trainer=trainer,
            instrument=QUESTIONNAIRE,
            version=version,
            items=data.items,
            note=note.id if note else None,
        )
        outcome = await request.carry_out(command, vault=[note] if note else [])
        return request.written(outcome, Written, status=201)

    @get(
        "/comments",
        operation_id="ListComments",
        shows="comments",
        roles=may("trainer"),
        path_example={"session_id": OWN_SESSION},
    )
    async def comments(self, request: ApiRequest, session_id: SessionPath) -> Comments:
        """What was written on a session of your own, once released; nothing where fewer than five have answered."""
        await request.school.read(partial(_guard_gives, session=session_id, person=request.actor.person))
        return await request.reads.vault(partial(_comments, session=session_id))


def _guard_gives(load: Load, session: str, person: str | None) -> None:
    if not existing(load, Session, session).is_given_by(person):
        raise NotAllowed


def _comments(conn: Connection[Any], session: str) -> Comments:
    wanted = {"tag": tags.tag(Session.KIND, session), "released": stored_topics(FeedbackReleased.TOPIC)}
    events = [decode(type, data) for type, data in conn.execute(SQL["released"], wanted)]
    moments = {id: event.moment for event in events if isinstance(event, FeedbackReleased) for id in event.comments}
    texts = vault.texts(conn, moments)
    return Comments(items=[CommentSeen(moment=moment, text=texts[id]) for id, moment in moments.items() if id in texts])
