"""Feedback on sessions: what was released of it, and the trainers' own reports.

Members answer hot (from the last slot to 7 days after) and cold (2 to 6 months after). Until the window closes their
answers are nowhere in the log: they wait in the answer box (`coopschool.answer_box`). The decisions are in
`feedback_release`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from coopschool.domain import tags
from coopschool.domain.base import Event
from coopschool.domain.errors import Forbidden, RuleBroken

FeedbackMoment = Literal["hot", "cold"]
Answers = dict[str, int]

# --- events


class FeedbackReleased(Event, frozen=True, kw_only=True):
    """All answers on a session at one moment, online and on paper, shuffled, without persons.

    `comments` are the texts in the vault, in an order of their own; none unless five answered.
    """

    TOPIC: ClassVar[str] = "FeedbackReleased.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    moment: FeedbackMoment
    instrument: tags.InstrumentCode
    version: int
    online: Annotated[tuple[Answers, ...], tags.WITHHELD]
    paper: Annotated[tuple[Answers, ...], tags.WITHHELD]
    comments: Annotated[tuple[tags.TextId, ...], tags.WITHHELD] = ()


class TrainerReportLogged(Event, frozen=True, kw_only=True):
    """A trainer said how the session went; a note is in the vault."""

    TOPIC: ClassVar[str] = "TrainerReportLogged.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    trainer: tags.TrainerId
    instrument: tags.InstrumentCode
    version: int
    items: Annotated[Answers, tags.WITHHELD]
    note: tags.TextId | None = None


# --- errors


class FeedbackNotOpen(RuleBroken):
    """Feedback on this session cannot be given now."""


class FeedbackStillOpen(RuleBroken):
    """Feedback on this session can still be given."""


class FeedbackAlreadyReleased(RuleBroken):
    """The feedback on this session was released already."""


class AlreadyAnswered(RuleBroken):
    """This person has answered already."""


class DidNotAttend(Forbidden):
    """Only who attended gives feedback."""


class MoreSheetsThanPresent(RuleBroken):
    """There would be more answers than people who were present."""


class NotTheVersionInUse(RuleBroken):
    """Another version of the questionnaire is in use for this session."""


class ReportAlreadyLogged(RuleBroken):
    """This trainer's report is logged already."""
