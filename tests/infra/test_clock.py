"""Clocks."""

from datetime import UTC, datetime, timedelta

import pytest

from coopschool.clock import FixedClock, SystemClock


def test_the_system_clock_tells_a_moment_in_utc() -> None:
    before, told, after = SystemClock().now(), SystemClock().now(), SystemClock().now()
    assert told.tzinfo is UTC
    assert before <= told <= after


def test_a_fixed_clock_stands_still_until_moved() -> None:
    clock = FixedClock(datetime(2026, 3, 2, tzinfo=UTC))
    assert clock.now() == clock.now()
    assert clock.advance(timedelta(hours=1)) == clock.now() == datetime(2026, 3, 2, 1, tzinfo=UTC)


def test_a_moment_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        FixedClock(datetime(2026, 3, 2))  # noqa: DTZ001 - that is the point
