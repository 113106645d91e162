"""Administrative counts (seats, enrolments) by a personal characteristic, such as the membership category."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from projections.disclosure.figures import MIN_GROUP, checked_min_group

Row = Mapping[str, Any]


def counts(
    rows: Iterable[Row],
    *,
    within: Sequence[str],
    figures: Sequence[str],
    people: str,
    min_group: int = MIN_GROUP,
) -> list[dict[str, Any]]:
    """The rows with the figures of too small groups hidden: null, and ``"suppressed": true``.

    `within` are the columns that say nothing of persons (module, period); rows that agree in them differ only by
    personal characteristics and add up to a total that is shown elsewhere. So when a small group is hidden, the next
    smallest is hidden with it until those hidden are at least two and together at least `min_group`. `people` is the
    column with the number of persons behind a row; a row of nobody says nothing and stays.
    """
    checked_min_group(min_group)
    listed = [dict(row) for row in rows]
    lines: dict[tuple[Hashable, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in listed:
        lines[tuple(row[column] for column in within)].append(row)
    hidden = {id(row) for line in lines.values() for row in _hidden(line, people, min_group)}
    return [_told(row, figures, id(row) in hidden) for row in listed]


def _hidden(line: list[dict[str, Any]], people: str, min_group: int) -> list[dict[str, Any]]:
    """The smallest rows of a line (first in order among equals), as many as have to be hidden together."""
    rising = sorted((row for row in line if row[people]), key=lambda row: row[people])
    if not rising or rising[0][people] >= min_group:
        return []
    taken, persons = 0, 0
    while taken < len(rising) and (taken < 2 or persons < min_group or rising[taken][people] < min_group):
        persons += rising[taken][people]
        taken += 1
    return rising[:taken]


def _told(row: dict[str, Any], figures: Sequence[str], hidden: bool) -> dict[str, Any]:
    return row | dict.fromkeys(figures, None) | {"suppressed": True} if hidden else row | {"suppressed": False}
