"""Days, months and quarters in the school's time zone. Moments are text here, as PostgreSQL writes them in UTC."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

HOURS_AT_HAND = 100_000


class Calendar:
    """Turns moments into the school's days. Text in, so that a moment is parsed only where its day matters."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._hours: dict[str, date | None] = {}

    def day(self, moment: str) -> date:
        """The school's day at a moment, ``2020-03-01 09:00:00+00``."""
        hour = moment[:13]
        if hour not in self._hours:
            self._learn(hour)
        return self._hours[hour] or self._day(moment)

    def _learn(self, hour: str) -> None:
        """Remembers the day of an hour, unless midnight falls into it (some zones are half an hour off)."""
        if len(self._hours) > HOURS_AT_HAND:
            self._hours.clear()
        first, last = self._day(f"{hour}:00:00+00"), self._day(f"{hour}:59:59.999999+00")
        self._hours[hour] = first if first == last else None

    def _day(self, moment: str) -> date:
        return datetime.fromisoformat(moment).astimezone(self.zone).date()

    def days(self, first: str, then: str) -> int:
        """From the day of one moment to that of another."""
        return self.day(then).toordinal() - self.day(first).toordinal()

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
