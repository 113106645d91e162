"""Planning workshops, and logging what came of them: notes, decisions, reviews."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from coopschool.domain import bounds
from coopschool.domain.advisers.adviser_team import AdviserTeam, guard_is_of_team, is_of_team
from coopschool.domain.advisers.workshop import (
    DecidedBy,
    Decision,
    DecisionDropped,
    DecisionExists,
    DecisionReviewed,
    DecisionTaken,
    HeldInFuture,
    ReviewDateMissing,
    ReviewDatePast,
    ReviewOutcome,
    Theme,
    Workshop,
    WorkshopAlreadyHeld,
    WorkshopExists,
    WorkshopHeld,
    WorkshopNoteAdded,
    WorkshopNotHeld,
    WorkshopPlanned,
)
from coopschool.domain.base import Actor, Aggregate, Command, Decided, Load, existing
from coopschool.domain.errors import Forbidden, Invalid
from coopschool.domain.school.person import known


class PlanWorkshop(Command, frozen=True, kw_only=True):
    """Announces a workshop of a team; coordinators may, for it."""

    workshop: str
    team: str
    planned_for: date
    facilitators: tuple[str, ...] = ()

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Workshop, self.workshop), (AdviserTeam, self.team)]

    def decide(self, load: Load) -> Decided:
        bounds.day("planned_for", self.planned_for)
        existing(load, AdviserTeam, self.team)
        if not self.by.is_any("coordinator"):
            guard_is_of_team(load, self.by, self.team, self.at.date())
        if load(Workshop, self.workshop).exists:
            raise WorkshopExists(workshop=self.workshop)
        return self.occurs(
            WorkshopPlanned(
                workshop=self.workshop,
                team=self.team,
                planned_for=self.planned_for,
                facilitators=_known(load, self.facilitators),
            )
        )


class AboutWorkshop(Command, frozen=True, kw_only=True):
    """A command that a workshop's facilitators or its team's advisers give."""

    workshop: str

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Workshop, self.workshop)]

    def guarded(self, load: Load) -> Workshop:
        workshop = existing(load, Workshop, self.workshop)
        guard_works_on(load, self, workshop)
        return workshop

    def held(self, load: Load) -> Workshop:
        workshop = self.guarded(load)
        if workshop.held_on is None:
            self.refuse(WorkshopNotHeld(workshop=self.workshop))
        return workshop


class HoldWorkshop(AboutWorkshop, frozen=True, kw_only=True):
    """Logs that a workshop took place (today, unless another day is given), who took part and what it was about."""

    participants: tuple[str, ...]
    themes: tuple[Theme, ...]
    held_on: date | None = None

    def decide(self, load: Load) -> Decided:
        workshop = self.guarded(load)
        if workshop.held_on is not None:
            raise WorkshopAlreadyHeld(workshop=self.workshop)
        held_on = self.held_on or self.at.date()
        bounds.day("held_on", held_on)
        if held_on > self.at.date():
            self.refuse(HeldInFuture(workshop=self.workshop, held_on=held_on))
        if not self.participants:
            raise Invalid("participants", least=1)
        if not self.themes:
            raise Invalid("themes", least=1)
        return self.occurs(
            WorkshopHeld(
                workshop=self.workshop,
                team=workshop.team,
                held_on=held_on,
                participants=_known(load, self.participants),
                themes=tuple(dict.fromkeys(self.themes)),
            )
        )


class AddWorkshopNote(AboutWorkshop, frozen=True, kw_only=True):
    """Adds a note; what it says goes to the vault under `note` in the same transaction."""

    note: str

    def decide(self, load: Load) -> Decided:
        workshop = self.held(load)
        return self.occurs(WorkshopNoteAdded(workshop=self.workshop, team=workshop.team, note=self.note))


class TakeDecision(AboutWorkshop, frozen=True, kw_only=True):
    """Logs a decision; its wording goes to the vault under `text` in the same transaction."""

    decision: str
    theme: Theme
    decided_by: DecidedBy
    text: str
    review_on: date | None = None

    def decide(self, load: Load) -> Decided:
        workshop = self.held(load)
        if load(Decision, self.decision).exists:
            raise DecisionExists(decision=self.decision)
        if self.review_on is None:
            raise ReviewDateMissing(decision=self.decision, field="review_on")
        bounds.day("review_on", self.review_on)
        if self.review_on <= (workshop.held_on or self.at.date()):
            self.refuse(ReviewDatePast(review_on=self.review_on))
        return self.occurs(
            DecisionTaken(
                decision=self.decision,
                workshop=self.workshop,
                team=workshop.team,
                theme=self.theme,
                decided_by=self.decided_by,
                review_on=self.review_on,
                text=self.text,
            )
        )


class ReviewDecision(Command, frozen=True, kw_only=True):
    """Logs what became of a decision; a new wording goes to the vault under `text` in the same transaction."""

    decision: str
    outcome: ReviewOutcome
    review_on: date | None = None
    text: str | None = None

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Decision, self.decision)]

    def decide(self, load: Load) -> Decided:
        decision = existing(load, Decision, self.decision)
        guard_works_on(load, self, existing(load, Workshop, decision.workshop))
        if decision.outcome == "dropped":
            raise DecisionDropped(decision=self.decision)
        if self.review_on is not None:
            self._check_next(self.review_on)
        return self.occurs(
            DecisionReviewed(
                decision=self.decision,
                workshop=decision.workshop,
                team=decision.team,
                outcome=self.outcome,
                review_on=self.review_on,
                text=self.text,
            )
        )

    def _check_next(self, review_on: date) -> None:
        bounds.day("review_on", review_on)
        if self.outcome == "dropped":
            raise Invalid("review_on", outcome=self.outcome)
        if review_on <= self.at.date():
            self.refuse(ReviewDatePast(review_on=review_on))


def works_on(load: Load, by: Actor, workshop: Workshop, day: date) -> bool:
    """Whether this is an adviser whom the workshop's team has on that day, or one of its facilitators."""
    return by.person in workshop.facilitators or is_of_team(load, by, workshop.team, day)


def guard_works_on(load: Load, command: Command, workshop: Workshop) -> None:
    """Lets those pass who work on it today, and imports of history."""
    if not command.by.is_system and not works_on(load, command.by, workshop, command.at.date()):
        raise Forbidden(team=workshop.team)


def _known(load: Load, people: Sequence[str]) -> tuple[str, ...]:
    """Each person once, all of them known. Raises `Unknown` or `PersonErased`."""
    return tuple(known(load, person).id for person in dict.fromkeys(people))
