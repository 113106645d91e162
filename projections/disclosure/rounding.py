"""The one rounding, at the very end, decided on exact values: half away from zero."""

from fractions import Fraction
from math import isqrt


def rounded(value: Fraction, digits: int = 2) -> float:
    """The value with so many decimals."""
    shifted = abs(value) * 10**digits
    whole = (2 * shifted.numerator + shifted.denominator) // (2 * shifted.denominator)
    return _scaled(-whole if value < 0 else whole, digits)


def rounded_root(value: Fraction, digits: int = 2) -> float:
    """The square root of a value >= 0 with so many decimals, never inexact before that."""
    doubled = isqrt(value.numerator * 4 * 100**digits // value.denominator)
    return _scaled((doubled + 1) // 2, digits)


def _scaled(whole: int, digits: int) -> float:
    return float(Fraction(whole, 10**digits))
