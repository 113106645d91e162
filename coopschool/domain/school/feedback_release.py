"""Who may give feedback and when; releasing it; the trainers' own reports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from coopschool.domain.base import Aggregate, Command, Decided, Load, Unchanged, existing
from coopschool.domain.errors import Forbidden
from coopschool.domain.instrument_versions import PublishedInstrument, used
from coopschool.domain.quarters import months_later
from coopschool.domain.school.feedback import (
    Answers,
    DidNotAttend,
    FeedbackAlreadyReleased,
    FeedbackMoment,
    FeedbackNotOpen,
    FeedbackReleased,
    FeedbackStillOpen,
    MoreSheetsThanPresent,
    ReportAlreadyLogged,
    TrainerReportLogged,
)
from coopschool.domain.school.session import Session
from coopschool.domain.school.waiting_list import SessionNotBegun

HOT_DAYS = 7
COLD_MONTHS = (2, 6)
COMMENTS_NEED = 5  # answers
QUESTIONNAIRE = "feedback"  # the instrument that members and trainers answer


class Window(NamedTuple):
    """From when to when feedback can be given, both included."""

    opens: datetime
    closes: datetime

    def covers(self, moment: datetime) -> bool:
        return self.opens <= moment <= self.closes


def window_of(session: Session, moment: FeedbackMoment, zone: tzinfo | None) -> Window:
    """When feedback on a session can be given, as its timetable stands."""
    return window_after(session.timetable[-1].starts_at.astimezone(zone), moment)


def window_after(last: datetime, moment: FeedbackMoment) -> Window:
    """Whole days in the zone of the last slot's start: hot from it to 7 days on, cold 2 to 6 months on."""
    if moment == "hot":
        return Window(last, _end_of(last.date() + timedelta(days=HOT_DAYS), last.tzinfo))
    opens, closes = (months_later(last.date(), months) for months in COLD_MONTHS)
    return Window(datetime.combine(opens, time.min, last.tzinfo), _end_of(closes, last.tzinfo))


def _end_of(day: date, zone: tzinfo | None) -> datetime:
    return datetime.combine(day, time.max, zone)


def attended(session: Session) -> frozenset[str]:
    """Who was there in a slot that was held, if only for a part of it."""
    held = {slot.number for slot in session.timetable}
    return frozenset(
        member
        for (slot, member), presence in session.presences.items()
        if slot in held and presence.status in {"present", "partial"}
    )


def guard_feedback_open(session: Session, moment: FeedbackMoment, at: datetime) -> None:
    """Refuses answers, sheets and retractions outside the window, and after the release."""
    window = window_of(session, moment, at.tzinfo)
    if not window.covers(at) or session.has_released(moment):
        raise FeedbackNotOpen(session=session.id, moment=moment, opens=window.opens, closes=window.closes)


def version_in_use(load: Load, session: Session, moment: FeedbackMoment, zone: tzinfo | None) -> int:
    """The version of the questionnaire for this session: the newest when its window opened. Raises `Unknown`."""
    return load(PublishedInstrument, QUESTIONNAIRE).in_use_at(window_of(session, moment, zone).opens)


def guard_attended(session: Session, member: str) -> None:
    if member not in attended(session):
        raise DidNotAttend(session=session.id)


class ReleaseFeedback(Command, frozen=True, kw_only=True):
    """Releases the answers on a session at one moment, in random order, as they came out of the answer box.

    An answer stands though a later correction says that its giver was absent: the answer box, which has counted
    before, sets `more-sheets-than-present` aside.
    """

    session: str
    moment: FeedbackMoment
    instrument: str
    version: int
    online: tuple[Answers, ...] = ()
    paper: tuple[Answers, ...] = ()
    comments: tuple[str, ...] = ()

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Session, self.session), (PublishedInstrument, self.instrument)]

    def decide(self, load: Load) -> Decided:
        if not self.by.is_any("coordinator"):
            raise Forbidden
        session = existing(load, Session, self.session)
        if self.at <= window_of(session, self.moment, self.at.tzinfo).closes:
            self.refuse(FeedbackStillOpen(session=session.id, moment=self.moment))
        if (self.moment, self.instrument, self.version) in session.released:
            raise FeedbackAlreadyReleased(session=session.id, moment=self.moment)
        questions = used(load, self.instrument, self.version, self.moment)
        for answers in (*self.online, *self.paper):
            questions.check(answers, self.moment)
        given, present = len(self.online) + len(self.paper), len(attended(session))
        if given > present:
            self.refuse(MoreSheetsThanPresent(session=session.id, present=present))
        return self.occurs(
            FeedbackReleased(
                session=session.id,
                module=session.module,
                moment=self.moment,
                instrument=self.instrument,
                version=self.version,
                online=self.online,
                paper=self.paper,
                comments=self.comments if given >= COMMENTS_NEED else (),
            )
        )


class LogTrainerReport(Command, frozen=True, kw_only=True):
    """Logs a trainer's own view of a session, once; a note goes to the vault under `note` in the same transaction."""

    session: str
    trainer: str
    instrument: str
    version: int
    items: Answers
    note: str | None = None

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Session, self.session), (PublishedInstrument, self.instrument)]

    def decide(self, load: Load) -> Decided:
        session = existing(load, Session, self.session)
        if not session.is_given_by(self.trainer) or (not self.by.is_system and self.by.person != self.trainer):
            raise Forbidden(session=session.id)
        if not session.has_begun(self.at):
            self.refuse(SessionNotBegun(session=session.id, starts_at=session.starts_at))
        used(load, self.instrument, self.version, "trainer_report").check(self.items, "trainer_report", "items")
        logged = session.reports.get(self.trainer)
        if logged is not None and logged.items == self.items and self.note is None:
            return Unchanged(logged.position)
        if logged is not None:
            raise ReportAlreadyLogged(session=session.id, trainer=self.trainer)
        return self.occurs(
            TrainerReportLogged(
                session=session.id,
                module=session.module,
                trainer=self.trainer,
                instrument=self.instrument,
                version=self.version,
                items=self.items,
                note=self.note,
            )
        )
