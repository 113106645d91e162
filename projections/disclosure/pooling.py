"""Which totals over teams may be shown to somebody who may not see the teams, such as the coordinator.

A total is safe when it leaves every team in it undetermined, also for somebody who knows one of the teams (their
own) exactly. Totals that overlap are judged by what subtraction leaves: all teams minus the bands that are shown.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
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
    return all(_open(teams, names - {known}, scale) for known in names)


def _open(teams: Teams, names: frozenset[str], scale: Scale) -> bool:
    """Whether the sum over these teams leaves each of them open."""
    everybody = _everybody(teams, names)
    limits = (_limits(everybody, teams[suspect].n, scale) for suspect in names)
    return all(highest - lowest >= UNDETERMINED for lowest, highest in limits)


def _everybody(teams: Teams, names: frozenset[str]) -> Team:
    """These teams as one."""
    n = sum(teams[name].n for name in names)
    return Team(n, sum((teams[name].n * teams[name].mean for name in names), start=Fraction(0)) / n)


def _limits(everybody: Team, n: int, scale: Scale) -> tuple[Fraction, Fraction]:
    """Between which means n of these persons lie, as the sum over all and the ends of the scale say."""
    total, others = everybody.n * everybody.mean, everybody.n - n
    highest = min(Fraction(scale.max), (total - scale.min * others) / n)
    lowest = max(Fraction(scale.min), (total - scale.max * others) / n)
    return lowest, highest


def spread_leaves_each_undetermined(
    teams: Teams, scores: Mapping[str, Sequence[Fraction]], scale: Scale, names: frozenset[str]
) -> bool:
    """The same where the standard deviation over these teams is told beside their sum.

    A small deviation says that all are near the common mean: of N persons whose squared deviations add up to S, n can
    lie off by at most the root of S (N - n) / (n N). The one team that is known may be known with its deviation.
    """
    of_team = {name: _Scores.of(scores[name]) for name in names}
    for known in names if len(names) > 1 else ():
        without = names - {known}
        spread = _Scores.together(of_team[name] for name in without)
        everybody = _everybody(teams, without)
        if not all(_lies_far(everybody, spread, teams[suspect].n, scale) for suspect in without):
            return False
    return True


class _Scores(NamedTuple):
    """How many scores, their sum, and the sum of their squares."""

    n: int
    total: Fraction
    squares: Fraction

    @classmethod
    def of(cls, values: Sequence[Fraction]) -> "_Scores":
        return cls(len(values), sum(values, start=Fraction(0)), sum((one * one for one in values), start=Fraction(0)))

    @classmethod
    def together(cls, groups: Iterable["_Scores"]) -> "_Scores":
        ns, totals, squares = zip(*groups, strict=True)
        return cls(sum(ns), sum(totals, start=Fraction(0)), sum(squares, start=Fraction(0)))

    @property
    def deviations(self) -> Fraction:
        """The sum of the squared deviations from the common mean."""
        return self.squares - self.total**2 / self.n


def _lies_far(everybody: Team, spread: _Scores, n: int, scale: Scale) -> bool:
    common, others = spread.total / spread.n, spread.n - n
    if not others:
        return False
    lowest, highest = _limits(everybody, n, scale)
    needed = max(Fraction(UNDETERMINED, 2), UNDETERMINED - (common - lowest), UNDETERMINED - (highest - common))
    return spread.deviations * others >= needed**2 * n * spread.n


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
