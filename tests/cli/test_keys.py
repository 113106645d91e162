"""Tokens and roles from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import get_args
from uuid import uuid4

import pytest

from coopschool.api.auth import DevelopmentTokens
from coopschool.application import CoopSchool
from coopschool.cli import keys
from coopschool.domain.base import Role
from coopschool.domain.school.person import Person
from coopschool.settings import Settings
from tests.cli.running import Command

ISSUER, SUBJECT = "https://login.example.org", "3f1c"


def roles_of(school: CoopSchool, person: str) -> dict[str, object]:
    return school.read_now(lambda load: dict(load(Person, person).roles))


def test_every_role_can_be_asked_for() -> None:
    assert {role.value for role in keys.Role} == set(get_args(Role))


def test_a_token_is_all_that_is_printed_and_the_server_takes_it(command: Command, settings: Settings) -> None:
    person = str(uuid4())
    result = command.run("token", "--role", "trainer", "--role", "member", "--person", person)
    assert result.exit_code == 0
    caller = DevelopmentTokens(settings.signing_key()).verify(result.stdout.strip())
    assert caller.person == person
    assert caller.actor.roles == {"trainer", "member"}


def test_a_token_as_json_says_for_whom_it_is(command: Command, settings: Settings) -> None:
    said = command.said("token", "--role", "admin", "--hours", "1")
    assert DevelopmentTokens(settings.signing_key()).verify(said["token"]).actor.roles == {"admin"}
    assert said["roles"] == ["admin"]
    assert said["person_id"] is None


def test_there_are_no_development_tokens_beside_an_identity_provider(environment: dict[str, str]) -> None:
    command = Command({**environment, "COOPSCHOOL_OIDC_ISSUER": ISSUER, "COOPSCHOOL_OIDC_AUDIENCE": "school"})
    assert "coopschool grant" in command.refused("token", "--role", "admin")


@pytest.mark.parametrize(
    "arguments",
    [["--role", "king"], [], ["--role", "admin", "--person", "me"], ["--role", "admin", "--hours", "0"]],
)
def test_a_token_for_nobody_or_for_no_role_is_refused(command: Command, arguments: list[str]) -> None:
    command.refused("token", *arguments)


def test_the_first_admin_is_registered_with_their_sign_in(command: Command, school: CoopSchool) -> None:
    said = command.said("grant", ISSUER, SUBJECT, "admin")
    assert roles_of(school, said["person_id"]) == {"admin": None}
    assert said["position"] == 2


def test_the_same_sign_in_is_the_same_person_whatever_the_role(command: Command, school: CoopSchool) -> None:
    first = command.said("grant", ISSUER, SUBJECT, "admin")
    again = command.said("grant", ISSUER, SUBJECT, "admin")
    other = command.said("grant", ISSUER, SUBJECT, "coordinator", "--until", "2199-12-31")
    assert first["person_id"] == again["person_id"] == other["person_id"]
    assert again["position"] == first["position"]
    assert set(roles_of(school, first["person_id"])) == {"admin", "coordinator"}


def test_the_person_is_all_that_is_printed(command: Command, school: CoopSchool) -> None:
    result = command.run("grant", ISSUER, SUBJECT, "admin", "--until", "2199-12-31")
    assert set(roles_of(school, result.stdout.strip())) == {"admin"}
    assert "until 2199-12-31" in result.stderr


def test_a_sign_in_can_be_given_to_somebody_known(command: Command, school: CoopSchool) -> None:
    person = command.said("grant", ISSUER, SUBJECT, "trainer")["person_id"]
    assert command.said("grant", ISSUER, SUBJECT, "researcher", "--person", person)["person_id"] == person


def test_a_sign_in_is_one_persons_and_a_person_has_one(command: Command) -> None:
    ada = command.said("grant", ISSUER, SUBJECT, "trainer")["person_id"]
    command.said("grant", ISSUER, "another", "trainer")
    assert "Somebody else signs in" in command.refused("grant", ISSUER, "another", "trainer", "--person", ada)
    assert "another identity" in command.refused("grant", ISSUER, "a third", "trainer", "--person", ada)


def test_a_person_whom_nobody_knows_gets_no_role(command: Command) -> None:
    assert "there is no person" in command.refused("grant", ISSUER, SUBJECT, "admin", "--person", str(uuid4()))


def test_a_sign_in_without_a_name_is_refused(command: Command) -> None:
    assert "must not be empty" in command.refused("grant", ISSUER, " ", "admin")


def test_a_role_cannot_end_before_it_begins(command: Command) -> None:
    assert "past" in command.refused("grant", ISSUER, SUBJECT, "admin", "--until", "2001-01-01")


def test_what_an_identity_provider_says_of_somebody_is_not_kept(
    command: Command, school: CoopSchool, tmp_path: Path
) -> None:
    command.said("grant", ISSUER, "very-telling-subject", "admin")
    with school.database.connect("app") as conn:
        kept = conn.execute("select identity::text from vault_identities").fetchall()
        logged = conn.execute("select data from events").fetchall()
    assert len(kept) == 1
    assert "telling" not in str((kept, logged))
