"""The `ratings` projection: questionnaires, who could answer, and the answers as they were released.

Its two tables of answers (`WITHHELD`) are ratings of people by people. `projections.disclosure` alone reads them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from coopschool.domain import instrument_versions
from coopschool.domain.advisers import adviser_team, autonomy_survey, workshop
from coopschool.domain.base import Event
from coopschool.domain.school import feedback
from projections.advisers.elsewhere import OF_THE_SCHOOL
from projections.calendar import quarter_of
from projections.facts import text
from projections.projection import Projection, on

WITHHELD = ("wave_answers", "feedback_answers")


def last_full_quarter_before(day: date) -> str:
    """``2020Q1`` for any day of the second quarter."""
    first = day.replace(month=3 * ((day.month - 1) // 3) + 1, day=1)
    return quarter_of(first - timedelta(days=1))


class Ratings(Projection):
    """Surveys and feedback. Each event gives rows of its own, so nothing is kept in mind."""

    name = "ratings"
    version = 1
    fact_tables = ("instruments", "eligible", "wave_releases", *WITHHELD)
    ignores = OF_THE_SCHOOL | {
        adviser_team.TeamFormed, adviser_team.AdviserJoinedTeam, adviser_team.AdviserLeftTeam,
        adviser_team.TeleworkRecorded,
        autonomy_survey.WaveReopened, autonomy_survey.WaveClosed,
        workshop.WorkshopPlanned, workshop.WorkshopHeld, workshop.WorkshopNoteAdded, workshop.DecisionTaken,
        workshop.DecisionReviewed,
        feedback.TrainerReportLogged,
    }  # fmt: skip

    def case_of(self, _event: Event) -> str | None:
        return None

    @on(instrument_versions.InstrumentPublished)
    def published(self, event: instrument_versions.InstrumentPublished, occurred_at: str) -> None:
        outline = msgspec.json.encode(event.outline).decode()
        self.facts.emit("instruments", occurred_at, f"{text(event.instrument)}\t{event.version}\t{text(outline)}", "1")

    @on(autonomy_survey.WaveOpened)
    def opened(self, event: autonomy_survey.WaveOpened, occurred_at: str) -> None:
        dates = f"{event.opened_on}\t{last_full_quarter_before(event.opened_on)}"
        for frozen in event.teams:
            for adviser in frozen.advisers:
                dimensions = f"{text(event.wave)}\t{text(frozen.team)}\t{text(adviser)}\t{dates}"
                self.facts.emit("eligible", occurred_at, dimensions, "1")

    @on(autonomy_survey.WaveResponsesReleased)
    def released(self, event: autonomy_survey.WaveResponsesReleased, occurred_at: str) -> None:
        wave, released_on = text(event.wave), self.calendar.day(occurred_at)
        dimensions = f"{wave}\t{text(event.instrument)}\t{event.version}\t{released_on}"
        self.facts.emit("wave_releases", occurred_at, dimensions, "1")
        for of_team in event.responses:
            for number, answers in enumerate(of_team.answers or (), start=1):
                for item, score in answers.items():
                    dimensions = f"{wave}\t{text(of_team.team)}\t{number}\t{text(item)}\t{score}"
                    self.facts.emit("wave_answers", occurred_at, dimensions, "1")

    @on(feedback.FeedbackReleased)
    def feedback_released(self, event: feedback.FeedbackReleased, occurred_at: str) -> None:
        about = (
            f"{text(event.session)}\t{text(event.module)}\t{text(event.instrument)}\t{event.version}\t{event.moment}"
        )
        for source, answers in (("online", event.online), ("paper", event.paper)):
            for (item, score), times in sorted(_counted(answers).items()):
                dimensions = f"{about}\t{source}\t{text(item)}\t{score}"
                self.facts.emit("feedback_answers", occurred_at, dimensions, str(times))


def _counted(answers: Sequence[feedback.Answers]) -> Counter[tuple[str, int]]:
    """How often each score was given to each item: which answers belong together is nobody's business."""
    return Counter(given for answer in answers for given in answer.items())
