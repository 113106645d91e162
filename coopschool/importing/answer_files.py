"""The files of answers, without persons, and their columns: one row an item, those of one answer on one `sheet`."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from coopschool.domain.school.feedback import FeedbackMoment
from coopschool.importing import cells
from coopschool.importing.references import Keys, session, team
from coopschool.importing.tables import Column, Row, Table, optional

Source = Literal["online", "paper"]


class FeedbackRow(Row, frozen=True, kw_only=True):
    session_ref: str
    moment: FeedbackMoment
    sheet: str
    instrument: str
    version: int
    item: str
    score: int
    source: Source = "paper"

    @property
    def keys(self) -> Keys:
        return (session(self.session_ref),)


class WaveResponseRow(Row, frozen=True, kw_only=True):
    """One item of an answer; a row without sheet, item and score says that the team was asked."""

    wave_ref: str
    instrument: str
    version: int
    opened_on: date
    closes_on: date
    team_ref: str
    sheet: str | None = None
    item: str | None = None
    score: int | None = None

    @property
    def keys(self) -> Keys:
        return ("wave", self.wave_ref), team(self.team_ref)

    @property
    def asked(self) -> tuple[object, ...]:
        """What every row of the wave says of it."""
        return self.instrument, self.version, self.opened_on, self.closes_on


_REFERENCE = Column(cells.reference)
_CODE = Column(cells.code)
_VERSION = Column(cells.whole(1, 9999))
_SCORE = cells.whole(0, 100)

FEEDBACK = Table(
    "feedback.csv",
    FeedbackRow,
    {
        "session_ref": _REFERENCE,
        "moment": Column(cells.one_of(FeedbackMoment)),
        "sheet": _REFERENCE,
        "instrument": _CODE,
        "version": _VERSION,
        "item": _CODE,
        "score": Column(_SCORE),
        "source": optional(cells.one_of(Source)),
    },
    ("feedback", "session_ref"),
)
WAVE_RESPONSES = Table(
    "wave_responses.csv",
    WaveResponseRow,
    {
        "wave_ref": _REFERENCE,
        "instrument": _CODE,
        "version": _VERSION,
        "opened_on": Column(cells.day),
        "closes_on": Column(cells.day),
        "team_ref": _REFERENCE,
        "sheet": optional(cells.reference),
        "item": optional(cells.code),
        "score": optional(_SCORE),
    },
    ("wave", "wave_ref"),
)
TABLES: tuple[Table[Any], ...] = (FEEDBACK, WAVE_RESPONSES)
