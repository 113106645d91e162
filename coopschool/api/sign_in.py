"""Who is calling: from a bearer token to a person and their roles, or to an API key and its scopes.

With an issuer (`COOPSCHOOL_OIDC_ISSUER`) people come with its access tokens. Whom it means is looked up by issuer and
subject, and what they may do is read from the log's exact state at each request, so that a role given or taken back
counts at once. Without an issuer there are development tokens, which carry their roles themselves.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import date
from functools import partial
from typing import Protocol

import structlog

from coopschool.api import oidc
from coopschool.api.auth import CHALLENGE_INVALID, Caller, DevelopmentTokens, RememberedTokens
from coopschool.api.origin import Origin
from coopschool.api.problems import NotSignedIn, SignInUnknown
from coopschool.api.reads import Reads
from coopschool.api_keys import PREFIX, ApiKeys
from coopschool.application import CoopSchool
from coopschool.domain.base import Actor, Load, Role
from coopschool.domain.school.membership import roles_on
from coopschool.domain.school.person import Person
from coopschool.identities import Identities, person_of
from coopschool.settings import Settings

REMEMBERED_PEOPLE = 10_000

log = structlog.get_logger("coopschool.sign_in")


class Door(Protocol):
    """Turns a bearer token into a caller, or raises `NotSignedIn`."""

    async def caller(self, token: str, origin: Origin, /) -> Caller: ...


class SignIn:
    """Sends keys to one door and people's tokens to the other."""

    def __init__(self, people: Door, keys: Door) -> None:
        self._people = people
        self._keys = keys

    async def caller(self, token: str, origin: Origin) -> Caller:
        door = self._keys if token.startswith(PREFIX) else self._people
        return await door.caller(token, origin)


class Development:
    """Tokens of `coopschool token`: they say themselves what their bearer may do, and count on this machine only."""

    def __init__(self, settings: Settings) -> None:
        self._tokens = RememberedTokens(DevelopmentTokens(settings.signing_key()))

    async def caller(self, token: str, origin: Origin) -> Caller:
        if not origin.is_this_machine:
            log.warning("development_token_from_elsewhere")
            raise NotSignedIn(headers=CHALLENGE_INVALID)
        return self._tokens.verify(token)


class OpenId:
    """Access tokens of an issuer; the roles are ours."""

    def __init__(self, tokens: oidc.AccessTokens, school: CoopSchool, reads: Reads) -> None:
        self._tokens = tokens
        self._school = school
        self._reads = reads
        self._identities = Identities(school.settings.derive_key)
        self._people: OrderedDict[bytes, str] = OrderedDict()

    async def caller(self, token: str, _origin: Origin) -> Caller:
        signed_in = await self._tokens.verify(token)
        identity = self._identities.identity(signed_in.issuer, signed_in.subject)
        person, roles = await self._known(identity)
        return Caller(Actor(person, roles), signed_in.expires_at)

    async def _known(self, identity: bytes) -> tuple[str, frozenset[Role]]:
        """The person and today's roles. An identity stands for one person until they are erased, so that is kept."""
        person = self._people.pop(identity, None)
        roles = None if person is None else await self._roles(person)
        if person is None or roles is None:
            person = await self._reads.vault(partial(person_of, identity=identity))
            roles = None if person is None else await self._roles(person)
        if person is None or roles is None:
            raise SignInUnknown
        self._people[identity] = person
        if len(self._people) > REMEMBERED_PEOPLE:
            self._people.popitem(last=False)
        return person, roles

    async def _roles(self, person: str) -> frozenset[Role] | None:
        """Today's roles; None for somebody who was erased."""
        return await self._school.read(partial(_roles, person=person, today=self._school.now().date()))


class Keys:
    """API keys, looked up at each request."""

    def __init__(self, school: CoopSchool, reads: Reads) -> None:
        self._keys = ApiKeys(school.settings.derive_key)
        self._school = school
        self._reads = reads

    async def caller(self, token: str, _origin: Origin) -> Caller:
        now = self._school.now()
        found = await self._reads.vault(lambda connection: self._keys.in_force(connection, token, now))
        if found is None:
            raise NotSignedIn(headers=CHALLENGE_INVALID)
        return Caller(Actor(None, frozenset()), found.expires_at.timestamp(), found.scopes, found.key_id)


def sign_in_for(school: CoopSchool, reads: Reads) -> SignIn:
    """The doors that the settings ask for."""
    settings = school.settings
    people = Development(settings) if settings.oidc_issuer is None else OpenId(_tokens(settings), school, reads)
    return SignIn(people, Keys(school, reads))


def _tokens(settings: Settings) -> oidc.AccessTokens:
    issuer, audience = settings.oidc_issuer, settings.oidc_audience
    assert issuer is not None
    assert audience is not None
    keys = oidc.IssuerKeys(partial(oidc.fetch_keys, issuer, settings.oidc_discovery_url))
    return oidc.AccessTokens(keys, issuer=issuer, audience=audience)


def _roles(load: Load, *, person: str, today: date) -> frozenset[Role] | None:
    return None if load(Person, person).erased else roles_on(load, person, today)
