"""Workshops: what a team works out about its own work, what it decides, and whether that held.

Notes and the wording of decisions are in the vault, for the team and its facilitators. The commands are in
`workshop_log`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar, Literal

import msgspec
from eventsourcing.domain import event

from coopschool.domain import tags
from coopschool.domain.base import Aggregate, Event
from coopschool.domain.errors import RuleBroken

Theme = Literal[
    "rota", "portfolio", "methods", "quality_criteria", "recruitment", "polyvalence", "telework", "escalation"
]
DecidedBy = Literal["team", "jointly", "management"]
ReviewOutcome = Literal["kept", "changed", "dropped"]

# --- events


class WorkshopPlanned(Event, frozen=True, kw_only=True):
    """A team will hold a workshop; facilitators help it, from inside or outside."""

    TOPIC: ClassVar[str] = "WorkshopPlanned.v1"
    workshop: tags.WorkshopId
    team: tags.TeamId
    planned_for: date
    facilitators: tuple[tags.PersonRef, ...]


class WorkshopHeld(Event, frozen=True, kw_only=True):
    """A workshop took place on that day."""

    TOPIC: ClassVar[str] = "WorkshopHeld.v1"
    workshop: tags.WorkshopId
    team: tags.TeamId
    held_on: date
    participants: tuple[tags.PersonRef, ...]
    themes: tuple[Theme, ...]


class WorkshopNoteAdded(Event, frozen=True, kw_only=True):
    """Somebody wrote down what was said; the note is in the vault."""

    TOPIC: ClassVar[str] = "WorkshopNoteAdded.v1"
    workshop: tags.WorkshopId
    team: tags.TeamId
    note: tags.TextId


class DecisionTaken(Event, frozen=True, kw_only=True):
    """A workshop led to a decision, to be looked at again by `review_on`; its wording is in the vault."""

    TOPIC: ClassVar[str] = "DecisionTaken.v1"
    decision: tags.DecisionId
    workshop: tags.WorkshopId
    team: tags.TeamId
    theme: Theme
    decided_by: DecidedBy
    review_on: date
    text: tags.TextId


class DecisionReviewed(Event, frozen=True, kw_only=True):
    """A decision was looked at again: kept, changed (new wording in the vault) or dropped.

    `review_on`: when it will be looked at once more, if ever.
    """

    TOPIC: ClassVar[str] = "DecisionReviewed.v1"
    decision: tags.DecisionId
    workshop: tags.WorkshopId
    team: tags.TeamId
    outcome: ReviewOutcome
    review_on: date | None = None
    text: tags.TextId | None = None


# --- errors


class WorkshopExists(RuleBroken):
    """There is a workshop with this id already."""


class WorkshopAlreadyHeld(RuleBroken):
    """The workshop was held already."""


class WorkshopNotHeld(RuleBroken):
    """The workshop was not held yet."""


class HeldInFuture(RuleBroken):
    """A workshop that was held cannot lie in the future."""


class DecisionExists(RuleBroken):
    """There is a decision with this id already."""


class ReviewDateMissing(RuleBroken):
    """Each decision has a date on which it is reviewed."""


class ReviewDatePast(RuleBroken):
    """A decision is reviewed after it was taken."""


class DecisionDropped(RuleBroken):
    """The decision was dropped."""


# --- aggregates


class Workshop(Aggregate):
    """A workshop; `notes` are the ids of their texts, in the order they came."""

    KIND = "workshop"
    team: str
    planned_for: date
    facilitators: tuple[str, ...]

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.planned = False
        self.held_on: date | None = None
        self.participants: tuple[str, ...] = ()
        self.themes: tuple[Theme, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.decisions: tuple[str, ...] = ()

    @property
    def exists(self) -> bool:
        return self.planned

    @event(WorkshopPlanned)
    def _(self, team: str, planned_for: date, facilitators: tuple[str, ...]) -> None:
        self.planned = True
        self.team = team
        self.planned_for = planned_for
        self.facilitators = facilitators

    @event(WorkshopHeld)
    def _(self, held_on: date, participants: tuple[str, ...], themes: tuple[Theme, ...]) -> None:
        self.held_on = held_on
        self.participants = participants
        self.themes = themes

    @event(WorkshopNoteAdded)
    def _(self, note: str) -> None:
        self.notes = (*self.notes, note)

    @event(DecisionTaken)
    def _(self, decision: str) -> None:
        self.decisions = (*self.decisions, decision)


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a decision when it was looked at again."""

    outcome: ReviewOutcome
    reviewed_at: datetime
    review_on: date | None


class Decision(Aggregate):
    """A decision as it stands: `outcome` of its last review, and when the next is due (None: never again)."""

    KIND = "decision"
    workshop: str
    team: str
    theme: Theme
    decided_by: DecidedBy
    text: str

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.taken = False
        self.reviews: tuple[Review, ...] = ()
        self.review_on: date | None = None

    @property
    def exists(self) -> bool:
        return self.taken

    @property
    def outcome(self) -> ReviewOutcome | None:
        return self.reviews[-1].outcome if self.reviews else None

    def is_overdue(self, day: date) -> bool:
        """Whether it should have been looked at again before that day."""
        return self.review_on is not None and self.review_on < day

    @event(DecisionTaken)
    def _(self, workshop: str, team: str, theme: Theme, decided_by: DecidedBy, review_on: date, text: str) -> None:
        self.taken = True
        self.workshop = workshop
        self.team = team
        self.theme = theme
        self.decided_by = decided_by
        self.review_on = review_on
        self.text = text

    @event(DecisionReviewed)
    def _(self, outcome: ReviewOutcome, review_on: date | None, text: str | None) -> None:
        self.reviews = (*self.reviews, Review(outcome=outcome, reviewed_at=self.moment, review_on=review_on))
        self.review_on = review_on
        self.text = text or self.text
