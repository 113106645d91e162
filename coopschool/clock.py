"""Where the time comes from: asked once at the edge, handed to decisions as an argument."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the moment, always with a zone."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is moved: for tests and simulations."""

    def __init__(self, moment: datetime) -> None:
        self.set(moment)

    def now(self) -> datetime:
        return self._moment

    def set(self, moment: datetime) -> None:
        if moment.tzinfo is None:
            raise ValueError(f"a clock needs a moment with a zone, not {moment.isoformat()}")
        self._moment = moment

    def advance(self, by: timedelta) -> datetime:
        """Moves the clock and returns the new moment."""
        self._moment += by
        return self._moment
