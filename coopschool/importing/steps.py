"""What the rows want done, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, auto

from coopschool.domain.base import Command, Load
from coopschool.importing.references import Key

Commands = Callable[[Load], Iterable[Command]]


class Turn(IntEnum):
    """Who comes first at the same moment; then the order of the file."""

    MEMBER = auto()
    CATEGORY = auto()
    TEAM = auto()
    TEAM_JOINING = auto()
    MODULE = auto()
    WAIVER = auto()
    SESSION = auto()
    ENROLMENT = auto()
    LAPSE = auto()
    ATTENDANCE = auto()
    WITHDRAWAL = auto()
    TELEWORK = auto()
    WAVE_OPENING = auto()
    WORKSHOP = auto()
    WORKSHOP_HELD = auto()
    DECISION = auto()
    REVIEW = auto()
    FEEDBACK = auto()
    WAVE_CLOSING = auto()
    TEAM_LEAVING = auto()
    LEAVING = auto()
    CLOSING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened: when, which row says so, and the commands that carry it out.

    `key` is how a later import knows that it was brought already, with the `id` it is about. `needs` are things that
    must not be spoilt, `gives` the thing that is if the step fails. `session`, `module` and `member` are ids.
    """

    at: datetime
    turn: Turn
    depth: int = 0
    file: str
    line: int
    column: str
    key: Key | None
    id: str
    commands: Commands
    exception: str | None = None
    needs: Sequence[Key] = ()
    gives: Key | None = None
    module: str | None = None
    session: str | None = None
    member: str | None = None

    @property
    def order(self) -> tuple[datetime, Turn, int, int]:
        return self.at, self.turn, self.depth, self.line


def in_order(steps: Iterable[Step]) -> list[Step]:
    """The steps as they happened."""
    return sorted(steps, key=lambda step: step.order)
