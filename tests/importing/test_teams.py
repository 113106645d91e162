"""Importing adviser teams: who was in which when, telework, workshops and what they decided."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from coopschool import vault
from coopschool.application import CoopSchool
from coopschool.domain.advisers.adviser_team import (
    Adviser,
    AdviserJoinedTeam,
    AdviserLeftTeam,
    AdviserTeam,
    TeamFormed,
    TeleworkRecorded,
)
from coopschool.domain.advisers.workshop import (
    Decision,
    DecisionReviewed,
    DecisionTaken,
    WorkshopHeld,
    WorkshopNoteAdded,
    WorkshopPlanned,
)
from coopschool.domain.school.member import MemberJoined
from tests.importing.test_history import brought, events, log, refused, when
from tests.support.importing import write

TEAMS: dict[str, Any] = {
    "members": ["a1,B,2018-01-01", "a2,B,2018-01-01", "a3,A,2018-01-01", "a4,B,2018-01-01,2020-06-30"],
    "categories": "a3,B,2019-01-01",
    "teams": ["t1,Namur", "t2,Liège,2017-12-01"],
    "team_members": ["t1,a1,2018-02-01,2019-12-31", "t2,a1,2020-01-01", "t1,a2,2018-03-01", "t1,a3,2019-01-01"],
    "telework": ["t1,2020Q1,structural,40,180", "t1,2020Q1,covid,60,60", "t1,2020q2,covid,180,180,2020-07-03"],
    "workshops": [
        "w1,t1,2019-03-12,ext|a1,2019-02-20,2019-03-12,a1|a2,rota|telework,On a parlé de la permanence.",
        "w2,t1,2019-09-10",
    ],
    "decisions": [
        "d1,w1,rota,team,2019-06-01,Deux permanences,,kept,2019-06-03,2019-09-01",
        "d1,w1,rota,team,2019-06-01,,,changed,2019-09-02,2019-12-01,Trois permanences",
        "d1,w1,rota,team,2019-06-01,,,dropped,2019-12-02",
        "d2,w1,telework,management,2019-07-01",
    ],
}


def test_teams_are_brought_with_their_names_in_the_vault(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **TEAMS))
    liege, namur = events(school, TeamFormed)
    assert when(school, TeamFormed) == ["2017-12-01 00:00", "2018-02-01 00:00"]
    with school.database.connect("app") as conn:
        assert vault.texts(conn, [liege.name, namur.name]) == {liege.name: "Liège", namur.name: "Namur"}


def test_which_team_somebody_was_in_on_a_day_is_known(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **TEAMS))
    liege, namur = (event.team for event in events(school, TeamFormed))
    first = events(school, AdviserJoinedTeam)[0].adviser
    known = school.read_now(lambda load: load(Adviser, first))
    assert known.team_on(date(2019, 12, 31)) == namur
    assert known.team_on(date(2020, 1, 1)) == liege
    assert when(school, AdviserLeftTeam) == ["2019-12-31 23:59"]


def test_a_stay_that_ends_later_is_ended_by_a_later_import(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **TEAMS))
    stays = [*TEAMS["team_members"][:2], "t1,a2,2018-03-01,2021-05-31", TEAMS["team_members"][3]]
    assert brought(school, write(tmp_path, **(TEAMS | {"team_members": stays}))).events == 1
    assert when(school, AdviserLeftTeam)[-1] == "2021-05-31 23:59"


def test_an_end_of_a_stay_that_is_still_to_come_is_announced_now(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **(TEAMS | {"team_members": "t1,a2,2018-03-01,2190-05-31"})))
    assert [event.to for event in events(school, AdviserLeftTeam)] == [date(2190, 5, 31)]


def test_who_leaves_the_cooperative_leaves_the_team(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **(TEAMS | {"team_members": "t1,a4,2019-01-01,2020-06-30"})))
    assert [event.to for event in events(school, AdviserLeftTeam)] == [date(2020, 6, 30)]


def test_telework_is_recorded_when_its_quarter_is_over(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **TEAMS))
    assert when(school, TeleworkRecorded) == ["2020-04-01 00:00", "2020-04-01 00:00", "2020-07-03 00:00"]
    namur = events(school, TeamFormed)[1].team
    assert school.read_now(lambda load: load(AdviserTeam, namur).telework) == {
        ("2020Q1", "structural"): (40, 180),
        ("2020Q1", "covid"): (60, 60),
        ("2020Q2", "covid"): (180, 180),
    }


def test_workshops_are_planned_and_held_with_people_from_inside_and_outside(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **TEAMS))
    held, planned = events(school, WorkshopPlanned)
    assert when(school, WorkshopPlanned) == ["2019-02-20 00:00", "2019-09-10 00:00"]
    assert (len(held.facilitators), planned.facilitators) == (2, ())
    [what] = events(school, WorkshopHeld)
    members = {event.member for event in events(school, MemberJoined)}
    assert set(what.participants) < members
    assert what.themes == ("rota", "telework")
    [note] = events(school, WorkshopNoteAdded)
    with school.database.connect("app") as conn:
        assert vault.texts(conn, [note.note]) == {note.note: "On a parlé de la permanence."}


def test_decisions_are_followed_through_their_reviews(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **TEAMS))
    first, second = events(school, DecisionTaken)
    assert when(school, DecisionTaken) == ["2019-03-12 00:00", "2019-03-12 00:00"]
    assert [event.outcome for event in events(school, DecisionReviewed)] == ["kept", "changed", "dropped"]
    dropped, waiting = school.read_now(lambda load: (load(Decision, first.decision), load(Decision, second.decision)))
    assert (dropped.outcome, dropped.review_on) == ("dropped", None)
    assert (waiting.outcome, waiting.review_on) == (None, date(2019, 7, 1))
    with school.database.connect("app") as conn:
        assert vault.texts(conn, [first.text, dropped.text, second.text]) == {
            first.text: "Deux permanences",
            dropped.text: "Trois permanences",
        }


def test_importing_twice_adds_nothing(school: CoopSchool, tmp_path: Path) -> None:
    directory = write(tmp_path, **TEAMS)
    brought(school, directory)
    before = log(school)
    again = brought(school, directory)
    assert (again.events, again.carried_out) == (0, 0)
    assert log(school) == before


def test_what_was_held_and_reviewed_since_is_added(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **TEAMS))
    more = TEAMS | {
        "workshops": [TEAMS["workshops"][0], "w2,t1,2019-09-10,,,2019-09-11,a2|a3,methods"],
        "decisions": [*TEAMS["decisions"], "d3,w2,methods,jointly,2020-01-01,Essai", "d4,w1,rota,team,2020-01-01"],
    }
    brought(school, write(tmp_path, **more))
    assert when(school, WorkshopHeld) == ["2019-03-12 00:00", "2019-09-11 00:00"]
    assert when(school, DecisionTaken)[2:] == ["2019-03-12 00:00", "2019-09-11 00:00"]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"teams": ["t1,Namur", "t1,Liège", "t2,Mons"]}, ("teams.csv", 3, "team_ref", "team-exists")),
        ({"team_members": "t9,a1,2018-02-01"}, ("team_members.csv", 2, "team_ref", "unknown")),
        ({"team_members": "t1,a9,2018-02-01"}, ("team_members.csv", 2, "member_ref", "unknown")),
        ({"team_members": "t1,a3,2018-02-01"}, ("team_members.csv", 2, "from", "not-permanent-worker")),
        ({"team_members": "t1,a1,2018-02-01,2018-01-31"}, ("team_members.csv", 2, "to", "invalid")),
        (
            {"team_members": ["t1,a1,2018-02-01", "t2,a1,2019-01-01"]},
            ("team_members.csv", 3, "from", "in-another-team"),
        ),
        ({"telework": "t1,2020Q5,covid,1,1"}, ("telework.csv", 2, "quarter", "cell")),
        ({"telework": "t9,2020Q1,covid,1,1"}, ("telework.csv", 2, "team_ref", "unknown")),
        ({"telework": "t1,2190Q1,covid,1,1"}, ("telework.csv", 2, "quarter", "quarter-not-begun")),
        ({"telework": "t1,2020Q1,covid,2,1"}, ("telework.csv", 2, "quarter", "more-teleworked-than-worked")),
        (
            {"telework": ["t1,2020Q1,covid,1,2", "t1,2020Q1,covid,2,2"]},
            ("telework.csv", 3, "quarter", "telework-already-recorded"),
        ),
        ({"workshops": "w1,t9,2019-03-12"}, ("workshops.csv", 2, "team_ref", "unknown")),
        ({"workshops": "w1,t1"}, ("workshops.csv", 2, "planned_for", "cell")),
        ({"workshops": "w1,t1,,,,2019-03-12,a9,rota"}, ("workshops.csv", 2, "participants", "unknown")),
        ({"workshops": "w1,t1,,,,2019-03-12,,rota"}, ("workshops.csv", 2, "participants", "invalid")),
        ({"workshops": "w1,t1,,,,2019-03-12,a1,lunch"}, ("workshops.csv", 2, "themes", "cell")),
        ({"workshops": "w1,t1,,,,2190-03-12,a1,rota"}, ("workshops.csv", 2, "held_on", "still-to-come")),
        ({"workshops": "w1,t1,2019-03-12"}, ("decisions.csv", 2, "review_on", "workshop-not-held")),
        ({"decisions": "d1,w9,rota,team,2019-06-01"}, ("decisions.csv", 2, "workshop_ref", "unknown")),
        ({"decisions": "d1,w1,rota,team,"}, ("decisions.csv", 2, "review_on", "cell")),
        ({"decisions": "d1,w1,rota,team,2019-03-12"}, ("decisions.csv", 2, "review_on", "review-date-past")),
        ({"decisions": "d1,w1,rota,team,2019-06-01,,,kept"}, ("decisions.csv", 2, "reviewed_on", "cell")),
        ({"decisions": "d1,w1,rota,team,2019-06-01,,,,2019-06-01"}, ("decisions.csv", 2, "outcome", "cell")),
        (
            {"decisions": "d1,w1,rota,team,2019-06-01,,,kept,2019-03-01"},
            ("decisions.csv", 2, "reviewed_on", "unknown"),
        ),
        (
            {"decisions": ["d1,w1,rota,team,2019-06-01", "d1,w1,methods,team,2019-06-01"]},
            ("decisions.csv", 3, "decision_ref", "differs"),
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_mistake_is_reported_once_where_it_was_made(
    school: CoopSchool, tmp_path: Path, changed: dict[str, Any], problem: tuple[str, int, str, str]
) -> None:
    files = TEAMS if "decisions" in changed or "workshops" in changed else TEAMS | {"workshops": [], "decisions": []}
    if "workshops" in changed and problem[0] == "workshops.csv":
        files = files | {"decisions": "d1,w1,rota,team,2019-06-01"}
    elif "workshops" in changed:
        files = files | {"decisions": TEAMS["decisions"][3]}
    assert refused(school, write(tmp_path, **(files | changed))) == [problem]
