"""What happens by itself because time passes: the timekeeper looks what is due and gives the commands.

It reads a list that may lag behind and decides nothing: the command looks at exact state, and where there is nothing
left to do it changes nothing. So several timekeepers may run, and one that was away catches up.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import psycopg
import structlog

from coopschool import retention
from coopschool.answer_box import AnswerBox
from coopschool.application import CoopSchool
from coopschool.command_bus import Busy, StoreAway
from coopschool.domain.base import Command
from coopschool.domain.errors import DomainError
from coopschool.domain.school.waiting_list import LapseWaitlist
from projections.school.due import Due, due

logger = structlog.get_logger("coopschool.timekeeper")

ROUND = 5.0  # seconds between two looks
HOUSEKEEPING = timedelta(hours=1)


class Timekeeper:
    """Gives the commands that are due, on the school it is given."""

    def __init__(self, school: CoopSchool) -> None:
        self._school = school
        self._box = AnswerBox(school)
        self._recovered = False
        self._tidied_at: datetime | None = None

    def run(self, stop: threading.Event) -> None:
        """A round every few seconds, until told to stop. The store may go and come back meanwhile."""
        while not stop.wait(ROUND):
            try:
                self.round()
            except (psycopg.Error, StoreAway, Busy) as error:
                logger.warning("timekeeper.store_away", error=type(error).__name__)

    def round(self) -> int:
        """Does what is due now; how many commands it gave. The first round looks whether answers were lost."""
        if not self._recovered:
            self._box.recover()
            self._recovered = True
        now = self._school.now()
        with self._school.database.connect("app") as conn:
            todo = due(conn, now)
        self._tidy(now)
        for item in todo:
            self._do(item)
        return len(todo) + self._box.carry_out_due()

    def _do(self, item: Due) -> None:
        try:
            outcome = self._school.execute_now(self._command(item))
        except DomainError as refused:
            # The list lags: somebody did it meanwhile, or it no longer applies.
            logger.info("timekeeper.refused", kind=item.kind, rule=refused.code)
        else:
            logger.info("timekeeper.done", kind=item.kind, events=len(outcome.events))

    def _command(self, item: Due) -> Command:
        return LapseWaitlist(session=item.subject, at=item.due_at.astimezone(self._school.settings.zone))

    def _tidy(self, now: datetime) -> None:
        """Lets go what is over its time, where no other process is doing so."""
        if self._tidied_at is None or now - self._tidied_at >= HOUSEKEEPING:
            retention.apply(self._school)
            self._tidied_at = now
