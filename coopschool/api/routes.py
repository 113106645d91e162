"""Every route of the API, in one list."""

from __future__ import annotations

from collections.abc import Sequence

from litestar.types import ControllerRouterHandler

from coopschool.api import health
from coopschool.api.school.members import Members
from coopschool.api.school.modules import Modules
from coopschool.api.school.people import People

ROUTES: Sequence[ControllerRouterHandler] = (*health.ROUTES, People, Members, Modules)
