"""The answer box of session feedback: once a person, to be taken back until the window closes, then released.

Who has answered is known to the box only, and only as a keyed hash: to enforce once, and to find what somebody takes
back. It goes with the box.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import uuid4

import msgspec

from coopschool.answer_box.boxes import AnswerBoxes, BoxChanged, NoBox, Opened, TakeBox, size_for
from coopschool.application import CoopSchool
from coopschool.command_bus import VaultWrite
from coopschool.domain.base import Actor, Load, existing
from coopschool.domain.errors import DomainError, Forbidden, Invalid, Unknown
from coopschool.domain.instrument_versions import used
from coopschool.domain.instruments import Instrument
from coopschool.domain.school.feedback import (
    AlreadyAnswered,
    Answers,
    FeedbackMoment,
    FeedbackNotOpen,
    MoreSheetsThanPresent,
    NotTheVersionInUse,
)
from coopschool.domain.school.feedback_release import (
    COMMENTS_NEED,
    QUESTIONNAIRE,
    ReleaseFeedback,
    attended,
    guard_attended,
    guard_feedback_open,
    version_in_use,
    window_of,
)
from coopschool.domain.school.session import Session
from coopschool.vault import PutText

COMMENT_AT_MOST = 2_000  # characters
COMMENT_RESERVED = 500  # bytes for each who attended; a box with longer comments grows
MOMENTS: tuple[FeedbackMoment, ...] = ("hot", "cold")
_RANDOM = secrets.SystemRandom()

T = TypeVar("T")


class Sheet(msgspec.Struct, frozen=True):
    """One set of answers."""

    answers: Answers
    comment: str | None = None


class FeedbackContent(msgspec.Struct):
    """What a box holds; `online` by the keyed hash of who answered."""

    secret: bytes
    version: int
    online: dict[bytes, Sheet]
    paper: list[Sheet]

    @property
    def total(self) -> int:
        return len(self.online) + len(self.paper)


class Asked(NamedTuple):
    """What an answer is checked against."""

    version: int
    questions: Instrument
    present: int


class FeedbackBox:
    """Answers, sheets, retraction and release. Blocks: call it from a thread, not from an event loop."""

    def __init__(self, school: CoopSchool, boxes: AnswerBoxes) -> None:
        self._school = school
        self._boxes = boxes

    def submit(
        self, session: str, moment: FeedbackMoment, person: str, instrument: str, version: int, sheet: Sheet
    ) -> None:
        """Puts the answer of somebody who attended into the box.

        Raises `DidNotAttend`, `FeedbackNotOpen`, `NotTheVersionInUse`, `Invalid`, `AlreadyAnswered`,
        `MoreSheetsThanPresent`; `StoreAway` where it is not known what happened: sending it again tells.
        """
        asked = self._ask(session, moment, lambda found: guard_attended(found, person))
        _check_version(asked, instrument, version)
        _check(asked, moment, sheet)
        self._make_box(session, moment, asked)
        with self._opened(session, moment) as (opened, content):
            tag = _tag(content, person)
            if tag in content.online:
                raise AlreadyAnswered(session=session, moment=moment)
            content.online[tag] = _in_order(asked, sheet)
            self._put_back(session, moment, opened, content)

    def retract(self, session: str, moment: FeedbackMoment, person: str) -> None:
        """Takes somebody's answer out again. Raises `FeedbackNotOpen`, or `Unknown` where there is none."""
        self._ask(session, moment)
        none = Unknown("feedback", session)  # the same whether or not somebody else has answered
        with self._opened(session, moment, none) as (opened, content):
            if content.online.pop(_tag(content, person), None) is None:
                raise none
            opened.replace(_encoded(content))

    def add_sheets(
        self,
        session: str,
        moment: FeedbackMoment,
        by: Actor,
        instrument: str,
        version: int,
        sheets: Sequence[Sheet],
    ) -> None:
        """Puts paper sheets, typed in by one of the session's trainers, into the box: all or none.

        Raises as `submit` does, and `Forbidden`.
        """

        def guard(found: Session) -> None:
            if not found.is_given_by(by.person):
                raise Forbidden(session=session)

        asked = self._ask(session, moment, guard)
        _check_version(asked, instrument, version)
        if not sheets:
            raise Invalid("sheets", least=1)
        for number, sheet in enumerate(sheets):
            _check(asked, moment, sheet, f"sheets.{number}.")
        self._make_box(session, moment, asked)
        with self._opened(session, moment) as (opened, content):
            content.paper += [_in_order(asked, sheet) for sheet in sheets]
            self._put_back(session, moment, opened, content)

    def due(self) -> list[tuple[str, FeedbackMoment]]:
        """The sessions and moments for which answers wait though the window has closed."""
        about = [key for key in map(feedback_of, self._boxes.all()) if key is not None]
        now = self._school.now()
        return [key for key in about if now > self._window_closes(*key)]

    def release_due(self) -> int:
        """Releases what waits where the window has closed; answers how many boxes that were."""
        return sum(self.release(*key) for key in self.due())

    def release(self, session: str, moment: FeedbackMoment) -> bool:
        """Releases the answers on a session, in one transaction with the box's end; then its key is destroyed.

        False where there was nothing to release. Raises `FeedbackStillOpen`.
        """
        about = _about(session, moment)
        while (opened := self._boxes.read(about)) is not None:
            content = _decoded(opened.content)
            if content.total == 0:
                self._boxes.discard(about)
                return False
            command, comments = self._release(session, moment, content)
            vault: list[VaultWrite] = [TakeBox(about, opened), *comments]
            try:
                self._school.execute_now(command, vault=vault)
            except BoxChanged:
                continue
            self._boxes.keys.forget(opened.box)
            return True
        return False

    def forget(self, person: str) -> None:
        """Takes out whatever a person has answered that is not released yet: part of erasing them."""
        for key in map(feedback_of, self._boxes.all()):
            if key is None:
                continue
            with suppress(FeedbackNotOpen), self._opened(*key) as (opened, content):
                if content.online.pop(_tag(content, person), None) is not None:
                    opened.replace(_encoded(content))

    # --- what the log says

    def _ask(
        self, session: str, moment: FeedbackMoment, guard: Callable[[Session], None] = lambda _session: None
    ) -> Asked:
        at = self._school.now()

        def look(load: Load) -> Asked:
            found = existing(load, Session, session)
            guard(found)
            guard_feedback_open(found, moment, at)
            version = version_in_use(load, found, moment, at.tzinfo)
            return Asked(version, used(load, QUESTIONNAIRE, version, moment), len(attended(found)))

        return self._school.read_now(look)

    def _window_closes(self, session: str, moment: FeedbackMoment) -> datetime:
        zone = self._school.now().tzinfo
        return self._school.read_now(lambda load: window_of(load(Session, session), moment, zone).closes)

    # --- the box

    def _make_box(self, session: str, moment: FeedbackMoment, asked: Asked) -> None:
        empty = FeedbackContent(secrets.token_bytes(32), asked.version, {}, [])
        full = Sheet(dict.fromkeys(asked.questions.items, asked.questions.scale.max), "c" * COMMENT_RESERVED)
        at_most = msgspec.structs.replace(
            empty, online={bytes([n >> 8, n & 255]) * 16: full for n in range(asked.present)}
        )
        self._boxes.make(_about(session, moment), _encoded(empty), size_for(at_most))

    @contextmanager
    def _opened(
        self, session: str, moment: FeedbackMoment, gone: DomainError | None = None
    ) -> Iterator[tuple[Opened, FeedbackContent]]:
        try:
            with self._boxes.opened(_about(session, moment)) as opened:
                yield opened, _decoded(opened.content)
        except NoBox:
            raise gone or FeedbackNotOpen(session=session, moment=moment) from None

    def _put_back(self, session: str, moment: FeedbackMoment, opened: Opened, content: FeedbackContent) -> None:
        # While we have the box nothing can be released, so what the log says now holds until we commit.
        if content.total > self._ask(session, moment).present:
            raise MoreSheetsThanPresent(session=session)
        _RANDOM.shuffle(content.paper)
        content.online = dict(_shuffled(content.online.items()))
        opened.replace(_encoded(content))

    def _release(
        self, session: str, moment: FeedbackMoment, content: FeedbackContent
    ) -> tuple[ReleaseFeedback, list[PutText]]:
        online, paper = _shuffled(content.online.values()), _shuffled(content.paper)
        comments: list[PutText] = []
        if content.total >= COMMENTS_NEED:
            said = [sheet.comment for sheet in (*online, *paper) if sheet.comment is not None]
            comments = [PutText(id=str(uuid4()), body=comment) for comment in _shuffled(said)]
        command = ReleaseFeedback(
            at=self._school.now(),
            session=session,
            moment=moment,
            instrument=QUESTIONNAIRE,
            version=content.version,
            online=tuple(sheet.answers for sheet in online),
            paper=tuple(sheet.answers for sheet in paper),
            comments=tuple(comment.id for comment in comments),
            exceptions=frozenset({MoreSheetsThanPresent.code}),
        )
        return command, comments


