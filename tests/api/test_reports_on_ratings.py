"""Reports on ratings over HTTP: who sees which rows when, under which names, and what is explained of them."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.domain.advisers.adviser_team import TeamFormed
from coopschool.domain.base import Role
from coopschool.settings import Settings
from projections.reports import checksum
from projections.runner import Runner
from tests.api.callers import Caller, Callers
from tests.api.test_feed import scheduled
from tests.projections.story import at
from tests.support.advisers import AUTONOMY, FEEDBACK, in_team, published
from tests.support.chantier import alike, decided, held, planned, rated, wave
from tests.support.made_log import record

DIMENSION = AUTONOMY.dimension_codes[0]
LIKED = alike(2, 3, 3, 4, 4)


def named(number: int) -> str:
    return str(UUID(int=number << 64, version=4))


TEAMS = A, B, C, D = [named(number) for number in range(1, 5)]
SMALL, WAVE, WORKSHOP = named(5), named(6), named(7)
LARGE_SESSION, SMALL_SESSION = named(8), named(9)
ADVISER, RUTH, NAME = named(11), named(12), named(14)


@pytest.fixture(autouse=True)
def told(school: CoopSchool, settings: Settings) -> None:
    """A wave of four teams and one too small to show, released on the evening of 1 March; feedback on two sessions."""
    moments = [
        ("2026-01-05 09:00", published()),
        ("2026-01-05 09:00", published(FEEDBACK)),
        *(("2026-01-05 10:00", TeamFormed(team=team, name=NAME)) for team in (*TEAMS, SMALL)),
        ("2026-01-06 09:00", in_team(A, ADVISER, date(2026, 1, 6))),
        *(("2026-01-06 09:00", scheduled(id)) for id in (LARGE_SESSION, SMALL_SESSION)),
        ("2026-01-07 09:00", planned(WORKSHOP, A, "2026-01-08")),
        ("2026-01-08 09:00", held(WORKSHOP, A, "2026-01-08")),
        ("2026-01-08 10:00", decided(named(13), WORKSHOP, A, "2026-02-01")),
        ("2026-02-01 09:00", rated(LARGE_SESSION, "M01", (3, 3, 4, 4, 5))),
        ("2026-02-02 09:00", rated(SMALL_SESSION, "M02", (1, 1))),
        *wave(WAVE, "2026-03-01", {**dict.fromkeys(TEAMS, LIKED), SMALL: alike(1, 1, 1, 1)}),
    ]
    with school.database.connect("owner") as conn:
        record(conn, [(at(moment), event) for moment, event in moments])
    Runner(school.database, settings.zone).catch_up()


@pytest.fixture
def researcher(callers: Callers) -> Caller:
    return callers.caller("researcher", person=RUTH)


def rows(caller: Caller, report: str = "autonomy", **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.done("GET", f"/api/reports/{report}", params=asked)["rows"]
    return found


def explained(caller: Caller, report: str = "autonomy", **asked: Any) -> dict[str, Any]:
    found: dict[str, Any] = caller.done("GET", f"/api/reports/{report}/explain", params={"figure": "mean", **asked})
    return found


def refused(caller: Caller, path: str, **asked: Any) -> int:
    return caller.get(f"/api/reports/{path}", params=asked).status_code


def scopes(found: list[dict[str, Any]]) -> set[str]:
    return {row["team"] or row["scope"] for row in found}


# --- who sees what, and when


def test_each_role_sees_its_rows_of_a_wave_before_and_after_the_14_days(callers: Callers, clock: FixedClock) -> None:
    everything = {*TEAMS, SMALL, "all_teams"}
    adviser = callers.caller("adviser", person=ADVISER)
    other = callers.caller("adviser", person=named(99))  # of no team
    both = callers.caller("adviser", "coordinator", person=ADVISER)
    assert scopes(rows(adviser)) == {A}
    assert rows(other) == []
    assert scopes(rows(both)) == {A, "all_teams"}
    assert scopes(rows(callers.coordinator)) == {"all_teams"}
    assert scopes(rows(callers.caller("researcher", "coordinator"))) == everything
    assert rows(callers.coordinator, team=A) == rows(adviser, team=B) == []
    clock.advance(timedelta(days=14))
    assert scopes(rows(adviser)) == scopes(rows(other)) == everything
    assert scopes(rows(callers.coordinator)) == {"all_teams"}
    assert rows(adviser, as_of="2026-02-28") == []


REFUSED: tuple[Role, ...] = ("admin", "member", "trainer")


@pytest.mark.parametrize("role", REFUSED)
def test_no_other_role_asks_for_autonomy_or_what_is_behind_it(callers: Callers, role: Role) -> None:
    caller = callers.caller(role, person=ADVISER)
    assert [refused(caller, path, figure="mean") for path in ("autonomy", "autonomy/explain", "workshops")] == [403] * 3


def test_trainers_see_their_own_sessions_and_nobody_else_sees_one(callers: Callers, researcher: Caller) -> None:
    trainer = callers.caller("trainer", person=_trainer_of(callers, LARGE_SESSION))
    own = rows(trainer, "feedback", session=LARGE_SESSION)
    assert {(row["session"], row["n"], row["mean"]) for row in own} == {(LARGE_SESSION, 5, 3.8)}
    assert refused(trainer, "feedback", session=SMALL_SESSION) == 403
    assert refused(trainer, "feedback") == 422
    assert refused(trainer, "feedback/explain", session=SMALL_SESSION, figure="mean") == 403
    for caller in (callers.coordinator, researcher, callers.caller("researcher", "coordinator", "admin")):
        assert refused(caller, "feedback", session=LARGE_SESSION) == 403
        assert {row["session"] for row in rows(caller, "feedback")} == {None}
    for role in ("admin", "member", "adviser"):
        assert refused(callers.caller(role, person=ADVISER), "feedback/explain", figure="mean", module="M01") == 403
    assert refused(callers.admin, "feedback") == refused(callers.caller("member", person=ADVISER), "feedback") == 403


def _trainer_of(callers: Callers, session: str) -> str:
    found: str = callers.coordinator.done("GET", f"/api/sessions/{session}")["trainers"][0]
    return found


def test_workshops_are_for_the_own_team_and_for_those_who_see_all(callers: Callers, researcher: Caller) -> None:
    adviser = callers.caller("adviser", person=ADVISER)
    assert [row["team"] for row in rows(adviser, "workshops")] == [A]
    assert rows(callers.caller("adviser", person=named(99)), "workshops") == []
    assert [row["team"] for row in rows(callers.coordinator, "workshops")] == [A]
    (pseudonym,) = [row["team"] for row in rows(researcher, "workshops")]
    assert pseudonym not in (*TEAMS, SMALL)


# --- under the names of a grant


def test_a_researchers_rows_are_in_the_order_of_the_pseudonyms_in_every_form(
    callers: Callers, researcher: Caller
) -> None:
    answer = researcher.done("GET", "/api/reports/autonomy", params={"dimension": DIMENSION})
    teams = [row["team"] for row in answer["rows"] if row["team"]]
    assert teams == sorted(teams)
    assert len(teams) == len(TEAMS) + 1
    real = [row["team"] for row in rows(callers.caller("researcher", "coordinator"), dimension=DIMENSION)]
    assert real[:-1] == sorted(real[:-1])
    assert answer["rows"][-1]["scope"] == "all_teams"
    assert answer["provenance"]["checksum"] == checksum(answer["rows"])

    response = researcher.get("/api/reports/autonomy", params={"dimension": DIMENSION}, headers={"Accept": "text/csv"})
    written = list(csv.DictReader(io.StringIO(response.text)))
    assert [row["team"] for row in written if row["team"]] == teams
    assert response.headers["X-Report-Checksum"] == answer["provenance"]["checksum"]

    behind = explained(researcher, dimension=DIMENSION)
    assert [cell["team"] for cell in behind["cells"] if cell["team"]] == teams
    assert behind["provenance"] == answer["provenance"]


def test_a_researcher_asks_by_pseudonym_and_never_meets_an_id(callers: Callers, researcher: Caller) -> None:
    pseudonym, wave_name = next((row["team"], row["wave"]) for row in rows(researcher) if row["mean"] and row["team"])
    assert {row["team"] for row in rows(researcher, team=pseudonym, wave=wave_name)} == {pseudonym}
    assert rows(researcher, team=A) == []  # the id itself is the name of nothing
    told = [
        researcher.get("/api/reports/autonomy", params={"team": pseudonym}).text,
        researcher.get("/api/reports/autonomy/explain", params={"figure": "mean", "team": pseudonym}).text,
        researcher.get("/api/reports/autonomy/explain", params={"figure": "mean", "band": "none"}).text,
        researcher.get("/api/reports/workshops/explain", params={"figure": "held", "quarter": "1999Q1"}).text,
        researcher.get("/api/reports/progress/explain", params={"figure": "enrolled", "period": "1999"}).text,
        researcher.get(
            "/api/reports/progress/explain",
            params={"figure": "enrolled", "period": "1999", "session": researcher_name(researcher)},
        ).text,
    ]
    for text in told:
        assert not [id for id in (*TEAMS, SMALL, WAVE, LARGE_SESSION, SMALL_SESSION) if id in text]
    listed = json.loads(told[2])["details"]["known"]
    assert pseudonym in {row["team"] for row in listed}


def test_an_adviser_who_is_a_researcher_too_sees_pseudonyms(callers: Callers) -> None:
    both = callers.caller("adviser", "researcher", person=ADVISER)
    answer = both.done("GET", "/api/reports/autonomy", params={"dimension": DIMENSION})
    assert not scopes(answer["rows"]) & {*TEAMS, SMALL}
    assert answer["teams"] == {}


def researcher_name(researcher: Caller) -> str:
    """What the researcher calls a session."""
    (name, *_) = [row["session"] for row in rows(researcher, "progress", group_by="session")]
    return str(name)


# --- explained: only the release, and of what is hidden nothing


def test_behind_a_shown_mean_there_is_its_release_and_nothing_of_the_answers(
    callers: Callers, researcher: Caller
) -> None:
    adviser = callers.caller("adviser", person=ADVISER)
    for caller, scope in ((adviser, "team"), (callers.coordinator, "all_teams"), (researcher, "all_teams")):
        found = explained(caller, dimension=DIMENSION, scope=scope)
        assert (found["value"], found["suppressed"], found["count"]) == (3.2, False, 1)
        (event,) = found["events"]
        assert event["type"] == "WaveResponsesReleased.v1"
        assert not {"responses", "answers"} & set(event["data"])
    assert explained(callers.coordinator, dimension=DIMENSION)["events"][0]["data"] == {}


def test_a_hidden_mean_is_suppressed_and_there_is_nothing_behind_it(callers: Callers, researcher: Caller) -> None:
    everything = callers.caller("researcher", "coordinator", "admin")
    for figure in ("mean", "n", "response_rate", "eligible", "stayers", "change", "sd", "telework_share", "decisions"):
        found = explained(everything, figure=figure, team=SMALL, dimension=DIMENSION)
        assert (found["value"], found["suppressed"], found["count"], found["events"]) == (None, True, None, [])
    mixed = explained(researcher, dimension=DIMENSION)
    assert (mixed["suppressed"], mixed["count"], mixed["events"]) == (True, None, [])
    assert [cell["suppressed"] for cell in mixed["cells"]].count(True) == 1
    hidden = explained(callers.coordinator, "feedback", module="M02")
    assert (hidden["suppressed"], hidden["count"], hidden["events"]) == (True, None, [])


def test_feedback_is_explained_by_the_releases_that_were_counted(callers: Callers) -> None:
    item = rows(callers.coordinator, "feedback", module="M01")[0]["item"]
    found = explained(callers.coordinator, "feedback", module="M01", item=item)
    assert (found["value"], found["count"]) == (3.8, 1)
    trainer = callers.caller("trainer", person=_trainer_of(callers, LARGE_SESSION))
    own = explained(trainer, "feedback", session=LARGE_SESSION, item=item)
    assert (own["value"], own["count"], own["events"][0]["data"]) == (3.8, 1, {})
    (event,) = explained(callers.caller("admin", "coordinator"), "feedback", module="M01", item=item)["events"]
    assert (event["type"], {"online", "paper", "comments"} & set(event["data"])) == ("FeedbackReleased.v1", set())


def test_what_somebody_may_not_see_yet_is_no_group_for_them(callers: Callers) -> None:
    adviser = callers.caller("adviser", person=ADVISER)
    response = adviser.get("/api/reports/autonomy/explain", params={"figure": "mean", "team": B})
    assert (response.status_code, response.json()["details"]["known"]) == (404, [])
    listed = adviser.get("/api/reports/autonomy/explain", params={"figure": "mean", "band": "100%"}).json()
    assert {row["team"] for row in listed["details"]["known"]} == {A}
