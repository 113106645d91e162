"""Access tokens of an issuer that signs for real: which count, and what becomes of keys that come and go."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from coopschool.api import oidc
from coopschool.api.oidc import AccessTokens, IssuerError, IssuerKeys, fetch_keys
from coopschool.api.problems import IssuerAway, NotSignedIn
from tests.support.issuer import AUDIENCE, Issuer, SigningKey

RSA = SigningKey("rsa", "RS256")
HOUR = 3600


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer(RSA) as issuer:
        yield issuer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(issuer: Issuer, clock: Clock) -> IssuerKeys:
    return IssuerKeys(partial(fetch_keys, issuer.url), clock)


@pytest.fixture
def tokens(issuer: Issuer, keys: IssuerKeys) -> AccessTokens:
    return AccessTokens(keys, issuer=issuer.url, audience=AUDIENCE, limit=2)


async def refused(tokens: AccessTokens, token: str) -> None:
    with pytest.raises(NotSignedIn):
        await tokens.verify(token)


@pytest.mark.parametrize("algorithm", ["RS256", "PS384", "ES256", "ES384", "EdDSA"])
async def test_a_token_signed_by_the_issuer_says_whom_it_means(
    issuer: Issuer, tokens: AccessTokens, algorithm: str
) -> None:
    issuer.keys = [SigningKey("one", algorithm, RSA.private if algorithm[1] == "S" and algorithm[0] != "E" else None)]
    until = int(time.time()) + 60
    signed_in = await tokens.verify(issuer.token(exp=until))
    assert (signed_in.issuer, signed_in.subject) == (issuer.url, "ada")
    assert signed_in.expires_at == until + oidc.LEEWAY_SECONDS


@pytest.mark.parametrize(
    "changes",
    [
        {"header": {"typ": "at+jwt"}},
        {"header": {"typ": "application/AT+jwt"}},
        {"header": {"typ": None}},
        {"aud": ["other", AUDIENCE]},
        {"typ": "Bearer", "nonce": "n"},
        {"nbf": int(time.time()) - 5},
    ],
)
async def test_tokens_as_issuers_make_them_count(issuer: Issuer, tokens: AccessTokens, changes: Any) -> None:
    assert (await tokens.verify(issuer.token(**changes))).subject == "ada"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - HOUR},
        {"nbf": int(time.time()) + HOUR},
        {"iat": int(time.time()) + HOUR},
        {"aud": "another-application"},
        {"aud": ["another", "and-another"]},
        {"aud": None},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": 7},
        {"typ": "ID"},
        {"typ": "Refresh"},
        {"at_hash": "x"},
        {"nonce": "of an ID token"},
        {"typ": "Bearer", "cnf": {"jkt": "x"}},
        {"header": {"typ": "logout+jwt"}},
        {"header": {"typ": "dpop+jwt"}},
        {"header": {"kid": None}},
        {"header": {"kid": ""}},
        {"header": {"kid": "unknown"}},
        {"header": {"crit": ["exp"]}},
        {"padding": "x" * oidc.LONGEST_TOKEN},
    ],
)
async def test_any_other_token_of_the_issuer_is_refused(issuer: Issuer, tokens: AccessTokens, changes: Any) -> None:
    await refused(tokens, issuer.token(**changes))


def forged(header: Any, claims: Any, secret: bytes = b"") -> str:
    """A token put together by hand, signed with HMAC or not at all."""
    signed = ".".join(_part(json.dumps(one).encode()) for one in (header, claims))
    signature = b""
    if secret:
        hmac = jwt.get_algorithm_by_name(header["alg"])
        signature = hmac.sign(signed.encode(), secret)
    return f"{signed}.{_part(signature)}"


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


async def test_tokens_that_somebody_else_made_are_refused(issuer: Issuer, tokens: AccessTokens) -> None:
    another = SigningKey("rsa", "RS256", rsa.generate_private_key(65537, 2048))
    public = RSA.private.public_key()
    claims = issuer.claims()
    await refused(tokens, issuer.token(another))
    await refused(tokens, issuer.token(SigningKey("rsa", "ES256")))
    await refused(tokens, issuer.token(SigningKey("rsa", "PS256", RSA.private)))
    for algorithm in ("none", "None", "NONE", ""):
        await refused(tokens, forged({"alg": algorithm, "kid": "rsa"}, claims))
    await refused(tokens, forged({"kid": "rsa"}, claims))
    await refused(tokens, forged({"alg": 7, "kid": ["rsa"]}, claims))
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, pem.strip(), der, json.dumps(RSA.published()).encode()):
        await refused(tokens, forged({"alg": "HS256", "kid": "rsa", "typ": "JWT"}, claims, secret))


async def test_a_token_does_not_bring_its_own_key(issuer: Issuer, tokens: AccessTokens) -> None:
    another = SigningKey("mine", "RS256", rsa.generate_private_key(65537, 2048))
    mine = {"jwk": another.published(), "jku": "https://mine.example/keys", "x5c": ["x"]}
    await refused(tokens, issuer.token(another, header=mine))
    await refused(tokens, issuer.token(another, header={**mine, "kid": "rsa"}))
    assert {path.rpartition("/")[2] for path in issuer.asked} == {"openid-configuration", "certs"}


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "a.b", "..", "e30.e30.", "é.è.à"])
async def test_what_is_no_token_is_refused_without_asking_the_issuer(
    issuer: Issuer, tokens: AccessTokens, token: str
) -> None:
    await refused(tokens, token)
    assert issuer.asked == []


async def test_a_changed_token_is_refused(issuer: Issuer, tokens: AccessTokens) -> None:
    token = issuer.token()
    await tokens.verify(token)
    header, _, signature = token.split(".")
    await refused(tokens, ".".join([header, _part(json.dumps(issuer.claims(sub="bo")).encode()), signature]))


async def test_keys_that_do_not_fit_signatures_are_not_used(issuer: Issuer, tokens: AccessTokens) -> None:
    weak = SigningKey("weak", "RS256", rsa.generate_private_key(65537, 1024))
    secret = {"kty": "oct", "k": _part(b"x" * 32), "kid": "secret", "alg": "HS256"}
    private = jwt.get_algorithm_by_name("RS256").to_jwk(RSA.private, as_dict=True)  # type: ignore[call-arg]
    encrypting = {**RSA.published(), "kid": "encrypting", "use": "enc"}
    issuer.extra = [
        weak.published(),
        secret,
        {**private, "kid": "private"},
        encrypting,
        {"kty": "RSA", "kid": "broken"},
    ]
    issuer.extra += ["no key", {**RSA.published(), "kid": 7}, {"kty": "EC", "crv": "secp256k1", "kid": "odd"}]
    assert fetch_keys(issuer.url).keys() == {"rsa"}
    await refused(tokens, forged({"alg": "HS256", "kid": "secret"}, issuer.claims(), b"x" * 32))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = issuer.token(weak)
    await refused(tokens, token)


async def test_a_verified_token_is_remembered_until_it_expires(
    issuer: Issuer, tokens: AccessTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.token()
    first = await tokens.verify(token)
    assert await tokens.verify(token) is first
    for _ in range(2):
        await tokens.verify(issuer.token())
    assert await tokens.verify(token) is not first
    later = time.time() + HOUR
    monkeypatch.setattr(time, "time", lambda: later)
    monkeypatch.setattr(jwt, "decode", _expired)
    await refused(tokens, token)


def _expired(*_: Any, **__: Any) -> Any:
    raise jwt.ExpiredSignatureError


async def test_new_keys_count_without_a_restart(issuer: Issuer, tokens: AccessTokens, clock: Clock) -> None:
    old = issuer.token()
    await tokens.verify(old)
    issuer.keys = [SigningKey("two", "ES256"), RSA]
    clock.now += oidc.SECONDS_BETWEEN_ATTEMPTS
    await tokens.verify(issuer.token())
    await tokens.verify(old)
    issuer.keys = [issuer.keys[0], SigningKey("three", "ES256")]
    clock.now += oidc.SECONDS_BETWEEN_ATTEMPTS
    await tokens.verify(issuer.token(issuer.keys[1]))
    await refused(tokens, old)


async def test_another_key_under_an_old_name_takes_its_place(
    issuer: Issuer, tokens: AccessTokens, keys: IssuerKeys, clock: Clock
) -> None:
    old = issuer.token()
    await tokens.verify(old)
    issuer.keys = [SigningKey("rsa", "ES256")]
    clock.now += oidc.SECONDS_FRESH
    await tokens.verify(old)  # the old keys answer while new ones are fetched beside the request
    await keys._ask()
    await refused(tokens, old)
    await tokens.verify(issuer.token())


async def test_unknown_keys_do_not_make_us_ask_without_end(issuer: Issuer, tokens: AccessTokens, clock: Clock) -> None:
    strangers = [issuer.token(header={"kid": f"stranger-{number}"}) for number in range(20)]
    for token in strangers:
        await refused(tokens, token)
    assert len(issuer.asked) == 2
    clock.now += oidc.SECONDS_BETWEEN_ATTEMPTS
    for token in strangers:
        await refused(tokens, token)
    assert len(issuer.asked) == 4


async def test_many_who_come_at_once_wait_for_one_answer(issuer: Issuer, tokens: AccessTokens) -> None:
    found = await asyncio.gather(*(tokens.verify(issuer.token(sub=str(number))) for number in range(20)))
    assert [one.subject for one in found] == [str(number) for number in range(20)]
    assert len(issuer.asked) == 2


async def test_without_the_issuer_known_keys_count_for_a_day_and_others_cannot_be_judged(
    issuer: Issuer, tokens: AccessTokens, clock: Clock
) -> None:
    issuer.status = 500
    with pytest.raises(IssuerAway):
        await tokens.verify(issuer.token())
    issuer.status = 200
    clock.now += oidc.SECONDS_BETWEEN_ATTEMPTS
    await tokens.verify(issuer.token())
    issuer.status = 500
    clock.now += oidc.SECONDS_BETWEEN_ATTEMPTS
    with pytest.raises(IssuerAway):
        await tokens.verify(issuer.token(header={"kid": "new"}))
    await tokens.verify(issuer.token())
    with pytest.raises(IssuerAway):
        await tokens.verify(issuer.token(header={"kid": "new"}))
    clock.now += oidc.SECONDS_KEPT
    with pytest.raises(IssuerAway):
        await tokens.verify(issuer.token())


async def test_the_event_loop_goes_on_while_the_issuer_is_asked(clock: Clock) -> None:
    loop, answered = asyncio.get_running_loop(), asyncio.Event()

    def slow() -> dict[str, oidc.Key]:
        # It only comes back once the loop has done something else.
        asyncio.run_coroutine_threadsafe(_set(answered), loop).result()
        return {}

    assert await IssuerKeys(slow, clock).find("one") is None
    assert answered.is_set()


async def _set(event: asyncio.Event) -> None:
    event.set()


@pytest.mark.parametrize(
    "configuration",
    [
        {"issuer": "https://elsewhere.example"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": "http://keys.example/certs"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
def test_a_configuration_that_leads_elsewhere_is_not_followed(issuer: Issuer, configuration: Any) -> None:
    issuer.configuration = configuration
    with pytest.raises(IssuerError):
        fetch_keys(issuer.url)
    assert len(issuer.asked) == 1


def test_an_issuer_may_be_reached_at_another_address(issuer: Issuer) -> None:
    outside = "https://sign-in.example/realms/school"
    issuer.configuration = {"issuer": outside}
    assert fetch_keys(outside, issuer.url + oidc.WELL_KNOWN).keys() == {"rsa"}
    issuer.configuration = {"issuer": outside, "jwks_uri": "file:///etc/passwd"}
    with pytest.raises(IssuerError, match="not on the web"):
        fetch_keys(outside, issuer.url + oidc.WELL_KNOWN)


@pytest.mark.parametrize("status", [302, 404, 503])
def test_an_issuer_that_does_not_answer_is_away(issuer: Issuer, status: int) -> None:
    issuer.status = status
    with pytest.raises(IssuerError, match=r"127\.0\.0\.1"):
        fetch_keys(issuer.url)
    assert len(issuer.asked) == 1


@pytest.mark.parametrize("said", [[], {"keys": None}])
def test_an_issuer_that_says_something_else_is_away(issuer: Issuer, said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = issuer.answer("/.well-known/openid-configuration")
    answers = iter([configuration, said])
    monkeypatch.setattr(issuer, "answer", lambda _path: next(answers))
    with pytest.raises(IssuerError):
        fetch_keys(issuer.url)
