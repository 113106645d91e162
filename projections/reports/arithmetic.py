"""Rates and medians on exact numbers, rounded once, here."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from projections.disclosure import rounded

DIGITS = 4


def rate(part: int | Fraction, whole: int | Fraction) -> float | None:
    """The part of the whole, with four decimals; None where there is no whole."""
    return rounded(Fraction(part) / Fraction(whole), DIGITS) if whole else None


def median(times: Mapping[int, int]) -> float | None:
    """The median of values that occur so many times; between the two in the middle where there are two."""
    total = sum(times.values())
    if total <= 0:
        return None
    low, high = (_at(times, place) for place in ((total - 1) // 2, total // 2))
    return rounded(Fraction(low + high, 2), 1)


def _at(times: Mapping[int, int], place: int) -> int:
    value = 0
    for value in sorted(times):
        place -= times[value]
        if place < 0:
            break
    return value
