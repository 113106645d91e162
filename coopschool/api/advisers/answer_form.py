"""`/answer/{wave}`: the page on which an adviser answers with a printed token, and nothing else is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, NamedTuple
from urllib.parse import parse_qsl

import psycopg
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter

from coopschool import vault
from coopschool.answer_box import TokenRefused
from coopschool.api.access import PUBLIC
from coopschool.api.advisers import answer_page
from coopschool.api.advisers.answer_page import ONLY_LANGUAGE, TOKEN, Filled, Wrong
from coopschool.api.request import ApiRequest
from coopschool.api.wording import LANGUAGES
from coopschool.command_bus import Busy, StoreAway
from coopschool.domain.advisers.autonomy_survey import Wave
from coopschool.domain.base import Load
from coopschool.domain.errors import Invalid
from coopschool.domain.instrument_versions import PublishedInstrument
from coopschool.domain.instruments import Instrument, TooFewItems, UnknownItem, parse
from coopschool.domain.school.words import Language

WavePath = Annotated[str, PathParameter(max_length=100, description="A wave's id")]
Lang = Annotated[str | None, QueryParameter(description="fr, nl or en, instead of what `Accept-Language` says")]
FIELDS_AT_MOST = 500


class Asked(NamedTuple):
    """Until when a wave asks, by which questionnaire, where the wording of that is, and whether it still asks."""

    until: date
    questions: Instrument
    wording: str
    takes_answers: bool


@get("/answer/{wave_id:str}", operation_id="ShowAnswerForm", roles=PUBLIC, unnoted=True, include_in_schema=False)
async def show_form(request: ApiRequest, wave_id: WavePath, lang: Lang = None) -> Response[str]:
    """The form, empty."""
    language = _language(request, lang)
    asked = await _asked(request, wave_id)
    if asked is None:
        return _html(404, language, answer_page.notice(language, "unknown", "unknown_text"))
    if not asked.takes_answers:
        return _closed(language)
    questions = await _worded(request, asked)
    return _html(200, language, answer_page.form(questions, asked.until, language))


@post("/answer/{wave_id:str}", operation_id="SendAnswerForm", roles=PUBLIC, unnoted=True, include_in_schema=False)
async def send_form(request: ApiRequest, wave_id: WavePath, lang: Lang = None) -> Response[str]:
    """Puts the answer into the box, or shows the form again with what is wrong and all that was filled in.

    Where only another language is wanted, it is shown in that, and the token is not even looked at.
    """
    language = _language(request, lang)
    asked = await _asked(request, wave_id)
    if asked is None:
        return _html(404, language, answer_page.notice(language, "unknown", "unknown_text"))
    filled = _filled(request.call.body)
    questions = await _worded(request, asked)

    def again(status: int, *wrong: Wrong, uncertain: bool = False) -> Response[str]:
        page = answer_page.form(questions, asked.until, language, filled, wrong, uncertain=uncertain)
        return _html(status, language, page)

    if filled.only_language:
        return again(200) if asked.takes_answers else _closed(language)
    answers = _answers(filled.answers)
    if wrong := _wrong(questions, filled.token, answers, language):
        return again(422, *wrong)
    try:
        await asyncio.to_thread(request.answer_box.surveys.submit, wave_id, filled.token, answers)
    except TokenRefused:
        return again(403, Wrong(TOKEN, answer_page.words(language)["token_refused"]))
    except (StoreAway, Busy, psycopg.OperationalError):
        return again(503, uncertain=True)
    return _html(200, language, answer_page.notice(language, "thanks", "thanks_text"))


ROUTES: tuple[HTTPRouteHandler, ...] = (show_form, send_form)


def _language(request: ApiRequest, chosen: str | None) -> Language:
    return next((language for language in LANGUAGES if language == chosen), request.call.language)


async def _asked(request: ApiRequest, id: str) -> Asked | None:
    today = request.school.now().date()

    def look(load: Load) -> Asked | None:
        wave = load(Wave, id)
        if not wave.exists:
            return None
        instrument = load(PublishedInstrument, wave.instrument)
        published = instrument.version(wave.version)
        return Asked(
            wave.closes_on, instrument.questions(wave.version), published.wording, wave.takes_answers_on(today)
        )

    return await request.school.read(look)


async def _worded(request: ApiRequest, asked: Asked) -> Instrument:
    """The questionnaire with its words; with its codes, where the vault has no words for it."""
    texts = await request.reads.vault(lambda connection: vault.texts(connection, [asked.wording]))
    return parse(texts[asked.wording]) if asked.wording in texts else asked.questions


def _filled(body: bytes) -> Filled:
    """What the browser sent; of a field that comes twice the last counts. Nothing in it can break a page."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_AT_MOST)
    except ValueError:
        return Filled()
    given = {name: value.replace("\0", "") for name, value in pairs}
    token, switched = given.pop(TOKEN, ""), given.pop(ONLY_LANGUAGE, None) is not None
    return Filled(token.strip(), {code: value for code, value in given.items() if value}, switched)


def _answers(filled: Mapping[str, str]) -> dict[str, Any]:
    """Points as numbers; anything else as it came, for the questionnaire to refuse."""
    return {code: int(value) if value.isascii() and value.isdigit() and len(value) < 4 else value
            for code, value in filled.items()}  # fmt: skip


def _wrong(questions: Instrument, token: str, answers: Mapping[str, Any], language: Language) -> list[Wrong]:
    said, wrong = answer_page.words(language), []
    if not token:
        wrong.append(Wrong(TOKEN, said["token_missing"]))
    try:
        questions.check(answers)
    except Invalid as error:
        wrong.append(_said_of(error, said))
    return wrong


def _said_of(error: Invalid, said: Mapping[str, str]) -> Wrong:
    item = str(error.details["field"]).partition(".")[2]
    if isinstance(error, TooFewItems):
        return Wrong(item, said["too_few"].format(least=error.details["least"]))
    if isinstance(error, UnknownItem):
        return Wrong(item, said["unknown_item"].format(item=item[:40]))
    return Wrong(item, said["outside_scale"])


def _closed(language: Language) -> Response[str]:
    return _html(410, language, answer_page.notice(language, "closed", "closed_text"))


def _html(status: int, language: Language, page: str) -> Response[str]:
    headers = {
        "Content-Language": language,
        "Content-Security-Policy": answer_page.content_security(),
        "Vary": "Accept-Language",
    }
    return Response(page, status_code=status, media_type="text/html", headers=headers)
