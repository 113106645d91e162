"""The chantier told event by event: waves with their answers, telework, workshops, feedback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from coopschool.domain.advisers.adviser_team import TeleworkRecorded, TeleworkRegime
from coopschool.domain.advisers.autonomy_survey import (
    EligibleTeam,
    TeamResponses,
    WaveClosed,
    WaveOpened,
    WaveResponsesReleased,
)
from coopschool.domain.advisers.workshop import DecisionReviewed, DecisionTaken, WorkshopHeld, WorkshopPlanned
from coopschool.domain.base import Event
from coopschool.domain.instruments import Instrument
from coopschool.domain.school.feedback import FeedbackReleased
from tests.support.advisers import AUTONOMY, FEEDBACK

Answers = Sequence[Mapping[str, int]]


def alike(*scores: int) -> list[dict[str, int]]:
    """Answers of which each gives one score to every item."""
    return [dict.fromkeys(AUTONOMY.items, score) for score in scores]


def advisers_of(team: str, number: int) -> tuple[str, ...]:
    return tuple(f"{team}-{n}" for n in range(1, number + 1))


def wave(
    name: str,
    opened: str,
    teams: Mapping[str, Answers],
    *,
    eligible: Mapping[str, Sequence[str]] | None = None,
    instrument: Instrument = AUTONOMY,
) -> list[tuple[str, Event]]:
    """A wave that opens on a day and is released in the evening, of teams with their answers.

    `eligible`: who could answer; unless given, as many advisers as there are answers.
    """
    frozen = {team: advisers_of(team, max(len(answers), 1)) for team, answers in teams.items()} | dict(eligible or {})
    keys: dict[str, Any] = {"wave": name, "instrument": instrument.code, "version": instrument.version}
    day = date.fromisoformat(opened)
    responses = tuple(
        TeamResponses(team=team, n=len(answers), answers=tuple(map(dict, answers)) if len(answers) >= 5 else None)
        for team, answers in teams.items()
    )
    opening = tuple(EligibleTeam(team=team, advisers=tuple(advisers)) for team, advisers in frozen.items())
    return [
        (f"{opened} 09:00", WaveOpened(teams=opening, opened_on=day, closes_on=day, **keys)),
        (f"{opened} 20:00", WaveClosed(wave=name, teams=tuple(teams))),
        (f"{opened} 20:00", WaveResponsesReleased(responses=responses, **keys)),
    ]


def telework(
    team: str, quarter: str, home: int, worked: int = 60, regime: TeleworkRegime = "structural"
) -> TeleworkRecorded:
    return TeleworkRecorded(team=team, quarter=quarter, regime=regime, days_teleworked=home, days_worked=worked)


def planned(id: str, team: str, on: str) -> WorkshopPlanned:
    return WorkshopPlanned(workshop=id, team=team, planned_for=date.fromisoformat(on), facilitators=())


def held(id: str, team: str, on: str, *people: str) -> WorkshopHeld:
    return WorkshopHeld(
        workshop=id, team=team, held_on=date.fromisoformat(on), participants=people or ("ann", "bob"), themes=("rota",)
    )


def decided(id: str, workshop: str, team: str, review_on: str, theme: Any = "rota", by: Any = "team") -> DecisionTaken:
    return DecisionTaken(
        decision=id, workshop=workshop, team=team, theme=theme, decided_by=by,
        review_on=date.fromisoformat(review_on), text=f"text-of-{id}",
    )  # fmt: skip


def reviewed(id: str, workshop: str, team: str, outcome: Any, next_on: str | None = None) -> DecisionReviewed:
    return DecisionReviewed(
        decision=id, workshop=workshop, team=team, outcome=outcome,
        review_on=date.fromisoformat(next_on) if next_on else None,
    )  # fmt: skip


def rated(
    session: str, module: str, scores: Sequence[int], moment: Any = "hot", paper: Sequence[int] = ()
) -> FeedbackReleased:
    """Feedback of which each answer gives one score to every item of the moment."""
    items = [item.code for item in FEEDBACK.items_of(moment)]
    return FeedbackReleased(
        session=session, module=module, moment=moment, instrument=FEEDBACK.code, version=FEEDBACK.version,
        online=tuple(dict.fromkeys(items, score) for score in scores),
        paper=tuple(dict.fromkeys(items, score) for score in paper),
    )  # fmt: skip
