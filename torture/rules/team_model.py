"""Adviser teams in plain Python: who is in which team when, waves, telework, workshops, seats taken together."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from torture.rules.learners import COORDINATOR, Broken
from torture.rules.wishes import GRANTED, Model, day_of

HORIZON = date(2028, 1, 1)  # later than any life looks ahead
ONE_DAY = timedelta(days=1)


@dataclass
class Stay:
    """Somebody's time in a team, both days included; one that ends before it begins never took place."""

    team: str
    begins: date
    ends: date | None = None

    def days(self) -> set[int]:
        return set(range(self.begins.toordinal(), (self.ends or HORIZON).toordinal() + 1))


@dataclass
class Adviser:
    """A person and their membership since long ago."""

    categories: dict[date, str]
    ended: date | None = None
    erased: bool = False
    stays: list[Stay] = field(default_factory=list)

    def category(self, day: date) -> str | None:
        if self.erased or (self.ended is not None and day > self.ended):
            return None
        return next((self.categories[since] for since in sorted(self.categories, reverse=True) if since <= day), None)

    def team(self, day: date) -> str | None:
        return next((stay.team for stay in self.stays if day.toordinal() in stay.days()), None)

    def cut(self, away: date, back: date = HORIZON) -> None:
        """Ends whatever reaches into the time away."""
        gone = set(range(away.toordinal(), back.toordinal()))
        for stay in self.stays:
            if stay.days() & gone:
                stay.ends = max(away, stay.begins) - ONE_DAY


@dataclass
class Wave:
    """A wave: whom each team has been asked for, and which tokens were spent."""

    eligible: dict[str, list[str]]
    opened: date
    closes: date
    is_open: bool = True
    spent: dict[str, set[int]] = field(default_factory=dict)


@dataclass
class Workshop:
    """A workshop, and who leads it beside the team's own."""

    team: str
    leads: str
    held: date | None = None


@dataclass
class Together:
    """A session that is reserved for a team."""

    team: str
    seats: int
    starts: datetime
    seated: list[str] = field(default_factory=list)


