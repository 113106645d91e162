"""The chantier told event by event: waves with their answers, telework, workshops, feedback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from coopschool.domain.advisers.adviser_team import (
    AdviserJoinedTeam,
    AdviserLeftTeam,
    TeamFormed,
    TeleworkRecorded,
    TeleworkRegime,
)
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
from coopschool.domain.school.session import SessionScheduled
from tests.support.advisers import AUTONOMY, FEEDBACK, published
from tests.support.made_log import BRUSSELS, Dated, busy_school

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


def school_and_chantier(size: int, *, seed: int = 1) -> list[Dated]:
    """A busy school of about so many events and the chantier beside it, in the order in which it all happened."""
    school = list(busy_school(size, seed=seed))
    sessions = {event.session: event.module for _, event in school if isinstance(event, SessionScheduled)}
    return sorted([*school, *busy_chantier(sessions, seed=seed)], key=lambda dated: dated[0])


def busy_chantier(sessions: Mapping[str, str], *, seed: int = 1, first: date = date(2015, 1, 5)) -> Iterator[Dated]:
    """Three teams over ten months: stays, telework, workshops, three waves; feedback on the sessions (id: module).

    In the order in which it happened.
    """
    yield from sorted(_chantier(Random(seed), sessions, first), key=lambda dated: dated[0])


def _chantier(random: Random, sessions: Mapping[str, str], first: date) -> Iterator[Dated]:
    def on(days: float, hour: int = 9) -> datetime:
        return datetime.combine(first + timedelta(days=days), time(hour), BRUSSELS)

    for instrument in (AUTONOMY, FEEDBACK):
        yield on(0), published(instrument)
    teams = {team: advisers_of(team, 7) for team in ("north", "south", "west")}
    for team, advisers in teams.items():
        yield on(0), TeamFormed(team=team, name=f"name-of-{team}")
        for adviser in advisers:
            yield on(1, 0), AdviserJoinedTeam(team=team, adviser=adviser, from_=on(1).date())
        for quarter, worked in (("2014Q4", 400), ("2015Q1", 390), ("2015Q2", 410)):
            yield on(random.randint(5, 90)), telework(team, quarter, random.randint(0, 200), worked)
        leaver, day = random.choice(advisers), random.randint(20, 120)
        left = AdviserLeftTeam(team=team, adviser=leaver, from_=on(1).date(), to=on(day).date())
        yield on(day, 23), left
        for number in range(4):
            yield from _workshop(random, f"{team}-{number}", team, on(15 + 40 * number + random.randint(0, 20)))
    for number in range(3):
        rated_by = {team: alike(*random.choices(range(2, 6), k=random.randint(4, 7))) for team in teams}
        day = on(10 + 100 * number).date()
        for moment, event in wave(f"wave-{number}", day.isoformat(), rated_by, eligible=teams):
            yield datetime.fromisoformat(moment).replace(tzinfo=BRUSSELS), event
    for session, module in sessions.items():
        scores, paper = random.choices(range(1, 6), k=random.randint(2, 9)), random.choices(range(1, 6), k=2)
        yield on(random.randint(20, 200)), rated(session, module, scores, random.choice(["hot", "cold"]), paper)


def _workshop(random: Random, id: str, team: str, at: datetime) -> Iterator[Dated]:
    yield at - timedelta(days=9), planned(id, team, at.date().isoformat())
    yield at, held(id, team, at.date().isoformat())
    for number in range(2):
        due = (at + timedelta(days=30)).date().isoformat()
        yield at + timedelta(hours=1), decided(f"{id}-{number}", id, team, due, random.choice(["rota", "telework"]))
        reviewed_at = at + timedelta(days=random.randint(10, 60))
        yield reviewed_at, reviewed(f"{id}-{number}", id, team, random.choice(["kept", "changed", "dropped"]))
