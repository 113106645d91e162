"""The files of the adviser teams and their columns, named as the events' fields are."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from coopschool.domain.advisers.adviser_team import TeleworkRegime
from coopschool.domain.advisers.workshop import DecidedBy, ReviewOutcome, Theme
from coopschool.importing import cells
from coopschool.importing.references import Key, Keys, decision, person, team, workshop
from coopschool.importing.tables import Column, Row, RowOfMember, Table, optional


class TeamRow(Row, frozen=True, kw_only=True):
    team_ref: str
    name: str
    formed_on: datetime | None = None  # the first day that the files know of, unless it is given

    @property
    def keys(self) -> Keys:
        return self.forming, team(self.team_ref)

    @property
    def forming(self) -> Key:
        return "team formed", self.team_ref


class TeamMemberRow(RowOfMember, frozen=True, kw_only=True):
    team_ref: str
    from_: date
    to: date | None = None

    @property
    def keys(self) -> Keys:
        return self.joining, team(self.team_ref), person(self.member_ref), *([self.leaving] if self.to else ())

    @property
    def joining(self) -> Key:
        return "adviser", self.team_ref, self.member_ref, str(self.from_)

    @property
    def leaving(self) -> Key:
        return "adviser left", self.team_ref, self.member_ref, str(self.to)


class TeleworkRow(Row, frozen=True, kw_only=True):
    team_ref: str
    quarter: str
    regime: TeleworkRegime
    days_teleworked: int
    days_worked: int
    recorded_on: datetime | None = None  # when the quarter is over, unless it is given

    @property
    def keys(self) -> Keys:
        days = f"{self.days_teleworked}/{self.days_worked}"
        return ("telework", self.team_ref, self.quarter, self.regime, days), team(self.team_ref)


class WorkshopRow(Row, frozen=True, kw_only=True):
    workshop_ref: str
    team_ref: str
    planned_for: date | None = None  # the day it was held, unless it is given
    facilitators: tuple[str, ...] = ()
    planned_on: datetime | None = None  # the day it was planned for, unless it is given
    held_on: date | None = None
    participants: tuple[str, ...] = ()
    themes: tuple[Theme, ...] = ()
    note: str | None = None

    @property
    def keys(self) -> Keys:
        people = map(person, (*self.facilitators, *self.participants))
        return self.planning, self.holding, workshop(self.workshop_ref), team(self.team_ref), *people

    @property
    def planning(self) -> Key:
        return "workshop planned", self.workshop_ref

    @property
    def holding(self) -> Key:
        return "workshop held", self.workshop_ref


class DecisionRow(Row, frozen=True, kw_only=True):
    """A decision, and a review of it; further reviews have rows of their own that repeat the decision."""

    decision_ref: str
    workshop_ref: str
    theme: Theme
    decided_by: DecidedBy
    review_on: date
    text: str | None = None
    taken_on: datetime | None = None  # the day of the workshop, unless it is given
    outcome: ReviewOutcome | None = None
    reviewed_on: datetime | None = None
    next_review_on: date | None = None
    new_text: str | None = None

    @property
    def keys(self) -> Keys:
        return self.taking, self.reviewing, decision(self.decision_ref), workshop(self.workshop_ref)

    @property
    def taking(self) -> Key:
        return "decision taken", self.decision_ref

    @property
    def reviewing(self) -> Key:
        return "decision reviewed", self.decision_ref, str(self.reviewed_on), str(self.outcome)

    @property
    def taken(self) -> tuple[object, ...]:
        """What every row of the decision says of it."""
        return self.workshop_ref, self.theme, self.decided_by, self.review_on


_REFERENCE = Column(cells.reference)
_DAYS = Column(cells.whole(0, 1_000_000))
_TEXT = optional(cells.words(20_000))

TEAMS = Table(
    "teams.csv",
    TeamRow,
    {"team_ref": _REFERENCE, "name": Column(cells.name), "formed_on": optional(cells.start)},
    ("team", "team_ref"),
)
TEAM_MEMBERS = Table(
    "team_members.csv",
    TeamMemberRow,
    {"team_ref": _REFERENCE, "member_ref": _REFERENCE, "from": Column(cells.day), "to": optional(cells.day)},
    ("stays", "team_ref"),
)
TELEWORK = Table(
    "telework.csv",
    TeleworkRow,
    {
        "team_ref": _REFERENCE,
        "quarter": Column(cells.quarter),
        "regime": Column(cells.one_of(TeleworkRegime)),
        "days_teleworked": _DAYS,
        "days_worked": _DAYS,
        "recorded_on": optional(cells.start),
    },
)
WORKSHOPS = Table(
    "workshops.csv",
    WorkshopRow,
    {
        "workshop_ref": _REFERENCE,
        "team_ref": _REFERENCE,
        "planned_for": optional(cells.day),
        "facilitators": optional(cells.several(cells.reference)),
        "planned_on": optional(cells.start),
        "held_on": optional(cells.day),
        "participants": optional(cells.several(cells.reference)),
        "themes": optional(cells.several(cells.one_of(Theme))),
        "note": _TEXT,
    },
    ("workshop", "workshop_ref"),
)
DECISIONS = Table(
    "decisions.csv",
    DecisionRow,
    {
        "decision_ref": _REFERENCE,
        "workshop_ref": _REFERENCE,
        "theme": Column(cells.one_of(Theme)),
        "decided_by": Column(cells.one_of(DecidedBy)),
        "review_on": Column(cells.day),
        "text": _TEXT,
        "taken_on": optional(cells.start),
        "outcome": optional(cells.one_of(ReviewOutcome)),
        "reviewed_on": optional(cells.start),
        "next_review_on": optional(cells.day),
        "new_text": _TEXT,
    },
    ("decision", "decision_ref"),
)
TABLES: tuple[Table[Any], ...] = (TEAMS, TEAM_MEMBERS, TELEWORK, WORKSHOPS, DECISIONS)
