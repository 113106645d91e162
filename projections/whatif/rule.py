"""The other rule, from a published grid: parameters as fine as one likes would tell who stands where."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Literal, TypeVar, get_args

import msgspec

from coopschool.domain.errors import Invalid

MIN_ATTENDANCE = tuple(map(Decimal, ("0.5", "0.6", "0.7", "0.75", "0.8", "0.9", "1")))
SEATS = tuple(map(Fraction, ("1/2", "3/4", "5/4", "3/2", "2")))
T = TypeVar("T")
Waitlist = Literal["by-rank", "newcomers-first"]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What is otherwise; what is left out is as it was.

    `min_attendance` in place of each session's; `seats` times each session's, rounded up; `waitlist`: whom a free seat
    goes to first.
    """

    min_attendance: Decimal | None = None
    seats: Fraction | None = None
    waitlist: Waitlist = "by-rank"

    def seats_of(self, seats: int) -> int:
        return seats if self.seats is None else math.ceil(seats * self.seats)


def parse(min_attendance: str | None, seats: str | None, waitlist: str | None) -> Rule:
    """The rule from text: ``0.6``, ``x1.5``, ``newcomers-first``. Raises `Invalid`, which lists the grid."""
    if waitlist is not None and waitlist not in get_args(Waitlist):
        raise Invalid("waitlist", given=waitlist[:40], known=list(get_args(Waitlist)))
    return Rule(
        min_attendance=_of_grid("min_attendance", min_attendance, {str(value): value for value in MIN_ATTENDANCE}),
        seats=_of_grid("seats", seats, {f"x{float(value):g}": value for value in SEATS}),
        waitlist=waitlist or "by-rank",  # type: ignore[arg-type]
    )


def _of_grid(field: str, given: str | None, grid: dict[str, T]) -> T | None:
    if given is None:
        return None
    if given not in grid:
        raise Invalid(field, given=given[:40], known=list(grid))
    return grid[given]
