"""Development tokens: what they carry, how long they last, and when they count for nothing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from coopschool.api.access import may
from coopschool.api.app import SchoolApp
from coopschool.api.auth import (
    ALGORITHM,
    ISSUER,
    Caller,
    DevelopmentTokens,
    RememberedTokens,
    mint_token,
)
from coopschool.api.problems import NotSignedIn
from coopschool.api.server import Exposed, refuse_exposure
from coopschool.application import CoopSchool
from coopschool.domain.base import Actor
from coopschool.settings import Settings
from tests.api import callers as calling
from tests.api.callers import Callers

KEY = b"a key that is only ever used in tests, 32 bytes or more"
CLAIMS = {"iss": ISSUER, "roles": ["admin"], "iat": 1_700_000_000, "exp": 4_000_000_000, "jti": "1"}


def test_a_token_carries_person_and_roles() -> None:
    caller = DevelopmentTokens(KEY).verify(mint_token(KEY, ["trainer", "member"], person="ada"))
    assert caller.actor.person == "ada"
    assert caller.actor.roles == {"trainer", "member"}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "not.a.token",
        mint_token(b"another key, also long enough to be taken", ["admin"]),
        mint_token(KEY, ["admin"], lifetime_seconds=-1),
        jwt.encode(CLAIMS, "", algorithm="none"),
        jwt.encode(CLAIMS, KEY + b"and more, for a longer digest", algorithm="HS512"),
        jwt.encode(CLAIMS | {"iss": "https://elsewhere.example"}, KEY, algorithm=ALGORITHM),
        jwt.encode(CLAIMS | {"roles": "admin"}, KEY, algorithm=ALGORITHM),
        jwt.encode({name: value for name, value in CLAIMS.items() if name != "exp"}, KEY, algorithm=ALGORITHM),
        jwt.encode({name: value for name, value in CLAIMS.items() if name != "jti"}, KEY, algorithm=ALGORITHM),
        jwt.encode(CLAIMS | {"nbf": 3_999_999_999}, KEY, algorithm=ALGORITHM),
        jwt.encode(CLAIMS | {"sub": 7}, KEY, algorithm=ALGORITHM),
    ],
)
def test_any_other_token_is_refused(token: str) -> None:
    with pytest.raises(NotSignedIn):
        DevelopmentTokens(KEY).verify(token)


def test_a_role_that_does_not_exist_is_no_role() -> None:
    token = jwt.encode(CLAIMS | {"roles": ["admin", "owner", 7]}, KEY, algorithm=ALGORITHM)
    assert DevelopmentTokens(KEY).verify(token).actor.roles == {"admin"}


class Counting:
    """A verifier that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def verify(self, token: str, /) -> Any:
        self.asked += 1
        return DevelopmentTokens(KEY).verify(token)


def test_a_token_is_verified_once_and_forgotten_when_others_crowd_it_out() -> None:
    verifier = Counting()
    remembered = RememberedTokens(verifier, limit=2)
    tokens = [mint_token(KEY, ["member"], person=str(number)) for number in range(3)]
    for token in (tokens[0], tokens[0], tokens[1], tokens[0], tokens[2]):
        remembered.verify(token)
    assert verifier.asked == 3
    remembered.verify(tokens[0])
    assert verifier.asked == 3
    remembered.verify(tokens[1])
    assert verifier.asked == 4


def test_a_remembered_token_still_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered = RememberedTokens(DevelopmentTokens(KEY))
    token = mint_token(KEY, ["member"], lifetime_seconds=60)
    remembered.verify(token)
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(NotSignedIn):
        remembered.verify(token)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Token abc", "Bearer a b"])
def test_what_is_no_bearer_token_is_401_with_a_challenge(callers: Callers, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = callers.client.get("/api/modules", headers=headers)
    assert (response.status_code, response.json()["type"]) == (401, "/problems/not-signed-in")
    assert response.headers["www-authenticate"].startswith("Bearer ")


def coming_from(host: str, app: Any) -> Any:
    """The application, asked from an address."""

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "client": (host, 40_000)} if scope["type"] == "http" else scope, receive, send)

    return asked


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("192.0.2.7", {}, 401),
        ("2001:db8::7", {}, 401),
        ("127.0.0.1", {"X-Forwarded-For": "::1, 127.0.0.1"}, 200),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 401),
        ("127.0.0.1", {"X-Forwarded-For": "somewhere"}, 401),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.7"}, 401),
        ("192.0.2.7", {"X-Forwarded-For": "127.0.0.1"}, 401),
    ],
)
def test_development_tokens_count_on_this_machine_only(
    app: Litestar, callers: Callers, address: str, headers: dict[str, str], status: int
) -> None:
    app.asgi_handler = coming_from(address, app.asgi_handler)
    assert callers.admin.get("/api/modules", headers=headers).status_code == status


def test_development_tokens_of_a_key_that_was_set_on_purpose_count_here_only_too(
    routed: SchoolApp, school: CoopSchool, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "signing-key"
    file.write_bytes(KEY)
    school.settings = msgspec.structs.replace(settings, signing_key_file=file)
    app = routed.serving(school)
    inside = app.asgi_handler
    with TestClient(app) as client:
        admin = calling.Caller(client, mint_token(KEY, ["admin"]), None)
        for address, status in {"192.0.2.7": 401, "127.0.0.1": 200}.items():
            app.asgi_handler = coming_from(address, inside)
            assert admin.get("/api/api-keys").status_code == status


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.53", "::1", "localhost"])
def test_the_development_key_serves_loopback(settings: Settings, host: str) -> None:
    refuse_exposure(settings, host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "school.example"])
def test_the_development_key_serves_nobody_else(settings: Settings, host: str, tmp_path: Path) -> None:
    with pytest.raises(Exposed):
        refuse_exposure(msgspec.structs.replace(settings, signing_key_file=tmp_path / "key"), host)
    with pytest.raises(Exposed, match="COOPSCHOOL_OIDC_ISSUER"):
        refuse_exposure(settings, host)
    refuse_exposure(msgspec.structs.replace(settings, oidc_issuer="https://sign-in.example"), host)


def test_a_route_admits_its_roles_and_the_keys_of_its_scope() -> None:
    route = may("admin", scope="events")
    person, key = Actor("ada", frozenset({"admin"})), Actor(None, frozenset())
    assert route == {"admin"}
    assert route.admit(Caller(person, 0))
    assert route.admit(Caller(key, 0, frozenset({"events"}), "key"))
    assert not route.admit(Caller(key, 0))
    assert not may("admin").admit(Caller(key, 0, frozenset({"events"}), "key"))
