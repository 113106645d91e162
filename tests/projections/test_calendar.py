"""Days in the school's zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.calendar import Calendar, month_of, months_between, quarter_of, year_of

zones = st.sampled_from(("Europe/Brussels", "Asia/Kolkata", "America/St_Johns", "Pacific/Chatham", "UTC"))
moments = st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as it asks


@given(zones, st.lists(moments, min_size=1, max_size=5), st.integers(0, 59))
def test_a_moment_has_the_day_that_the_zone_says(zone: str, found: list[datetime], minute: int) -> None:
    calendar = Calendar(ZoneInfo(zone))
    for moment in [*found, *(moment.replace(minute=minute) for moment in found)]:
        text = moment.isoformat(sep=" ").replace("+00:00", "+00")
        assert calendar.day(text) == moment.astimezone(ZoneInfo(zone)).date()
        assert calendar.local(moment) == moment.astimezone(ZoneInfo(zone)).date()


@pytest.mark.parametrize("day", [date(2020, 3, 29), date(2020, 10, 25), date(2020, 6, 1)])
def test_a_day_ends_a_microsecond_before_the_next_begins(day: date) -> None:
    calendar = Calendar(ZoneInfo("Europe/Brussels"))
    end = calendar.end_of(day)
    assert end.date() == day
    assert (end.hour, end.minute, end.microsecond) == (23, 59, 999_999)


def test_periods_have_names_that_sort() -> None:
    assert (month_of(date(2020, 4, 1)), quarter_of(date(2020, 4, 1)), year_of(date(2020, 4, 1))) == (
        "2020-04",
        "2020Q2",
        "2020",
    )
    assert [quarter_of(date(2020, month, 1))[-1] for month in range(1, 13)] == list("111222333444")


@pytest.mark.parametrize(
    ("first", "then", "months"),
    [
        (date(2020, 1, 31), date(2020, 2, 29), 0),
        (date(2020, 1, 31), date(2020, 3, 31), 2),
        (date(2020, 1, 15), date(2021, 1, 15), 12),
        (date(2020, 1, 15), date(2019, 1, 15), 0),
    ],
)
def test_only_whole_months_count(first: date, then: date, months: int) -> None:
    assert months_between(first, then) == months
