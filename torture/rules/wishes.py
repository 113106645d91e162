"""What the models and the machines have in common: wishes, moments, and the days of Brussels."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

BRUSSELS = ZoneInfo("Europe/Brussels")
GRANTED: frozenset[str] = frozenset()


class Wish(NamedTuple):
    """What somebody wants: a word of the model's, and what it is about."""

    what: str
    about: dict[str, Any]


def moment(text: str) -> datetime:
    """What a clock in Brussels shows, in UTC, where times can be reckoned with."""
    return datetime.fromisoformat(text).replace(tzinfo=BRUSSELS).astimezone(UTC)


def day_of(at: datetime) -> date:
    return at.astimezone(BRUSSELS).date()


class Model:
    """A reference that says of each wish which rules it breaks, and grants it if there is none. `now` is its moment."""

    now: datetime

    def grant(self, wish: Wish, now: datetime) -> frozenset[str]:
        """The codes of the rules that stand against it; nothing has changed then."""
        before = deepcopy(vars(self))
        self.now = now
        broken = frozenset(getattr(self, wish.what)(**wish.about))
        if broken:
            vars(self).clear()
            vars(self).update(before)
        return broken

    def seen(self) -> dict[str, Any]:
        """What a look at the school must show."""
        raise NotImplementedError

    def copy(self) -> Self:
        return deepcopy(self)
