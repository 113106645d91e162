"""What callers see of workshops and decisions: texts for the team and the facilitators, all else for coordinators too.

Texts are first ids of the vault, or null for whoever may not read them; `worded` then puts words for ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, tzinfo
from typing import NamedTuple

import msgspec

from coopschool.api.problems import NotAllowed
from coopschool.domain.advisers.adviser_team import Adviser
from coopschool.domain.advisers.workshop import DecidedBy, Decision, ReviewOutcome, Theme, Workshop
from coopschool.domain.base import Actor, Load


class WorkshopCard(msgspec.Struct, frozen=True, kw_only=True):
    """A workshop at a glance; `held_on` is null while it is only planned."""

    workshop_id: str
    team_id: str
    planned_for: date
    held_on: date | None
    facilitators: list[str]
    participants: list[str]
    themes: list[Theme]
    notes: int
    decisions: int


class WorkshopPage(msgspec.Struct, frozen=True, kw_only=True):
    """Workshops, and the cursor of the next page."""

    items: list[WorkshopCard]
    next: str | None


class NoteSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A note; the text is null where it was erased, or is not for the caller to read."""

    note_id: str
    text: str | None


class ReviewSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a decision on a day, and when it was to be looked at again."""

    outcome: ReviewOutcome
    reviewed_on: date
    review_on: date | None


class DecisionSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A decision of a workshop as it stands: `review_on`: when it is due (null: never again), `overdue`: that is past.

    The text is the latest wording; null where it was erased, or is not for the caller to read.
    """

    decision_id: str
    workshop_id: str
    team_id: str
    theme: Theme
    decided_by: DecidedBy
    taken_on: date | None
    review_on: date | None
    overdue: bool
    outcome: ReviewOutcome | None
    reviews: list[ReviewSeen]
    text: str | None


class DecisionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions, and the cursor of the next page."""

    items: list[DecisionSeen]
    next: str | None


class WorkshopSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A workshop with its notes and decisions, in the order they came."""

    workshop_id: str
    team_id: str
    planned_for: date
    held_on: date | None
    facilitators: list[str]
    participants: list[str]
    themes: list[Theme]
    notes: list[NoteSeen]
    decisions: list[DecisionSeen]


class Eyes(NamedTuple):
    """With whose eyes it is seen: the team that the caller is in today, and whether they run the school."""

    person: str | None
    team: str | None
    coordinates: bool
    today: date
    zone: tzinfo

    def reads(self, workshop: Workshop) -> bool:
        """Whether its texts are for the caller: an adviser of the team, or a facilitator."""
        return workshop.team == self.team or self.person in workshop.facilitators

    def sees(self, workshop: Workshop) -> bool:
        return self.coordinates or self.reads(workshop)


def eyes_of(load: Load, by: Actor, today: date, zone: tzinfo) -> Eyes:
    """The caller's eyes."""
    team = load(Adviser, by.person).team_on(today) if by.person is not None else None
    return Eyes(by.person, team, by.is_any("coordinator"), today, zone)


def card(workshop: Workshop) -> WorkshopCard:
    return WorkshopCard(
        workshop_id=workshop.id,
        team_id=workshop.team,
        planned_for=workshop.planned_for,
        held_on=workshop.held_on,
        facilitators=list(workshop.facilitators),
        participants=list(workshop.participants),
        themes=list(workshop.themes),
        notes=len(workshop.notes),
        decisions=len(workshop.decisions),
    )


def seen(load: Load, workshop: Workshop, eyes: Eyes) -> WorkshopSeen:
    """A workshop in full. Raises `NotAllowed`."""
    if not eyes.sees(workshop):
        raise NotAllowed
    reads = eyes.reads(workshop)
    return WorkshopSeen(
        workshop_id=workshop.id,
        team_id=workshop.team,
        planned_for=workshop.planned_for,
        held_on=workshop.held_on,
        facilitators=list(workshop.facilitators),
        participants=list(workshop.participants),
        themes=list(workshop.themes),
        notes=[NoteSeen(note_id=note, text=note if reads else None) for note in workshop.notes],
        decisions=[decided(load(Decision, id), workshop, eyes) for id in workshop.decisions],
    )


def decided(decision: Decision, workshop: Workshop, eyes: Eyes) -> DecisionSeen:
    """A decision of a workshop, with its text if it is for the caller to read."""
    return DecisionSeen(
        decision_id=decision.id,
        workshop_id=decision.workshop,
        team_id=decision.team,
        theme=decision.theme,
        decided_by=decision.decided_by,
        taken_on=workshop.held_on,
        review_on=decision.review_on,
        overdue=decision.is_overdue(eyes.today),
        outcome=decision.outcome,
        reviews=[
            ReviewSeen(
                outcome=review.outcome,
                reviewed_on=review.reviewed_at.astimezone(eyes.zone).date(),
                review_on=review.review_on,
            )
            for review in decision.reviews
        ],
        text=decision.text if eyes.reads(workshop) else None,
    )


def texts_in(seen: Iterable[NoteSeen | DecisionSeen]) -> list[str]:
    """The ids of the texts that the caller may read."""
    return [one.text for one in seen if one.text is not None]


def worded(decisions: Sequence[DecisionSeen], texts: Mapping[str, str]) -> list[DecisionSeen]:
    return [msgspec.structs.replace(one, text=texts.get(one.text or "")) for one in decisions]
