"""The catalogue: what the school teaches, and which sessions come next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import uuid4

import msgspec
from litestar import Controller, Response, get, patch, post
from litestar.params import JSONBody
from msgspec import Meta
from psycopg import Connection

from coopschool import vault
from coopschool.api.access import SIGNED_IN, may
from coopschool.api.body import Audience, Body, Codes, ModulePath, Written
from coopschool.api.examples import MODULE, NEW_MODULE
from coopschool.api.request import ApiRequest, etag
from coopschool.catalogue import Aim, ModuleWords, Titles
from coopschool.domain import bounds
from coopschool.domain.base import Load, existing
from coopschool.domain.school.learning_module import (
    DraftModule,
    LearningModule,
    ModuleDrafted,
    PublishModule,
    RetireModule,
    ReviseModule,
)
from coopschool.domain.school.session import Session
from coopschool.domain.school.words import Category, Format, Language
from coopschool.eventstore.mapper import decode, topics_of
from coopschool.sql import statements

SQL = statements("coopschool.api.school", "modules.sql")

Hours = Annotated[float, Meta(ge=0.25, le=1_440, multiple_of=0.25)]
Share = Annotated[float, Meta(ge=0, le=1)]


class NewModule(Body, kw_only=True):
    """A module to be written down; it gets sessions once it is published."""

    code: bounds.Code
    title: Titles
    aim: Aim | None = None
    half_days: bounds.HalfDays
    hours: Hours
    format: Format
    min_attendance: Share
    prerequisites: Codes = ()
    audience: Audience


class ModuleChanges(Body, kw_only=True):
    """What changes; sessions that are scheduled keep the rules they had."""

    title: Titles | None = None
    aim: Aim | None = None
    half_days: bounds.HalfDays | None = None
    hours: Hours | None = None
    format: Format | None = None
    min_attendance: Share | None = None
    prerequisites: Codes | None = None
    audience: Audience | None = None


class ModuleMade(Written, kw_only=True):
    """The new module's code."""

    code: str


class NextSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session of the module that has not begun."""

    session_id: str
    starts_at: datetime
    languages: list[Language]
    place: str
    format: Format
    seats: int
    free: int
    waiting: int


class ModuleSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A module as it is taught now."""

    code: str
    title: Titles | None
    aim: str | None
    status: Literal["draft", "published", "retired"]
    revision: int
    half_days: int
    hours: float
    format: Format
    min_attendance: float
    prerequisites: list[str]
    audience: list[Category]
    next_sessions: list[NextSession]


class Catalogue(msgspec.Struct, frozen=True):
    """All modules, in the order they were written down."""

    items: list[ModuleSeen]
    next: str | None = None


class Modules(Controller):
    """`/api/modules`"""

    path = "/api/modules"
    tags = ("modules",)

    @post(
        operation_id="DraftModule",
        roles=may("coordinator"),
        example={
            "code": NEW_MODULE,
            "title": {"fr": "Lire les comptes", "nl": "De rekeningen lezen", "en": "Reading the accounts"},
            "aim": "An informed vote on accounts and budget",
            "half_days": 1,
            "hours": 3,
            "format": "in_person",
            "min_attendance": 0.8,
            "prerequisites": [MODULE],
            "audience": ["A", "B", "C"],
        },
    )
    async def draft(self, request: ApiRequest, data: JSONBody[NewModule]) -> Response[ModuleMade]:
        """Writes a new module down."""
        text = str(uuid4())
        command = DraftModule(
            at=request.school.now(),
            by=request.actor,
            module=data.code,
            half_days=data.half_days,
            minutes=_minutes(data.hours),
            format=data.format,
            min_attendance=_exact(data.min_attendance),
            prerequisites=data.prerequisites,
            audience=data.audience,
            text=text,
        )
        words = vault.PutText(id=text, body=ModuleWords(title=data.title, aim=data.aim).as_text())
        outcome = await request.carry_out(command, vault=[words], answer=lambda _: {"code": data.code})
        return request.written(outcome, ModuleMade, status=201, at="/api/modules/{code}")

    @patch(
        "/{code:str}",
        operation_id="ReviseModule",
        roles=may("coordinator"),
        if_match=True,
        example={"hours": 3.5, "min_attendance": 0.75},
        path_example={"code": MODULE},
    )
    async def revise(self, request: ApiRequest, code: ModulePath, data: JSONBody[ModuleChanges]) -> Response[Written]:
        """Changes a module from now on."""
        words = await _changed_words(request, code, data)
        command = ReviseModule(
            at=request.school.now(),
            by=request.actor,
            module=code,
            if_version=request.revisions(1)[0],
            half_days=data.half_days,
            minutes=None if data.hours is None else _minutes(data.hours),
            format=data.format,
            min_attendance=None if data.min_attendance is None else _exact(data.min_attendance),
            prerequisites=data.prerequisites,
            audience=data.audience,
            text=words.id if words else None,
        )
        return request.written(await request.carry_out(command, vault=[words] if words else []), Written)

    @post(
        "/{code:str}/publish",
        operation_id="PublishModule",
        roles=may("coordinator"),
        status_code=200,
        path_example={"code": MODULE},
    )
    async def publish(self, request: ApiRequest, code: ModulePath) -> Response[Written]:
        """Lets a module have sessions."""
        command = PublishModule(at=request.school.now(), by=request.actor, module=code)
        return request.written(await request.carry_out(command), Written)

    @post(
        "/{code:str}/retire",
        operation_id="RetireModule",
        roles=may("coordinator"),
        status_code=200,
        path_example={"code": MODULE},
    )
    async def retire(self, request: ApiRequest, code: ModulePath) -> Response[Written]:
        """Ends a module; the sessions it has go on."""
        command = RetireModule(at=request.school.now(), by=request.actor, module=code)
        return request.written(await request.carry_out(command), Written)

    @get(operation_id="ListModules", roles=SIGNED_IN)
    async def catalogue(self, request: ApiRequest) -> Catalogue:
        """All modules that are taught, with their next sessions; coordinators see drafts and retired ones as well."""
        codes = await request.reads.vault(_codes)
        everything, now = request.is_any("coordinator"), request.school.now()

        def look(load: Load) -> list[tuple[str, ModuleSeen]]:
            modules = [load(LearningModule, code) for code in codes]
            return [(m.text, _seen(load, m, now)) for m in modules if everything or m.status == "published"]

        return Catalogue(await _with_words(request, await request.school.read(look)))

    @get("/{code:str}", operation_id="GetModule", roles=SIGNED_IN)
    async def one(self, request: ApiRequest, code: ModulePath) -> Response[ModuleSeen]:
        """A module with its next sessions; the `ETag` is for `PATCH`."""
        now = request.school.now()

        def look(load: Load) -> tuple[int, str, ModuleSeen]:
            module = existing(load, LearningModule, code)
            return module.version, module.text, _seen(load, module, now)

        version, text, seen = await request.school.read(look)
        named = await _with_words(request, [(text, seen)])
        return Response(named[0], headers={"ETag": etag(version)})


