"""What may be said about one group of people: their mean, its spread, its distribution."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from coopschool.domain.instruments import Scale, variance
from projections.disclosure.rounding import rounded, rounded_root

MIN_GROUP = 5
DISTRIBUTION_FROM = 10
NEAR_END = Fraction(1, 5)
ODD_ONES = 3

Shown = float | str


def checked_min_group(min_group: int) -> int:
    """The minimum group as configured; `ValueError` below 5, because it may only be raised."""
    if min_group < MIN_GROUP:
        raise ValueError(f"the minimum group is at least {MIN_GROUP}, not {min_group}")
    return min_group


def enough(n: int, min_group: int = MIN_GROUP) -> bool:
    """Whether so many respondents make a group that may be shown."""
    return n >= checked_min_group(min_group)


def near_end(mean: Fraction, scale: Scale) -> bool:
    """Whether the mean is so close to an end of the scale that it would say what each person answered."""
    return mean <= scale.min + NEAR_END or mean >= scale.max - NEAR_END


def told(mean: Fraction, scale: Scale) -> Fraction:
    """The mean as it may enter other figures: near an end it is the middle of what "≤ 1.2" or "≥ 4.8" says.

    So no total, difference or change tells more of a group than its own figure does.
    """
    if not near_end(mean, scale):
        return mean
    return scale.min + NEAR_END / 2 if mean <= scale.min + NEAR_END else scale.max - NEAR_END / 2


def shown(mean: Fraction, scale: Scale) -> Shown:
    """The mean as people see it: two decimals, or "≤ 1.2" and "≥ 4.8" near the ends."""
    if not near_end(mean, scale):
        return rounded(mean)
    if mean <= scale.min + NEAR_END:
        return f"≤ {rounded(scale.min + NEAR_END, 1):g}"
    return f"≥ {rounded(scale.max - NEAR_END, 1):g}"


def varied(values: Sequence[int | Fraction]) -> bool:
    """Whether there are enough, and differing enough, to show how they spread.

    At least three must differ from the commonest value: were only unanimity hidden, a missing figure would tell it.
    """
    return len(values) >= DISTRIBUTION_FROM and len(values) - max(Counter(values).values()) >= ODD_ONES


def spread(values: Sequence[Fraction]) -> float:
    """The sample standard deviation of at least two values, with two decimals."""
    return rounded_root(variance(values))


def distribution(values: Sequence[int], scale: Scale) -> dict[str, int]:
    """How many gave each point of the scale, the points nobody gave included."""
    counted = Counter(values)
    return {str(point): counted[point] for point in scale.points}
