"""Everything the cooperative keeps about a person: to read (GDPR articles 15 and 20), and to erase (article 17)."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Any

import msgspec
from litestar import Controller, Response, delete, get
from psycopg import Connection

from coopschool import erasing, vault
from coopschool.api.access import SIGNED_IN
from coopschool.api.body import PersonPath, Written
from coopschool.api.examples import LEAVER
from coopschool.api.request import ApiRequest
from coopschool.domain import tags
from coopschool.domain.base import Event, Load, Role, existing
from coopschool.domain.school.person import Person
from coopschool.domain.school.session import AttendanceLogged
from coopschool.domain.school.words import Language
from coopschool.eventstore.mapper import decode
from coopschool.sql import statements

SQL = statements("coopschool.api.school", "personal_data.sql")


class EventAboutPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to the person; of an attendance sheet, their own line only."""

    position: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    data: dict[str, Any]


class PersonalData(msgspec.Struct, frozen=True, kw_only=True):
    """Names and texts from the vault, roles, and every event that concerns the person."""

    person_id: str
    name: str | None
    email: str | None
    language: Language | None
    roles: dict[Role, date | None]
    erased: bool
    texts: dict[str, str]
    events: list[EventAboutPerson]


class ErasureReceipt(Written, kw_only=True):
    """What was removed, in rows by kind, and what remains; `position` is where the log says so."""

    person_id: str
    erased_at: datetime
    removed: dict[str, int]
    remains: str


class PersonalDataOf(Controller):
    """`/api/people/{id}/personal-data`"""

    path = "/api/people/{person_id:str}/personal-data"
    tags = ("people",)

    @get(operation_id="ExportPersonalData", shows="everything about a person", roles=SIGNED_IN)
    async def export(self, request: ApiRequest, person_id: PersonPath) -> PersonalData:
        """All that is kept about a person, in a form that machines read."""
        id = request.self_or(person_id, "admin")

        def of_person(load: Load) -> tuple[Language | None, dict[Role, date | None], bool]:
            person = existing(load, Person, id)
            return person.language, dict(person.roles), person.erased

        language, roles, erased = await request.school.read(of_person)

        def look(connection: Connection[Any]) -> PersonalData:
            details = vault.person(connection, id)
            return PersonalData(
                person_id=id,
                name=details.name,
                email=details.email,
                language=language,
                roles=roles,
                erased=erased,
                texts=vault.texts_of(connection, id),
                events=_events(connection, id),
            )

        return await request.reads.vault(look)

    @delete(operation_id="ErasePersonalData", roles=SIGNED_IN, status_code=200, path_example={"person_id": LEAVER})
    async def erase(self, request: ApiRequest, person_id: PersonPath) -> Response[ErasureReceipt]:
        """Erases a person's names, addresses and texts, and ends the membership; answers with a receipt."""
        id = request.self_or(person_id, "admin")
        command, write = erasing.erasure(request.school, id, request.actor)
        outcome = await request.carry_out(command, vault=[write])
        receipt = await asyncio.to_thread(erasing.finish, request.school, outcome, write)
        return Response(msgspec.convert(receipt, ErasureReceipt, from_attributes=True))


def _events(connection: Connection[Any], person: str) -> list[EventAboutPerson]:
    streams = [tags.tag(kind, person) for kind in ("person", "member", "trainer", "adviser")]
    rows = connection.execute(SQL["concerning"], [streams]).fetchall()
    return [
        EventAboutPerson(
            position=position,
            type=type,
            occurred_at=occurred_at,
            recorded_at=recorded_at,
            data=_own_part(decode(type, data), person),
        )
        for position, type, data, occurred_at, recorded_at in rows
    ]


def _own_part(event: Event, person: str) -> dict[str, Any]:
    """The event's data without what it says about others."""
    if isinstance(event, AttendanceLogged):
        event = msgspec.structs.replace(event, records=tuple(one for one in event.records if one.member == person))
    data: dict[str, Any] = msgspec.to_builtins(event)
    for field in ("clashes", "freed_by", "passed_over", "by"):
        if data.get(field) not in (None, person):
            data.pop(field, None)
    return data
