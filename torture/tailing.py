"""A reader that follows the log from outside and notes whatever it misses."""

from __future__ import annotations

import threading
from collections.abc import Callable

from coopschool import feed
from coopschool.database import Database


class Tail:
    """Reads the feed as `coopschool events --follow` does, from the log's beginning, in a thread, until it is left."""

    def __init__(self, database: Database, look: Callable[[feed.SeenEvent], None] = lambda _event: None) -> None:
        self.seen = 0
        self.wrong: list[str] = []
        self._database = database
        self._look = look
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="tail", daemon=True)

    def __enter__(self) -> Tail:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        for event in feed.follow(self._database, feed.Query(), stop=self._stop):
            if event.position != self.seen + 1:
                self.wrong.append(f"the feed shows position {event.position} after {self.seen}")
            self.seen = event.position
            self._look(event)
