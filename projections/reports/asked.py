"""What a report is asked for: as of when, as known when, grouped and filtered how."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from coopschool.domain import bounds
from coopschool.domain.errors import Invalid
from projections.calendar import Calendar
from projections.disclosure import Viewer

PERIOD = re.compile(r"\d{4}(-(0[1-9]|1[0-2])|Q[1-4])?")

Kind = Literal["text", "person", "session", "module", "period"]


class Parameter(NamedTuple):
    """A filter of a report: its name, what it takes, whether it must be given."""

    name: str
    kind: Kind
    description: str
    required: bool = False


class Asked(NamedTuple):
    """A report's parameters, checked. `known_at` is a moment until it is resolved to the position `known`.

    `viewer` is who asks, and `now` when: some figures are for some people, or for others later.
    """

    as_of: datetime
    known_at: datetime | None
    known: int
    group_by: tuple[str, ...]
    filters: Mapping[str, str | None]
    zone: ZoneInfo
    now: datetime
    viewer: Viewer

    @property
    def today(self) -> date:
        """The school's day at `as_of`."""
        return self.as_of.astimezone(self.zone).date()


def moment(field: str, value: object, zone: ZoneInfo) -> datetime:
    """A moment from a date (the end of that day), a datetime with its zone, or either as ISO 8601. Raises `Invalid`."""
    if isinstance(value, str):
        value = _read(field, value)
    if isinstance(value, datetime):
        bounds.moment(field, value)
        return value.astimezone(UTC)
    if isinstance(value, date):
        bounds.day(field, value)
        return Calendar(zone).end_of(value).astimezone(UTC)
    raise Invalid(field, expected="date or date-time")


def _read(field: str, value: str) -> date | datetime:
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            return read(value)
        except ValueError:
            continue
    raise Invalid(field, expected="date or date-time", given=value[:40])


def several(field: str, value: object, known: tuple[str, ...]) -> tuple[str, ...]:
    """Names from ``a,b`` or a list, each once, all of them known. Raises `Invalid`, which lists what there is."""
    names = value.split(",") if isinstance(value, str) else list(value or ())  # type: ignore[call-overload]
    given = tuple(dict.fromkeys(str(name).strip() for name in names if str(name).strip()))
    for name in given:
        if name not in known:
            raise Invalid(field, given=name[:40], known=list(known))
    return given


def filters(parameters: Mapping[str, Any], accepted: tuple[Parameter, ...]) -> dict[str, str | None]:
    """The value of each filter, or None. Raises `Invalid` for one that is unknown, missing or odd."""
    known = {parameter.name for parameter in accepted}
    for name in parameters:
        if name not in known:
            raise Invalid(name[:40], known=sorted(known | {"as_of", "known_at", "group_by"}))
    found: dict[str, str | None] = {}
    for parameter in accepted:
        value = parameters.get(parameter.name)
        if value is None and parameter.required:
            raise Invalid(parameter.name, missing=parameter.kind)
        if value is not None and (not isinstance(value, str) or not value or len(value) > 200 or "\x00" in value):
            raise Invalid(parameter.name, expected=parameter.kind)
        if value is not None and parameter.kind == "period" and not PERIOD.fullmatch(value):
            raise Invalid(parameter.name, given=value[:40], expected="2020-04, 2020Q2 or 2020")
        found[parameter.name] = value
    return found
