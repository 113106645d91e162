"""What traffic needs: beside the demo's school, sessions that fill up, courses under way, and members who want seats.

Made in memory by the same decisions as live ones and appended in large pieces, before each phase as much as it needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from benchmarks.school import append
from coopschool.api.auth import mint_token
from coopschool.application import CoopSchool
from coopschool.demo.simulation import Simulation
from coopschool.domain.base import Actor, Role
from coopschool.domain.school.attendance import LogAttendance
from coopschool.domain.school.enrolling import EnrolInSession
from coopschool.domain.school.learning_module import DraftModule, PublishModule, RetireModule
from coopschool.domain.school.membership import JoinAsMember
from coopschool.domain.school.person import GrantRole, RegisterPerson
from coopschool.domain.school.scheduling import ScheduleSession
from coopschool.domain.school.session import AttendanceRecord, Slot

SEATS = 20
ASKING = 25  # members who want one of the seats: the last five wait
LEARNERS = 12
SLOTS = 25
MINUTES = 180


@dataclass(frozen=True)
class Wish:
    """A seat that a member wants."""

    member: str
    session: str
    token: str


@dataclass
class Course:
    """A session under way: the first sheet is in, the others are due; each line of the first can be corrected."""

    session: str
    token: str
    members: list[str]
    due: list[int] = field(default_factory=lambda: list(range(2, SLOTS + 1)))
    corrected: int = 0


@dataclass
class Supply:
    """What is there to be used up."""

    wishes: list[Wish] = field(default_factory=list)
    courses: list[Course] = field(default_factory=list)


class Supplier:
    """Adds to the log of a school that is being served."""

    def __init__(self, school: CoopSchool) -> None:
        self._school = school
        self._key = school.settings.signing_key()

    def supply(self, wishes: int, courses: int) -> Supply:
        """So many wishes (or a few more) and courses."""
        made, simulation = Supply(), Simulation(uuid4().int)
        now = self._school.now().replace(minute=0, second=0, microsecond=0)
        module = self._module(simulation, now - timedelta(days=100))
        for number in range(-(-wishes // ASKING)):
            made.wishes += self._open_session(simulation, module, now, number)
        made.courses += [self._course(simulation, module, now) for _ in range(courses)]
        # The catalogue shows what is taught; these sessions are told by their ids alone, so it stays as it is.
        simulation.do(RetireModule(module=module, at=now))
        with self._school.database.connect("app") as conn:
            append(conn, simulation.events)
        simulation.chance.shuffle(made.wishes)
        return made

    def _module(self, simulation: Simulation, at: datetime) -> str:
        module = f"L{uuid4().hex[:8].upper()}"
        draft: dict[str, Any] = {"prerequisites": (), "audience": ("A",), "text": str(uuid4())}
        minutes, attendance = SLOTS * MINUTES, Decimal("0.8")
        simulation.do(
            DraftModule(
                module=module, half_days=SLOTS, minutes=minutes, format="online", min_attendance=attendance, at=at,
                **draft,
            )
        )  # fmt: skip
        simulation.do(PublishModule(module=module, at=at))
        return module

    def _open_session(self, simulation: Simulation, module: str, now: datetime, number: int) -> list[Wish]:
        begins = now + timedelta(days=20 + number % 60)
        session = self._schedule(simulation, module, begins, 1, now)
        members = [self._member(simulation, now) for _ in range(ASKING)]
        return [Wish(member, session, self._token("member", member)) for member in members]

    def _course(self, simulation: Simulation, module: str, now: datetime) -> Course:
        long_ago, trainer = now - timedelta(days=90), str(uuid4())
        simulation.do(RegisterPerson(person=trainer, at=long_ago))
        simulation.do(GrantRole(person=trainer, role="trainer", at=long_ago))
        begins = now - timedelta(days=SLOTS + 1)
        session = self._schedule(simulation, module, begins, SLOTS, long_ago, trainer)
        members = [self._member(simulation, long_ago) for _ in range(LEARNERS)]
        for member in members:
            simulation.do(EnrolInSession(session=session, member=member, at=long_ago))
        records = tuple(AttendanceRecord(member=member, status="present") for member in members)
        by = Actor(trainer, frozenset({"trainer"}))
        handed_in = begins + timedelta(minutes=MINUTES)
        simulation.do(LogAttendance(session=session, slot=1, records=records, at=handed_in, by=by))
        return Course(session, self._token("trainer", trainer), members)

    def _schedule(
        self, simulation: Simulation, module: str, begins: datetime, slots: int, at: datetime, *trainers: str
    ) -> str:
        session = str(uuid4())
        timetable = tuple(
            Slot(number=n + 1, starts_at=(day := begins + timedelta(days=n)), ends_at=day + timedelta(minutes=MINUTES))
            for n in range(slots)
        )
        simulation.do(
            ScheduleSession(
                session=session, module=module, seats=SEATS, slots=timetable, languages=("fr",), place="online",
                format="online", trainers=trainers, at=at,
            )
        )  # fmt: skip
        return session

    def _member(self, simulation: Simulation, at: datetime) -> str:
        member = str(uuid4())
        simulation.do(JoinAsMember(person=member, category="A", joined_on=at.date(), at=at))
        return member

    def _token(self, role: Role, person: str) -> str:
        return mint_token(self._key, [role], person=person)
