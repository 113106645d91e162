"""What the demo's adviser teams have to tell can be read in its log and in `autonomy`: directions, not decimals."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from statistics import fmean
from typing import Any

import msgspec
import pytest

from coopschool.demo.calendar import ONLINE_FROM
from coopschool.demo.teams import TEAMS
from coopschool.domain.advisers.adviser_team import AdviserTeam
from projections.reports import run
from tests.support.installation import Simulated

DIMENSIONS = {"scheduling", "decision_making", "work_methods", "team_autonomy"}
Rows = list[dict[str, Any]]


class Happened(msgspec.Struct):
    """An event of the log."""

    day: date
    data: dict[str, Any]


def events(simulated: Simulated, topic: str) -> list[Happened]:
    """All events of a kind, with the school's day on which they occurred."""
    query = "select occurred_at, data from events where type = %s order by position"
    with simulated.database.connect("app") as conn:
        found = conn.execute(query, [topic]).fetchall()
    zone = simulated.settings.zone
    return [Happened(at.astimezone(zone).date(), msgspec.json.decode(data)) for at, data in found]


@pytest.fixture(scope="module")
def rows(simulated: Simulated) -> Rows:
    """The autonomy report, as researchers see it."""
    with simulated.database.connect("app") as conn:
        return run(conn, "autonomy", {"as_of": "2026-01-01"}).rows


@pytest.fixture(scope="module")
def waves(rows: Rows) -> list[str]:
    """The days on which the waves came out, in order."""
    return sorted({row["released_on"] for row in rows})


def teams(rows: Iterable[dict[str, Any]], released_on: str) -> Rows:
    return [row for row in rows if row["scope"] == "team" and row["released_on"] == released_on]


# --- what is there


def test_twelve_teams_of_three_to_eleven_advisers_were_asked_in_six_half_yearly_waves(simulated: Simulated) -> None:
    opened = events(simulated, "WaveOpened.v1")
    assert [wave.day.year for wave in opened] == [2018, 2019, 2019, 2020, 2021, 2021]
    between = [(later.day - earlier.day).days for earlier, later in pairwise(opened)]
    assert all(150 < days < 250 for days in between)
    sizes = sorted(len(team["advisers"]) for team in opened[0].data["teams"])
    assert (len(sizes), sizes[0], sizes[-1]) == (12, 3, 11)


def test_advisers_come_go_and_change_teams(simulated: Simulated) -> None:
    been_in = defaultdict(set)
    for joined in events(simulated, "AdviserJoinedTeam.v1"):
        been_in[joined.data["adviser"]].add(joined.data["team"])
    assert sum(len(teams) > 1 for teams in been_in.values()) > 5
    assert len(been_in) > sum(team_size for _, team_size, _ in TEAMS), "somebody new came"


def test_each_team_learnt_together_all_of_it_or_none(simulated: Simulated) -> None:
    reserved = {
        told.data["session"]: told.data["team"]
        for told in events(simulated, "SessionScheduled.v1")
        if told.data.get("team")
    }
    enrolled: dict[str, dict[str, date]] = defaultdict(dict)
    for told in events(simulated, "MemberEnrolled.v1"):
        if told.data["session"] in reserved:
            enrolled[told.data["session"]][told.data["member"]] = told.day
    assert set(enrolled) == set(reserved)
    for session, members in enrolled.items():
        [day] = set(members.values())
        team = simulated.school.read_now(lambda load, team=reserved[session]: load(AdviserTeam, team))
        assert set(members) == set(team.advisers_on(day))
    closed = {told.data["session"] for told in events(simulated, "SessionClosed.v1")} & set(reserved)
    assert len({reserved[session] for session in closed}) == len(TEAMS)
    assert len(reserved) > len(closed), "one was called off in March 2020"
    assert any(told.data["session"] in reserved for told in events(simulated, "SeatsChanged.v1")), "a larger room"


def test_each_closed_session_has_feedback_of_both_moments(simulated: Simulated) -> None:
    closed = {told.data["session"] for told in events(simulated, "SessionClosed.v1")}
    given = Counter(told.data["moment"] for told in events(simulated, "FeedbackReleased.v1"))
    assert len(closed) > 100
    assert all(given[moment] > 0.98 * len(closed) for moment in ("hot", "cold")), "hardly ever did nobody answer"


