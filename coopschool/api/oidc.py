"""Access tokens of an OpenID Connect issuer: its keys, found by discovery, and what a token must say to count.

Who signs in is known by issuer and subject; nothing else in a token is believed, roles least of all. Keys are asked for
off the event loop, and asked for again when a token names one that is not known, so that an issuer may change its keys
at any time. While the issuer is away the keys that are known go on counting.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import jwt
import msgspec
import structlog

from coopschool.api.auth import CHALLENGE_INVALID, REMEMBERED_TOKENS
from coopschool.api.problems import IssuerAway, NotSignedIn
from coopschool.network import is_safe

WELL_KNOWN = "/.well-known/openid-configuration"
# By the JWK's type and curve: an algorithm that fits no public key of the issuer is never tried, "none" and HMAC least.
ALGORITHMS: Mapping[tuple[str, str | None], tuple[str, ...]] = {
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
REQUIRED = ["iss", "sub", "aud", "exp", "iat"]
# What Keycloak calls an access token in the token itself; others do not say.
ACCESS = "Bearer"
# What only ID tokens carry, and what binds a token to a key whose possession we cannot check.
NOT_FOR_US = ("nonce", "at_hash", "c_hash", "cnf")

LEEWAY_SECONDS = 10
LONGEST_TOKEN = 8_192
LONGEST_SUBJECT = 255
SMALLEST_RSA_KEY = 2_048
MOST_KEYS = 100

SECONDS_TO_ANSWER = 5.0
LARGEST_ANSWER = 1 << 20
SECONDS_FRESH = 300.0  # then keys are asked for again, beside the request
SECONDS_BETWEEN_ATTEMPTS = 10.0  # unknown keys do not make us ask more often
SECONDS_KEPT = 24 * 3600.0  # without the issuer

log = structlog.get_logger("coopschool.sign_in")


class IssuerError(Exception):
    """The issuer does not answer, or not with keys."""


class Key(NamedTuple):
    """A public key and the algorithms that it verifies."""

    material: Any
    algorithms: tuple[str, ...]


class SignedIn(msgspec.Struct, frozen=True):
    """Whom the issuer means, and until when that counts (seconds since 1970)."""

    issuer: str
    subject: str
    expires_at: float


class IssuerKeys:
    """The issuer's keys by their ids (`kid`), asked for again when they are no longer fresh or one is not known."""

    def __init__(self, fetch: Callable[[], Mapping[str, Key]], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, Key] = {}
        self._fetched_at = self._asked_at = float("-inf")
        self._away = False
        self._asking: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> Key | None:
        """The key; None if the issuer has no such key. Raises `IssuerAway` where it cannot be asked."""
        now = self._clock()
        if kid not in self._known(now):
            if self._is_asking or now - self._asked_at >= SECONDS_BETWEEN_ATTEMPTS:
                await asyncio.shield(self._ask())
        elif now - self._fetched_at >= SECONDS_FRESH and now - self._asked_at >= SECONDS_BETWEEN_ATTEMPTS:
            self._ask()
        key = self._known(now).get(kid)
        if key is None and self._away:
            raise IssuerAway
        return key

    def _known(self, now: float) -> Mapping[str, Key]:
        return self._keys if now - self._fetched_at < SECONDS_KEPT else {}

    @property
    def _is_asking(self) -> bool:
        return self._asking is not None and not self._asking.done()

    def _ask(self) -> asyncio.Task[None]:
        """Asks, unless that is under way already."""
        if self._asking is None or self._asking.done():
            self._asked_at = self._clock()
            self._asking = asyncio.create_task(self._refresh())
        return self._asking

    async def _refresh(self) -> None:
        try:
            keys = await asyncio.to_thread(self._fetch)
        except IssuerError as error:
            self._away = True
            log.warning("issuer_away", cause=str(error))
            return
        if keys.keys() != self._keys.keys():
            log.info("issuer_keys", known=len(keys))
        self._keys, self._fetched_at, self._away = keys, self._clock(), False


