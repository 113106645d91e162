"""Erasing from the command line, asked for by id or by name, and only if it is meant."""

from __future__ import annotations

from uuid import uuid4

import pytest
from typer.testing import CliRunner

from coopschool.application import CoopSchool
from coopschool.cli import app
from coopschool.domain.school.membership import JoinAsMember
from coopschool.domain.school.person import PlaceLegalHold
from tests.cli.running import Command


@pytest.fixture
def ada(school: CoopSchool) -> str:
    """A member, by id."""
    id = str(uuid4())
    details = school.vault.put_person(id, name="Ada Lovelace", email="ada@example.org")
    command = JoinAsMember(person=id, category="A", joined_on=school.now().date(), at=school.now())
    school.execute_now(command, vault=[details])
    return id


def typed(environment: dict[str, str], *arguments: str, words: str) -> tuple[int, str]:
    """Exit status and all that is said, while somebody types."""
    result = CliRunner().invoke(app, ["erase", *arguments], input=words, env=environment)
    return result.exit_code, result.output


def test_an_erasure_prints_its_receipt(command: Command, ada: str) -> None:
    receipt = command.said("erase", ada, "--yes")
    assert (receipt["person_id"], receipt["removed"]["people"]) == (ada, 1)
    assert (
        command.said("events", "--after", str(receipt["position"] - 1))["events"][0]["type"] == "PersonalDataErased.v1"
    )
    result = command.run("erase", ada, "--yes")
    assert "removed people\t0" in result.stdout
    assert "pseudonymous" in result.stderr


def test_it_is_asked_whether_it_is_meant(command: Command, environment: dict[str, str], ada: str) -> None:
    assert typed(environment, ada, words="n\n")[0] == 2
    status, said = typed(environment, ada, words="y\n")
    assert (status, "removed people" in said) == (0, True)
    assert "--yes" in command.refused("erase", ada)


def test_somebody_is_found_by_a_name_that_is_not_on_the_command_line(
    command: Command, environment: dict[str, str], ada: str
) -> None:
    assert "by id" not in typed(environment, words="nobody at all\n")[1]
    assert typed(environment, words="nobody at all\n")[0] == 2
    status, said = typed(environment, words="love\n1\ny\n")
    assert status == 0
    assert ada in said
    assert '"what":"names and addresses"' in said
    assert "give the person's id" in command.refused("erase")


def test_whoever_must_be_kept_is_not_erased(command: Command, school: CoopSchool, ada: str) -> None:
    school.execute_now(PlaceLegalHold(person=ada, at=school.now()))
    assert "obliges" in command.refused("erase", ada, "--yes")


def test_nobody_is_erased_who_is_not_there(command: Command) -> None:
    assert "there is no person" in command.refused("erase", str(uuid4()), "--yes")
    command.refused("erase", "Ada")
