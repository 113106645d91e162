"""The log on the command line: pages, filters, and following it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event as StopEvent
from uuid import uuid4

import psycopg
import pytest

from coopschool import feed
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.domain.errors import Invalid
from coopschool.domain.school.person import ChooseLanguage, RegisterPerson
from tests.cli.running import Command, coopschool


def register(school: CoopSchool) -> str:
    """A new person: two events."""
    person = str(uuid4())
    school.execute_now(RegisterPerson(at=school.now(), person=person, language="fr"))
    return person


@pytest.fixture
def people(school: CoopSchool) -> list[str]:
    """Three people: six events."""
    return [register(school) for _ in range(3)]


def test_a_page_says_what_follows_and_where_to_go_on(command: Command, people: list[str]) -> None:
    page = command.said("events", "--after", "1", "--limit", "2")
    assert [event["position"] for event in page["events"]] == [2, 3]
    assert (page["next"], page["at_end"]) == (3, False)


def test_an_event_is_shown_as_it_was_stored(command: Command, people: list[str]) -> None:
    (event,) = command.said("events", "--limit", "1")["events"]
    assert set(event) == {"position", "type", "tags", "occurred_at", "recorded_at", "data"}
    assert event["type"] == "PersonRegistered.v1"
    assert event["tags"] == [f"person:{people[0]}"]
    assert event["data"] == {"person": people[0]}


def test_the_last_page_says_that_it_is_the_last(command: Command, people: list[str]) -> None:
    page = command.said("events")
    assert len(page["events"]) == 6
    assert (page["next"], page["at_end"]) == (6, True)
    assert command.said("events", "--limit", "6")["at_end"]


def test_an_empty_log_has_an_end(command: Command) -> None:
    page = command.said("events")
    assert (page["events"], page["next"], page["at_end"]) == ([], 0, True)


def test_only_what_concerns_somebody_and_the_rest_was_looked_at(command: Command, people: list[str]) -> None:
    page = command.said("events", "--tag", f"person:{people[0]}")
    assert [event["position"] for event in page["events"]] == [1, 2]
    assert page["next"] == 6


def test_only_some_types_whatever_their_version(command: Command, people: list[str]) -> None:
    page = command.said("events", "--type", "LanguageChosen", "--type", "RoleGranted.v1")
    assert [event["position"] for event in page["events"]] == [2, 4, 6]
    page = command.said("events", "--type", "LanguageChosen", "--tag", f"person:{people[1]}")
    assert [event["position"] for event in page["events"]] == [4]


def test_a_type_that_does_not_exist_is_refused_with_those_that_are_near(command: Command) -> None:
    assert "LanguageChosen" in command.refused("events", "--type", "LanguageChoosen")


def test_in_a_pipe_there_is_a_line_for_each_event(command: Command, people: list[str]) -> None:
    result = command.run("events", "--limit", "2")
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert lines[0] == ["position", "occurred_at", "recorded_at", "type", "tags", "data"]
    assert lines[1][:4] == ["1", "2026-03-02 09:00:00+01:00", "2026-03-02 09:00:00+01:00", "PersonRegistered.v1"]
    assert json.loads(lines[1][5]) == {"person": people[0]}
    assert "--after 2" in result.stderr


def test_following_with_a_limit_ends_there(command: Command, people: list[str]) -> None:
    result = command.run("events", "--follow", "--limit", "3", "--json")
    assert [json.loads(line)["position"] for line in result.stdout.splitlines()] == [1, 2, 3]
    result = command.run("events", "--follow", "--limit", "1", "--after", "5")
    assert result.stdout.split("\t")[0] == "6"


def test_following_shows_what_comes_until_it_is_interrupted(
    environment: dict[str, str], school: CoopSchool, tmp_path: Path
) -> None:
    with coopschool(["events", "--follow", "--json"], environment, tmp_path) as process:
        for position in (1, 3):
            register(school)
            assert json.loads(process.line())["position"] == position
            assert json.loads(process.line())["position"] == position + 1
        process.signal(signal.SIGINT)
        assert process.ended() == 130
        assert process.left_behind() == []


@pytest.fixture
def following(database: Database) -> Iterator[tuple[Iterator[feed.SeenEvent], StopEvent]]:
    stop = StopEvent()
    yield feed.follow(database, feed.Query(), stop=stop), stop
    stop.set()


def test_following_survives_the_loss_of_its_connection(
    school: CoopSchool, following: tuple[Iterator[feed.SeenEvent], StopEvent]
) -> None:
    found, _ = following
    person = register(school)
    assert [next(found).position, next(found).position] == [1, 2]
    with psycopg.connect(school.settings.database_url or "", autocommit=True) as admin:
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
    school.execute_now(ChooseLanguage(at=school.now(), person=person, language="nl"))
    assert next(found).position == 3


def test_following_ends_when_told_to(school: CoopSchool, following: tuple[Iterator[feed.SeenEvent], StopEvent]) -> None:
    found, stop = following
    register(school)
    next(found)
    stop.set()
    assert [event.position for event in found] == [2]


def test_more_than_a_page_is_followed_without_waiting(school: CoopSchool, people: list[str]) -> None:
    with school.database.connect("app") as conn:
        first = feed.page(conn, feed.Query(), 0, 4)
        second = feed.page(conn, feed.Query(), first.next, 4)
    assert [event.position for event in first.events + second.events] == [1, 2, 3, 4, 5, 6]
    assert (first.at_end, second.at_end) == (False, True)


def test_a_query_for_an_unknown_type_is_invalid() -> None:
    with pytest.raises(Invalid):
        feed.Query(types=("Nothing",)).topics()
