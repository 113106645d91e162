"""A report at (as_of, known_at) is the report of a fresh school that only ever saw what had happened and was known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coopschool.domain.advisers.adviser_team import AdviserJoinedTeam, AdviserLeftTeam
from coopschool.domain.base import Event
from projections import writing
from projections.registry import make_projections
from tests.support.histories import BRUSSELS, ListedLog, happenings, moments

Sums = dict[tuple[str, str, str], tuple[int, ...]]
Line = tuple[int, str, str, str, tuple[int, ...]]  # position, table, occurred_at, dimensions, measures

MEASURES = {
    "sessions": 1, "slots": 1, "enrolments": 11, "attendance": 4, "sheets": 2, "categories": 1, "milestones": 5,
    "waivers": 1, "interests": 1, "modules": 1,
    "stays": 1, "telework": 2, "workshops": 2, "decisions": 1, "reviews": 2, "instruments": 1, "eligible": 1,
    "wave_releases": 1, "wave_answers": 1, "feedback_answers": 1,
}  # fmt: skip


def facts_of(happened: Sequence[tuple[datetime, Event]], batches: Sequence[int] = ()) -> list[Line]:
    """Every row that the projections add; after each batch they forget everything and go back to the log."""
    log: Any = ListedLog(happened)
    projections = make_projections(BRUSSELS)
    for projection in projections:
        projection.begin(0)
    lines: list[Line] = []
    edges = [*(edge for edge in sorted(batches) if 0 < edge < len(happened)), len(happened)]
    after = 0
    for edge in edges:
        assert not writing.fold(projections, log.between(after, edge, writing.topics_of(projections)), log)
        for projection in projections:
            lines += [_read(table, line) for table, found in projection.facts.take().items() for line in found]
            projection.position = edge
            if len(edges) > 1:
                kept = {"ann", "bob", "cas"}
                projection.begin(edge)
                if hasattr(projection, "_interested"):
                    projection._interested = kept
        after = edge
    return lines


def _read(table: str, line: str) -> Line:
    position, occurred_at, *rest = line.rstrip("\n").split("\t")
    cut = len(rest) - MEASURES[table]
    return int(position), table, occurred_at, "\t".join(rest[:cut]), tuple(map(int, rest[cut:]))


def summed(lines: Sequence[Line], as_of: str, known: int) -> Sums:
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for position, table, occurred_at, dimensions, measures in lines:
        if position <= known and occurred_at <= as_of:
            key = (table, occurred_at, dimensions)
            sums[key] = [a + b for a, b in zip(sums[key] or [0] * len(measures), measures, strict=True)]
    return {key: tuple(found) for key, found in sums.items() if any(found)}


def _text(moment: datetime) -> str:
    return moment.isoformat(sep=" ").replace("+00:00", "+00")


@pytest.mark.no_cover
@settings(max_examples=150, deadline=None)
@given(happenings(), st.data())
def test_facts_at_two_clocks_are_those_of_a_school_that_saw_only_that(
    happened: list[tuple[datetime, Event]], data: st.DataObject
) -> None:
    as_of = data.draw(moments)
    known = data.draw(st.integers(0, len(happened)))
    seen = [(occurred_at, event) for occurred_at, event in happened[:known] if occurred_at <= as_of]
    now = summed(facts_of(happened), _text(as_of), known)
    fresh = summed(facts_of(seen), _text(as_of), len(seen))
    assert now == fresh


@pytest.mark.no_cover
@settings(max_examples=100, deadline=None)
@given(happenings(), st.lists(st.integers(1, 40), max_size=4))
def test_a_projection_that_forgets_everything_and_goes_back_to_the_log_adds_the_same_rows(
    happened: list[tuple[datetime, Event]], batches: list[int]
) -> None:
    assert sorted(facts_of(happened, batches)) == sorted(facts_of(happened))


def stays(*happened: tuple[datetime, Event]) -> set[str]:
    """The rows of ``stays`` that are left when all is summed."""
    sums: dict[str, int] = defaultdict(int)
    for _, table, _, dimensions, (sign, *_) in facts_of(happened):
        sums[dimensions] += sign if table == "stays" else 0
    return {dimensions for dimensions, sign in sums.items() if sign}


def test_an_end_that_comes_forward_holds_though_it_happened_before_the_one_it_replaces() -> None:
    began, early, late = (datetime(2026, 3, day, 22, 59, tzinfo=UTC) for day in (1, 9, 20))
    joined = AdviserJoinedTeam(team="north", adviser="ann", from_=began.date())
    left = [AdviserLeftTeam(team="north", adviser="ann", from_=began.date(), to=end.date()) for end in (late, early)]
    assert stays((began, joined), (late, left[0]), (early, left[1])) == {"north\tann\t2026-03-01\t2026-03-09"}


def test_a_stay_that_was_called_off_before_its_first_day_never_was() -> None:
    before, began = datetime(2026, 3, 1, 22, 59, tzinfo=UTC), datetime(2026, 3, 1, 23, tzinfo=UTC)
    joined = AdviserJoinedTeam(team="north", adviser="ann", from_=date(2026, 3, 2))
    called_off = AdviserLeftTeam(team="north", adviser="ann", from_=date(2026, 3, 2), to=date(2026, 3, 1))
    assert stays((began, joined), (before, called_off)) == set()
