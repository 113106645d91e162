"""What request and answer types have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar.params import PathParameter
from msgspec import Meta

from coopschool.domain import bounds
from coopschool.domain.school.words import Category, Language

PersonName = Annotated[str, Meta(min_length=1, max_length=200)]
Email = Annotated[str, Meta(max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+\.[^@\s\x00]+\Z")]
Id = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", description="A random id (UUID)")]
PersonOrMe = Annotated[
    str,
    Meta(pattern=r"^(me|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z", description="A person's id, or `me`"),
]
Moment = Annotated[datetime, Meta(tz=True)]
_ONCE = {"uniqueItems": True}  # said in the document; checked by `bounds.once`
Codes = Annotated[tuple[bounds.Code, ...], Meta(max_length=50, extra_json_schema=_ONCE)]
People = Annotated[tuple[PersonOrMe, ...], Meta(max_length=500)]
Languages = Annotated[tuple[Language, ...], Meta(min_length=1, max_length=3, extra_json_schema=_ONCE)]
Audience = Annotated[tuple[Category, ...], Meta(min_length=1, max_length=4, extra_json_schema=_ONCE)]


class Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A request body: nothing in it goes unread."""


class Written(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Every write's answer: `position` is the log's after it, for `min_position` of later reads."""

    position: int


# --- what stands in a path: of another form, it is not found

PersonPath = Annotated[
    str,
    PathParameter(
        pattern=r"^(me|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z", description="A person's id; `me` is the caller"
    ),
]
SessionPath = Annotated[
    str, PathParameter(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", description="A session's id")
]
ModulePath = Annotated[str, PathParameter(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z", description="A module's code")]
SlotPath = Annotated[int, PathParameter(ge=1, le=200, description="A slot's number")]
TeamPath = Annotated[
    str, PathParameter(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", description="An adviser team's id")
]
WorkshopPath = Annotated[
    str, PathParameter(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", description="A workshop's id")
]
DecisionPath = Annotated[
    str, PathParameter(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", description="A decision's id")
]
QuarterPath = Annotated[
    str, PathParameter(pattern=r"^[0-9]{4}Q[1-4]\Z", description="A quarter of a year, such as 2020Q1")
]
