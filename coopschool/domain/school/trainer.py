"""Trainers, as far as the school must know them: which sessions they give, so that none overlap."""

from __future__ import annotations

from eventsourcing.domain import event

from coopschool.domain.base import Aggregate
from coopschool.domain.school.session import SessionScheduled, TrainersChanged


class Trainer(Aggregate):
    """A person who gives sessions; `sessions` are all they ever gave, slots and end of each are the session's."""

    KIND = "trainer"

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.sessions: dict[str, None] = {}

    @property
    def exists(self) -> bool:
        return bool(self.sessions)

    @event(SessionScheduled)
    def _(self, session: str) -> None:
        self.sessions[session] = None

    @event(TrainersChanged)
    def _(self, session: str) -> None:
        self.sessions[session] = None
