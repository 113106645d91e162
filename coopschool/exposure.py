"""Where a server may listen: development tokens carry their roles themselves, so they must not come over a network."""

from __future__ import annotations

from coopschool.network import is_loopback
from coopschool.settings import Settings


class Exposed(Exception):
    """Development tokens would be accepted from other machines."""


def refuse_exposure(settings: Settings, host: str) -> None:
    """Raises `Exposed` where anybody on the network could come with a development token.

    Fine are loopback addresses, an identity provider, and a signing key that somebody set on purpose.
    """
    if settings.oidc_issuer is not None or settings.signing_key_file is not None or is_loopback(host):
        return
    raise Exposed(
        f"{host} can be reached from other machines, where development tokens must not count: set "
        "COOPSCHOOL_OIDC_ISSUER (or COOPSCHOOL_SIGNING_KEY_FILE, for tokens signed with a key of your own), or serve "
        "on 127.0.0.1."
    )