class AccessTokens:
    """Verifies tokens; what was verified is remembered until it expires or its key is withdrawn."""

    def __init__(self, keys: IssuerKeys, *, issuer: str, audience: str, limit: int = REMEMBERED_TOKENS) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._limit = limit
        self._remembered: OrderedDict[bytes, tuple[Key, SignedIn]] = OrderedDict()

    async def verify(self, token: str) -> SignedIn:
        """Whom the token means. Raises `NotSignedIn`, or `IssuerAway` where its key is not known and cannot be."""
        try:
            header = _header(token)
            key = await self._keys.find(header["kid"])
            if key is None or header.get("alg") not in key.algorithms:
                raise jwt.InvalidKeyError("no such key of the issuer for this algorithm")
            return self._remembered_or_verified(token, header, key)
        except jwt.PyJWTError as error:
            log.info("token_refused", reason=type(error).__name__)
            raise NotSignedIn(headers=CHALLENGE_INVALID) from error

    def _remembered_or_verified(self, token: str, header: Mapping[str, Any], key: Key) -> SignedIn:
        digest = hashlib.sha256(token.encode()).digest()
        with_key, signed_in = self._remembered.get(digest, (None, None))
        if signed_in is None or with_key != key or signed_in.expires_at <= time.time():
            signed_in = self._verified(token, header, key)
            self._remembered[digest] = key, signed_in
            if len(self._remembered) > self._limit:
                self._remembered.popitem(last=False)
        self._remembered.move_to_end(digest)
        return signed_in

    def _verified(self, token: str, header: Mapping[str, Any], key: Key) -> SignedIn:
        claims = jwt.decode(
            token,
            key.material,
            algorithms=list(key.algorithms),
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY_SECONDS,
            options={"require": REQUIRED},
        )
        _refuse_other_tokens(header, claims)
        if not 0 < len(claims["sub"]) <= LONGEST_SUBJECT:
            raise jwt.InvalidTokenError("an empty or endless subject")
        return SignedIn(self._issuer, claims["sub"], float(claims["exp"]) + LEEWAY_SECONDS)


def fetch_keys(issuer: str, discovery_url: str | None = None) -> dict[str, Key]:
    """The issuer's public keys, as it publishes them now. Blocks. Raises `IssuerError`."""
    configuration = _get(discovery_url or issuer.rstrip("/") + WELL_KNOWN)
    if configuration.get("issuer") != issuer:
        raise IssuerError("the configuration is another issuer's")
    where = configuration.get("jwks_uri")
    if not isinstance(where, str) or not (discovery_url or is_safe(where)):
        raise IssuerError("the configuration names no safe address of keys")
    published = _get(where).get("keys")
    if not isinstance(published, list):
        raise IssuerError("the issuer publishes no keys")
    found = (_key(one) for one in published[:MOST_KEYS] if isinstance(one, dict))
    return dict(filter(None, found))


def _header(token: str) -> dict[str, Any]:
    """The token's header, if its form is that of an access token."""
    if len(token) > LONGEST_TOKEN:
        raise jwt.DecodeError("too long")
    header = jwt.get_unverified_header(token)
    if str(header.get("typ", "JWT")).lower() not in TYPES or "crit" in header:
        raise jwt.InvalidTokenError("another kind of token")
    if not header.get("kid"):
        raise jwt.InvalidKeyError("no key named")
    return header


def _refuse_other_tokens(header: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
    """ID tokens and the like are signed with the same keys, sometimes for the same audience."""
    is_access = "at+jwt" in str(header.get("typ", "")).lower() or claims.get("typ") == ACCESS
    told_apart = [name for name in NOT_FOR_US if name in claims and not (is_access and name == "nonce")]
    if told_apart or claims.get("typ", ACCESS) != ACCESS:
        raise jwt.InvalidTokenError("another kind of token")


def _key(published: Mapping[str, Any]) -> tuple[str, Key] | None:
    """One published key; None for what is not a public key for signatures of ours."""
    kid, algorithm = published.get("kid"), published.get("alg")
    kind = str(published.get("kty")), published.get("crv") if published.get("kty") != "RSA" else None
    fitting = ALGORITHMS.get(kind, ())
    algorithms = fitting if algorithm is None else tuple(one for one in fitting if one == algorithm)
    if not isinstance(kid, str) or not algorithms or published.get("use", "sig") != "sig":
        return None
    try:
        material = jwt.PyJWK(dict(published), algorithm=algorithms[0]).key
    except jwt.PyJWTError:
        return None
    if hasattr(material, "private_numbers") or getattr(material, "key_size", SMALLEST_RSA_KEY) < _least_size(kind[0]):
        return None
    return kid, Key(material, algorithms)


def _least_size(kind: str) -> int:
    return SMALLEST_RSA_KEY if kind == "RSA" else 0


class _NoDetours(HTTPRedirectHandler):
    """The issuer's documents are where it says, or nowhere."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _get(url: str) -> Any:
    """The JSON object at the address."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise IssuerError("an address that is not on the web")
    try:
        asked = Request(url, headers={"Accept": "application/json"})  # noqa: S310 - looked at above
        with build_opener(_NoDetours).open(asked, timeout=SECONDS_TO_ANSWER) as answer:
            content = msgspec.json.decode(answer.read(LARGEST_ANSWER))
    except (URLError, OSError, ValueError, msgspec.DecodeError) as error:
        raise IssuerError(f"{type(error).__name__} at {urlsplit(url).netloc}") from error
    if not isinstance(content, dict):
        raise IssuerError(f"no JSON object at {urlsplit(url).netloc}")
    return content
