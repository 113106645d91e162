"""Survey waves: opening them, printing their tokens, answering, closing them. What came out is for reports to say.

Before a wave is closed nothing of its answers can be read here, not even how many there are; and afterwards only
through the statistics gate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Annotated, Any, Literal
from uuid import uuid4

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import JSONBody, PathParameter
from msgspec import Meta
from psycopg import Connection

from coopschool.api.access import PUBLIC, may
from coopschool.api.answers import Cursor, Limit, cursor_key, page
from coopschool.api.body import Body, Id, Written
from coopschool.api.examples import TEAM, TOKEN, In
from coopschool.api.request import ApiRequest
from coopschool.domain import bounds
from coopschool.domain.advisers.autonomy_survey import Wave, WaveOpened
from coopschool.domain.advisers.survey_waves import QUESTIONNAIRE, OpenWave
from coopschool.domain.base import Load, existing
from coopschool.domain.instrument_versions import PublishedInstrument
from coopschool.domain.instruments import Version
from coopschool.eventstore.upcasting import stored_topics
from coopschool.sql import statements

SQL = statements("coopschool.api.advisers", "waves.sql")
NEWEST = (1 << 63) - 1  # before this position: all

WavePath = Annotated[
    str, PathParameter(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", description="A wave's id")
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


class NewWave(Body, kw_only=True):
    """Which teams are asked, by which questionnaire (the newest version, unless said otherwise), until when."""

    teams: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=500)]
    closes_on: date
    instrument: bounds.Code = QUESTIONNAIRE
    version: Version | None = None


class WaveMade(Written, kw_only=True):
    """The new wave's id."""

    wave_id: str


class TeamAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A team of a wave, and how many advisers it had when the wave opened."""

    team_id: str
    eligible: int


class WaveSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A wave; `reopened` counts how often its answers were lost (a restore) and it began anew."""

    wave_id: str
    instrument: str
    version: int
    status: Literal["open", "closed"]
    opened_on: date
    closes_on: date
    reopened: int
    teams: list[TeamAsked]


class WaveCard(msgspec.Struct, frozen=True, kw_only=True):
    """A wave at a glance."""

    wave_id: str
    instrument: str
    version: int
    status: Literal["open", "closed"]
    opened_on: date
    closes_on: date
    reopened: int
    teams: list[str]


class WavePage(msgspec.Struct, frozen=True, kw_only=True):
    """Waves, and the cursor of the next page."""

    items: list[WaveCard]
    next: str | None


class TokensOfTeam(msgspec.Struct, frozen=True, kw_only=True):
    """One token for each adviser who may answer, in no order; which is whose is decided by who hands them out."""

    team_id: str
    tokens: list[str]


class Tokens(Written, kw_only=True):
    """What to hand out, and the address of the page to answer on."""

    wave_id: str
    page: str
    teams: list[TokensOfTeam]


class SurveyAnswer(Body, kw_only=True):
    """A token that was handed out, and the answers. What was sent cannot be changed."""

    token: Annotated[str, Meta(pattern=r"^[^\x00]{0,200}\Z", description="As printed; dashes and case do not matter")]
    answers: Answers


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """It is in the answer box. Nothing more is said of it."""

    status: Literal["received"] = "received"


