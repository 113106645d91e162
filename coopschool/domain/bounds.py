"""The bounds of values that come from outside: commands, the API and imported files use the same ones.

The annotated types are checked by msgspec where something is decoded; days, moments and fractions, which msgspec
cannot bound, by the functions. Every bound is one that the projections' columns hold.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from coopschool.domain.errors import Invalid

FIRST_DAY = date(1900, 1, 1)
LAST_DAY = date(2200, 12, 31)

Seats = Annotated[int, Meta(ge=1, le=10_000)]
HalfDays = Annotated[int, Meta(ge=1, le=60)]
ModuleMinutes = Annotated[int, Meta(ge=1, le=60 * 24 * 60)]
SlotNumber = Annotated[int, Meta(ge=1, le=200)]
Days = Annotated[int, Meta(ge=0, le=1_000_000)]
AttendedMinutes = Annotated[int, Meta(ge=0, le=24 * 60)]
Code = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")]
Text = Annotated[str, Meta(min_length=1, max_length=20_000)]
ShortText = Annotated[str, Meta(min_length=1, max_length=300)]


def day(field: str, value: date) -> None:
    """Raises `Invalid` for a day that no calendar of the school holds."""
    if not FIRST_DAY <= value <= LAST_DAY:
        raise Invalid(field, earliest=FIRST_DAY, latest=LAST_DAY)


def moment(field: str, value: datetime) -> None:
    """Raises `Invalid` for a moment outside the days above, or without a zone."""
    if value.tzinfo is None:
        raise Invalid(field, missing="time zone")
    day(field, value.date())


def fraction(field: str, value: Decimal) -> None:
    """Raises `Invalid` unless it is 0 to 1 with at most 3 decimals."""
    if not value.is_finite() or not 0 <= value <= 1 or value != round(value, 3):
        raise Invalid(field, least=0, most=1, decimals=3)


def once(field: str, values: Sequence[str]) -> None:
    """Raises `Invalid` if a value comes twice: what is counted by value would count it twice."""
    if twice := sorted({value for value in values if values.count(value) > 1}):
        raise Invalid(field, twice=twice)
