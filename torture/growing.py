"""A log that grows while something else is done to it."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from itertools import islice

from benchmarks.school import append
from coopschool.database import Database
from coopschool.domain import tags
from coopschool.eventstore.log import RecordedEvent
from coopschool.eventstore.mapper import encode
from tests.support.made_log import Dated, busy_school

ENDLESS = 1_000_000_000  # events
AT_ONCE = 20  # events
PAUSE = 0.05  # seconds: the log grows by less than 400 events a second


def recorded(happened: Iterable[Dated]) -> list[RecordedEvent]:
    """The events as rows of the log, but for what the append gives them."""
    return [RecordedEvent(*encode(event), tags.of(event), moment) for moment, event in happened]


class Growing:
    """Appends events of a plausible school, as commands do (lock, chain, NOTIFY), in a thread, until it is left."""

    def __init__(self, database: Database, seed: int) -> None:
        self._database = database
        self._happened = busy_school(ENDLESS, seed=seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._grow, name="growing")

    def __enter__(self) -> Growing:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _grow(self) -> None:
        with self._database.connect("app") as conn:
            while not self._stop.wait(PAUSE):
                append(conn, recorded(islice(self._happened, AT_ONCE)))