class Waves(Controller):
    """`/api/waves`"""

    path = "/api/waves"
    tags = ("waves",)

    @post(
        operation_id="OpenWave",
        roles=may("coordinator", "researcher"),
        example={"instrument": "autonomy", "version": 1, "teams": [TEAM], "closes_on": In(21)},
    )
    async def open(self, request: ApiRequest, data: JSONBody[NewWave]) -> Response[WaveMade]:
        """Asks the advisers that these teams have today; teams, advisers and questionnaire stay as they are now."""
        wave, school = str(uuid4()), request.school
        version = data.version
        if version is None:
            version = await school.read(partial(newest_version, instrument=data.instrument))
        command = OpenWave(
            at=school.now(),
            by=request.actor,
            wave=wave,
            instrument=data.instrument,
            version=version,
            teams=data.teams,
            closes_on=data.closes_on,
        )
        outcome = await request.carry_out(command, answer=lambda _: {"wave_id": wave})
        return request.written(outcome, WaveMade, status=201, at="/api/waves/{wave_id}")

    @get(operation_id="ListWaves", roles=may("coordinator", "researcher"), csv=True)
    async def list_(self, request: ApiRequest, limit: Limit = 50, cursor: Cursor = None) -> Response[WavePage]:
        """Waves, the one opened last first."""
        before = cursor_key(cursor, int) or NEWEST
        found = await request.reads.vault(partial(opened_before, before=before, limit=limit + 1))
        cards = await request.school.read(lambda load: [_card(load(Wave, id)) for _, id in found[:limit]])
        return page(request, WavePage, cards, found[limit - 1][0] if len(found) > limit else None)

    @get("/{wave_id:str}", operation_id="GetWave", roles=may("coordinator", "researcher"))
    async def one(self, request: ApiRequest, wave_id: WavePath) -> WaveSeen:
        """A wave: whom it asks, until when. Nothing of its answers."""
        return await request.school.read(lambda load: seen(existing(load, Wave, wave_id)))

    @post("/{wave_id:str}/tokens", operation_id="IssueTokens", roles=may("coordinator"), keyless=True)
    async def tokens(self, request: ApiRequest, wave_id: WavePath) -> Response[Tokens]:
        """The tokens to print: the same ones whenever it is asked. They are kept nowhere, this answer included."""
        given = await asyncio.to_thread(request.answer_box.surveys.tokens, wave_id, request.actor)
        answer = Tokens(
            wave_id=wave_id,
            page=f"/answer/{wave_id}",
            teams=[TokensOfTeam(team_id=team, tokens=tokens) for team, tokens in given.items()],
            position=await request.school.read(lambda load: load(Wave, wave_id).position),
        )
        return Response(answer, status_code=201)

    @post(
        "/{wave_id:str}/responses",
        operation_id="SubmitResponse",
        may_answer=(403,),
        roles=PUBLIC,
        unnoted=True,
        example={"token": TOKEN, "answers": {"s1": 4, "s2": 5, "s3": 3}},
    )
    async def submit(self, request: ApiRequest, wave_id: WavePath, data: JSONBody[SurveyAnswer]) -> Response[Received]:
        """Answers, once a token. Whatever is wrong with a token, the refusal is the same."""
        await asyncio.to_thread(request.answer_box.surveys.submit, wave_id, data.token, data.answers)
        return Response(Received(), status_code=201)

    @post(
        "/{wave_id:str}/close",
        operation_id="CloseWave",
        roles=may("coordinator", "researcher"),
        status_code=200,
    )
    async def close(self, request: ApiRequest, wave_id: WavePath) -> Response[Written]:
        """Ends a wave: its answers are released together, shuffled, without persons, and the box is destroyed."""
        close = partial(request.answer_box.surveys.close, wave_id, request.actor, **request.once())
        return request.written(await asyncio.to_thread(close), Written)


def newest_version(load: Load, instrument: str) -> int:
    """The number of an instrument's newest version. Raises `Unknown`."""
    return max(existing(load, PublishedInstrument, instrument).versions)


def opened_before(conn: Connection[Any], before: int, limit: int) -> Sequence[tuple[int, str]]:
    """Position and id of the waves opened before a position."""
    wanted = {"opened": stored_topics(WaveOpened.TOPIC), "before": before, "limit": limit}
    rows = conn.execute(SQL["opened_before"], wanted).fetchall()
    return [(position, tag.partition(":")[2]) for position, tag in rows]


def _card(wave: Wave) -> WaveCard:
    fields = msgspec.structs.asdict(seen(wave))
    return WaveCard(**{**fields, "teams": [team.team_id for team in fields["teams"]]})


def seen(wave: Wave) -> WaveSeen:
    """A wave as those see it who run it."""
    return WaveSeen(
        wave_id=wave.id,
        instrument=wave.instrument,
        version=wave.version,
        status="open" if wave.is_open else "closed",
        opened_on=wave.opened_on,
        closes_on=wave.closes_on,
        reopened=wave.reopened,
        teams=[TeamAsked(team_id=team, eligible=len(advisers)) for team, advisers in wave.eligible.items()],
    )
