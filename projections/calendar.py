"""Days, months and quarters in the school's time zone. Moments are text here, as PostgreSQL writes them in UTC."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


class Calendar:
    """Turns moments into the school's days. Text in, so that a moment is parsed only where its day matters."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self.day = lru_cache(maxsize=50_000)(self._day)

    def _day(self, moment: str) -> date:
        return datetime.fromisoformat(moment).astimezone(self.zone).date()

    def local(self, moment: datetime) -> date:
        """The school's day at a moment."""
        return moment.astimezone(self.zone).date()

    def end_of(self, day: date) -> datetime:
        """The last microsecond of a day: what a bare date means in a report."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone) + timedelta(days=1)
        return midnight - timedelta(microseconds=1)


def month_of(day: date) -> str:
    """``2020-04``."""
    return f"{day.year:04}-{day.month:02}"


def quarter_of(day: date) -> str:
    """``2020Q2``."""
    return f"{day.year:04}Q{(day.month + 2) // 3}"


def year_of(day: date) -> str:
    """``2020``."""
    return f"{day.year:04}"


def months_between(first: date, then: date) -> int:
    """Whole months from one day to a later one; 0 if it is not later."""
    months = (then.year - first.year) * 12 + then.month - first.month - (then.day < first.day)
    return max(months, 0)
