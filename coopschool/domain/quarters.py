"""Quarters of a calendar year, written ``2020Q1``, and months counted forward."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date

from coopschool.domain import bounds
from coopschool.domain.errors import Invalid

_WRITTEN = re.compile(r"(\d{4})Q([1-4])", re.ASCII)


def first_day(quarter: str, field: str = "quarter") -> date:
    """The day a quarter begins. Raises `Invalid` for anything not written like ``2020Q1``."""
    written = _WRITTEN.fullmatch(quarter)
    if written is None or not bounds.FIRST_DAY.year <= int(written[1]) <= bounds.LAST_DAY.year:
        raise Invalid(field, written_like="2020Q1")
    return date(int(written[1]), 3 * int(written[2]) - 2, 1)


def months_later(day: date, months: int) -> date:
    """The same day so many months on, or the last of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
