"""Recording how much a team worked at home."""

from __future__ import annotations

from collections.abc import Sequence

from coopschool.domain import bounds, quarters
from coopschool.domain.advisers.adviser_team import AdviserTeam, TeleworkRecorded, TeleworkRegime, guard_is_of_team
from coopschool.domain.base import Aggregate, Command, Decided, Load, Unchanged, existing
from coopschool.domain.errors import RuleBroken


class TeleworkAlreadyRecorded(RuleBroken):
    """Telework is recorded once a quarter and regime."""


class MoreTeleworkedThanWorked(RuleBroken):
    """More days were teleworked than worked."""


class QuarterNotBegun(RuleBroken):
    """The quarter has not begun."""


class RecordTelework(Command, frozen=True, kw_only=True):
    """Records a team's days of a quarter under one regime: those worked, and how many of them at home.

    Where the regime changes within a quarter, each record counts the days under its own.
    """

    team: str
    quarter: str
    regime: TeleworkRegime
    days_teleworked: bounds.Days
    days_worked: bounds.Days

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(AdviserTeam, self.team)]

    def decide(self, load: Load) -> Decided:
        begins = quarters.first_day(self.quarter)
        team = existing(load, AdviserTeam, self.team)
        if not self.by.is_any("coordinator"):
            guard_is_of_team(load, self.by, self.team, self.at.date())
        if self.at.date() < begins:
            self.refuse(QuarterNotBegun(quarter=self.quarter))
        if self.days_teleworked > self.days_worked:
            self.refuse(MoreTeleworkedThanWorked(days_teleworked=self.days_teleworked, days_worked=self.days_worked))
        recorded = team.telework.get((self.quarter, self.regime))
        if recorded == (self.days_teleworked, self.days_worked):
            return Unchanged(team.position)
        if recorded is not None:
            raise TeleworkAlreadyRecorded(team=self.team, quarter=self.quarter, regime=self.regime)
        return self.occurs(
            TeleworkRecorded(
                team=self.team,
                quarter=self.quarter,
                regime=self.regime,
                days_teleworked=self.days_teleworked,
                days_worked=self.days_worked,
            )
        )
