"""Simulated workshops of the adviser teams: what they decide, who decides it, and what becomes of it.

In the spring of 2020 others decide; from the autumn on the teams take things into their own hands again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from coopschool.demo.teams import FORMED, SENT_HOME, Team, TeamLife
from coopschool.domain.advisers.workshop import DecidedBy, Theme
from coopschool.domain.advisers.workshop_log import (
    AddWorkshopNote,
    HoldWorkshop,
    PlanWorkshop,
    ReviewDecision,
    TakeDecision,
)
from coopschool.domain.base import Actor
from coopschool.vault import PutText

if TYPE_CHECKING:
    from coopschool.demo.school import SchoolLife

LAST_WORKSHOP = date(2021, 11, 30)
BACK_IN_HAND = date(2020, 9, 1)
DAYS_BETWEEN = (90, 190)

THEMES_BEFORE: tuple[Theme, ...] = ("rota", "portfolio", "methods", "quality_criteria", "recruitment", "polyvalence")
THEMES_SINCE: tuple[Theme, ...] = ("telework", "telework", "rota", "methods", "escalation", "portfolio")
WORDS: dict[Theme, str] = {
    "rota": "Deux permanences par semaine, à tour de rôle, selon un tableau que l'équipe tient elle-même.",
    "portfolio": "Les nouveaux dossiers sont répartis en équipe le lundi, selon la charge de chacun·e.",
    "methods": "Un premier entretien se fait à deux, puis chacun·e suit le dossier à sa manière.",
    "quality_criteria": "Un dossier est relu par un·e collègue avant d'être clôturé.",
    "recruitment": "Deux personnes de l'équipe participent à chaque entretien d'embauche.",
    "polyvalence": "Chacun·e apprend une deuxième spécialité dans l'année.",
    "telework": "Deux jours de télétravail au choix, et le mardi tout le monde au bureau.",
    "escalation": "Une question sans réponse après deux jours va à la coordination, avec une proposition.",
}


@dataclass
class WorkshopLife:
    """Plans workshops, and counts by team what its advisers decided themselves and stood by."""

    teams: TeamLife
    facilitators: Sequence[str]
    stood_by: Counter[str] = field(default_factory=Counter)

    def found(self) -> None:
        for team in self.teams.teams:
            first = FORMED + timedelta(days=self.between(30, 120))
            self.life.simulation.plan(self.life.at(first, 9), partial(self.plan, team))

    @property
    def life(self) -> SchoolLife:
        return self.teams.life

    def between(self, least: int, most: int) -> int:
        return self.life.simulation.chance.randrange(least, most)

    def plan(self, team: Team, at: datetime) -> None:
        workshop, held = self.life.simulation.new_id(), at + timedelta(days=self.between(10, 25))
        by = self.somebody(team, at)
        facilitator = self.life.draw(self.facilitators)
        command = PlanWorkshop(
            workshop=workshop, team=team.id, planned_for=held.date(), facilitators=(facilitator,), at=at, by=by
        )
        self.life.simulation.do(command)
        self.life.simulation.plan(held, partial(self.hold, team, workshop))
        following = at + timedelta(days=self.between(*DAYS_BETWEEN))
        if following.date() <= LAST_WORKSHOP:
            self.life.simulation.plan(following, partial(self.plan, team))

    def hold(self, team: Team, workshop: str, at: datetime) -> None:
        """Most of the team come, speak of two or three things, and settle one or two."""
        advisers, chance = self.teams.advisers(team, at.date()), self.life.simulation.chance
        participants = tuple(sorted(chance.sample(advisers, max(2, round(len(advisers) * chance.uniform(0.6, 1.0))))))
        known = THEMES_BEFORE if at.date() < SENT_HOME else THEMES_SINCE
        themes = tuple(dict.fromkeys(chance.sample(known, 3)))
        by, text = self.somebody(team, at), self.life.simulation.new_id()
        hold = HoldWorkshop(workshop=workshop, participants=participants, themes=themes, at=at, by=by)
        self.life.simulation.do(hold)
        self.life.simulation.do(
            AddWorkshopNote(workshop=workshop, note=text, at=at + timedelta(hours=4), by=by),
            PutText(id=text, body="Ce qui s'est dit, en quelques lignes.", author=by.person),
        )
        for theme in themes[: chance.choice((1, 1, 2, 2))]:
            self.decide(team, workshop, theme, at + timedelta(hours=3))

    def decide(self, team: Team, workshop: str, theme: Theme, at: datetime) -> None:
        decided_by, review_on = self.who_decides(at.date()), at.date() + timedelta(days=self.between(60, 130))
        decision, text, by = self.life.simulation.new_id(), self.life.simulation.new_id(), self.somebody(team, at)
        command = TakeDecision(
            workshop=workshop,
            decision=decision,
            theme=theme,
            decided_by=decided_by,
            text=text,
            review_on=review_on,
            at=at,
            by=by,
        )
        self.life.simulation.do(command, PutText(id=text, body=WORDS[theme], author=by.person))
        if self.life.likely(0.85):
            review = partial(self.review, team, decision, decided_by)
            late = self.between(0, 10) if self.life.likely(0.7) else self.between(20, 90)
            self.life.simulation.plan(self.life.at(review_on - timedelta(days=5) + timedelta(days=late), 14), review)

    def who_decides(self, day: date) -> DecidedBy:
        if day < SENT_HOME:
            return self.life.draw(("team", "team", "jointly", "management"))  # type: ignore[no-any-return]
        if day < BACK_IN_HAND:
            return self.life.draw(("management", "management", "management", "jointly"))  # type: ignore[no-any-return]
        return self.life.draw(("team", "team", "team", "jointly", "management"))  # type: ignore[no-any-return]

    def review(self, team: Team, decision: str, decided_by: DecidedBy, at: datetime) -> None:
        """Kept, changed or dropped; what is kept or changed is looked at once more after half a year, if at all."""
        outcome = self.life.draw(("kept", "kept", "kept", "changed", "changed", "dropped"))
        again = at.date() + timedelta(days=180) if outcome != "dropped" and self.life.likely(0.3) else None
        by = self.somebody(team, at)
        text = self.life.simulation.new_id() if outcome == "changed" else None
        command = ReviewDecision(decision=decision, outcome=outcome, review_on=again, text=text, at=at, by=by)
        words = (
            [PutText(id=text, body="Comme avant, mais à l'essai pour trois mois.", author=by.person)] if text else []
        )
        self.life.simulation.do(command, *words)
        if decided_by != "management" and outcome != "dropped" and at.date() >= BACK_IN_HAND:
            self.stood_by[team.id] += 1
        if again is not None and self.life.likely(0.8):
            self.life.simulation.plan(self.life.at(again, 14), partial(self.review, team, decision, decided_by))

    def somebody(self, team: Team, at: datetime) -> Actor:
        """An adviser of the team, on that day."""
        return Actor(self.life.draw(self.teams.advisers(team, at.date())), frozenset({"adviser"}))
