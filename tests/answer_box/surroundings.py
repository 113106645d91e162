"""A school with teams, a wave and an attended session, made by real commands on a real log."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

from coopschool.application import CoopSchool
from coopschool.domain.advisers.survey_waves import OpenWave
from coopschool.domain.advisers.team_membership import FormTeam, JoinTeam
from coopschool.domain.base import Actor, Command
from coopschool.domain.instrument_versions import PublishInstrument, wording_of
from coopschool.domain.instruments import Instrument
from coopschool.domain.school.attendance import LogAttendance
from coopschool.domain.school.enrolling import EnrolInSession
from coopschool.domain.school.learning_module import DraftModule, PublishModule
from coopschool.domain.school.membership import JoinAsMember
from coopschool.domain.school.scheduling import ScheduleSession
from coopschool.domain.school.session import AttendanceRecord, Slot
from coopschool.vault import PutText
from tests.support.advisers import AUTONOMY, FEEDBACK

TEAMS = {"north": 6, "south": 3}
LEARNERS = ("ann", "bob", "cyd", "dan", "eve", "flo")


def id_of(name: str) -> str:
    """A uuid that stands for a name, as the vault wants it."""
    return str(uuid5(NAMESPACE_URL, name))


WAVE = id_of("wave")
NORTH, SOUTH = (id_of(team) for team in TEAMS)
SESSION = id_of("session")
TESS = id_of("tess")
TRAINER = Actor(TESS, frozenset({"trainer"}))


def do(school: CoopSchool, *commands: Command) -> None:
    for command in commands:
        school.execute_now(command)


def publish(school: CoopSchool, instrument: Instrument) -> None:
    wording = id_of(f"{instrument.code}.{instrument.version}")
    command = PublishInstrument(at=school.now(), instrument=instrument, wording=wording)
    school.execute_now(command, vault=[PutText(id=wording, body=wording_of(instrument))])


def open_wave(school: CoopSchool, sizes: dict[str, int] | None = None) -> None:
    """Teams of advisers, and a wave for them that lasts two weeks."""
    at, day = school.now(), date(2026, 1, 5)
    publish(school, AUTONOMY)
    sizes = sizes or TEAMS
    for team, size in sizes.items():
        do(school, FormTeam(at=at, team=id_of(team), name=id_of(f"name of {team}")))
        for number in range(size):
            adviser = id_of(f"{team} {number}")
            do(school, JoinAsMember(at=at, person=adviser, category="B", joined_on=day))
            do(school, JoinTeam(at=at, team=id_of(team), adviser=adviser, from_=day))
    do(
        school,
        OpenWave(
            at=at,
            wave=WAVE,
            instrument="autonomy",
            version=1,
            teams=tuple(id_of(team) for team in sizes),
            closes_on=at.date() + timedelta(days=14),
        ),
    )


def hold_session(school: CoopSchool, *absent: str) -> None:
    """A session of one half-day that has just ended, with everybody there but those named."""
    publish(school, FEEDBACK)
    now, day = school.now(), date(2026, 1, 5)
    at = now - timedelta(days=30)
    slot = Slot(number=1, starts_at=now - timedelta(hours=4), ends_at=now - timedelta(hours=1))
    do(
        school,
        DraftModule(
            at=at,
            module="M01",
            half_days=1,
            minutes=180,
            format="in_person",
            min_attendance=Decimal("0.8"),
            prerequisites=(),
            audience=("A",),
            text=id_of("M01"),
        ),
        PublishModule(at=at, module="M01"),
        JoinAsMember(at=at, person=TESS, category="A", joined_on=day),
        ScheduleSession(
            at=at,
            session=SESSION,
            module="M01",
            seats=20,
            slots=(slot,),
            languages=("fr",),
            place="liege",
            format="in_person",
            trainers=(TESS,),
        ),
    )
    for learner in LEARNERS:
        do(school, JoinAsMember(at=at, person=learner, category="A", joined_on=day))
        do(school, EnrolInSession(at=at, session=SESSION, member=learner))
    records = tuple(AttendanceRecord(member=one, status="absent" if one in absent else "present") for one in LEARNERS)
    do(school, LogAttendance(at=now, session=SESSION, slot=1, records=records))
