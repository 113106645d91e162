"""Adviser teams over HTTP: who is in which when, telework, sessions a team takes together, and who may see it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from coopschool.clock import FixedClock
from tests.api.callers import Caller, Callers
from tests.api.conftest import Written
from tests.api.test_bad_input import NOBODY, named
from tests.api.test_lists import pages

TELEWORK = {"regime": "structural", "days_teleworked": 40, "days_worked": 100}


def refused(response: Any) -> tuple[int, str, list[str]]:
    """A refusal: status, rule, and the fields it names."""
    answer = response.json()
    return response.status_code, answer["type"].removeprefix("/problems/"), named(answer)


def test_a_team_is_formed_and_joined_and_seen_with_names(callers: Callers) -> None:
    made = callers.coordinator.post("/api/teams", {"name": "Équipe de Liège"})
    team = made.json()["team_id"]
    assert (made.status_code, made.headers["location"]) == (201, f"/api/teams/{team}")
    ann = callers.adviser(team, name="Ann", from_="2026-02-01")
    for caller in (callers.coordinator, ann):
        assert caller.done("GET", f"/api/teams/{team}") == {
            "team_id": team,
            "name": "Équipe de Liège",
            "formed_on": "2026-03-02",
            "on": "2026-03-02",
            "advisers": [{"person_id": ann.person, "name": "Ann", "from": "2026-02-01", "to": None}],
            "telework": [],
        }


def test_which_team_somebody_was_in_on_a_day_has_an_answer(callers: Callers) -> None:
    north, south = callers.team("North"), callers.team("South")
    ann = callers.adviser(north, "2026-01-12")
    bob = callers.adviser(north, "2026-02-16")
    callers.coordinator.done("DELETE", f"/api/teams/{north}/advisers/{ann.person}?to=2026-02-28")
    callers.coordinator.made(f"/api/teams/{south}/advisers", {"person_id": ann.person, "from": "2026-03-01"})

    def who(team: str, day: str) -> set[str]:
        seen = callers.coordinator.done("GET", f"/api/teams/{team}?on={day}")
        return {one["person_id"] for one in seen["advisers"]}

    assert who(north, "2026-01-11") == set()
    assert who(north, "2026-02-15") == {ann.person}
    assert who(north, "2026-02-28") == {ann.person, bob.person}
    assert (who(north, "2026-03-01"), who(south, "2026-03-01")) == ({bob.person}, {ann.person})

    def where(query: str, caller: Caller = callers.coordinator) -> list[str]:
        return [team["name"] for team in caller.done("GET", f"/api/teams?{query}")["items"]]

    assert where(f"adviser={ann.person}&on=2026-02-28") == ["North"]
    assert where(f"adviser={ann.person}") == ["South"]
    assert where("adviser=me&on=2026-02-28", ann) == ["North"]
    assert where("on=2026-01-01", ann) == ["South"]
    history = ann.done("GET", "/api/members/me/teams")["items"]
    assert [(stay["name"], stay["from"], stay["to"]) for stay in history] == [
        ("North", "2026-01-12", "2026-02-28"),
        ("South", "2026-03-01", None),
    ]
    (then,) = callers.coordinator.done("GET", f"/api/members/{ann.person}/teams?on=2026-02-28")["items"]
    assert then["team_id"] == north
    assert callers.coordinator.done("GET", f"/api/members/{ann.person}/teams?on=2026-01-01")["items"] == []


def test_leaving_and_joining_take_today_where_no_day_is_given(callers: Callers) -> None:
    team, ann = callers.team(), callers.member("B")
    callers.coordinator.made(f"/api/teams/{team}/advisers", {"person_id": ann.person})
    callers.coordinator.done("DELETE", f"/api/teams/{team}/advisers/{ann.person}")
    (stay,) = ann.done("GET", "/api/members/me/teams")["items"]
    assert (stay["from"], stay["to"]) == ("2026-03-02", "2026-03-02")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"person_id": "A"}, (409, "not-permanent-worker", ["#/person_id"])),
        ({"person_id": "elsewhere"}, (409, "in-another-team", ["#/person_id"])),
        ({"person_id": NOBODY}, (404, "unknown", ["#/person_id"])),
        ({"person_id": "B", "from": "2026-03-10", "to": "2026-03-09"}, (422, "invalid", ["#/to"])),
        ({"person_id": "B", "from": "1815-06-18"}, (422, "invalid", ["#/from"])),
        ({"person_id": "B", "since": "2026-03-10"}, (422, "invalid", ["#/since"])),
        ({}, (422, "invalid", ["#/person_id"])),
    ],
)
def test_who_cannot_be_in_a_team_is_not_put_into_it(
    callers: Callers, written: Written, body: dict[str, str], expected: tuple[int, str, list[str]]
) -> None:
    team, other = callers.team(), callers.team("Elsewhere")
    if body.get("person_id") in ("A", "B"):
        body = {**body, "person_id": callers.member(body["person_id"]).person or ""}
    if body.get("person_id") == "elsewhere":
        body = {"person_id": callers.adviser(other).person or ""}
    before = written()
    assert refused(callers.coordinator.post(f"/api/teams/{team}/advisers", body)) == expected
    assert written() == before


def test_only_who_is_in_a_team_leaves_it(callers: Callers, written: Written) -> None:
    team, other = callers.team(), callers.team("Elsewhere")
    ann = callers.adviser(other)
    before = written()
    path = f"/api/teams/{team}/advisers/{ann.person}"
    assert refused(callers.coordinator.delete(path))[:2] == (409, "not-in-team")
    assert refused(callers.coordinator.delete(f"{path}?to=soon")) == (422, "invalid", ["to"])
    assert refused(callers.coordinator.delete(f"{path}?to=1815-06-18")) == (422, "invalid", ["to"])
    assert written() == before


def test_a_team_is_for_its_advisers_of_today_and_coordinators(callers: Callers) -> None:
    north, south = callers.team("North"), callers.team("South")
    ann, zoe, left = callers.adviser(north), callers.adviser(south), callers.adviser(north)
    callers.coordinator.done("DELETE", f"/api/teams/{north}/advisers/{left.person}?to=2026-02-28")
    for stranger in (zoe, left, callers.member()):
        assert stranger.get(f"/api/teams/{north}").status_code == 403
        assert stranger.put(f"/api/teams/{north}/telework/2026Q1", TELEWORK).status_code == 403
    assert zoe.get(f"/api/members/{ann.person}/teams").status_code == 403
    assert [team["name"] for team in zoe.done("GET", "/api/teams")["items"]] == ["South"]
    assert callers.member().done("GET", "/api/teams")["items"] == []
    assert callers.caller("adviser").done("GET", "/api/teams")["items"] == []
    for caller in (ann, zoe):
        assert caller.post("/api/teams", {"name": "Ours"}).status_code == 403
        assert caller.post(f"/api/teams/{north}/advisers", {"person_id": zoe.person}).status_code == 403
        assert caller.delete(f"/api/teams/{north}/advisers/{ann.person}").status_code == 403


def test_what_does_not_exist_is_not_found(callers: Callers) -> None:
    for path in (f"/api/teams/{NOBODY}", "/api/teams/none", f"/api/members/{NOBODY}/teams"):
        assert callers.coordinator.get(path).status_code == 404
    assert callers.coordinator.put(f"/api/teams/{NOBODY}/telework/2026Q1", TELEWORK).status_code == 404
    assert callers.coordinator.get(f"/api/teams/{callers.team()}?on=0001-01-01").status_code == 422


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/api/teams", b'["2026-03-01T09:00:00","x"]'),
        ("/api/teams", b'["2026-03-01T09:00:00Z"]'),
        ("/api/decisions", b'["soon","x"]'),
        ("/api/instruments", b'["autonomy","1"]'),
    ],
)
def test_a_cursor_that_we_did_not_give_is_refused(callers: Callers, path: str, key: bytes) -> None:
    callers.team()
    cursor = urlsafe_b64encode(key).decode().rstrip("=")
    assert refused(callers.coordinator.get(f"{path}?cursor={cursor}")) == (422, "invalid", ["cursor"])


def test_teams_come_in_pages_in_the_order_they_were_formed_and_as_csv(callers: Callers, clock: FixedClock) -> None:
    teams = []
    for name in "CAB":
        teams.append(callers.team(name))
        clock.advance(timedelta(minutes=1))
    ann = callers.adviser(teams[1])
    found = pages(callers.coordinator, "/api/teams?limit=2")
    assert found == [teams[:2], teams[2:]]
    table = callers.coordinator.get("/api/teams", headers={"Accept": "text/csv"}).text.splitlines()
    assert table[0] == "team_id,name,formed_on,on,advisers"
    assert table[2] == f"{teams[1]},A,2026-03-02,2026-03-02,{ann.person}"
    position = callers.coordinator.made("/api/teams", {"name": "D"})["position"]
    assert len(callers.coordinator.done("GET", f"/api/teams?min_position={position}")["items"]) == 4


def test_telework_is_recorded_once_a_quarter_and_regime_by_the_team_or_for_it(
    callers: Callers, written: Written
) -> None:
    team = callers.team()
    ann = callers.adviser(team)
    first = ann.done("PUT", f"/api/teams/{team}/telework/2026Q1", TELEWORK)
    covid = {"regime": "covid", "days_teleworked": 5, "days_worked": 5}
    callers.coordinator.done("PUT", f"/api/teams/{team}/telework/2026Q1", covid)
    before = written()
    again = callers.coordinator.done("PUT", f"/api/teams/{team}/telework/2026Q1", TELEWORK)
    assert again["position"] >= first["position"]
    assert written() == before
    assert ann.done("GET", f"/api/teams/{team}")["telework"] == [
        {"quarter": "2026Q1", **covid},
        {"quarter": "2026Q1", **TELEWORK},
    ]


@pytest.mark.parametrize(
    ("quarter", "changes", "expected"),
    [
        ("2026Q1", {"days_teleworked": 101},
         (409, "more-teleworked-than-worked", ["#/days_teleworked", "#/days_worked"])),
        ("2025Q4", {"days_teleworked": 41}, (409, "telework-already-recorded", ["#/regime"])),
        ("2026Q2", {}, (409, "quarter-not-begun", [])),
        ("2026Q1", {"days_teleworked": -1}, (422, "invalid", ["#/days_teleworked"])),
        ("2026Q1", {"days_worked": 1.5}, (422, "invalid", ["#/days_worked"])),
        ("2026Q1", {"regime": "always"}, (422, "invalid", ["#/regime"])),
        ("2026Q5", {}, (404, "not-found", ["quarter"])),
        ("1815Q2", {}, (422, "invalid", ["#/quarter"])),
    ],
)  # fmt: skip
def test_telework_that_cannot_be_is_not_recorded(
    callers: Callers, written: Written, quarter: str, changes: dict[str, Any], expected: tuple[int, str, list[str]]
) -> None:
    team = callers.team()
    ann = callers.adviser(team)
    ann.done("PUT", f"/api/teams/{team}/telework/2025Q4", TELEWORK)
    before = written()
    assert refused(ann.put(f"/api/teams/{team}/telework/{quarter}", {**TELEWORK, **changes})) == expected
    assert written() == before


def test_a_team_takes_its_session_together_or_not_at_all(
    callers: Callers, clock: FixedClock, written: Written, catch_up: Callable[[], int]
) -> None:
    team = callers.team()
    ann, bob = callers.adviser(team), callers.adviser(team)
    begins = clock.now() + timedelta(days=10)
    session = callers.session(callers.module(), begins, seats=2, team=team)
    late = callers.adviser(team, (begins + timedelta(days=1)).date().isoformat())
    path = f"/api/sessions/{session}/team-enrolment"
    assert ann.post(path, {}).status_code == 403
    enrolled = callers.coordinator.post(path)
    assert (enrolled.status_code, enrolled.headers["location"]) == (201, f"/api/sessions/{session}")
    assert sorted(enrolled.json()["enrolled"]) == sorted([ann.person or "", bob.person or ""])
    assert callers.coordinator.made(path, {})["enrolled"] == []
    before = written()
    assert refused(callers.coordinator.post(path, {"advisers": [late.person]})) == (
        409,
        "not-in-team",
        ["#/advisers/0"],
    )
    small = callers.session("M01", begins + timedelta(days=30), seats=1, team=team)
    before = written()
    assert refused(callers.coordinator.post(f"/api/sessions/{small}/team-enrolment", {}))[:2] == (409, "session-full")
    assert written() == before
    open_to_all = callers.session("M01", begins + timedelta(days=60))
    assert (
        refused(callers.coordinator.post(f"/api/sessions/{open_to_all}/team-enrolment"))[1] == "not-reserved-for-team"
    )
    assert refused(ann.post(f"/api/sessions/{small}/enrolments"))[:2] == (403, "forbidden")
    member = callers.caller("member", person=ann.person)
    assert refused(member.post(f"/api/sessions/{small}/enrolments", {}))[:2] == (409, "reserved-for-team")
    catch_up()
    (card, _, _) = callers.coordinator.done("GET", "/api/sessions")["items"]
    assert (card["session_id"], card["team"], card["free"]) == (session, team, 0)


def test_the_same_key_forms_one_team(callers: Callers) -> None:
    headers = {"Idempotency-Key": "form-namur"}
    first, again = (callers.coordinator.post("/api/teams", {"name": "Namur"}, headers=headers) for _ in range(2))
    assert first.json() == again.json()
    assert len(callers.coordinator.done("GET", "/api/teams")["items"]) == 1
    other = callers.coordinator.post("/api/teams", {"name": "Mons"}, headers=headers)
    assert other.status_code == 422


def test_the_end_of_a_membership_or_its_category_ends_the_time_in_the_team(callers: Callers) -> None:
    team = callers.team()
    ann, bob = callers.adviser(team, name="Ann"), callers.adviser(team)
    callers.coordinator.done("POST", f"/api/members/{ann.person}/end", {"ended_on": "2026-03-01"})
    change = {"category": "A", "effective_on": "2026-02-15"}
    callers.coordinator.done("POST", f"/api/members/{bob.person}/category", change)
    assert callers.coordinator.done("GET", f"/api/teams/{team}")["advisers"] == []
    then = callers.coordinator.done("GET", f"/api/teams/{team}?on=2026-03-01")["advisers"]
    assert [(one["name"], one["to"]) for one in then] == [("Ann", "2026-03-01")]


def test_what_is_kept_of_an_adviser_includes_the_teams(callers: Callers) -> None:
    ann = callers.adviser(callers.team())
    kept = ann.done("GET", "/api/people/me/personal-data")
    assert "AdviserJoinedTeam" in str([event["type"] for event in kept["events"]])
