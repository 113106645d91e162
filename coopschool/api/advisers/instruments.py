"""Questionnaires: publishing a version, and what was published."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from coopschool import vault
from coopschool.api.access import may
from coopschool.api.advisers.streams import folded
from coopschool.api.answers import Cursor, Limit, MinPosition, cursor_key, page, portion
from coopschool.api.body import Written
from coopschool.api.request import ApiRequest
from coopschool.domain import instruments
from coopschool.domain.base import Load, existing
from coopschool.domain.instrument_versions import (
    PublishedInstrument,
    PublishedVersion,
    PublishInstrument,
    instrument_of,
    wording_of,
)
from coopschool.domain.instruments import Continuation, Instrument, Version

WHO = may("coordinator", "researcher")

CodePath = Annotated[str, PathParameter(pattern=r"^[a-z][a-z0-9_]{0,39}\Z", description="A questionnaire's code")]
VersionPath = Annotated[int, PathParameter(ge=1, le=9_999, description="A version's number")]


class InstrumentMade(Written, kw_only=True):
    """The version that is published now."""

    code: str
    version: int


class InstrumentCard(msgspec.Struct, frozen=True, kw_only=True):
    """A published version: the codes of what it asks, by dimension or moment, and what it continues."""

    code: str
    version: int
    published_at: datetime
    dimensions: list[str]
    items: list[str]
    hot: list[str]
    cold: list[str]
    trainer_report: list[str]
    continues: list[Continuation]
    digest: str


class InstrumentPage(msgspec.Struct, frozen=True, kw_only=True):
    """Published versions, and the cursor of the next page."""

    items: list[InstrumentCard]
    next: str | None


class InstrumentSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A published version, word for word; `digest` is the SHA-256 of its JSON as it is in the log."""

    code: str
    version: int
    published_at: datetime
    digest: str
    instrument: Instrument


@post(
    "/api/instruments",
    operation_id="PublishInstrument",
    roles=WHO,
    tags=["instruments"],
    example={
        "code": "autonomy",
        "version": 2,
        "scale": {"min": 1, "max": 5},
        "note": "Own wording, not validated.",
        "min_items_per_dimension": 2,
        "dimensions": [
            {
                "code": "scheduling",
                "items": [
                    {
                        "code": "s1",
                        "fr": "Je choisis l'ordre de mes dossiers.",
                        "en": "I choose the order of my files.",
                    },
                    {"code": "s4", "fr": "Je choisis mes jours de télétravail.", "en": "I choose my days at home."},
                ],
            }
        ],
        "continues": [{"version": 1, "dimensions": {"scheduling": "scheduling"}, "items": {"s1": "s1"}}],
    },
)
async def publish(request: ApiRequest, data: JSONBody[Instrument]) -> Response[InstrumentMade]:
    """Publishes a version of a questionnaire; `continues` maps what goes on from an older one, else series break."""
    wording = _kept(wording_of(data))
    command = PublishInstrument(at=request.school.now(), by=request.actor, instrument=data, wording=wording.id)
    outcome = await request.carry_out(
        command, vault=[wording], answer=lambda _: {"code": data.code, "version": data.version}
    )
    return request.written(outcome, InstrumentMade, status=201, at="/api/instruments/{code}/{version}")


@get(
    "/api/instruments",
    operation_id="ListInstruments",
    roles=WHO,
    tags=["instruments"],
    csv=True,
    query_example={"code": "autonomy"},
)
async def list_instruments(
    request: ApiRequest,
    code: Annotated[str | None, QueryParameter(description="Of this questionnaire", max_length=40)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    min_position: MinPosition = None,
) -> Response[InstrumentPage]:
    """Every version of every questionnaire that was published."""
    await request.reads.logged(min_position or 0)
    published = await request.reads.vault(lambda connection: folded(connection, PublishedInstrument))
    cards = [
        _card(instrument.id, number, version)
        for instrument in published
        if code in (None, instrument.id)
        for number, version in instrument.versions.items()
    ]
    shown, last = portion(cards, lambda one: (one.code, one.version), cursor_key(cursor, tuple[str, int]), limit)
    return page(request, InstrumentPage, shown, last)


@get(
    "/api/instruments/{code:str}/{version:int}",
    operation_id="GetInstrument",
    roles=WHO,
    tags=["instruments"],
    path_example={"code": "autonomy", "version": 1},
)
async def one(request: ApiRequest, code: CodePath, version: VersionPath) -> InstrumentSeen:
    """A version as it was published."""

    def look(load: Load) -> PublishedVersion:
        return existing(load, PublishedInstrument, code).version(version)

    published = await request.school.read(look)
    texts = await request.reads.vault(lambda connection: vault.texts(connection, [published.wording]))
    wording = texts.get(published.wording)
    return InstrumentSeen(
        code=code,
        version=version,
        published_at=published.published_at,
        digest=published.digest,
        instrument=instruments.parse(wording) if wording else instrument_of(code, version, published.outline),
    )


def _kept(wording: str) -> vault.PutText:
    """The wording under an id made of it, so that publishing the same again leaves no second copy behind."""
    return vault.PutText(id=str(UUID(bytes=hashlib.sha256(wording.encode()).digest()[:16])), body=wording)


def _card(code: str, number: Version, version: PublishedVersion) -> InstrumentCard:
    outline = version.outline
    return InstrumentCard(
        code=code,
        version=number,
        published_at=version.published_at,
        dimensions=[dimension.code for dimension in outline.dimensions],
        items=[item for dimension in outline.dimensions for item in dimension.items],
        hot=list(outline.hot),
        cold=list(outline.cold),
        trainer_report=list(outline.trainer_report),
        continues=list(outline.continues),
        digest=version.digest,
    )


ROUTES = (publish, list_instruments, one)
