"""The gate under attack: everything shown to anybody at any time, put together by subtraction and linear programming.

The attacker knows the teams and who was eligible, trusts no documentation about what a total covers, and asks how
far a team's mean can still range. Three attackers differ in what they may see: everybody's rows together, a
coordinator's (no teams) with the figures of one team known, and somebody who wants to know what "≥ 4.8" hides.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.optimize import linprog

from projections.disclosure import AutonomyRow, WaveRelease
from tests.projections.disclosure_cases import Case, cases, mean_of

CASES = 520
SEED = 20200317
HALF_A_DIGIT = 0.005 + 1e-9
Unknown = tuple[str, str]


class Attack:
    """Linear inequalities over what each team contributed to a wave: persons `n` and summed scores `total`.

    A contribution of no persons has no mean: then nothing is known of the team.
    """

    def __init__(self) -> None:
        self.columns: dict[tuple[str, Unknown], int] = {}
        self.rows: list[tuple[dict[int, float], float]] = []

    def column(self, kind: str, unknown: Unknown) -> int:
        return self.columns.setdefault((kind, unknown), len(self.columns))

    def team(self, unknown: Unknown, most: int) -> None:
        """At most so many persons, each with a score from 1 to 5."""
        n, total = self.column("n", unknown), self.column("total", unknown)
        self.between({n: 1.0}, None, most)
        self.between({total: 1.0, n: -5.0}, None, 0)
        self.between({total: 1.0, n: -1.0}, 0, None)

    def persons(self, unknowns: Iterable[Unknown], n: int) -> None:
        self.between({self.column("n", unknown): 1.0 for unknown in unknowns}, n, n)

    def mean(self, unknowns: Iterable[Unknown], shown: float | str, n: int) -> None:
        low, high = interval(shown)
        self.between({self.column("total", unknown): 1.0 for unknown in unknowns}, low * n, high * n)

    def difference(
        self, now: Sequence[Unknown], n_now: int, before: Sequence[Unknown], n_before: int, c: float
    ) -> None:
        weights = {self.column("total", unknown): 1 / n_now for unknown in now}
        weights |= {self.column("total", unknown): -1 / n_before for unknown in before}
        self.between(weights, c - HALF_A_DIGIT, c + HALF_A_DIGIT)

    def between(self, weights: Mapping[int, float], low: float | None, high: float | None) -> None:
        if high is not None:
            self.rows.append((dict(weights), high))
        if low is not None:
            self.rows.append(({column: -weight for column, weight in weights.items()}, -low))

    def holds_together(self) -> bool:
        """Whether the truth is among what is left: an attack that contradicts itself would find nothing."""
        return not self.columns or self._extreme(0, 1, []) is not None

    def range_of(self, unknown: Unknown, n: int) -> tuple[float, float] | None:
        """The least and greatest mean the team can have had with so many persons; None if it cannot have had them."""
        target = self.column("total", unknown)
        fixed = [({self.column("n", unknown): 1.0}, float(n)), ({self.column("n", unknown): -1.0}, -float(n))]
        found = [self._extreme(target, sign, fixed) for sign in (1, -1)]
        if found[0] is None or found[1] is None:
            return None
        return found[0] / n, found[1] / n

    def _extreme(self, target: int, sign: int, extra: list[tuple[dict[int, float], float]]) -> float | None:
        rows = [*self.rows, *extra]
        a = np.zeros((len(rows), len(self.columns)))
        for i, (weights, _) in enumerate(rows):
            for column, weight in weights.items():
                a[i, column] = weight
        c = np.zeros(len(self.columns))
        c[target] = sign
        answer = linprog(c, A_ub=a, b_ub=[bound for _, bound in rows], bounds=(0, None), method="highs")
        return None if answer.x is None else float(answer.x[target])


def interval(shown: float | str) -> tuple[float, float]:
    """What a shown mean says: a rounded number, or an end of the scale."""
    if isinstance(shown, float):
        return shown - HALF_A_DIGIT, shown + HALF_A_DIGIT
    edge = float(shown[2:])
    return (edge, 5.0) if shown.startswith("≥") else (1.0, edge)


@dataclass
class Knowledge:
    """What an attacker has put together about one dimension of a case."""

    attack: Attack
    releases: Mapping[str, WaveRelease]
    waves: list[str]

    def unknowns(self, row: AutonomyRow) -> list[Unknown]:
        """Every team that the row might cover, the documentation not being trusted."""
        release = self.releases[row.wave]
        if row.scope == "team":
            return [(row.wave, row.team or "")]
        return [
            (row.wave, team)
            for team in release.eligible
            if row.scope == "all_teams" or release.bands.get(team) == row.band
        ]


def learn(case: Case, dimension: str, rows: Sequence[AutonomyRow]) -> Knowledge:
    """Everything that the rows say of a dimension, as inequalities."""
    know = Knowledge(Attack(), {each.wave: each for each in case.releases}, [each.wave for each in case.releases])
    shown = {
        (row.wave, row.scope, row.team or row.band): row
        for row in rows
        if row.dimension == dimension and not row.suppressed
    }
    for release in case.releases:
        for team, eligible in release.eligible.items():
            know.attack.team((release.wave, team), len(eligible))
    for row in shown.values():
        know.attack.persons(know.unknowns(row), row.n)
        know.attack.mean(know.unknowns(row), row.mean, row.n)
    for before, now in pairwise(know.waves):
        for (wave, scope, name), row in shown.items():
            old = shown.get((before, scope, name))
            if wave == now and row.change is not None and old is not None:
                know.attack.difference(know.unknowns(row), row.n, know.unknowns(old), old.n, row.change)
    return know


def hidden(case: Case, dimension: str, rows: Sequence[AutonomyRow]) -> Iterator[tuple[Unknown, int]]:
    """Hidden teams that did answer, and how many answered: the truth, by which the attacker is measured."""
    for row in rows:
        if row.scope == "team" and row.suppressed and row.dimension == dimension:
            release = next(each for each in case.releases if each.wave == row.wave)
            values = release.scores[row.team][dimension]
            if values:
                yield (row.wave, row.team), len(values)


def determined(case: Case, rows: Sequence[AutonomyRow]) -> list[str]:
    """The hidden teams whose mean the attacker knows to within less than one point of the scale."""
    caught = []
    for dimension in case.instrument.dimension_codes:
        know = learn(case, dimension, rows)
        assert know.attack.holds_together()
        for unknown, n in hidden(case, dimension, rows):
            found = know.attack.range_of(unknown, n)
            if found is not None and found[1] - found[0] < 1:
                caught.append(f"{unknown} {dimension}: {found}")
    return caught


def test_no_hidden_team_is_determined_by_all_that_anybody_is_shown() -> None:
    met = 0
    for case in cases(CASES, SEED):
        rows = case.rows()
        met += sum(1 for dimension in case.instrument.dimension_codes for _ in hidden(case, dimension, rows))
        assert determined(case, rows) == []
    assert met > CASES


def leaky(case: Case) -> list[AutonomyRow]:
    """The rows of a careless gate: it shows no bands, but its all teams covers the hidden teams too."""

    def careless(row: AutonomyRow) -> AutonomyRow:
        if row.scope != "all_teams":
            return replace(row, suppressed=row.suppressed or row.scope == "band")
        release = next(each for each in case.releases if each.wave == row.wave)
        everyone = tuple(value for team in release.scores.values() for value in team[row.dimension])
        if not everyone:
            return row
        return replace(row, suppressed=False, n=len(everyone), mean=float(round(mean_of(everyone), 2)), change=None)

    return [careless(row) for row in case.rows()]


def test_the_attacker_finds_hidden_teams_where_totals_are_careless() -> None:
    assert sum(bool(determined(case, leaky(case))) for case in cases(60, SEED)) > 10


def test_what_was_shown_once_is_never_shown_differently_later() -> None:
    for case in cases(CASES, SEED + 1):
        for waves in range(1, len(case.releases)):
            before = case.rows(waves)
            assert case.rows(waves + 1)[: len(before)] == before


@pytest.mark.parametrize("knows_a_team", [False, True])
def test_a_coordinator_determines_no_team_even_when_knowing_their_own(knows_a_team: bool) -> None:
    met = 0
    for case in cases(60, SEED + 2):
        everything = case.rows()
        totals = [row for row in everything if row.scope != "team"]
        for dimension in case.instrument.dimension_codes:
            met += _coordinator(case, dimension, everything, totals, knows_a_team)
    assert met > 60


def _coordinator(
    case: Case, dimension: str, everything: Sequence[AutonomyRow], totals: Sequence[AutonomyRow], knows_a_team: bool
) -> int:
    shown = [row for row in everything if row.scope == "team" and row.dimension == dimension and row.mean is not None]
    own = next(iter(shown), None) if knows_a_team else None
    know = learn(case, dimension, [*totals, own] if own else totals)
    for row in everything:  # the worst case: who answered how often is known from elsewhere
        if row.scope == "team" and row.dimension == dimension:
            know.attack.persons(know.unknowns(row), row.n or 0)
    suspects = [row for row in shown if row is not own]
    for row in suspects:
        found = know.attack.range_of((row.wave, row.team or ""), row.n)
        assert found is not None
        assert found[1] - found[0] > 1 - 4 * HALF_A_DIGIT
    return len(suspects)


def test_nothing_tells_more_of_a_team_at_the_end_of_the_scale_than_its_own_row() -> None:
    met = 0
    for case in cases(CASES, SEED + 3):
        rows = case.rows()
        for dimension in case.instrument.dimension_codes:
            met += _at_an_end(case, dimension, rows)
    assert met > 50


def _at_an_end(case: Case, dimension: str, rows: Sequence[AutonomyRow]) -> int:
    """Moving a team's answers about within its end of the scale must change nothing that is shown."""
    met = 0
    for row in rows:
        if row.scope != "team" or row.dimension != dimension or not isinstance(row.mean, str):
            continue
        met += 1
        extreme = Fraction(5) if row.mean.startswith("≥") else Fraction(1)
        releases = [
            replace(each, scores=_unanimous(each, row, extreme)) if each.wave == row.wave else each
            for each in case.releases
        ]
        assert Case(releases, case.min_group, case.instrument).rows() == rows
    return met


def _unanimous(release: WaveRelease, row: AutonomyRow, value: Fraction) -> dict[str, Mapping[str, Sequence[Fraction]]]:
    team = row.team or ""
    scores = release.scores[team]
    return {**release.scores, team: {**scores, row.dimension: (value,) * len(scores[row.dimension])}}


def test_the_answers_of_hidden_teams_change_nothing_that_is_shown() -> None:
    """Non-interference, the reason why the attacks above must fail: hidden answers are no input of any row."""
    for case in cases(CASES, SEED + 4):
        rows = case.rows()
        gone = {(row.wave, row.team, row.dimension) for row in rows if row.scope == "team" and row.suppressed}
        releases = [
            replace(
                each,
                scores={
                    team: {d: () if (each.wave, team, d) in gone else values for d, values in scores.items()}
                    for team, scores in each.scores.items()
                },
            )
            for each in case.releases
        ]
        assert Case(releases, case.min_group, case.instrument).rows() == rows
