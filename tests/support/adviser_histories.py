"""Random histories of two adviser teams, rules broken freely; in the days, and of the people, of `histories`."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from coopschool.domain.advisers import adviser_team, autonomy_survey, workshop
from coopschool.domain.base import Event
from coopschool.domain.school import feedback
from tests.support.advisers import AUTONOMY, FEEDBACK, formed, published

TEAMS = ("north", "south")
WAVES = ("w1", "w2")
WORKSHOPS = ("ws1", "ws2")
DECISIONS = {"d1": "ws1", "d2": "ws1", "d3": "ws2"}

advisers = st.sampled_from(("ann", "bob", "cas"))
teams = st.sampled_from(TEAMS)
days = st.integers(0, 14).map(lambda days: date(2020, 3, 25) + timedelta(days=days))
scores = st.integers(1, 5)


@st.composite
def of_teams(draw: st.DrawFn) -> Event:
    team, adviser, began = draw(teams), draw(advisers), draw(days)
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return formed(team)
    if kind <= 2:
        return adviser_team.AdviserJoinedTeam(team=team, adviser=adviser, from_=began)
    if kind <= 4:
        return adviser_team.AdviserLeftTeam(team=team, adviser=adviser, from_=began, to=draw(days))
    return adviser_team.TeleworkRecorded(
        team=team, quarter=draw(st.sampled_from(("2019Q4", "2020Q1"))),
        regime=draw(st.sampled_from(("structural", "covid"))), days_teleworked=draw(st.integers(0, 9)), days_worked=9,
    )  # fmt: skip


@st.composite
def of_workshops(draw: st.DrawFn) -> Event:
    kind = draw(st.integers(0, 5))
    team, id = draw(teams), draw(st.sampled_from(WORKSHOPS))
    if kind == 0:
        return workshop.WorkshopPlanned(workshop=id, team=team, planned_for=draw(days), facilitators=())
    if kind <= 2:
        return workshop.WorkshopHeld(
            workshop=id, team=team, held_on=draw(days), participants=("ann", "bob"), themes=("rota",)
        )
    decision, id = draw(st.sampled_from(tuple(DECISIONS.items())))
    if kind == 3:
        return workshop.DecisionTaken(
            decision=decision, workshop=id, team=team, theme=draw(st.sampled_from(("rota", "telework"))),
            decided_by="team", review_on=draw(days), text="t",
        )  # fmt: skip
    return workshop.DecisionReviewed(
        decision=decision, workshop=id, team=team, outcome=draw(st.sampled_from(("kept", "changed", "dropped"))),
        review_on=draw(st.none() | days),
    )  # fmt: skip


@st.composite
def of_waves(draw: st.DrawFn) -> Event:
    kind = draw(st.integers(0, 4))
    keys: dict[str, Any] = {"wave": draw(st.sampled_from(WAVES)), "instrument": "autonomy", "version": 1}
    if kind == 0:
        return published(draw(st.sampled_from((AUTONOMY, FEEDBACK))))
    if kind == 1:
        return autonomy_survey.WaveClosed(wave=keys["wave"], teams=TEAMS)
    if kind == 2:
        asked = draw(st.dictionaries(teams, st.lists(advisers, unique=True, min_size=1).map(tuple), min_size=1))
        opening = tuple(autonomy_survey.EligibleTeam(team=team, advisers=those) for team, those in asked.items())
        day = draw(days)
        return autonomy_survey.WaveOpened(teams=opening, opened_on=day, closes_on=day, **keys)
    answers = draw(st.lists(scores, min_size=5, max_size=6))
    rated = tuple(dict.fromkeys(AUTONOMY.items, score) for score in answers)
    responses = tuple(autonomy_survey.TeamResponses(team=team, n=len(rated), answers=rated) for team in TEAMS[:kind])
    return autonomy_survey.WaveResponsesReleased(responses=responses[: draw(st.integers(1, 2))], **keys)


@st.composite
def of_feedback(draw: st.DrawFn) -> Event:
    session = draw(st.sampled_from(("s1", "s2")))
    keys: dict[str, Any] = {"session": session, "module": "M01", "instrument": "feedback", "version": 1}
    if draw(st.integers(0, 3)) == 0:
        return feedback.TrainerReportLogged(trainer="tim", items={"pace": draw(scores)}, **keys)
    online, paper = draw(st.lists(scores, max_size=4)), draw(st.lists(scores, max_size=2))
    return feedback.FeedbackReleased(
        moment=draw(st.sampled_from(("hot", "cold"))), online=tuple({"clarity": score} for score in online),
        paper=tuple({"clarity": score} for score in paper), **keys,
    )  # fmt: skip


def of_the_chantier() -> st.SearchStrategy[Event]:
    """Any of these."""
    return st.one_of(of_teams(), of_teams(), of_workshops(), of_workshops(), of_waves(), of_feedback())
