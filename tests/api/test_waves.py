"""Survey waves over HTTP: opened, answered with tokens and without sign-in, closed; nothing to be seen before that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from httpx import Response
from litestar import Litestar
from litestar.testing import TestClient
from structlog.testing import capture_logs

from coopschool.answer_box import AnswerBox
from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.database import Database
from coopschool.domain.advisers.autonomy_survey import WaveResponsesReleased
from coopschool.eventstore.mapper import decode
from tests.answer_box.surroundings import NORTH, SOUTH, WAVE, id_of, open_wave
from tests.answer_box.test_survey_box import restored_without_keys
from tests.api.callers import Callers
from tests.api.conftest import Written
from tests.support.advisers import AGREES


@pytest.fixture
def tokens(school: CoopSchool, callers: Callers) -> dict[str, list[str]]:
    """The tokens of an open wave, by team: six for the north, three for the south."""
    open_wave(school)
    made = callers.coordinator.made(f"/api/waves/{WAVE}/tokens", {})
    return {team["team_id"]: team["tokens"] for team in made["teams"]}


def answer(client: TestClient[Litestar], token: str, wave: str = WAVE, answers: Any = None) -> Response:
    body = {"token": token, "answers": AGREES if answers is None else answers}
    return client.post(f"/api/waves/{wave}/responses", json=body)


def test_a_wave_is_opened_answered_and_closed(
    school: CoopSchool, client: TestClient[Litestar], callers: Callers
) -> None:
    open_wave(school)
    callers.coordinator.done("POST", f"/api/waves/{WAVE}/close")
    coordinator = callers.coordinator
    school.clock.advance(timedelta(days=100))  # type: ignore[attr-defined]
    later = Callers(client, callers.key).coordinator
    closes_on = (school.now().date() + timedelta(days=7)).isoformat()
    made = later.post("/api/waves", {"teams": [NORTH, SOUTH], "closes_on": closes_on})
    assert made.status_code == 201, made.text
    wave = made.json()["wave_id"]
    assert made.headers["location"] == f"/api/waves/{wave}"
    seen = coordinator.get(f"/api/waves/{wave}").json()
    assert (seen["status"], seen["instrument"], seen["version"], seen["closes_on"]) == (
        "open",
        "autonomy",
        1,
        closes_on,
    )
    assert seen["teams"] == [{"team_id": NORTH, "eligible": 6}, {"team_id": SOUTH, "eligible": 3}]
    listed = coordinator.get("/api/waves?limit=1").json()
    assert [card["wave_id"] for card in listed["items"]] == [wave], "the newest first"
    following = coordinator.get(f"/api/waves?limit=1&cursor={listed['next']}").json()
    assert [(card["wave_id"], card["status"]) for card in following["items"]] == [(WAVE, "closed")]
    assert following["next"] is None
    tokens = coordinator.made(f"/api/waves/{wave}/tokens", {})
    assert tokens["page"] == f"/answer/{wave}"
    for token in tokens["teams"][0]["tokens"]:
        received = answer(client, token, wave)
        assert (received.status_code, received.json()) == (201, {"status": "received"})
    closed = coordinator.done("POST", f"/api/waves/{wave}/close")
    assert closed["position"] > seen.get("position", 0)
    assert coordinator.get(f"/api/waves/{wave}").json() == {**seen, "status": "closed"}
    with school.database.connect("app") as conn:
        row = conn.execute("select type, data from events where position = %s", [closed["position"]]).fetchone()
    assert row is not None
    release = decode(*row)
    assert isinstance(release, WaveResponsesReleased)
    assert [(team.n, team.answers and len(team.answers)) for team in release.responses] == [(6, 6), (0, None)]


def test_whatever_is_wrong_with_a_token_the_answer_is_the_same(
    tokens: dict[str, list[str]], client: TestClient[Litestar], callers: Callers, clock: FixedClock
) -> None:
    used, unused, late, *_ = tokens[NORTH]
    assert answer(client, used).is_success
    said = [answer(client, used), answer(client, "AAAA-BBBB-CCCC-DDDD"), answer(client, ""), answer(client, "né à")]
    said.append(answer(client, unused, id_of("another wave")))
    clock.advance(timedelta(days=15))
    said.append(answer(client, late))
    Callers(client, callers.key).coordinator.done("POST", f"/api/waves/{WAVE}/close")
    said += [answer(client, used), answer(client, unused)]
    assert {(one.status_code, one.text) for one in said} == {(403, said[0].text)}
    assert said[0].json()["type"] == "/problems/token-refused"
    varying = {"x-correlation-id", "date"}
    assert len({tuple(sorted((k, v) for k, v in one.headers.items() if k not in varying)) for one in said}) == 1


@pytest.mark.parametrize(
    ("answers", "pointer"),
    [
        ({**AGREES, "s1": 6}, "#/answers/s1"),
        ({**AGREES, "s2": 0}, "#/answers/s2"),
        ({**AGREES, "s3": "4"}, "#/answers/s3"),
        ({**AGREES, "s3": True}, "#/answers/s3"),
        ({**AGREES, "s3": None}, "#/answers/s3"),
        ({**AGREES, "s3": 2.5}, "#/answers/s3"),
        ({**AGREES, "colour": 3}, "#/answers/colour"),
        ({"s1": 3}, "#/answers/s2"),
        ({}, "#/answers/s1"),
    ],
)
def test_an_answer_that_does_not_fit_names_its_item_and_spends_no_token(
    tokens: dict[str, list[str]], client: TestClient[Litestar], answers: dict[str, Any], pointer: str
) -> None:
    refused = answer(client, tokens[NORTH][0], answers=answers)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
    assert answer(client, tokens[NORTH][0]).is_success


def test_what_is_no_answer_at_all_is_refused(tokens: dict[str, list[str]], client: TestClient[Litestar]) -> None:
    for body in ({"answers": AGREES}, {"token": tokens[NORTH][0]}, {"token": 1, "answers": AGREES}, []):
        assert client.post(f"/api/waves/{WAVE}/responses", json=body).status_code == 422
    many = {f"item{number}": 1 for number in range(201)}
    assert answer(client, tokens[NORTH][0], answers=many).status_code == 422
    assert client.post(f"/api/waves/{WAVE}/responses", content=b"{").status_code == 400
    assert answer(client, tokens[NORTH][0], "none").status_code == 404


def test_before_the_closing_nothing_shows_how_many_have_answered(
    tokens: dict[str, list[str]],
    client: TestClient[Litestar],
    callers: Callers,
    database: Database,
    catch_up: Callable[[], int],
) -> None:
    caller = callers.caller("coordinator", "researcher", "admin")

    def shown() -> list[str]:
        catch_up()
        pages = [caller.get(path).text for path in ("/api/waves", f"/api/waves/{WAVE}", "/api/events?after=0")]
        metrics = client.get("/metrics").text
        return [*pages, "\n".join(line for line in metrics.splitlines() if "response" in line or "answer" in line)]

    before = shown()
    with capture_logs() as lines:
        for token in tokens[NORTH][:4]:
            assert answer(client, token).is_success
        assert answer(client, tokens[NORTH][0]).status_code == 403
        client.get(f"/answer/{WAVE}")
        client.post(f"/answer/{WAVE}", data={"token": tokens[NORTH][4], **dict.fromkeys(AGREES, "3")})
    assert lines == []
    assert shown() == before
    with database.connect("app") as conn:
        assert conn.execute("select count(*) from idempotency").fetchone() == (0,)


def test_keys_of_repeated_requests_are_not_kept_of_tokens_or_answers(
    school: CoopSchool, client: TestClient[Litestar], callers: Callers, database: Database
) -> None:
    open_wave(school)
    key = {"Idempotency-Key": str(uuid4())}
    first = callers.coordinator.post(f"/api/waves/{WAVE}/tokens", headers=key)
    again = callers.coordinator.post(f"/api/waves/{WAVE}/tokens", headers=key)
    assert first.status_code == 201
    assert again.json() == first.json()
    token = first.json()["teams"][0]["tokens"][0]
    body = {"token": token, "answers": AGREES}
    sent = [client.post(f"/api/waves/{WAVE}/responses", json=body, headers=key).status_code for _ in range(2)]
    assert sent == [201, 403]
    with database.connect("app") as conn:
        assert conn.execute("select count(*) from idempotency").fetchone() == (0,)


def test_closing_is_repeated_by_its_key_and_refused_without(tokens: object, callers: Callers, written: Written) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    coordinator = callers.coordinator
    first = coordinator.done("POST", f"/api/waves/{WAVE}/close", headers=key)
    assert coordinator.done("POST", f"/api/waves/{WAVE}/close", headers=key) == first
    before = written()
    refused = coordinator.post(f"/api/waves/{WAVE}/close")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/wave-not-open")
    refused = coordinator.post(f"/api/waves/{WAVE}/tokens")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/wave-not-open")
    assert written() == before


def test_a_wave_that_breaks_a_rule_is_not_opened(
    tokens: object, school: CoopSchool, callers: Callers, written: Written
) -> None:
    def refused(**changes: Any) -> tuple[int, str]:
        before = written()
        day = (school.now().date() + timedelta(days=7)).isoformat()
        response = callers.coordinator.post("/api/waves", {"teams": [NORTH], "closes_on": day, **changes})
        assert written() == before
        return response.status_code, response.json()["type"].rpartition("/")[2]

    assert refused() == (409, "team-in-open-wave")
    assert refused(teams=[NORTH, callers.team()]) == (409, "team-in-open-wave")
    assert refused(closes_on="2020-01-01")[0] == 422
    assert refused(teams=[])[0] == 422
    assert refused(teams=[NORTH, NORTH])[0] == 422
    assert refused(teams=[str(uuid4())])[0] == 404
    assert refused(instrument="none")[0] == 404
    assert refused(version=9)[0] == 404
    callers.coordinator.done("POST", f"/api/waves/{WAVE}/close")
    assert refused() == (409, "waves-too-close")
    school.clock.advance(timedelta(days=91))  # type: ignore[attr-defined]
    assert refused() == (409, "waves-too-close"), "from 2 March three months last until 2 June"


def test_a_team_that_changes_while_its_wave_is_open_is_asked_as_it_was(
    tokens: dict[str, list[str]], client: TestClient[Litestar], callers: Callers, clock: FixedClock
) -> None:
    before = callers.coordinator.done("GET", f"/api/waves/{WAVE}")
    for gone in ("north 0", "north 1"):
        callers.coordinator.done("DELETE", f"/api/teams/{NORTH}/advisers/{id_of(gone)}")
    callers.adviser(NORTH, from_=clock.now().date().isoformat())
    assert callers.coordinator.done("GET", f"/api/waves/{WAVE}") == before
    again = callers.coordinator.made(f"/api/waves/{WAVE}/tokens", {})["teams"]
    assert {team["team_id"]: team["tokens"] for team in again} == tokens
    assert [answer(client, token).status_code for token in tokens[NORTH]] == [201] * 6


def test_a_wave_whose_answers_a_restore_has_lost_is_reopened_and_says_so(
    tokens: dict[str, list[str]], school: CoopSchool, client: TestClient[Litestar], callers: Callers, clock: FixedClock
) -> None:
    assert answer(client, tokens[NORTH][0]).is_success
    clock.advance(timedelta(days=2))
    box = AnswerBox(school)
    restored_without_keys(box)
    assert callers.coordinator.post(f"/api/waves/{WAVE}/close").status_code == 503
    box.recover()
    seen = callers.coordinator.done("GET", f"/api/waves/{WAVE}")
    assert (seen["status"], seen["reopened"], seen["closes_on"]) == ("open", 1, "2026-03-18")
    assert callers.coordinator.done("GET", "/api/waves")["items"][0]["reopened"] == 1
    assert {answer(client, token).status_code for token in tokens[NORTH]} == {403}
    handed_out = callers.coordinator.made(f"/api/waves/{WAVE}/tokens", {})["teams"][0]["tokens"]
    assert not set(handed_out) & set(tokens[NORTH])
    assert answer(client, handed_out[0]).is_success


def test_there_is_no_wave_by_another_id(callers: Callers) -> None:
    nowhere = f"/api/waves/{uuid4()}"
    coordinator = callers.coordinator
    assert coordinator.get(nowhere).status_code == 404
    assert coordinator.post(f"{nowhere}/tokens").status_code == 404
    assert coordinator.post(f"{nowhere}/close").status_code == 404
    assert coordinator.get("/api/waves").json() == {"items": [], "next": None}