def _about(session: str, moment: FeedbackMoment) -> str:
    return f"feedback:{moment}:{session}"


def feedback_of(about: str) -> tuple[str, FeedbackMoment] | None:
    """The session and the moment that a box is about, if it is about feedback."""
    for moment in MOMENTS:
        kind = _about("", moment)
        if about.startswith(kind):
            return about.removeprefix(kind), moment
    return None


def _check_version(asked: Asked, instrument: str, version: int) -> None:
    if (instrument, version) != (QUESTIONNAIRE, asked.version):
        raise NotTheVersionInUse(instrument=QUESTIONNAIRE, version=asked.version)


def _check(asked: Asked, moment: FeedbackMoment, sheet: Sheet, path: str = "") -> None:
    asked.questions.check(sheet.answers, moment, f"{path}answers")
    if sheet.comment is not None and not 0 < len(sheet.comment) <= COMMENT_AT_MOST:
        raise Invalid(f"{path}comment", least=1, most=COMMENT_AT_MOST)


def _in_order(asked: Asked, sheet: Sheet) -> Sheet:
    return Sheet(asked.questions.in_order(sheet.answers), sheet.comment)


def _tag(content: FeedbackContent, person: str) -> bytes:
    return hmac.digest(content.secret, person.encode(), hashlib.sha256)


def _shuffled(things: Iterable[T]) -> list[T]:
    shuffled = list(things)
    _RANDOM.shuffle(shuffled)
    return shuffled


def _encoded(content: FeedbackContent) -> bytes:
    return msgspec.msgpack.encode(content)


def _decoded(content: bytes) -> FeedbackContent:
    return msgspec.msgpack.decode(content, type=FeedbackContent)