class TeamModel(Model):
    """Two teams and what they do. All sessions are of one module, and far apart."""

    def __init__(self, people: dict[str, str], teams: Iterable[str], sessions: dict[str, Together], since: date):
        self.people = {name: Adviser({since: category}) for name, category in people.items()}
        self.teams = tuple(teams)
        self.sessions = sessions
        self.telework: dict[tuple[str, str, str], tuple[int, int]] = {}
        self.waves: dict[str, Wave] = {}
        self.workshops: dict[str, Workshop] = {}
        self.decisions: dict[str, tuple[str, str | None]] = {}

    @property
    def today(self) -> date:
        return day_of(self.now)

    def advisers(self, team: str, day: date) -> list[str]:
        return sorted(name for name, who in self.people.items() if who.team(day) == team)

    def seen(self) -> dict[str, Any]:
        return {
            "stays": {name: self.stays_of(name) for name in self.people},
            "of teams": {
                team: {(name, *stay) for name in self.people for of, *stay in self.stays_of(name) if of == team}
                for team in self.teams
            },
            "ended": {name: who.ended for name, who in self.people.items()},
            "telework": dict(self.telework),
            "waves": {name: (it.is_open, it.eligible) for name, it in self.waves.items()},
            "workshops": {name: (it.team, it.held) for name, it in self.workshops.items()},
            "decisions": {name: outcome for name, (_, outcome) in self.decisions.items()},
            "seated": {name: set(it.seated) for name, it in self.sessions.items()},
        }

    def stays_of(self, name: str) -> set[tuple[str, date, date | None]]:
        stays = self.people[name].stays
        return {(stay.team, stay.begins, stay.ends) for stay in stays if stay.ends is None or stay.begins <= stay.ends}

    # --- being in a team

    def join(self, team: str, adviser: str, begins: date, ends: date | None) -> Broken:
        who = self.people[adviser]
        if ends is not None and ends < begins:
            return ["invalid"]
        new = Stay(team, begins, ends)
        if new in who.stays:
            return GRANTED
        rules = {
            "in-another-team": any(stay.days() & new.days() for stay in who.stays),
            "not-permanent-worker": any(who.category(date.fromordinal(day)) != "B" for day in new.days()),
        }
        who.stays.append(new)
        return [rule for rule, breaks in rules.items() if breaks]

    def leave(self, team: str, adviser: str, ends: date) -> Broken:
        for stay in self.people[adviser].stays:
            if stay.team == team and ends.toordinal() in stay.days():
                stay.ends = ends
                return GRANTED
        return ["not-in-team"]

    def change_category(self, adviser: str, category: str, day: date) -> Broken:
        who = self.people[adviser]
        if who.category(day) is None:
            return ["membership-inactive"]
        if who.category(day) != category:
            who.categories[day] = category
            back = [later for later, then in who.categories.items() if later > day and then == "B"]
            if category != "B":
                who.cut(day, min(back, default=HORIZON))
        return GRANTED

    def end_membership(self, adviser: str, day: date) -> Broken:
        who = self.people[adviser]
        if who.ended == day:
            return GRANTED
        if who.ended is not None:
            return ["membership-inactive"]
        self._end(adviser, day)
        return GRANTED

    def _end(self, adviser: str, day: date) -> None:
        who = self.people[adviser]
        who.ended = day
        who.cut(day + ONE_DAY)
        for it in self.sessions.values():
            if self.now < it.starts and adviser in it.seated:
                it.seated.remove(adviser)

    def erase(self, adviser: str) -> Broken:
        who = self.people[adviser]
        if not who.erased:
            who.cut(self.today)
            self._end(adviser, min(self.today, who.ended or self.today))
            who.erased = True
        return GRANTED

    # --- what teams do

    def record_telework(self, team: str, quarter: str, regime: str, at_home: int, worked: int) -> Broken:
        recorded = self.telework.get((team, quarter, regime))
        rules = {
            "quarter-not-begun": self.today < date(int(quarter[:4]), 3 * int(quarter[5]) - 2, 1),
            "more-teleworked-than-worked": at_home > worked,
            "telework-already-recorded": recorded not in (None, (at_home, worked)),
        }
        self.telework[team, quarter, regime] = (at_home, worked)
        return [rule for rule, breaks in rules.items() if breaks]

    def open_wave(self, wave: str, teams: list[str]) -> Broken:
        if wave in self.waves:
            return ["wave-exists"]
        earlier = [it for it in self.waves.values() if not it.eligible.keys().isdisjoint(teams)]
        eligible = {team: self.advisers(team, self.today) for team in teams}
        rules = {
            "team-in-open-wave": any(it.is_open for it in earlier),
            "waves-too-close": any(self.today < three_months_after(it.opened) for it in earlier),
            "team-without-advisers": not all(eligible.values()),
        }
        self.waves[wave] = Wave(eligible, self.today, self.today + timedelta(days=30))
        return [rule for rule, breaks in rules.items() if breaks]

    def answer(self, wave: str, team: str, number: int) -> Broken:
        if wave not in self.waves:
            return ["unknown"]
        it = self.waves[wave]
        if not it.is_open:
            return ["wave-not-open"]
        spent = it.spent.setdefault(team, set())
        refused = self.today > it.closes or number >= len(it.eligible.get(team, ())) or number in spent
        spent.add(number)
        return ["token-refused"] if refused else GRANTED

    def close_wave(self, wave: str) -> Broken:
        if wave not in self.waves:
            return ["unknown"]
        is_open, self.waves[wave].is_open = self.waves[wave].is_open, False
        return GRANTED if is_open else ["wave-not-open"]

    # --- workshops

    def _works_on(self, by: str, it: Workshop) -> bool:
        return by == it.leads or (by != COORDINATOR and self.people[by].team(self.today) == it.team)

    def plan(self, workshop: str, team: str, by: str, leads: str) -> Broken:
        rules = {
            "forbidden": by != COORDINATOR and self.people[by].team(self.today) != team,
            "workshop-exists": workshop in self.workshops,
            "person-erased": self.people[leads].erased,
        }
        self.workshops[workshop] = Workshop(team, leads)
        return [rule for rule, breaks in rules.items() if breaks]

    def hold(self, workshop: str, by: str, participants: tuple[str, ...]) -> Broken:
        if workshop not in self.workshops:
            return ["unknown"]
        it = self.workshops[workshop]
        rules = {
            "forbidden": not self._works_on(by, it),
            "workshop-already-held": it.held is not None,
            "person-erased": any(self.people[one].erased for one in participants),
        }
        it.held = self.today
        return [rule for rule, breaks in rules.items() if breaks]

    def decide(self, workshop: str, decision: str, by: str, review_on: date | None) -> Broken:
        if workshop not in self.workshops:
            return ["unknown"]
        it = self.workshops[workshop]
        rules = {
            "forbidden": not self._works_on(by, it),
            "workshop-not-held": it.held is None,
            "decision-exists": decision in self.decisions,
            "review-date-missing": review_on is None,
            "review-date-past": review_on is not None and it.held is not None and review_on <= it.held,
        }
        self.decisions[decision] = (workshop, None)
        return [rule for rule, breaks in rules.items() if breaks]

    def review(self, decision: str, by: str, outcome: str, review_on: date | None) -> Broken:
        if decision not in self.decisions:
            return ["unknown"]
        workshop, before = self.decisions[decision]
        rules = {
            "forbidden": not self._works_on(by, self.workshops[workshop]),
            "decision-dropped": before == "dropped",
            "invalid": outcome == "dropped" and review_on is not None,
            "review-date-past": review_on is not None and review_on <= self.today,
        }
        self.decisions[decision] = (workshop, outcome)
        return [rule for rule, breaks in rules.items() if breaks]

    # --- seats together

    def enrol_team(self, session: str, advisers: tuple[str, ...] | None) -> Broken:
        """A seat for each adviser of the first slot's date, or for none."""
        it = self.sessions[session]
        in_team = self.advisers(it.team, day_of(it.starts))
        named = in_team if advisers is None else list(advisers)
        if any(one not in in_team for one in named):
            return ["not-in-team"]
        if not named:
            return ["team-without-advisers"]
        enrolling = [one for one in named if one not in it.seated]
        if not enrolling:
            return GRANTED
        rules = {
            "session-full": it.seats < len(it.seated) + len(enrolling),
            **{rule: True for one in enrolling for rule in self._obstacles(session, one)},
        }
        it.seated += enrolling
        return [rule for rule, breaks in rules.items() if breaks]

    def enrol_alone(self, session: str, member: str) -> Broken:
        seated = member in self.sessions[session].seated
        return ["reserved-for-team", *(["already-enrolled"] if seated else [])]

    def withdraw(self, session: str, member: str) -> Broken:
        if member not in self.sessions[session].seated:
            return ["unknown"]
        self.sessions[session].seated.remove(member)
        return GRANTED

    def _obstacles(self, session: str, adviser: str) -> Iterable[str]:
        who, starts = self.people[adviser], day_of(self.sessions[session].starts)
        if who.category(max(starts, self.today)) is None:
            yield "membership-inactive"
        if any(adviser in it.seated for other, it in self.sessions.items() if other != session):
            yield "already-enrolled"


def three_months_after(day: date) -> date:
    """The same day three months on, or the last of a shorter month."""
    year, month = (day.year, day.month + 3) if day.month < 10 else (day.year + 1, day.month - 9)
    return date(year, month, min(day.day, monthrange(year, month)[1]))
