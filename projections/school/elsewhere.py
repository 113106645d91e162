"""Events of other matters: adviser teams, surveys and feedback. The facts on learning leave them out on purpose."""

from __future__ import annotations

from coopschool.domain import instrument_versions
from coopschool.domain.advisers import adviser_team, autonomy_survey, workshop
from coopschool.domain.base import Event
from coopschool.domain.school import feedback

ELSEWHERE: frozenset[type[Event]] = frozenset(
    {
        adviser_team.TeamFormed, adviser_team.AdviserJoinedTeam, adviser_team.AdviserLeftTeam,
        adviser_team.TeleworkRecorded,
        autonomy_survey.WaveOpened, autonomy_survey.WaveReopened, autonomy_survey.WaveClosed,
        autonomy_survey.WaveResponsesReleased,
        workshop.WorkshopPlanned, workshop.WorkshopHeld, workshop.WorkshopNoteAdded, workshop.DecisionTaken,
        workshop.DecisionReviewed,
        instrument_versions.InstrumentPublished,
        feedback.FeedbackReleased, feedback.TrainerReportLogged,
    }
)  # fmt: skip
