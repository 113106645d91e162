"""Where a request came from. A proxy is believed only if it is named (`COOPSCHOOL_TRUSTED_PROXY`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from coopschool.network import Network, address, is_loopback, networks
from coopschool.settings import Settings


class Origin(msgspec.Struct, frozen=True):
    """Whether a request came over https, and whether from this very machine."""

    is_https: bool
    is_this_machine: bool


class Origins:
    """Tells the origin of requests."""

    def __init__(self, trusted: Sequence[Network] = ()) -> None:
        self._trusted = tuple(trusted)
        self._is_trusted = lru_cache(maxsize=1024)(self._looked_up)

    @staticmethod
    def of(settings: Settings) -> Origins:
        return Origins(networks(settings.trusted_proxy) if settings.trusted_proxy else ())

    def __call__(self, scope: Any, headers: Mapping[bytes, bytes]) -> Origin:
        client = scope.get("client")
        host = client[0] if client else ""
        scheme = scope.get("scheme", "http")
        if self._trusted and self._is_trusted(host):
            host = self._beyond(headers.get(b"x-forwarded-for", b"").decode("latin-1"), host)
            scheme = headers.get(b"x-forwarded-proto", scheme.encode()).decode("latin-1").strip().lower()
            return Origin(scheme == "https", is_loopback(host))
        return Origin(scheme == "https", _is_here(host) and _names_nobody_else(headers))

    def _beyond(self, forwarded: str, host: str) -> str:
        """The last address before our own proxies; what comes before it anybody may have written."""
        for hop in reversed([hop for part in forwarded.split(",") if (hop := part.strip())]):
            host = hop
            if not self._is_trusted(hop):
                break
        return host

    def _looked_up(self, host: str) -> bool:
        found = address(host)
        return found is not None and any(found in network for network in self._trusted)


def _is_here(host: str) -> bool:
    """Whether it is an address of this machine; a socket that is not on a network has none."""
    return address(host) is None or is_loopback(host)


def _names_nobody_else(headers: Mapping[bytes, bytes]) -> bool:
    """A proxy on this machine that nobody named may still bring requests from elsewhere, and says so."""
    if b"forwarded" in headers:
        return False
    forwarded = headers.get(b"x-forwarded-for")
    return forwarded is None or all(is_loopback(hop.strip()) for hop in forwarded.decode("latin-1").split(","))
