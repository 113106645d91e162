"""The school of the answer box's campaign: each round has a wave for a team and a session that has just ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

import msgspec

from coopschool import data
from coopschool.answer_box import AnswerBox
from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.database import Database
from coopschool.domain import instruments
from coopschool.domain.advisers.survey_waves import OpenWave
from coopschool.domain.advisers.team_membership import FormTeam, JoinTeam
from coopschool.domain.base import Command
from coopschool.domain.instrument_versions import PublishInstrument
from coopschool.domain.school.attendance import LogAttendance
from coopschool.domain.school.enrolling import EnrolInSession
from coopschool.domain.school.feedback import FeedbackMoment
from coopschool.domain.school.learning_module import DraftModule, PublishModule
from coopschool.domain.school.membership import JoinAsMember
from coopschool.domain.school.scheduling import ScheduleSession
from coopschool.domain.school.session import AttendanceRecord, Slot
from coopschool.settings import Settings

MOMENT: FeedbackMoment = "hot"
BEGINNING = datetime(2026, 3, 2, 12, tzinfo=ZoneInfo("Europe/Brussels"))
JOINED = date(2026, 1, 5)
AUTONOMY = instruments.parse(data.read("instrument-autonomy.json"))
FEEDBACK = instruments.parse(data.read("instrument-feedback.json"))


class Prepared(NamedTuple):
    """When the round begins, and the tokens of its wave."""

    now: datetime
    tokens: list[str]


def id_of(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))


def wave(number: int) -> str:
    return id_of(f"wave {number}")


def session(number: int) -> str:
    return id_of(f"session {number}")


def person(number: int, which: int) -> str:
    """An adviser and learner of a round."""
    return id_of(f"person {number} {which}")


def answer_of(which: int) -> dict[str, int]:
    """What an adviser answers."""
    return dict.fromkeys(AUTONOMY.items, 1 + which % 5)


def feedback_of(which: int) -> dict[str, int]:
    """What a learner answers."""
    return {"clarity": 1 + which % 5}


def prepare(database: Database, settings: Settings, number: int, people: int) -> Prepared:
    """Makes what round `number` needs."""
    now = BEGINNING + timedelta(days=30 * number)
    with CoopSchool(database, settings, FixedClock(now)) as school:
        for command in (*(_once(now) if number == 0 else ()), *_round(now, number, people)):
            school.execute_now(command)
        (tokens,) = AnswerBox(school).surveys.tokens(wave(number)).values()
    return Prepared(now, tokens)


def released(database: Database, event: str, about: str) -> list[list[int]]:
    """What each release about a wave or session holds: the first item's points, sorted."""
    with database.connect("app") as conn:
        rows = conn.execute(
            "select data from events where type = %s and data like %s order by position", [f"{event}.v1", f"%{about}%"]
        ).fetchall()
    found = []
    for (text,) in rows:
        fields = msgspec.json.decode(text)
        given = [one for team in fields.get("responses", ()) for one in team["answers"] or ()] or fields.get("online")
        found.append(sorted(one.get("s1", one.get("clarity")) for one in given or ()))
    return found


def _once(now: datetime) -> Iterator[Command]:
    at = now - timedelta(days=30)
    for instrument in (AUTONOMY, FEEDBACK):
        yield PublishInstrument(at=at, instrument=instrument, wording=id_of(instrument.code))
    yield DraftModule(
        at=at,
        module="M01",
        half_days=1,
        minutes=180,
        format="in_person",
        min_attendance=Decimal("0.8"),
        prerequisites=(),
        audience=("B",),
        text=id_of("M01"),
    )
    yield PublishModule(at=at, module="M01")


def _round(now: datetime, number: int, people: int) -> Iterator[Command]:
    team, everybody = id_of(f"team {number}"), [person(number, which) for which in range(people)]
    yield FormTeam(at=now, team=team, name=id_of(f"name of team {number}"))
    for one in everybody:
        yield JoinAsMember(at=now, person=one, category="B", joined_on=JOINED)
        yield JoinTeam(at=now, team=team, adviser=one, from_=JOINED)
    yield OpenWave(
        at=now,
        wave=wave(number),
        instrument=AUTONOMY.code,
        version=AUTONOMY.version,
        teams=(team,),
        closes_on=now.date() + timedelta(days=60),
    )
    slot = Slot(number=1, starts_at=now - timedelta(hours=4), ends_at=now - timedelta(hours=1))
    yield ScheduleSession(
        at=now - timedelta(days=20),
        session=session(number),
        module="M01",
        seats=people,
        slots=(slot,),
        languages=("fr",),
        place="liege",
        format="in_person",
    )
    for one in everybody:
        yield EnrolInSession(at=now - timedelta(days=20), session=session(number), member=one)
    records = tuple(AttendanceRecord(member=one, status="present") for one in everybody)
    yield LogAttendance(at=now, session=session(number), slot=1, records=records)
