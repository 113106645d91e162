"""What can be deduced of teams that are not shown: linear programming over everything that was.

The attacker knows the teams and who was eligible, trusts no documentation about what a total covers, and asks how far
a team's mean can still range.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag
from scipy.optimize import linprog

HALF_A_DIGIT = 0.005 + 1e-9
Unknown = tuple[str, str]  # wave, team
Matrix = NDArray[np.float64]


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
        a, most = self._inequalities([])
        return not self.columns or _least(np.zeros(len(self.columns)), a, most) is not None

    def range_of(self, unknown: Unknown, n: int) -> tuple[float, float] | None:
        """The least and greatest mean the team can have had with so many persons; None if it cannot have had them."""
        target = self.column("total", unknown)
        persons = self.column("n", unknown)
        a, most = self._inequalities([({persons: 1.0}, float(n)), ({persons: -1.0}, -float(n))])
        total = np.zeros(len(self.columns))
        total[target] = 1
        # Both ends in one question, with all inequalities twice: putting a question takes longer than answering it.
        found = _least(np.concatenate((total, -total)), block_diag(a, a), most * 2)
        return None if found is None else (found[target] / n, found[len(total) + target] / n)

    def _inequalities(self, more: list[tuple[dict[int, float], float]]) -> tuple[Matrix, list[float]]:
        rows = [*self.rows, *more]
        a = np.zeros((len(rows), len(self.columns)))
        for i, (weights, _) in enumerate(rows):
            for column, weight in weights.items():
                a[i, column] = weight
        return a, [most for _, most in rows]


def _least(c: Matrix, a: Matrix, most: list[float]) -> list[float] | None:
    """Where `c` is least while `a` is at most `most`; None if that is nowhere."""
    answer = linprog(c, A_ub=a, b_ub=most, bounds=(0, None), method="highs")
    return None if answer.x is None else [float(value) for value in answer.x]


def interval(shown: float | str) -> tuple[float, float]:
    """What a shown mean says: a rounded number, or an end of the scale."""
    if isinstance(shown, float | int):
        return shown - HALF_A_DIGIT, shown + HALF_A_DIGIT
    edge = float(shown[2:])
    return (edge, 5.0) if shown.startswith("≥") else (1.0, edge)
