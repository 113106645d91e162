"""Keys for other systems: `/api/api-keys`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, Response, delete, get, post
from litestar.params import JSONBody, PathParameter
from msgspec import Meta

from coopschool import api_keys
from coopschool.api.access import may
from coopschool.api.body import Body, Written
from coopschool.api.examples import API_KEY
from coopschool.api.request import ApiRequest
from coopschool.domain import bounds

KeyPath = Annotated[
    str, PathParameter(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", description="A key's id")
]


class NewApiKey(Body, kw_only=True):
    """A key to be made: for whom (a code, not words), for what, and for how long."""

    name: bounds.Code
    scopes: Annotated[tuple[api_keys.Scope, ...], Meta(min_length=1, max_length=10)]
    days: api_keys.Days = api_keys.DEFAULT_DAYS


class ApiKeyMade(Written, kw_only=True):
    """The new key. It is shown this once; who loses it takes it back and makes another."""

    key_id: str
    expires_at: datetime
    key: str | None = None


class ApiKeyList(msgspec.Struct, frozen=True, kw_only=True):
    """All keys, the newest first."""

    items: list[api_keys.ApiKey]
    next: None = None


class ApiKeyRoutes(Controller):
    """`/api/api-keys`"""

    path = "/api/api-keys"
    tags = ("operations",)

    @post(
        operation_id="CreateApiKey",
        roles=may("admin"),
        example={"name": "data-warehouse", "scopes": ["events"], "days": 90},
    )
    async def create(self, request: ApiRequest, data: JSONBody[NewApiKey]) -> Response[ApiKeyMade]:
        """Makes a key. A request that is repeated gets the same key's id; the key itself is not kept to be shown."""
        school = request.school
        key, write = api_keys.ApiKeys(school.settings.derive_key).new(
            name=data.name, scopes=data.scopes, at=school.now(), days=data.days, by=request.actor.person
        )
        kept = {"key_id": write.kept.key_id, "expires_at": write.kept.expires_at.isoformat()}
        command = api_keys.ChangeApiKeys(at=school.now(), by=request.actor)
        outcome = await request.carry_out(command, vault=[write], answer=lambda _: dict(kept))
        if not outcome.repeated:
            outcome = msgspec.structs.replace(outcome, answer={**outcome.answer, "key": key})
        return request.written(outcome, ApiKeyMade, status=201, at="/api/api-keys/{key_id}")

    @get(operation_id="ListApiKeys", roles=may("admin"))
    async def all(self, request: ApiRequest) -> ApiKeyList:
        """Every key, also those that no longer count; never the key itself."""
        return ApiKeyList(items=await request.reads.vault(api_keys.all_keys))

    @delete(
        "/{key_id:str}",
        operation_id="RevokeApiKey",
        roles=may("admin"),
        status_code=200,
        path_example={"key_id": API_KEY},
    )
    async def revoke(self, request: ApiRequest, key_id: KeyPath) -> Response[Written]:
        """Takes a key back; from then on it opens nothing."""
        now = request.school.now()
        command = api_keys.ChangeApiKeys(at=now, by=request.actor)
        write = api_keys.RevokeApiKey(key_id=key_id, at=now)
        return request.written(await request.carry_out(command, vault=[write]), Written)
