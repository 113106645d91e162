"""Where a server may listen: development tokens carry their roles themselves, so they must not come over a network."""

from __future__ import annotations

from coopschool.network import is_loopback
from coopschool.settings import Settings


class Exposed(Exception):
    """Development tokens would be accepted from other machines."""


def refuse_exposure(settings: Settings, host: str) -> None:
    """Raises `Exposed` where people come over a network and no identity provider says who they are."""
    if settings.oidc_issuer is not None or is_loopback(host):
        return
    raise Exposed(
        f"{host} can be reached from other machines, where development tokens must not count: set "
        "COOPSCHOOL_OIDC_ISSUER, or serve on 127.0.0.1."
    )
