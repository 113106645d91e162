"""Appointing somebody: known and in a role in one go."""

from uuid import uuid4

from coopschool.domain.school.appointment import Appoint
from coopschool.domain.school.person import PersonRegistered, RoleGranted
from tests.support.given_when_then import NOW, given

PERSON = str(uuid4())


def test_whoever_is_unknown_is_registered_and_granted_the_role() -> None:
    (
        given()
        .when(Appoint(person=PERSON, role="admin", at=NOW))
        .then(PersonRegistered(person=PERSON), RoleGranted(person=PERSON, role="admin"))
    )


def test_whoever_is_known_is_granted_the_role_only() -> None:
    (
        given(PersonRegistered(person=PERSON))
        .when(Appoint(person=PERSON, role="admin", at=NOW))
        .then(RoleGranted(person=PERSON, role="admin"))
    )
