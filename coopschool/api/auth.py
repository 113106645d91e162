"""Callers, and development tokens: verified once and remembered until they expire.

Development tokens (HS256, the data directory's signing key) carry their roles themselves. They count only while no
OpenID Connect issuer is set, and on loopback only (see `sign_in` and `server.serve`).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Protocol, get_args
from uuid import uuid4

import jwt
import msgspec

from coopschool.api.problems import NotSignedIn
from coopschool.api_keys import Scope
from coopschool.domain.base import Actor, Role

ROLES: tuple[Role, ...] = get_args(Role)
ISSUER = "coopschool-development"
ALGORITHM = "HS256"
DEFAULT_LIFETIME_SECONDS = 12 * 3600
REMEMBERED_TOKENS = 10_000

_CLAIMS = ["iss", "exp", "iat", "jti", "roles"]


class Caller(msgspec.Struct, frozen=True):
    """Who signed in, as the domain knows them, and until when (seconds since 1970) that was verified.

    An integration comes with an API key instead: it is no person and has no role, only the key's scopes.
    """

    actor: Actor
    expires_at: float
    scopes: frozenset[Scope] = frozenset()
    key: str | None = None

    @property
    def person(self) -> str | None:
        return self.actor.person


class Verifier(Protocol):
    """Turns a bearer token into a caller, or raises `NotSignedIn`."""

    def verify(self, token: str, /) -> Caller: ...


def mint_token(
    key: bytes, roles: Iterable[Role], *, person: str | None = None, lifetime_seconds: int = DEFAULT_LIFETIME_SECONDS
) -> str:
    """A development token for a person (or nobody in particular) in these roles."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": person,
        "roles": sorted(set(roles)),
        "iat": now,
        "exp": now + lifetime_seconds,
        "jti": str(uuid4()),
    }
    if person is None:
        del claims["sub"]
    return jwt.encode(claims, key, algorithm=ALGORITHM)


class DevelopmentTokens:
    """Verifies tokens of `mint_token`."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def verify(self, token: str) -> Caller:
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                options={"require": _CLAIMS, "verify_aud": False},
            )
        except jwt.InvalidTokenError as error:
            raise NotSignedIn(headers=CHALLENGE_INVALID) from error
        return Caller(Actor(claims.get("sub"), _roles(claims["roles"])), float(claims["exp"]))


class RememberedTokens:
    """A verifier that checks each token's signature once; the least recently used of many are forgotten."""

    def __init__(self, verifier: Verifier, limit: int = REMEMBERED_TOKENS) -> None:
        self._verifier = verifier
        self._limit = limit
        self._callers: OrderedDict[str, Caller] = OrderedDict()

    def verify(self, token: str) -> Caller:
        caller = self._callers.get(token)
        if caller is None:
            caller = self._callers[token] = self._verifier.verify(token)
            if len(self._callers) > self._limit:
                self._callers.popitem(last=False)
        elif caller.expires_at <= time.time():
            del self._callers[token]
            raise NotSignedIn(headers=CHALLENGE_INVALID)
        else:
            self._callers.move_to_end(token)
        return caller


CHALLENGE = {"WWW-Authenticate": 'Bearer realm="coopschool"'}
CHALLENGE_INVALID = {"WWW-Authenticate": 'Bearer realm="coopschool", error="invalid_token"'}


def bearer(authorization: str | None) -> str:
    """The token of an `Authorization` header, or `NotSignedIn`."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotSignedIn(headers=CHALLENGE)
    return token.strip()


def _roles(claimed: Any) -> frozenset[Role]:
    if not isinstance(claimed, list):
        raise NotSignedIn(headers=CHALLENGE_INVALID)
    return frozenset(role for role in ROLES if role in claimed)
