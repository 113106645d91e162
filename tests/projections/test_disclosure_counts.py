"""Administrative counts by a personal characteristic."""

from typing import Any

import pytest

from projections.disclosure import counts


def told(*lines: tuple[str, str, int], min_group: int = 5) -> dict[tuple[str, str], int | None]:
    rows: list[dict[str, Any]] = [
        {"module": module, "category": c, "enrolled": n, "seats": 20} for module, c, n in lines
    ]
    given = counts(rows, within=["module"], figures=["enrolled"], people="enrolled", min_group=min_group)
    assert all((row["enrolled"] is None) == row["suppressed"] for row in given)
    assert all(row["seats"] == 20 for row in given)
    return {(row["module"], row["category"]): row["enrolled"] for row in given}


def test_groups_of_five_are_shown_and_nobody_is_nobody() -> None:
    assert told(("M01", "A", 5), ("M01", "B", 12), ("M01", "C", 0)) == {
        ("M01", "A"): 5,
        ("M01", "B"): 12,
        ("M01", "C"): 0,
    }


def test_a_small_group_is_hidden_together_with_the_next_smallest_of_its_line() -> None:
    shown = told(("M01", "A", 30), ("M01", "B", 12), ("M01", "C", 2), ("M02", "C", 6))
    assert shown == {("M01", "A"): 30, ("M01", "B"): None, ("M01", "C"): None, ("M02", "C"): 6}


def test_those_hidden_are_at_least_the_minimum_group_together() -> None:
    shown = told(("M01", "A", 30), ("M01", "B", 12), ("M01", "C", 1), ("M01", "candidate", 1))
    assert [shown["M01", category] for category in ("A", "B", "C", "candidate")] == [30, None, None, None]
    assert told(("M01", "A", 6), ("M01", "B", 4), ("M01", "C", 4)) == {
        ("M01", "A"): 6,
        ("M01", "B"): None,
        ("M01", "C"): None,
    }


def test_a_line_with_one_small_group_only_shows_nothing() -> None:
    assert told(("M01", "A", 3)) == {("M01", "A"): None}


def test_a_raised_minimum_hides_more() -> None:
    assert told(("M01", "A", 9), ("M01", "B", 8), min_group=9) == {("M01", "A"): None, ("M01", "B"): None}
    with pytest.raises(ValueError, match="at least 5"):
        told(("M01", "A", 9), min_group=1)
