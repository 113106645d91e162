"""Addresses: which are this machine's, which can be trusted, and where a request really came from."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network


@lru_cache(maxsize=1024)
def address(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address, an IPv4 one also where it is written as IPv6; None for anything else."""
    try:
        found = ip_address(host)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    found = address(host)
    return host == "localhost" if found is None else found.is_loopback


def is_safe(url: str) -> bool:
    """Whether nobody between us and the address can answer in its place: https, or this very machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))


def networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks, separated by commas. Raises `ValueError`."""
    return tuple(ip_network(part.strip()) for part in text.split(","))