def test_decisions_are_kept_changed_dropped_and_overdue(rows: Rows, waves: list[str]) -> None:
    [last] = [
        row
        for row in rows
        if row["scope"] == "all_teams" and row["released_on"] == waves[-1] and row["dimension"] == "scheduling"
    ]
    assert {"kept", "changed", "dropped", "open"} == set(last["decisions_by_outcome"])
    assert 0 < last["overdue"] < last["decisions"]


# --- what can be read


def test_the_smallest_team_is_hidden_throughout_and_nobody_else(rows: Rows, waves: list[str]) -> None:
    hidden = {row["team"] for row in rows if row["scope"] == "team" and row["suppressed"]}
    assert len(hidden) == 1
    of_hidden = [row for row in rows if row["team"] in hidden]
    assert len(of_hidden) == len(waves) * len(DIMENSIONS)
    told = {"eligible", "n", "mean", "change", "telework_share", "decisions", "overdue"}
    assert all(row["suppressed"] and all(row[figure] is None for figure in told) for row in of_hidden)


def test_one_new_questionnaire_breaks_the_series_and_the_mapped_one_leads_on(rows: Rows, waves: list[str]) -> None:
    versions = {row["released_on"]: row["version"] for row in rows}
    assert [versions[day] for day in waves] == [1, 2, 2, 2, 3, 3]
    for number, day in enumerate(waves):
        shown = [row for row in teams(rows, day) if not row["suppressed"]]
        assert all(row["series_broken"] == (number == 1) for row in shown)
        assert all((row["change"] is None) == (number < 2) for row in shown)


def test_in_march_2020_all_went_home_those_who_never_had_altogether(rows: Rows, waves: list[str]) -> None:
    before, after = waves[2], waves[3]
    assert before < ONLINE_FROM.isoformat() < after
    bands = {day: {row["team"]: row["band"] for row in teams(rows, day) if row["band"]} for day in (before, after)}
    assert {(bands[before][team], bands[after][team]) for team in bands[before]} == {("0%", "100%"), ("<=20%", "<100%")}


def changes(rows: Rows, earlier: str, later: str, band: str, dimension: str) -> float:
    """By how much the teams that were in a band moved, on average, from a wave to the one after it."""
    were = {row["team"] for row in teams(rows, earlier) if row["band"] == band}
    moved = [row for row in teams(rows, later) if row["team"] in were and row["dimension"] == dimension]
    return fmean(row["change"] for row in moved)


def test_when_telework_came_hours_were_freer_and_decisions_were_taken_elsewhere(rows: Rows, waves: list[str]) -> None:
    for band in ("0%", "<=20%"):
        assert changes(rows, waves[2], waves[3], band, "scheduling") > 0.1
        assert changes(rows, waves[2], waves[3], band, "decision_making") < -0.2


def test_teams_sent_home_unprepared_lost_most_as_teams(rows: Rows, waves: list[str]) -> None:
    unprepared = changes(rows, waves[2], waves[3], "0%", "team_autonomy")
    prepared = changes(rows, waves[2], waves[3], "<=20%", "team_autonomy")
    assert unprepared < prepared - 0.2
    assert changes(rows, waves[2], waves[3], "<=20%", "work_methods") > changes(
        rows, waves[2], waves[3], "0%", "work_methods"
    )


def test_as_teams_took_decisions_again_they_won_some_of_it_back(rows: Rows, waves: list[str]) -> None:
    of_all = {(row["released_on"], row["dimension"]): row for row in rows if row["scope"] == "all_teams"}
    for dimension in ("decision_making", "team_autonomy"):
        assert of_all[waves[3], dimension]["mean"] < of_all[waves[2], dimension]["mean"]
        assert of_all[waves[4], dimension]["change"] > 0
        assert of_all[waves[5], dimension]["change"] > 0

    def by_team(since: str, until: str) -> float:
        """The share of the decisions taken meanwhile that teams took themselves."""
        counts = [of_all[day, "scheduling"]["decisions_by_decided_by"] for day in (since, until)]
        taken = Counter(counts[1])
        taken.subtract(counts[0])
        return taken["team"] / taken.total()

    assert by_team(waves[2], waves[3]) < by_team(waves[3], waves[5])
