"""Whoever joins, leaves, changes category or ends a membership, in whatever order: one team a day, of category B."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import given as for_all
from hypothesis import strategies as st

from coopschool.domain.advisers.adviser_team import Adviser, AdviserTeam
from coopschool.domain.advisers.team_membership import JoinTeam, LeaveTeam
from coopschool.domain.base import Command
from coopschool.domain.school.member import Member
from coopschool.domain.school.membership import ChangeCategory
from coopschool.domain.school.withdrawal import EndMembership
from tests.support.advisers import formed
from tests.support.given_when_then import NOW, Scenario, given
from tests.support.school import joined

PEOPLE = ("ann", "bob")
TEAMS = ("north", "south")
DAYS = [date(2026, 2, 23) + timedelta(days=day) for day in range(14)]  # a week before now, a week after

Make = Callable[[str, str, date, date], Command]

MADE: dict[str, Make] = {
    "join": lambda person, team, day, _: JoinTeam(at=NOW, team=team, adviser=person, from_=day),
    "be in": lambda person, team, day, to: JoinTeam(at=NOW, team=team, adviser=person, from_=day, to=max(day, to)),
    "leave": lambda person, team, day, _: LeaveTeam(at=NOW, team=team, adviser=person, to=day),
    "become a user": lambda person, _, day, __: ChangeCategory(at=NOW, member=person, category="A", effective_on=day),
    "be permanent": lambda person, _, day, __: ChangeCategory(at=NOW, member=person, category="B", effective_on=day),
    "end": lambda person, _, day, __: EndMembership(at=NOW, member=person, ended_on=day),
}
COMMANDS = st.builds(
    lambda kind, person, team, day, to: MADE[kind](person, team, day, to),
    st.sampled_from([*MADE, "join", "be in", "leave"]),
    st.sampled_from(PEOPLE),
    st.sampled_from(TEAMS),
    st.sampled_from(DAYS),
    st.sampled_from(DAYS),
)


@pytest.mark.no_cover
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@for_all(st.lists(COMMANDS, min_size=1, max_size=14))
def test_an_adviser_is_in_one_team_a_day_and_a_permanent_worker_then(commands: list[Command]) -> None:
    log = given(*(formed(team) for team in TEAMS), *joined(*PEOPLE, category="B"))
    for command in commands:
        outcome = log.when(command)
        note(f"{command} → {outcome.refusal or outcome.decided}")
        if outcome.refusal is None:
            log = Scenario([*outcome.log, *outcome.occurrences])
    check(log)


def check(log: Scenario) -> None:
    teams = {team: log.folded(AdviserTeam, team) for team in TEAMS}
    for person in PEOPLE:
        adviser, member = log.folded(Adviser, person), log.folded(Member, person)
        for day in DAYS:
            then = [team for team, folded in teams.items() if person in folded.advisers_on(day)]
            assert then == [team for team in [adviser.team_on(day)] if team is not None]
            assert not then or member.category_on(day) == "B"
