"""The `workshops` projection: workshops that were held, what was decided there, and whether that held."""

from __future__ import annotations

from datetime import date
from typing import Any

from coopschool.domain import instrument_versions
from coopschool.domain.advisers import adviser_team, autonomy_survey, workshop
from coopschool.domain.base import Event
from coopschool.domain.school import feedback
from projections.advisers.elsewhere import OF_THE_SCHOOL
from projections.calendar import Calendar, quarter_of
from projections.facts import NULL, Described, Emit, Entry, Fold, text
from projections.projection import Projection, on

OPEN = "open"  # the outcome of a decision that was not reviewed yet


class WorkshopCase(Described):
    """One workshop: rows of ``workshops``, ``decisions`` and ``reviews``, once it was held."""

    __slots__ = ("calendar", "decisions", "held", "id", "reviews")

    def __init__(self, id: str, calendar: Calendar) -> None:
        self.id = id
        self.calendar = calendar
        super().__init__()

    def clear(self) -> None:
        super().clear()
        self.held: workshop.WorkshopHeld | None = None
        self.decisions: dict[str, tuple[workshop.DecisionTaken, str, date | None]] = {}
        self.reviews: list[tuple[str, str, bool]] = []

    def described(self) -> list[tuple[str, str, str]]:
        held = self.held
        if held is None:
            return []
        team, quarter = text(held.team), quarter_of(held.held_on)
        rows = [("workshops", f"{text(self.id)}\t{team}\t{held.held_on}\t{quarter}", f"1\t{len(held.participants)}")]
        for taken, outcome, review_on in self.decisions.values():
            keys = f"{text(taken.decision)}\t{text(self.id)}\t{team}\t{quarter}"
            rows.append(
                ("decisions", f"{keys}\t{taken.theme}\t{taken.decided_by}\t{outcome}\t{review_on or NULL}", "1")
            )
        for number, (decision, outcome, on_time) in enumerate(self.reviews, start=1):
            keys = f"{text(decision)}\t{text(self.id)}\t{team}\t{quarter}"
            rows.append(("reviews", f"{keys}\t{number}\t{outcome}", f"1\t{on_time:d}"))
        return rows

    def held_on(self, entry: Entry, emit: Emit) -> None:
        self.held = entry[3]
        self.show(entry[0], emit)

    def decided(self, entry: Entry, emit: Emit) -> None:
        taken: workshop.DecisionTaken = entry[3]
        self.decisions[taken.decision] = (taken, OPEN, taken.review_on)
        self.show(entry[0], emit)

    def reviewed(self, entry: Entry, emit: Emit) -> None:
        review: workshop.DecisionReviewed = entry[3]
        if review.decision not in self.decisions:
            return
        taken, _, due = self.decisions[review.decision]
        on_time = due is None or self.calendar.day(entry[0]) <= due
        self.reviews.append((review.decision, review.outcome, on_time))
        self.decisions[review.decision] = (taken, review.outcome, review.review_on)
        self.show(entry[0], emit)


HAPPENS: dict[type[Event], Fold] = {
    workshop.WorkshopHeld: WorkshopCase.held_on,
    workshop.DecisionTaken: WorkshopCase.decided,
    workshop.DecisionReviewed: WorkshopCase.reviewed,
}


class Workshops(Projection):
    """What adviser teams work out. A case is a workshop."""

    name = "workshops"
    version = 1
    fact_tables = ("workshops", "decisions", "reviews")
    kinds = ("workshop",)
    ignores = OF_THE_SCHOOL | {
        adviser_team.TeamFormed, adviser_team.AdviserJoinedTeam, adviser_team.AdviserLeftTeam,
        adviser_team.TeleworkRecorded,
        autonomy_survey.WaveOpened, autonomy_survey.WaveReopened, autonomy_survey.WaveClosed,
        autonomy_survey.WaveResponsesReleased,
        workshop.WorkshopPlanned, workshop.WorkshopNoteAdded,
        instrument_versions.InstrumentPublished,
        feedback.FeedbackReleased, feedback.TrainerReportLogged,
    }  # fmt: skip

    def make_case(self, id: str) -> WorkshopCase:
        return WorkshopCase(id, self.calendar)

    def case_of(self, event: Event) -> str | None:
        return event.workshop  # type: ignore[attr-defined, no-any-return]

    @on(*HAPPENS)
    def happened(self, event: Any, occurred_at: str) -> None:
        case: WorkshopCase = self.cases.get(event.workshop)
        case.add((occurred_at, self.facts.position, HAPPENS[type(event)], event), self.facts.emit)
