"""The log as a researcher sees it: under pseudonyms of their grant, in days, nothing of what is still going on.

An event of a session or a survey wave appears when that has ended. So the order is another than that of the log: a
page goes on after the event whose position is `next`, wherever that has appeared. Sessions with fewer people than the
minimum group are there in counts only, one `SmallSession` each time something of one appears; asked for by that type
alone they come alone, and by another type with the counts of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
import psycopg

from coopschool import feed
from coopschool.domain import tags
from coopschool.domain.advisers.autonomy_survey import WaveClosed
from coopschool.domain.base import Event
from coopschool.domain.school.session import SessionCancelled, SessionClosed
from coopschool.eventstore.mapper import topics_of
from coopschool.eventstore.upcasting import current_topic
from coopschool.feed import Connection, Found, Query, Rows, SeenEvent, View
from coopschool.pseudonyms import Pseudonyms
from coopschool.settings import Settings
from coopschool.sql import statements

SQL = statements("coopschool", "researcher_feed.sql")
SMALL = "SmallSession"
WINDOW = 10_000  # positions looked through at once, at first
WIDEST = 160_000
HELD = frozenset({"session", "wave"})  # what is of one of these appears when that has ended


def _stored(events: Iterable[type[Event]]) -> list[str]:
    """The names under which these are stored."""
    return [topic for event in events for topic in topics_of(event)]


ENDINGS = _stored((SessionClosed, SessionCancelled, WaveClosed))
OWN = _stored(event for event in Event.BY_TOPIC.values() if HELD.isdisjoint(tags.kinds_of(event)))


class SeenOnDay(SeenEvent, frozen=True):
    """An event as researchers see it: days where others see moments."""

    occurred_at: date  # type: ignore[assignment]
    recorded_at: date  # type: ignore[assignment]


def names_of_grant(settings: Settings, person: str | None) -> Pseudonyms:
    """The names under which a researcher knows everybody: a set for each person who was granted the role."""
    return Pseudonyms(settings.derive_key(f"pseudonyms of grant {person or 'nobody in particular'}"), settings.zone)


class Pseudonymised(View):
    """What a researcher may see."""

    def __init__(self, names: Pseudonyms, min_group: int) -> None:
        self._names = names
        self._fixed = {
            "min_group": min_group,
            "endings": ENDINGS,
            "own": OWN,
        }

    def find(self, conn: Connection, query: Query, after: int, limit: int | None) -> Found:
        head, epoch = feed.end(conn, query, after)
        found: list[Rows] = []
        for rows in self._windows(conn, query, after, head, limit):
            if rows:
                found.append(rows)
            if found and sum(map(len, found)) >= (limit or 0):
                return Found(found, self._seen, found[-1].last, at_end=False, epoch=epoch)
        last = found[-1].last if found else after
        return Found(found, self._seen, self._settled(conn, last, head), at_end=True, epoch=epoch)

    def at(self, conn: Connection, positions: Sequence[int]) -> list[SeenEvent]:
        found = self._dated(conn, "at", {**self._fixed, "positions": list(positions)})
        return [self._seen(*row) for row in found]

    def _windows(self, conn: Connection, query: Query, after: int, head: int, limit: int | None) -> Iterator[Rows]:
        """What appears after an event, up to the head of the log, so many positions at a time."""
        values = self._fixed | {
            "types": query.topics(besides=[SMALL]),
            "events": not query.types or set(query.types) != {SMALL},
            "tag": query.tag and self._names.tag_of(query.tag),
            "day_from": self._day(query.occurred_from),
            "day_to": self._day(query.occurred_to),
            "counts": query.tag is None and query.occurred_from is None and query.occurred_to is None,
        }
        since, last, window = (
            self._appearance(conn, after),
            after,
            WINDOW if limit is None else min(WINDOW, 100 + limit),
        )
        while True:
            upto = min(since + window, head)
            part = {"since": since, "last": last, "upto": upto, "limit": limit}
            rows = Rows(self._dated(conn, "page", values | part))
            yield rows
            limit = None if limit is None else limit - len(rows)
            if upto >= head:
                return
            since, last, window = upto + 1, 0, min(window * 2 if len(rows) < window // 4 else window, WIDEST)

    def _dated(self, conn: Connection, name: str, values: Mapping[str, Any]) -> psycopg.Cursor[tuple[Any, ...]]:
        """What a statement finds, by the school's days: dates are cut in the time zone of the transaction."""
        with conn.transaction():
            conn.execute(SQL["in_zone"], [self._names.zone.key])
            return conn.execute(SQL[name], values, binary=True)

    def _appearance(self, conn: Connection, position: int) -> int:
        row = conn.execute(SQL["appearance"], {**self._fixed, "position": position}).fetchone()
        return row[0] if row else position

    def _settled(self, conn: Connection, last: int, head: int) -> int:
        """After which event to go on: one that has appeared, for those that have not will do so later."""
        began = self._appearance(conn, last)
        row = conn.execute(SQL["settled"], {**self._fixed, "after": began, "upto": head}).fetchone()
        return last if row is None else int(row[0])

    def _day(self, moment: datetime | None) -> date | None:
        """Filters are by the day as well: by the minute they would tell the time of what they let through."""
        return None if moment is None else self._names.day(moment)

    def _seen(
        self, position: int, topic: str | None, tagged: list[str], occurred_on: date, recorded_on: date, data: str
    ) -> SeenEvent:
        if topic is None:
            return SeenOnDay(position, SMALL, [], occurred_on, recorded_on, msgspec.Raw(data.encode()))
        named, said = [self._names.tag(tag) for tag in tagged], self._names.data(topic, data)
        return SeenOnDay(position, current_topic(topic), named, occurred_on, recorded_on, msgspec.Raw(said))
