"""Simulated feedback on sessions: hot and cold, online and on paper, with comments, and the trainers' own reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from coopschool.demo.calendar import HYBRID_FROM, ONLINE_FROM
from coopschool.demo.questionnaires import FEEDBACK
from coopschool.domain.base import SYSTEM, Actor
from coopschool.domain.instrument_versions import PublishInstrument, wording_of
from coopschool.domain.school.feedback import Answers, FeedbackMoment
from coopschool.domain.school.feedback_release import (
    COMMENTS_NEED,
    LogTrainerReport,
    ReleaseFeedback,
    attended,
    window_of,
)
from coopschool.domain.school.session import Session
from coopschool.vault import PutText

if TYPE_CHECKING:
    from coopschool.demo.school import SchoolLife

ANSWERING: dict[FeedbackMoment, float] = {"hot": 0.8, "cold": 0.5}
LEVELS: dict[FeedbackMoment, dict[str, float]] = {
    "hot": {"clarity": 4.0, "useful": 4.1, "voice": 3.9, "pace": 3.7, "trainer": 4.2, "confidence": 3.6},
    "cold": {"useful": 3.8, "confidence": 3.3, "used": 3.1, "shared": 3.4},
}
# What the sudden move online did, and what was left of it once everybody knew how.
ONLINE_AT_FIRST = {"voice": -0.9, "pace": -0.6, "clarity": -0.3, "confidence": -0.3}
ONLINE_SINCE = {"voice": -0.3, "pace": -0.1}
COMMENTS = (
    "Plus d'exemples de notre coopérative, s'il vous plaît.",
    "Le jeu de rôle m'a aidée à prendre la parole.",
    "Te veel in één namiddag.",
    "Goede sfeer, ik durfde vragen stellen.",
    "En ligne, on n'ose pas interrompre.",
    "J'aurais voulu les documents avant la séance.",
)
NOTES = ("Groupe curieux, beaucoup de questions sur les comptes.", "De verbinding viel twee keer uit.")


@dataclass
class FeedbackLife:
    """Plans what is said of each session that was closed."""

    life: SchoolLife
    trainers: dict[str, float] = field(default_factory=dict)

    def found(self, at: datetime) -> None:
        text = self.life.simulation.new_id()
        command = PublishInstrument(instrument=FEEDBACK, wording=text, at=at)
        self.life.simulation.do(command, PutText(id=text, body=wording_of(FEEDBACK)))

    def after(self, session: str, at: datetime) -> None:
        """A session was closed: its trainer reports within days, answers come out as the windows close."""
        known = self.life.simulation.load(Session, session)
        for trainer in known.trainers:
            later = at + timedelta(hours=self.life.simulation.chance.randrange(1, 60))
            self.life.simulation.plan(later, partial(self.report, session, trainer))
        for moment in LEVELS:
            closes = window_of(known, moment, self.life.zone).closes
            self.life.simulation.plan(closes + timedelta(hours=2), partial(self.release, session, moment))

    def report(self, session: str, trainer: str, at: datetime) -> None:
        chance = self.life.simulation.chance
        items = {item.code: chance.choice((3, 4, 4, 5)) for item in FEEDBACK.items_of("trainer_report")}
        note = self.life.simulation.new_id() if self.life.likely(0.25) else None
        command = LogTrainerReport(
            session=session,
            trainer=trainer,
            instrument=FEEDBACK.code,
            version=FEEDBACK.version,
            items=items,
            note=note,
            at=at,
            by=Actor(trainer, frozenset({"trainer"})),
        )
        words = [PutText(id=note, body=self.life.draw(NOTES), author=trainer)] if note else []
        self.life.simulation.do(command, *words)

    def release(self, session: str, moment: FeedbackMoment, at: datetime) -> None:
        """Who was there answers, or not; on paper where the last hour was on site, online months later."""
        known = self.life.simulation.load(Session, session)
        answering = sum(self.life.likely(ANSWERING[moment]) for _ in attended(known))
        on_paper = {"in_person": 0.8, "hybrid": 0.5}.get(known.format, 0.0) if moment == "hot" else 0.0
        online: list[Answers] = []
        paper: list[Answers] = []
        for _ in range(answering):
            (paper if self.life.likely(on_paper) else online).append(self.answer(known, moment))
        if not answering:
            return
        said = sum(self.life.likely(0.2) for _ in range(answering)) if answering >= COMMENTS_NEED else 0
        comments = [PutText(id=self.life.simulation.new_id(), body=self.life.draw(COMMENTS)) for _ in range(said)]
        command = ReleaseFeedback(
            session=session,
            moment=moment,
            instrument=FEEDBACK.code,
            version=FEEDBACK.version,
            online=tuple(online),
            paper=tuple(paper),
            comments=tuple(comment.id for comment in comments),
            at=at,
            by=SYSTEM,
        )
        self.life.simulation.do(command, *comments)

    def answer(self, session: Session, moment: FeedbackMoment) -> Answers:
        chance = self.life.simulation.chance
        brings = chance.gauss(0, 0.4) + sum(map(self.liked, session.trainers))
        moved = _moved_online(session)
        levels = {code: level + brings + moved.get(code, 0.0) for code, level in LEVELS[moment].items()}
        return {code: min(max(round(chance.gauss(level, 0.7)), 1), 5) for code, level in levels.items()}

    def liked(self, trainer: str) -> float:
        return self.trainers.setdefault(trainer, self.life.simulation.chance.gauss(0, 0.2))


def _moved_online(session: Session) -> dict[str, float]:
    begins = session.starts_at.date()
    if session.format != "online" or begins < ONLINE_FROM:
        return {}
    return ONLINE_AT_FIRST if begins < HYBRID_FROM else ONLINE_SINCE
