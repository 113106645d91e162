"""The `teams` projection: who is in which adviser team, and how much the team works at home."""

from __future__ import annotations

from datetime import date
from typing import Any

from coopschool.domain import instrument_versions
from coopschool.domain.advisers import adviser_team, autonomy_survey, workshop
from coopschool.domain.base import Event
from coopschool.domain.school import feedback
from projections.advisers.elsewhere import OF_THE_SCHOOL
from projections.facts import NULL, Described, Emit, Entry, text
from projections.projection import Projection, on


class StaysOf(Described):
    """The stays of one adviser: rows of ``stays``, by team and first day.

    How long a stay lasts is what was said of it last, whichever day that was about: an end may come forward.
    """

    __slots__ = ("adviser", "stays")

    def __init__(self, adviser: str) -> None:
        self.adviser = adviser
        super().__init__()

    def clear(self) -> None:
        super().clear()
        self.stays: dict[tuple[str, date], tuple[int, date | None]] = {}  # position, last day

    def described(self) -> list[tuple[str, str, str]]:
        return [
            ("stays", f"{text(team)}\t{text(self.adviser)}\t{from_day}\t{to or NULL}", "1")
            for (team, from_day), (_, to) in self.stays.items()
            if to is None or from_day <= to
        ]

    def joined(self, entry: Entry, emit: Emit) -> None:
        event: adviser_team.AdviserJoinedTeam = entry[3]
        self._lasts((event.team, event.from_), entry, None, emit)

    def left(self, entry: Entry, emit: Emit) -> None:
        event: adviser_team.AdviserLeftTeam = entry[3]
        self._lasts((event.team, event.from_), entry, event.to, emit)

    def _lasts(self, stay: tuple[str, date], entry: Entry, to: date | None, emit: Emit) -> None:
        occurred_at, position = entry[0], entry[1]
        if stay not in self.stays or self.stays[stay][0] < position:
            self.stays[stay] = (position, to)
        self.show(occurred_at, emit)


class Teams(Projection):
    """Adviser teams over time. A case is an adviser; telework stands by itself."""

    name = "teams"
    version = 2
    fact_tables = ("stays", "telework")
    kinds = ("adviser",)
    ignores = OF_THE_SCHOOL | {
        adviser_team.TeamFormed,
        autonomy_survey.WaveOpened, autonomy_survey.WaveReopened, autonomy_survey.WaveClosed,
        autonomy_survey.WaveResponsesReleased,
        workshop.WorkshopPlanned, workshop.WorkshopHeld, workshop.WorkshopNoteAdded, workshop.DecisionTaken,
        workshop.DecisionReviewed,
        instrument_versions.InstrumentPublished,
        feedback.FeedbackReleased, feedback.TrainerReportLogged,
    }  # fmt: skip

    def make_case(self, id: str) -> StaysOf:
        return StaysOf(id)

    def case_of(self, event: Event) -> str | None:
        return getattr(event, "adviser", None)

    @on(adviser_team.AdviserJoinedTeam)
    def joined(self, event: adviser_team.AdviserJoinedTeam, occurred_at: str) -> None:
        self._add(event, occurred_at, StaysOf.joined)

    @on(adviser_team.AdviserLeftTeam)
    def left(self, event: adviser_team.AdviserLeftTeam, occurred_at: str) -> None:
        self._add(event, occurred_at, StaysOf.left)

    def _add(self, event: Any, occurred_at: str, fold: Any) -> None:
        case: StaysOf = self.cases.get(event.adviser)
        case.add((occurred_at, self.facts.position, fold, event), self.facts.emit)

    @on(adviser_team.TeleworkRecorded)
    def telework_recorded(self, event: adviser_team.TeleworkRecorded, occurred_at: str) -> None:
        dimensions = f"{text(event.team)}\t{text(event.quarter)}\t{event.regime}"
        self.facts.emit("telework", occurred_at, dimensions, f"{event.days_teleworked}\t{event.days_worked}")
