"""The simulated life of the school from 2018 to 2021, and the sessions that are open today.

A newcomers' rush each autumn, waiting lists for the first two modules, the move online in March 2020 with its
cancellations, more no-shows and fewer completions that spring, and a slow recovery. Invented, but plausible.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from importlib.resources import files
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from coopschool.catalogue import ModuleWords, Titles
from coopschool.demo.calendar import FIRST_DAY, HYBRID_FROM, LAST_DAY, ONLINE_FROM
from coopschool.demo.feedback import FeedbackLife
from coopschool.demo.names import FIRST, LAST
from coopschool.demo.sessions import SessionLife
from coopschool.demo.simulation import Simulation
from coopschool.demo.survey import SurveyLife
from coopschool.demo.team_sessions import TeamSessionLife
from coopschool.demo.teams import FORMED, TeamLife
from coopschool.demo.workshops import WorkshopLife
from coopschool.domain.base import Actor, Role
from coopschool.domain.school.enrolling import EnrolInSession
from coopschool.domain.school.learning_module import DraftModule, PublishModule
from coopschool.domain.school.member import Member
from coopschool.domain.school.membership import JoinAsMember
from coopschool.domain.school.module_enrolment import EnrolInModule
from coopschool.domain.school.person import GrantRole, RegisterPerson
from coopschool.domain.school.scheduling import ScheduleSession
from coopschool.domain.school.session import Session, Slot
from coopschool.domain.school.withdrawal import EndMembership
from coopschool.domain.school.words import Category, Format
from coopschool.vault import PutText, Vault

PLACES = ("brussels", "liege", "namur", "ghent")
LANGUAGES = ("fr", "fr", "nl")

# The people whom the demo's tokens stand for; the same in every demo.
PERSONAS: dict[Role, str] = {
    role: str(uuid5(NAMESPACE_URL, f"coopschool demo {role}"))
    for role in ("member", "trainer", "adviser", "coordinator", "researcher", "admin")
}


@dataclass
class Size:
    """How large a school: members at the start, newcomers a month, sessions a month."""

    members: int
    newcomers: int
    sessions: int


SIZES = {"small": Size(120, 5, 4), "large": Size(2_000, 120, 60)}


@dataclass
class SchoolLife:
    """Plans what happens on the simulation's agenda."""

    simulation: Simulation
    vault: Vault
    zone: ZoneInfo
    size: Size
    members: list[str] = field(default_factory=list)
    trainers: list[str] = field(default_factory=list)
    half_days: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.feedback = FeedbackLife(self)
        self.sessions = SessionLife(self)
        self.teams = TeamLife(self)

    def found(self) -> None:
        """The school's first day: its people, its catalogue, its first members; then month after month."""
        opening = self.at(FIRST_DAY, 9)
        for role, person in PERSONAS.items():
            if role != "adviser":
                self.register(person, opening, role)
        self.trainers = [PERSONAS["trainer"], *(self.simulation.new_id() for _ in range(5))]
        for trainer in self.trainers[1:]:
            self.register(trainer, opening, "trainer")
        self.catalogue(opening)
        self.feedback.found(opening)
        self.join(PERSONAS["member"], date(2018, 1, 8), "A", opening, register=False)
        for _ in range(self.size.members):
            joined = FIRST_DAY - timedelta(days=self.simulation.chance.randrange(1, 3_000))
            self.join(self.simulation.new_id(), joined, self.draw("AAAABBC"), opening)
        month = FIRST_DAY.replace(day=1)
        while month <= LAST_DAY:
            self.simulation.plan(self.at(month + timedelta(days=7), 10), self.month)
            month = (month + timedelta(days=32)).replace(day=1)
        self.simulation.plan(self.at(FORMED, 9), self.found_teams)

    def found_teams(self, _at: datetime) -> None:
        """The adviser teams, with what they learn together, their workshops and what they are asked."""
        self.teams.found(PERSONAS["adviser"])
        TeamSessionLife(self.teams, PERSONAS["coordinator"]).found()
        workshops = WorkshopLife(self.teams, self.trainers)
        workshops.found()
        SurveyLife(self.teams, workshops, PERSONAS["coordinator"]).found()

    def open_sessions(self, today: date) -> None:
        """Sessions of the coming weeks, so that whoever tries the demo finds a free seat, and one that is full."""
        now = self.at(today, 7)
        plans: list[tuple[str, int, int]] = [
            ("M01", 12, 8),
            ("M02", 4, 9),
            ("M03", 14, 3),
            ("M05", 8, 5),
            ("M01", 12, 0),
        ]
        for week, (module, seats, wanted) in enumerate(plans, start=2):
            day = today + timedelta(days=7 * week - today.weekday())
            session = self.schedule(module, day, "hybrid", now, seats=seats)
            for member in self.simulation.chance.sample(self.members, len(self.members)):
                if wanted == 0:
                    break
                wanted -= bool(self.simulation.attempt(EnrolInSession(session=session, member=member, at=now)))

    # --- people

    def register(self, person: str, at: datetime, role: Role | None = None) -> None:
        self.simulation.do(RegisterPerson(person=person, at=at), self.named(person))
        if role is not None and role != "member":
            self.simulation.do(GrantRole(person=person, role=role, at=at))

    def named(self, person: str) -> Any:
        chance = self.simulation.chance
        name = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
        return self.vault.put_person(person, name=name, email=f"{person[:8]}@example.org")

    def join(
        self,
        person: str,
        joined: date,
        category: Category,
        at: datetime,
        *,
        register: bool = True,
        learns: bool = True,
    ) -> None:
        """Somebody becomes a member, and, if they are to learn, one of those who look for sessions."""
        vault = [self.named(person)] if register else []
        language = self.draw(LANGUAGES)
        self.simulation.do(
            JoinAsMember(person=person, category=category, joined_on=joined, language=language, at=at), *vault
        )
        if learns:
            self.members.append(person)

    def newcomer(self, at: datetime) -> None:
        person = self.simulation.new_id()
        self.join(person, at.date(), "candidate", at)
        self.simulation.plan(at + timedelta(hours=1), lambda now: self.wants(person, "M01", now))

    def wants(self, member: str, module: str, at: datetime) -> None:
        """Asks for a module: a seat, else the waiting list, else it is noted."""
        by = Actor(member, frozenset({"member"}))
        self.simulation.attempt(EnrolInModule(module=module, member=member, waitlist=True, at=at, by=by))

    # --- the school's rhythm

    def catalogue(self, at: datetime) -> None:
        for module in json.loads((files("coopschool") / "data" / "catalogue.json").read_text("utf-8")):
            text = self.simulation.new_id()
            words = ModuleWords(title=Titles(**module["title"]), aim=module["aim"]).as_text()
            command = DraftModule(
                module=module["code"],
                half_days=module["half_days"],
                minutes=int(module["hours"] * 60),
                format=module["format"],
                min_attendance=Decimal(str(module["min_attendance"])),
                prerequisites=tuple(module["prerequisites"]),
                audience=tuple(module["audience"]),
                text=text,
                at=at,
            )
            self.simulation.do(command, PutText(id=text, body=words))
            self.half_days[module["code"]] = module["half_days"]
            self.simulation.do(PublishModule(module=module["code"], at=at))

    def month(self, now: datetime) -> None:
        """Newcomers, sessions five to nine weeks ahead, people who look for one, and those who leave."""
        chance = self.simulation.chance
        rush = 2 if now.month in (9, 10) else 1
        for _ in range(chance.randrange(self.size.newcomers * rush + 1)):
            self.simulation.plan(now + timedelta(days=chance.randrange(20), hours=chance.randrange(8)), self.newcomer)
        codes = list(self.half_days)
        first = ["M01", "M02"] if now.month % 2 else ["M02", "M01"]
        for number in range(self.size.sessions):
            module = first[number] if number < 2 else chance.choice(codes)
            day = now.date() + timedelta(days=chance.randrange(35, 63))
            day -= timedelta(days=max(day.weekday() - 4, 0))
            if day + timedelta(weeks=self.half_days[module]) <= LAST_DAY:
                self.offer(module, day, now)
        for member in chance.sample(self.members, min(len(self.members), self.size.sessions * 3)):
            done = self.simulation.load(Member, member).completed
            missing = [code for code in codes if code not in done]
            if missing:
                self.wants(member, missing[0] if chance.random() < 0.6 else chance.choice(missing), now)
        if chance.random() < 0.3:
            leaver = chance.choice(self.members[1:])
            self.members.remove(leaver)
            self.simulation.attempt(EndMembership(member=leaver, ended_on=now.date(), at=now))

    def offer(self, module: str, day: date, now: datetime) -> None:
        """A session with its whole life: enrolments, a waiting list, slots, sheets, closing."""
        session = self.schedule(module, day, self.format_on(day, planned=now.date()), now)
        known = self.simulation.load(Session, session)
        asking = int(known.seats * (1.9 if module in ("M01", "M02") else 1.4))
        for member in self.simulation.chance.sample(self.members, min(len(self.members), asking)):
            moment = now + timedelta(
                days=self.simulation.chance.randrange(1, 34), minutes=self.simulation.chance.randrange(480)
            )
            self.simulation.plan(moment, partial(self.sessions.enrol, session, member))
        first = min(slot.starts_at for slot in known.timetable)
        if now.date() < ONLINE_FROM <= day < ONLINE_FROM + timedelta(days=30) and known.format == "in_person":
            self.simulation.plan(self.at(ONLINE_FROM, 8), partial(self.sessions.call_off, session))
        self.simulation.plan(first - timedelta(days=3), partial(self.sessions.spare, session))
        self.simulation.plan(first, partial(self.sessions.begin, session))

    def schedule(
        self,
        module: str,
        day: date,
        format: Format,
        now: datetime,
        *,
        seats: int | None = None,
        team: str | None = None,
    ) -> str:
        """A session by the first trainer who is free, by nobody if none is; its id."""
        chance = self.simulation.chance
        slots = tuple(
            Slot(
                number=n + 1,
                starts_at=self.at(day + timedelta(weeks=n), 13),
                ends_at=self.at(day + timedelta(weeks=n), 16),
            )
            for n in range(self.half_days[module])
        )
        chosen = chance.sample(self.trainers, len(self.trainers))
        session = self.simulation.new_id()
        for trainer in chosen:
            command = ScheduleSession(
                session=session,
                module=module,
                seats=seats or chance.randrange(8, 15),
                slots=slots,
                languages=(self.draw(LANGUAGES),),
                place="online" if format == "online" else self.draw(PLACES),
                format=format,
                trainers=(trainer,),
                team=team,
                at=now,
            )
            if self.simulation.attempt(command):
                return session
        self.simulation.do(
            ScheduleSession(
                session=session,
                module=module,
                seats=seats or 10,
                slots=slots,
                languages=("fr",),
                place="online",
                format=format,
                team=team,
                at=now,
            )
        )
        return session

    # --- small things

    def at(self, day: date, hour: int) -> datetime:
        return datetime.combine(day, time(hour), self.zone)

    def likely(self, share: float) -> bool:
        return self.simulation.chance.random() < share

    def draw(self, values: Sequence[Any]) -> Any:
        return self.simulation.chance.choice(values)

    def format_on(self, day: date, planned: date) -> Format:
        """What a session of that day is, as it was seen on the day it was planned."""
        if planned < ONLINE_FROM:
            return self.draw(("in_person", "in_person", "hybrid"))  # type: ignore[no-any-return]
        if day < HYBRID_FROM:
            return "online"
        return self.draw(("online", "hybrid", "in_person"))  # type: ignore[no-any-return]
