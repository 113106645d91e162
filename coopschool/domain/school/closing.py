"""Closing a session: every sheet is in, and it is decided who completed the module."""

from __future__ import annotations

from collections.abc import Sequence

from coopschool.domain.base import Aggregate, Command, Decided, Load
from coopschool.domain.errors import RuleBroken
from coopschool.domain.school.completion import outcome_event
from coopschool.domain.school.consequences import Consequences
from coopschool.domain.school.session import Session, SessionClosed, guard_runs, open_session


class SlotsNotLogged(RuleBroken):
    """Slots are neither logged nor cancelled."""


class SessionNotOver(RuleBroken):
    """The last slot has not ended."""


class CloseSession(Command, frozen=True, kw_only=True):
    """Closes a session. An import of history sets `slots-not-logged` aside: slots without a sheet were not held."""

    session: str

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Session, self.session)]

    def decide(self, load: Load) -> Decided:
        session = open_session(load, self.session)
        guard_runs(self.by, session)
        unlogged = [slot.number for slot in session.timetable if slot.number not in session.sheets]
        if unlogged:
            self.refuse(SlotsNotLogged(session=session.id, slots=unlogged))
        if self.at < session.ends_at:
            self.refuse(SessionNotOver(session=session.id, ends_at=session.ends_at))
        consequences = Consequences(self, load)
        consequences.lapse_waitlist(session.id)
        consequences.happens(SessionClosed(session=session.id, module=session.module))
        for member in session.confirmed:
            consequences.happens(outcome_event(session, member))
        consequences.reconsider(session.confirmed)
        return consequences.occurrences