def _seen(load: Load, module: LearningModule, now: datetime) -> ModuleSeen:
    sessions = (load(Session, id) for id in module.sessions)
    upcoming = [_next(session) for session in sessions if session.starts_at > now]
    return ModuleSeen(
        code=module.id,
        title=None,
        aim=None,
        status=module.status,
        revision=module.revision,
        half_days=module.half_days,
        hours=module.minutes / 60,
        format=module.format,
        min_attendance=float(module.min_attendance),
        prerequisites=list(module.prerequisites),
        audience=list(module.audience),
        next_sessions=sorted(upcoming, key=lambda session: (session.starts_at, session.session_id)),
    )


def _next(session: Session) -> NextSession:
    return NextSession(
        session_id=session.id,
        starts_at=session.starts_at,
        languages=list(session.languages),
        place=session.place,
        format=session.format,
        seats=session.seats,
        free=max(session.free, 0),
        waiting=len(session.waitlist),
    )


async def _with_words(request: ApiRequest, found: Sequence[tuple[str, ModuleSeen]]) -> list[ModuleSeen]:
    """The modules with their titles, aims and the names of places, from the vault."""
    codes = {session.place for _, module in found for session in module.next_sessions}

    def look(connection: Connection[Any]) -> tuple[dict[str, str], dict[str, str]]:
        return vault.texts(connection, [text for text, _ in found]), vault.places(connection, codes)

    texts, places = await request.reads.vault(look)
    named = []
    for text, module in found:
        words = ModuleWords.from_text(texts[text]) if text in texts else None
        sessions = [
            msgspec.structs.replace(session, place=places.get(session.place, session.place))
            for session in module.next_sessions
        ]
        named.append(
            msgspec.structs.replace(
                module,
                title=words.title if words else None,
                aim=words.aim if words else None,
                next_sessions=sessions,
            )
        )
    return named


async def _changed_words(request: ApiRequest, code: str, data: ModuleChanges) -> vault.PutText | None:
    """The module's new words, if any of them change; what is not given stays."""
    if data.title is None and data.aim is None:
        return None
    text = await request.school.read(lambda load: existing(load, LearningModule, code).text)
    body = (await request.reads.vault(lambda connection: vault.texts(connection, [text]))).get(text)
    before = ModuleWords.from_text(body) if body else ModuleWords(title=Titles(fr=code))
    after = ModuleWords(title=data.title or before.title, aim=data.aim or before.aim)
    return None if after == before else vault.PutText(id=str(uuid4()), body=after.as_text())


def _codes(connection: Connection[Any]) -> list[str]:
    rows = connection.execute(SQL["drafted"], [topics_of(ModuleDrafted)]).fetchall()
    drafted = [decode(type, data) for type, data in rows]
    return [event.module for event in drafted if isinstance(event, ModuleDrafted)]


def _minutes(hours: float) -> int:
    return round(hours * 60)


def _exact(share: float) -> Decimal:
    """The fraction as it was written: 0.8 is 8/10."""
    return Decimal(str(share))
