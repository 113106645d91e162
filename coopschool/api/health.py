"""Whether the server lives, whether it can do its work, and what it counts."""

from __future__ import annotations

from typing import Literal

import msgspec
from litestar import get
from litestar.types import ControllerRouterHandler

from coopschool.api.access import PUBLIC

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class Live(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["live"] = "live"


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Whether commands can be written, and how far the projections are."""

    status: Literal["ready", "store_away"]
    position: int | None = None


@get("/health/live", operation_id="Live", roles=PUBLIC, tags=["operations"], sync_to_thread=False)
def live() -> Live:
    """Says that the process answers."""
    return Live()


ROUTES: tuple[ControllerRouterHandler, ...] = (live,)
