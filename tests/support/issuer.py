"""An OpenID Connect issuer on loopback: it publishes keys, changes them, signs tokens, and can be away."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

AUDIENCE = "coopschool-api"


class SigningKey:
    """A private key with its id and algorithm."""

    def __init__(self, kid: str, algorithm: str = "RS256", private: Any = None) -> None:
        self.kid = kid
        self.algorithm = algorithm
        self.private = private or _made(algorithm)

    def published(self) -> dict[str, Any]:
        """The public half, as a JWK."""
        kind = jwt.get_algorithm_by_name(self.algorithm)
        public = kind.to_jwk(self.private.public_key(), as_dict=True)  # type: ignore[call-arg]
        return {**public, "kid": self.kid, "use": "sig", "alg": self.algorithm}


class Issuer:
    """The issuer. A context manager: leaving it stops its server."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys = list(keys) or [SigningKey("one", "ES256")]
        self.extra: list[Any] = []
        self.configuration: dict[str, Any] = {}
        self.status = 200
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/realms/school"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Issuer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What a good token says, with changes; a claim that is None is left out."""
        now = int(time.time())
        good = {"iss": self.url, "sub": "ada", "aud": AUDIENCE, "iat": now, "exp": now + 300, "jti": str(uuid4())}
        return {name: value for name, value in {**good, **changes}.items() if value is not None}

    def token(self, key: SigningKey | None = None, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """A token signed with a key (the first, unless given), with changes to what it says."""
        key = key or self.keys[0]
        headers = {"kid": key.kid, **(header or {})}
        claims = self.claims(**changes)
        return jwt.encode(claims, key.private, algorithm=key.algorithm, headers=_without_none(headers))

    def answer(self, path: str) -> Any:
        if path.endswith("/.well-known/openid-configuration"):
            return {"issuer": self.url, "jwks_uri": f"{self.url}/certs", **self.configuration}
        return {"keys": [*(key.published() for key in self.keys), *self.extra]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                body = json.dumps(issuer.answer(self.path)).encode()
                self.send_response(issuer.status)
                if issuer.status == 302:
                    self.send_header("Location", issuer.url + "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


def _made(algorithm: str) -> Any:
    if algorithm.startswith("ES"):
        return ec.generate_private_key({"ES256": ec.SECP256R1, "ES384": ec.SECP384R1}[algorithm]())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048)


def _without_none(headers: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in headers.items() if value is not None}
