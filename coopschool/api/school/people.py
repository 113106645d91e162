"""People who are known to the cooperative, and the roles they act in."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import uuid4

import msgspec
from litestar import Controller, Response, delete, get, post, put
from litestar.params import JSONBody
from msgspec import Meta

from coopschool import vault
from coopschool.api.access import may
from coopschool.api.body import Body, Email, PersonName, PersonPath, Written
from coopschool.api.examples import PERSON, In
from coopschool.api.problems import body_fault
from coopschool.api.request import ApiRequest, etag
from coopschool.domain.base import Load, Role, existing
from coopschool.domain.school.membership import roles_on
from coopschool.domain.school.person import (
    ConnectSignIn,
    LiftLegalHold,
    Person,
    PlaceLegalHold,
    RegisterPerson,
    SetRoles,
)
from coopschool.domain.school.words import Language
from coopschool.identities import Identities, PutIdentity


class NewPerson(Body, kw_only=True):
    """Somebody who is not a member: a trainer from outside, a researcher."""

    name: PersonName | None = None
    email: Email | None = None
    language: Language | None = None


class PersonMade(Written, kw_only=True):
    """The new person's id."""

    person_id: str


class SignInWanted(Body, kw_only=True):
    """How the person signs in: the issuer (ours, unless given) and whom it means, never an e-mail address."""

    subject: Annotated[str, Meta(min_length=1, max_length=255)]
    issuer: Annotated[str, Meta(min_length=1, max_length=500)] | None = None


class RoleHeld(Body, kw_only=True):
    """A role and its last day (none: until it is taken back)."""

    role: Role
    until: date | None = None


class RolesWanted(Body, kw_only=True):
    """All roles that the person shall have; those left out are taken back."""

    roles: Annotated[tuple[RoleHeld, ...], Meta(max_length=6)]


class PersonSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A person as administrators see them; `roles_today` includes `member` while a membership lasts."""

    person_id: str
    name: str | None
    email: str | None
    language: Language | None
    roles: list[RoleHeld]
    roles_today: list[Role]
    legal_hold: bool
    erased: bool


class People(Controller):
    """`/api/people`"""

    path = "/api/people"
    tags = ("people",)

    @post(
        operation_id="RegisterPerson",
        roles=may("admin"),
        example={"name": "Ines Trainer", "email": "ines@example.org", "language": "fr"},
    )
    async def register(self, request: ApiRequest, data: JSONBody[NewPerson]) -> Response[PersonMade]:
        """Makes somebody known who is not a member."""
        person, school = str(uuid4()), request.school
        command = RegisterPerson(at=school.now(), by=request.actor, person=person, language=data.language)
        details = school.vault.put_person(person, name=data.name, email=data.email)
        outcome = await request.carry_out(command, vault=[details], answer=lambda _: {"person_id": person})
        return request.written(outcome, PersonMade, status=201, at="/api/people/{person_id}")

    @get("/{person_id:str}", operation_id="GetPerson", shows="names and addresses", roles=may("admin"))
    async def one(self, request: ApiRequest, person_id: PersonPath) -> Response[PersonSeen]:
        """A person with their roles; the `ETag` is for `PUT …/roles`."""
        id, today = request.person(person_id), request.school.now().date()

        revision, seen = await request.school.read(lambda load: _seen(load, id, today))
        details = await request.reads.vault(lambda connection: vault.person(connection, id))
        named = msgspec.structs.replace(seen, name=details.name, email=details.email)
        return Response(named, headers={"ETag": etag(revision)})

    @put(
        "/{person_id:str}/roles",
        operation_id="SetRoles",
        roles=may("admin"),
        example={"roles": [{"role": "trainer"}, {"role": "coordinator", "until": In(365)}]},
        path_example={"person_id": PERSON},
    )
    async def set_roles(
        self, request: ApiRequest, person_id: PersonPath, data: JSONBody[RolesWanted]
    ) -> Response[Written]:
        """Replaces a person's roles; they act at once."""
        wanted = {held.role: held.until for held in data.roles}
        revision = request.revisions(1)[0] if request.call.header(b"if-match") else None
        command = SetRoles(
            at=request.school.now(),
            by=request.actor,
            person=request.person(person_id),
            roles=wanted,
            if_revision=revision,
        )
        return request.written(await request.carry_out(command), Written)

    @put(
        "/{person_id:str}/legal-hold",
        operation_id="PlaceLegalHold",
        roles=may("admin"),
        path_example={"person_id": PERSON},
    )
    async def place_legal_hold(self, request: ApiRequest, person_id: PersonPath) -> Response[Written]:
        """Keeps a person's data from being erased while the law obliges to keep them."""
        command = PlaceLegalHold(at=request.school.now(), by=request.actor, person=request.person(person_id))
        return request.written(await request.carry_out(command), Written)

    @delete(
        "/{person_id:str}/legal-hold",
        operation_id="LiftLegalHold",
        roles=may("admin"),
        status_code=200,
        path_example={"person_id": PERSON},
    )
    async def lift_legal_hold(self, request: ApiRequest, person_id: PersonPath) -> Response[Written]:
        """Lets a person's data be erased again."""
        command = LiftLegalHold(at=request.school.now(), by=request.actor, person=request.person(person_id))
        return request.written(await request.carry_out(command), Written)

    @put(
        "/{person_id:str}/sign-in",
        operation_id="ConnectSignIn",
        roles=may("admin"),
        example={"issuer": "https://sign-in.example/realms/school", "subject": "7c1f0d2e"},
        path_example={"person_id": PERSON},
    )
    async def connect(
        self, request: ApiRequest, person_id: PersonPath, data: JSONBody[SignInWanted]
    ) -> Response[Written]:
        """Lets a person sign in as the identity provider names them; for good, because roles can be taken back."""
        person, school = request.person(person_id), request.school
        issuer = data.issuer or school.settings.oidc_issuer
        if issuer is None:
            raise body_fault("missing", "issuer")
        identity = Identities(school.settings.derive_key).identity(issuer, data.subject)
        command = ConnectSignIn(at=school.now(), by=request.actor, person=person)
        write = PutIdentity(identity=identity, person=person)
        return request.written(await request.carry_out(command, vault=[write]), Written)


def _seen(load: Load, id: str, today: date) -> tuple[int, PersonSeen]:
    person = existing(load, Person, id)
    seen = PersonSeen(
        person_id=id,
        name=None,
        email=None,
        language=person.language,
        roles=[RoleHeld(role=role, until=until) for role, until in sorted(person.granted_on(today).items())],
        roles_today=sorted(roles_on(load, id, today)),
        legal_hold=person.legal_hold,
        erased=person.erased,
    )
    return person.revision, seen
