"""Every event is handled or left out on purpose, by each projection."""

from __future__ import annotations

import pytest

import coopschool.domain.events  # noqa: F401 - so that all of them are known
from coopschool.domain.base import Event
from projections.projection import Projection
from projections.registry import PROJECTIONS


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
def test_each_event_is_handled_or_ignored_on_purpose(projection: type[Projection]) -> None:
    known = set(Event.BY_TOPIC.values())
    handled, ignored = set(projection.handled), set(projection.ignores)
    assert handled | ignored == known
    assert handled & ignored == set()


def test_names_and_tables_are_each_projections_own() -> None:
    names = [projection.name for projection in PROJECTIONS]
    tables = [table for projection in PROJECTIONS for table in (*projection.fact_tables, *projection.current_tables)]
    assert len(set(names)) == len(names)
    assert len(set(tables)) == len(tables)
