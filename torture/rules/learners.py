"""People and their enrolments in plain Python: the rules of the school, written down a second time.

It knows nothing of events, aggregates or the code it is compared with. Each method is a wish; it answers with the codes
of the rules that the wish breaks. Where it does so half-way, `Model.grant` takes back what it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from torture.rules.wishes import GRANTED, Model, day_of

AUDIENCE = ("A", "B")
CUTOFF = timedelta(hours=48)
COORDINATOR = "coordinator"
ENOUGH = Fraction(8, 10)
WISHED = ("fr",), ("liege",), "in_person"  # what an ended enrolment leaves as a wish: as the session was
ANYHOW = (), (), None

Slots = dict[int, tuple[datetime, datetime]]
Broken = Iterable[str]


@dataclass
class Course:
    """A session."""

    module: str
    seats: int
    slots: Slots
    trainers: tuple[str, ...]
    prerequisites: tuple[str, ...]
    status: str = "scheduled"
    called_off: set[int] = field(default_factory=set)
    seated: dict[str, datetime] = field(default_factory=dict)
    waiting: dict[int, str] = field(default_factory=dict)
    ranks: int = 0
    left: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    sheets: dict[int, dict[str, str]] = field(default_factory=dict)
    presence: dict[tuple[int, str], str] = field(default_factory=dict)
    online: set[str] = field(default_factory=set)
    paper: int = 0
    released: bool = False

    def held(self) -> list[tuple[datetime, datetime]]:
        return sorted(when for number, when in self.slots.items() if number not in self.called_off)

    @property
    def starts(self) -> datetime:
        return self.held()[0][0]

    @property
    def free(self) -> int:
        return self.seats - len(self.seated)

    def has(self, member: str) -> bool:
        return member in self.seated or member in self.waiting.values()

    def stop_waiting(self, member: str) -> None:
        self.waiting = {rank: who for rank, who in self.waiting.items() if who != member}

    def clashes(self, other: Course) -> bool:
        return overlap(self.held(), other.held())

    def expected(self, slot: int) -> set[str]:
        """Whom the sheet of a slot names."""
        begins, ends = self.slots[slot]
        return {*self.seated, *(who for who, (since, until) in self.left.items() if since < ends and until > begins)}

    def attended(self) -> set[str]:
        there = {(slot, who) for (slot, who), status in self.presence.items() if status in ("present", "partial")}
        return {who for slot, who in there if slot not in self.called_off}

    def passes(self, member: str) -> bool:
        """Attended half-days, a partial one for half, are at least 80 % of those held."""
        worth = {"present": Fraction(1), "partial": Fraction(1, 2)}
        attended = sum(worth.get(self.presence.get((slot, member), ""), Fraction(0)) for slot in self.sheets)
        return bool(self.sheets) and attended >= ENOUGH * len(self.sheets)


def overlap(one: Iterable[tuple[datetime, datetime]], other: Iterable[tuple[datetime, datetime]]) -> bool:
    theirs = list(other)
    return any(begins < end and begin < ends for begins, ends in one for begin, end in theirs)


@dataclass
class Person:
    """Somebody, and their membership since long ago; `asked` is since when they want what they are enrolled in."""

    categories: dict[date, str]
    ended: date | None = None
    erased: bool = False
    hold: bool = False
    email: str | None = None
    asked: dict[str, datetime] = field(default_factory=dict)
    interests: dict[str, tuple[datetime, Any]] = field(default_factory=dict)
    completed: dict[str, set[str]] = field(default_factory=dict)
    waived: set[str] = field(default_factory=set)

    def category(self, day: date) -> str | None:
        if self.erased or (self.ended is not None and day > self.ended):
            return None
        return next((self.categories[since] for since in sorted(self.categories, reverse=True) if since <= day), None)


class Learners(Model):
    """`modules` maps each to what must come first; a module in `drafts` is not published."""

    def __init__(self, modules: dict[str, tuple[str, ...]], drafts: set[str], people: dict[str, str], since: date):
        self.modules = modules
        self.drafts = drafts
        self.people = {name: Person({since: category}) for name, category in people.items()}
        self.sessions: dict[str, Course] = {}

    def seen(self) -> dict[str, Any]:
        return {
            **{f"session {name}": self._session_seen(one) for name, one in self.sessions.items()},
            **{f"person {name}": self._person_seen(name, one) for name, one in self.people.items()},
        }

    def _session_seen(self, it: Course) -> dict[str, Any]:
        seen = {"status": it.status, "seats": it.seats, "slots": sorted(it.held()), "sheets": set(it.sheets)}
        return {**seen, "seated": list(it.seated), "waiting": dict(it.waiting), "released": it.released}

    def _person_seen(self, name: str, it: Person) -> dict[str, Any]:
        enrolments = {
            session: "confirmed" if name in self.sessions[session].seated else "waitlisted" for session in it.asked
        }
        return {
            "enrolments": enrolments,
            "interests": {module: since for module, (since, _) in it.interests.items()},
            "completed": {module: set(where) for module, where in it.completed.items()},
            "waived": set(it.waived), "ended": it.ended, "erased": it.erased,
        }  # fmt: skip

    # --- who may take a seat

    def obstacles(self, session: str, member: str) -> list[str]:
        it, who = self.sessions[session], self.people[member]
        category = who.category(max(day_of(it.starts), day_of(self.now)))
        own = [self.sessions[other] for other in who.asked if other != session and self._sits(other, member)]
        rules = {
            "membership-inactive": category is None,
            "category-not-admitted": category is not None and category not in AUDIENCE,
            "prerequisites-missing": it.module not in who.waived and self._lacks(who, it.prerequisites),
            "already-enrolled": any(other.module == it.module for other in own),
            "overlaps-own-session": any(it.clashes(other) for other in own),
        }
        return [rule for rule, breaks in rules.items() if breaks]

    def _lacks(self, who: Person, prerequisites: Iterable[str]) -> bool:
        return any(code not in who.completed and code not in who.waived for code in prerequisites)

    def _sits(self, session: str, member: str) -> bool:
        return member in self.sessions[session].seated

    def _first(self, session: str) -> str | None:
        """The first in rank who may take a seat."""
        waiting = self.sessions[session].waiting
        return next((who for _, who in sorted(waiting.items()) if not self.obstacles(session, who)), None)

    # --- what follows

    def _asks(self, session: str, member: str) -> None:
        who, module = self.people[member], self.sessions[session].module
        since = [self.now, *(when for other, when in who.asked.items() if self.sessions[other].module == module)]
        if module in who.interests:
            since.append(who.interests.pop(module)[0])
        who.asked[session] = min(since)

    def _seat(self, session: str, member: str) -> None:
        """A seat; the person's other waits for the module end."""
        it = self.sessions[session]
        it.stop_waiting(member)
        self._asks(session, member)
        it.seated[member] = self.now
        for other in [one for one in self.people[member].asked if one != session]:
            if self.sessions[other].module == it.module and not self._sits(other, member):
                self.sessions[other].stop_waiting(member)
                del self.people[member].asked[other]

    def _wait(self, session: str, member: str) -> None:
        self._asks(session, member)
        it = self.sessions[session]
        it.ranks += 1
        it.waiting[it.ranks] = member

    def _fill(self, session: str) -> None:
        """Until the cutoff no seat stays empty while an eligible person waits."""
        it = self.sessions[session]
        while it.status == "scheduled" and it.free > 0 and self.now < it.starts - CUTOFF:
            first = self._first(session)
            if first is None:
                return
            self._seat(session, first)

    def _reconsider(self, members: Iterable[str]) -> None:
        waits = [session for who in members for session in self.people[who].asked if not self._sits(session, who)]
        for session in dict.fromkeys(waits):
            self._fill(session)

    def _leave_interest(self, session: str, member: str) -> None:
        """An enrolment ends through no fault of theirs: what they asked for stays, with its first date."""
        who, module = self.people[member], self.sessions[session].module
        since = who.asked.pop(session)
        enrolled = any(self.sessions[other].module == module for other in who.asked)
        if not enrolled and who.category(day_of(self.now)) is not None:
            who.interests[module] = (since, WISHED)

    def _lapse(self, session: str) -> None:
        it = self.sessions[session]
        waiting, it.waiting = it.waiting, {}
        for member in waiting.values():
            self._leave_interest(session, member)

    def _leave(self, session: str, member: str) -> None:
        it = self.sessions[session]
        del self.people[member].asked[session]
        if member not in it.seated:
            it.stop_waiting(member)
            return
        it.left[member] = (it.seated.pop(member), self.now)
        self._fill(session)
        self._reconsider([member])

    def _end(self, member: str, day: date) -> None:
        who = self.people[member]
        who.ended = day
        for session in sorted(who.asked, key=lambda one: self._sits(one, member)):
            if not self._sits(session, member) or self.now < self.sessions[session].starts:
                self._leave(session, member)
        who.interests.clear()

    # --- members

    def enrol(self, session: str, member: str, by: str) -> Broken:
        it = self.sessions[session]
        if it.status != "scheduled":
            return ["session-not-open"]
        begun = self.now >= it.starts
        if by not in (COORDINATOR, member, *it.trainers):
            return ["forbidden"]
        walks_in = by not in (COORDINATOR, member)
        if it.has(member):
            return ["already-enrolled", *self._not_now(it, by, walks_in)]
        broken = [*self._not_now(it, by, walks_in), *self.obstacles(session, member)]
        if member in it.trainers:
            broken.append("trains-this-session")
        if broken:
            return broken
        if begun:
            self._lapse(session)
        else:
            self._fill(session)
        if it.free > 0 and (walks_in or begun or self._first(session) is None):
            self._seat(session, member)
        elif walks_in or begun:
            return ["session-full"]
        else:
            self._wait(session, member)
        return GRANTED

    def _not_now(self, it: Course, by: str, walks_in: bool) -> Iterator[str]:
        if walks_in and day_of(self.now) not in [day_of(begins) for begins, _ in it.held()]:
            yield "walk-in-on-the-day-only"
        if by != COORDINATOR and not walks_in and self.now >= it.starts:
            yield "session-begun"

    def withdraw(self, session: str, member: str, by: str) -> Broken:
        it = self.sessions[session]
        if by not in (COORDINATOR, member):
            return ["forbidden"]
        if it.status != "scheduled":
            return ["session-not-open"]
        if not it.has(member):
            return ["unknown"]
        if by != COORDINATOR and self.now >= it.starts:
            return ["session-begun"]
        self._leave(session, member)
        return GRANTED

    def enrol_in_module(self, module: str, member: str, waitlist: bool) -> Broken:
        who = self.people[member]
        if module in self.drafts:
            return ["module-not-published"]
        enrolled = [session for session in who.asked if self.sessions[session].module == module]
        if any(self._sits(session, member) for session in enrolled):
            return ["already-enrolled"]
        fitting, bars = self._fitting(module, member)
        if bars:
            return bars
        lists = [session for session in fitting if not self.sessions[session].has(member)]
        for session in fitting:
            if self.sessions[session].free > 0 and self._first(session) is None:
                self._seat(session, member)
                return GRANTED
        if waitlist and lists:
            self._wait(min(lists, key=lambda session: len(self.sessions[session].waiting)), member)
        elif not enrolled:
            who.interests[module] = (who.interests.get(module, (self.now, None))[0], ANYHOW)
        return ["already-enrolled"] if enrolled and not (waitlist and lists) else GRANTED

    def _fitting(self, module: str, member: str) -> tuple[list[str], list[str]]:
        """The sessions that somebody may enter, the earliest first; or why not even an interest makes sense."""
        matching = [
            name for name, it in self.sessions.items()
            if it.module == module and it.status == "scheduled" and self.now < it.starts and member not in it.trainers
        ]  # fmt: skip
        barred = {session: self.obstacles(session, member) for session in matching}
        fitting = sorted((one for one in matching if not barred[one]), key=lambda one: (self.sessions[one].starts, one))
        if fitting:
            return fitting, []
        firsts = [barred[session][0] for session in matching] or self._bars(module, self.people[member])
        return [], [] if "overlaps-own-session" in firsts else firsts  # an overlap passes with time

    def _bars(self, module: str, who: Person) -> list[str]:
        category = who.category(day_of(self.now))
        if category is None:
            return ["membership-inactive"]
        if category not in AUDIENCE:
            return ["category-not-admitted"]
        lacks = module not in who.waived and self._lacks(who, self.modules[module])
        return ["prerequisites-missing"] if lacks else []

    def be_interested(self, module: str, member: str) -> Broken:
        who = self.people[member]
        rules = {
            "membership-inactive": who.category(day_of(self.now)) is None,
            "module-not-published": module in self.drafts,
            "enrolled-in-module": any(self.sessions[session].module == module for session in who.asked),
            "interest-already-registered": who.interests.get(module, (self.now, ANYHOW))[1] != ANYHOW,
        }
        who.interests.setdefault(module, (self.now, ANYHOW))
        return [rule for rule, breaks in rules.items() if breaks]

    def lose_interest(self, module: str, member: str) -> Broken:
        return GRANTED if self.people[member].interests.pop(module, None) else ["unknown"]

    def waive(self, module: str, member: str) -> Broken:
        who = self.people[member]
        if who.category(day_of(self.now)) is None:
            return ["membership-inactive"]
        if module not in who.waived:
            who.waived.add(module)
            self._reconsider([member])
        return GRANTED

    def change_category(self, member: str, category: str, day: date) -> Broken:
        who = self.people[member]
        if who.category(day) is None:
            return ["membership-inactive"]
        if who.category(day) != category:
            who.categories[day] = category
            self._reconsider([member])
        return GRANTED

    def end_membership(self, member: str, day: date) -> Broken:
        who = self.people[member]
        if who.ended == day:
            return GRANTED
        if who.ended is not None:
            return ["membership-inactive"]
        self._end(member, day)
        return GRANTED

    def join(self, member: str) -> Broken:
        return ["already-member", *(["person-erased"] if self.people[member].erased else [])]

    def write_to(self, member: str, email: str) -> Broken:
        """One e-mail, one person."""
        who = self.people[member]
        taken = any(other.email == email for name, other in self.people.items() if name != member)
        if who.erased or taken:
            return [*(["person-erased"] if who.erased else []), *(["email-taken"] if taken else [])]
        who.email = email
        return GRANTED

    def hold(self, member: str, held: bool) -> Broken:
        who = self.people[member]
        if who.erased and held:
            return ["person-erased"]
        who.hold = held
        return GRANTED

    def erase(self, member: str) -> Broken:
        who = self.people[member]
        if who.erased:
            return GRANTED
        given = [it for it in self.sessions.values() if it.status == "scheduled" and member in it.trainers]
        if who.hold or given:
            return [*(["under-legal-hold"] if who.hold else []), *(["trains-open-session"] if given else [])]
        today = day_of(self.now)
        self._end(member, min(today, who.ended or today))
        who.erased, who.email = True, None
        for it in self.sessions.values():
            it.online.discard(member)
        return GRANTED
