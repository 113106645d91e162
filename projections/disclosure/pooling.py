"""Which totals over teams may be shown to somebody who may not see the teams, such as the coordinator.

A total is safe when it leaves every team in it undetermined, also for somebody who knows one of the teams (their
own) exactly. Totals that overlap are judged by what subtraction leaves: all teams minus the bands that are shown.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import NamedTuple

from coopschool.domain.instruments import Scale

LEAST_TEAMS = 3
UNDETERMINED = 1


class Team(NamedTuple):
    """A team's shown cell: how many answered, and their mean as it may enter other figures."""

    n: int
    mean: Fraction


Teams = Mapping[str, Team]
Safe = Callable[[frozenset[str]], bool]


def leaves_each_undetermined(teams: Teams, scale: Scale, names: frozenset[str]) -> bool:
    """Whether the exact sum over these teams, and the figure of any one of them, leave each other one open.

    Open means that its mean may still lie anywhere in a stretch of at least one point of the scale.
    """
    if len(names) < LEAST_TEAMS:
        return False
    return all(_undetermined(teams, names - {known}, suspect, scale) for known in names for suspect in names - {known})


def _undetermined(teams: Teams, names: frozenset[str], suspect: str, scale: Scale) -> bool:
    total = sum((teams[name].n * teams[name].mean for name in names), start=Fraction(0))
    others = sum(teams[name].n for name in names if name != suspect)
    n = teams[suspect].n
    highest = min(Fraction(scale.max), (total - scale.min * others) / n)
    lowest = max(Fraction(scale.min), (total - scale.max * others) / n)
    return highest - lowest >= UNDETERMINED


class Choice(NamedTuple):
    """Which of the parts are shown, and whether their total is."""

    parts: frozenset[str]
    total: bool


def choose(
    parts: Mapping[str, frozenset[str]], whole: frozenset[str], size: Callable[[str], int], safe: Safe
) -> Choice:
    """The parts and the total that may be shown together: parts give way before the total, the smallest first.

    `parts` are disjoint and lie in `whole`; what is left when the shown parts are taken off must be safe as well.
    """
    kept = {part for part, names in parts.items() if safe(names)}
    if not safe(whole):
        return Choice(frozenset(kept), total=False)
    while kept and (rest := whole.difference(*(parts[part] for part in kept))) and not safe(rest):
        kept.remove(min(kept, key=lambda part: (size(part), part)))
    return Choice(frozenset(kept), total=True)
