"""The answer box of survey waves: printed tokens go in, answers come out when the wave closes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec
import psycopg

from coopschool.answer_box.boxes import AnswerBoxes, BoxChanged, DropBox, NoBox, PutBox, TakeBox, size_for
from coopschool.application import CoopSchool
from coopschool.command_bus import Outcome, VaultWrite
from coopschool.domain.advisers.autonomy_survey import Answers, Wave, WaveClosed, WaveOpened
from coopschool.domain.advisers.survey_waves import CloseWave, IssueTokens, ReopenWave
from coopschool.domain.base import SYSTEM, Actor, Load, existing
from coopschool.domain.errors import Forbidden
from coopschool.domain.instrument_versions import used
from coopschool.domain.instruments import Instrument
from coopschool.eventstore.upcasting import stored_topics
from coopschool.sql import statements

SQL = statements("coopschool.answer_box", "waves.sql")
TOKEN_CHARACTERS = 16  # of 5 bits each
_READ_AS = str.maketrans("OIL", "011", "- \t")
_CROCKFORD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_RANDOM = secrets.SystemRandom()


class TokenRefused(Forbidden):
    """This token cannot be used."""


class SurveyContent(msgspec.Struct):
    """What a box holds: unspent tokens, hashed, and answers; teams by their place in the wave.

    `secret` gives the tokens, so that a list can be printed again without being kept.
    """

    secret: bytes
    unspent: list[tuple[bytes, int]]
    answers: list[tuple[int, Answers]]


class Asked(NamedTuple):
    """What an answer is checked against."""

    questions: Instrument
    takes_answers: bool


class SurveyBox:
    """Tokens, answers and closing of waves. Blocks: call it from a thread, not from an event loop."""

    def __init__(self, school: CoopSchool, boxes: AnswerBoxes) -> None:
        self._school = school
        self._boxes = boxes

    def tokens(self, wave: str, by: Actor = SYSTEM) -> dict[str, list[str]]:
        """The tokens of a wave by team, one for each eligible adviser: the same ones whenever it is asked.

        So it tells nothing of who has answered. Raises `Forbidden`, `Unknown` or `WaveNotOpen`.
        """
        issue = IssueTokens(at=self._school.now(), by=by, wave=wave)
        self._school.execute_now(issue)
        sizes = self._school.read_now(lambda load: _sizes(load, wave))
        opened = self._boxes.read(_about(wave))
        if opened is None:
            new = self._new_box(wave, sizes)
            try:
                self._school.execute_now(issue, vault=[new])
            except BoxChanged:
                self._boxes.keys.forget(new.box)  # somebody else issued them meanwhile
            opened = self._boxes.read(_about(wave))
        if opened is None:
            return self.tokens(wave, by)
        secret = _decoded(opened.content).secret
        return {team: sorted(_token(secret, team, number) for number in range(size)) for team, size in sizes.items()}

    def submit(self, wave: str, token: str, answers: Mapping[str, int]) -> None:
        """Puts an answer into the box and the token out of it, both or neither.

        Raises `Invalid` for an answer that does not fit, whatever the token; else `TokenRefused` for any token that
        does not count, for whatever reason; `StoreAway` where it is not known what happened: sending it again tells.
        """
        asked = self._school.read_now(lambda load: _asked(load, wave, self._school.now().date()))
        if asked is not None:
            asked.questions.check(answers)
        if asked is None or not asked.takes_answers:
            self._boxes.read(_about(wave))  # a refusal takes as long, whatever it is for
            raise TokenRefused
        try:
            with self._boxes.opened(_about(wave)) as opened:
                content = _decoded(opened.content)
                team = _spend(content, token)
                content.answers.append((team, asked.questions.in_order(answers)))
                _RANDOM.shuffle(content.answers)
                _RANDOM.shuffle(content.unspent)
                opened.replace(msgspec.msgpack.encode(content))
        except NoBox:
            raise TokenRefused from None

    def due(self) -> list[str]:
        """The waves that are open though their last day is over."""
        with closing(self._school.database.connect("app")) as conn:
            opened = open_waves(conn)
        today = self._school.now().date()
        return self._school.read_now(lambda load: [id for id in opened if load(Wave, id).closes_on < today])

    def close(self, wave: str, by: Actor = SYSTEM, at: datetime | None = None, **how: Any) -> Outcome:
        """Closes a wave: its answers are released and its box goes, in one transaction; then its key is destroyed.

        Raises `Forbidden`, `Unknown` or `WaveNotOpen`. Keywords as in `CoopSchool.execute`.
        """
        while True:
            opened = self._boxes.read(_about(wave))
            responses = {} if opened is None else self._responses(wave, _decoded(opened.content))
            command = CloseWave(at=at or self._school.now(), by=by, wave=wave, responses=responses)
            vault: list[VaultWrite] = [TakeBox(_about(wave), opened)]
            try:
                outcome = self._school.execute_now(command, vault=vault, **how)
            except BoxChanged:
                continue
            if opened is not None:
                self._boxes.keys.forget(opened.box)
            return outcome

    def reopen(self, wave: str, by: Actor = SYSTEM) -> Outcome:
        """Starts a wave anew whose answers cannot be read any more (after a restore): new tokens have to be printed."""
        box = self._boxes.all().get(_about(wave))
        command = ReopenWave(at=self._school.now(), by=by, wave=wave)
        outcome = self._school.execute_now(command, vault=[DropBox(_about(wave))])
        if box is not None:
            self._boxes.keys.forget(box)
        return outcome

    def _new_box(self, wave: str, sizes: Mapping[str, int]) -> PutBox:
        secret = secrets.token_bytes(32)
        unspent = [
            (hash_of(_token(secret, team, number)), place)
            for place, (team, size) in enumerate(sizes.items())
            for number in range(size)
        ]
        _RANDOM.shuffle(unspent)
        questions = self._school.read_now(lambda load: _questions(load, wave))
        longest = dict.fromkeys(questions.items, questions.scale.max)
        at_most = SurveyContent(secret, unspent, [(place, longest) for _, place in unspent])
        content = SurveyContent(secret, unspent, [])
        return self._boxes.new(_about(wave), msgspec.msgpack.encode(content), size_for(at_most))

    def _responses(self, wave: str, content: SurveyContent) -> dict[str, Sequence[Answers]]:
        teams = list(self._school.read_now(lambda load: _sizes(load, wave)))
        _RANDOM.shuffle(content.answers)
        responses: dict[str, list[Answers]] = {team: [] for team in teams}
        for place, answers in content.answers:
            responses[teams[place]].append(answers)
        return dict(responses)


def open_waves(conn: psycopg.Connection[Any]) -> list[str]:
    """The waves that were opened and not closed, in the order of their opening."""
    topics = {"opened": stored_topics(WaveOpened.TOPIC), "closed": stored_topics(WaveClosed.TOPIC)}
    return [tag.partition(":")[2] for (tag,) in conn.execute(SQL["open"], topics)]


def _about(wave: str) -> str:
    return f"wave:{wave}"


def wave_of(about: str) -> str | None:
    """The wave that a box is about, if it is about one."""
    kind, _, wave = about.partition(":")
    return wave if kind == "wave" else None


def _sizes(load: Load, wave: str) -> dict[str, int]:
    """The number of eligible advisers by team, in the order of the wave."""
    return {team: len(advisers) for team, advisers in existing(load, Wave, wave).eligible.items()}


def _questions(load: Load, id: str) -> Instrument:
    wave = existing(load, Wave, id)
    return used(load, wave.instrument, wave.version)


def _asked(load: Load, id: str, today: date) -> Asked | None:
    wave = load(Wave, id)
    return Asked(_questions(load, id), wave.takes_answers_on(today)) if wave.exists else None


def _decoded(content: bytes) -> SurveyContent:
    return msgspec.msgpack.decode(content, type=SurveyContent)


def _token(secret: bytes, team: str, number: int) -> str:
    """16 characters of Crockford's base 32 (no I, L, O or U), in groups of four."""
    digest = hmac.digest(secret, f"token {team} {number}".encode(), hashlib.sha256)
    signs = base64.b32encode(digest).decode().translate(_CROCKFORD)[:TOKEN_CHARACTERS]
    return "-".join(signs[at : at + 4] for at in range(0, TOKEN_CHARACTERS, 4))


def hash_of(token: str) -> bytes:
    """The hash of a token, however somebody types it."""
    return hashlib.sha256(token.upper().translate(_READ_AS).encode()).digest()


def _spend(content: SurveyContent, token: str) -> int:
    """Takes the token out; answers the place of its team. Raises `TokenRefused`."""
    hashed = hash_of(token)
    for at, (unspent, place) in enumerate(content.unspent):
        if hmac.compare_digest(unspent, hashed):
            del content.unspent[at]
            return place
    raise TokenRefused
