"""What is kept about a person: to read (GDPR articles 15, 20), to put right (article 16), to erase (article 17)."""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec
from litestar import Controller, Response, delete, get, patch
from litestar.params import JSONBody
from msgspec import UNSET

from coopschool import erasing
from coopschool.api.access import SIGNED_IN
from coopschool.api.body import PersonPath, Written
from coopschool.api.examples import LEAVER, PERSON
from coopschool.api.request import ApiRequest, etag
from coopschool.api.school.kept import PersonalData, gathered, known
from coopschool.api.school.members import Details
from coopschool.api.wording import preferred
from coopschool.domain.school.person import CorrectDetails


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
    async def export(self, request: ApiRequest, person_id: PersonPath) -> Response[PersonalData]:
        """All that is kept about a person, in a form that machines read; the `ETag` is for putting it right."""
        id = request.self_or(person_id, "admin")
        language = preferred(request.call.header(b"accept-language"))
        person = await request.school.read(lambda load: known(load, id))
        version, kept = await request.reads.vault(lambda connection: gathered(connection, person, language))
        return Response(kept, headers={"ETag": etag(person.revision, version)})

    @patch(
        operation_id="CorrectPersonalData",
        roles=SIGNED_IN,
        if_match=True,
        example={"name": "Inès Trainer", "language": "fr"},
        path_example={"person_id": PERSON},
    )
    async def correct(self, request: ApiRequest, person_id: PersonPath, data: JSONBody[Details]) -> Response[Written]:
        """Puts a person's name, address or language right, whether or not they are a member."""
        id, school = request.self_or(person_id, "admin"), request.school
        revision, version = request.revisions(2)
        command = CorrectDetails(
            at=school.now(),
            by=request.actor,
            person=id,
            language=None if data.language is UNSET else data.language,
            if_revision=revision,
        )
        details = school.vault.put_person(id, name=data.name, email=data.email, if_version=version)
        return request.written(await request.carry_out(command, vault=[details]), Written)

    @delete(operation_id="ErasePersonalData", roles=SIGNED_IN, status_code=200, path_example={"person_id": LEAVER})
    async def erase(self, request: ApiRequest, person_id: PersonPath) -> Response[ErasureReceipt]:
        """Erases a person's names, addresses and texts, and ends the membership; answers with a receipt."""
        id = request.self_or(person_id, "admin")
        command, write = erasing.erasure(request.school, id, request.actor)
        outcome = await request.carry_out(command, vault=[write])
        receipt = await asyncio.to_thread(erasing.finish, request.school, outcome, write)
        return Response(msgspec.convert(receipt, ErasureReceipt, from_attributes=True))
