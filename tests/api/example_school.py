"""A school in which every example of the API's document comes true: its ids are those of `coopschool.api.examples`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from coopschool.answer_box import AnswerBox, Sheet
from coopschool.answer_box.boxes import size_for
from coopschool.answer_box.survey import SurveyContent, hash_of
from coopschool.api import examples
from coopschool.api_keys import ApiKeys, ChangeApiKeys, PutApiKey
from coopschool.application import CoopSchool
from coopschool.domain.advisers.survey_waves import OpenWave
from coopschool.domain.advisers.team_membership import FormTeam, JoinTeam
from coopschool.domain.advisers.workshop_log import HoldWorkshop, PlanWorkshop, TakeDecision
from coopschool.domain.base import Actor, Command
from coopschool.domain.instrument_versions import PublishInstrument
from coopschool.domain.school.attendance import LogAttendance
from coopschool.domain.school.closing import CloseSession
from coopschool.domain.school.enrolling import EnrolInSession
from coopschool.domain.school.interest import RegisterInterest
from coopschool.domain.school.learning_module import DraftModule, PublishModule
from coopschool.domain.school.membership import JoinAsMember
from coopschool.domain.school.person import RegisterPerson
from coopschool.domain.school.scheduling import ScheduleSession
from coopschool.domain.school.session import AttendanceRecord, Slot, Status
from coopschool.domain.school.withdrawal import WithdrawEnrolment
from tests.support.advisers import AUTONOMY, FEEDBACK

TEXT = "00000000-0000-4000-8000-00000000000f"
SURVEYED_TEAM = "3c8b1f52-9d04-4e6a-b7f1-2a5d8c9e0b02"
SURVEYED = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e0a"
MEMBERS = (
    examples.MEMBER,
    examples.ENROLLED,
    examples.ATTENDING,
    examples.LEAVER,
    examples.WAITING,
    examples.INTERESTED,
    SOMEBODY := "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e99",
)


def build(school: CoopSchool) -> None:
    """Makes it, by commands."""
    now = school.now()
    school.execute_now(ChangeApiKeys(at=now), vault=[_key(school)])
    made = _people, _module, _sessions, _team, _workshops, _feedback, _wave
    for command in (command for part in made for command in part(now)):
        school.execute_now(command)
    _fill_boxes(school)


def _key(school: CoopSchool) -> PutApiKey:
    _, write = ApiKeys(school.settings.derive_key).new(name="warehouse", scopes=["events"], at=school.now())
    return replace(write, kept=replace(write.kept, key_id=examples.API_KEY))


def _people(now: datetime) -> Iterator[Command]:
    for person in (examples.PERSON, examples.TRAINER):
        yield RegisterPerson(at=now, person=person)
    for member in MEMBERS:
        yield JoinAsMember(at=now, person=member, category="A", joined_on=date(2026, 1, 5))


def _module(now: datetime) -> Iterator[Command]:
    yield DraftModule(
        at=now,
        module=examples.MODULE,
        half_days=2,
        minutes=360,
        format="in_person",
        min_attendance=Decimal("0.8"),
        prerequisites=(),
        audience=("candidate", "A", "B", "C"),
        text=TEXT,
    )
    yield PublishModule(at=now, module=examples.MODULE)


def _sessions(now: datetime) -> Iterator[Command]:
    yield _session(examples.SESSION, now, timedelta(days=30))
    yield EnrolInSession(at=now, session=examples.SESSION, member=examples.ENROLLED)
    yield _session(examples.SESSION_WITH_LIST, now, timedelta(days=1), seats=1)
    for member in (SOMEBODY, examples.WAITING):
        yield EnrolInSession(at=now, session=examples.SESSION_WITH_LIST, member=member)
    yield WithdrawEnrolment(at=now, session=examples.SESSION_WITH_LIST, member=SOMEBODY)
    yield _session(examples.RUNNING_SESSION, now, timedelta(days=-8))
    yield EnrolInSession(at=now, session=examples.RUNNING_SESSION, member=examples.ATTENDING)
    yield _sheet(examples.RUNNING_SESSION, now, 1, examples.ATTENDING)
    yield _session(examples.ENDED_SESSION, now, timedelta(days=-20))
    yield EnrolInSession(at=now, session=examples.ENDED_SESSION, member=examples.LEAVER)
    for slot in (1, 2):
        yield _sheet(examples.ENDED_SESSION, now, slot, examples.LEAVER)
    yield RegisterInterest(at=now, member=examples.INTERESTED, module=examples.MODULE, languages=("nl",))


def _team(now: datetime) -> Iterator[Command]:
    yield PublishInstrument(at=now, instrument=AUTONOMY, wording=TEXT)
    yield FormTeam(at=now, team=examples.TEAM, name=TEXT)
    for adviser in (examples.ADVISER, examples.OTHER_ADVISER, examples.NEW_ADVISER):
        yield JoinAsMember(at=now, person=adviser, category="B", joined_on=date(2026, 1, 5))
    for adviser in (examples.ADVISER, examples.OTHER_ADVISER):
        yield JoinTeam(at=now, team=examples.TEAM, adviser=adviser, from_=date(2026, 1, 12))
    yield _session(examples.TEAM_SESSION, now, timedelta(days=3), team=examples.TEAM)


def _workshops(now: datetime) -> Iterator[Command]:
    adviser = Actor(examples.ADVISER, frozenset({"adviser"}))
    for workshop in (examples.WORKSHOP, examples.HELD_WORKSHOP):
        yield PlanWorkshop(at=now, workshop=workshop, team=examples.TEAM, planned_for=now.date())
    yield HoldWorkshop(
        at=now, by=adviser, workshop=examples.HELD_WORKSHOP, participants=(examples.ADVISER,), themes=("telework",)
    )
    yield TakeDecision(
        at=now,
        by=adviser,
        workshop=examples.HELD_WORKSHOP,
        decision=examples.DECISION,
        theme="telework",
        decided_by="jointly",
        review_on=(now + timedelta(days=90)).date(),
        text=TEXT,
    )


def _feedback(now: datetime) -> Iterator[Command]:
    yield PublishInstrument(at=now - timedelta(days=90), instrument=FEEDBACK, wording=TEXT)
    attended = {examples.FEEDBACK_SESSION: 3, examples.ANSWERED_SESSION: 4}
    for session, days in attended.items():
        yield _session(session, now, timedelta(days=-days), slots=1)
        yield EnrolInSession(at=now, session=session, member=examples.ADVISER)
        yield _sheet(session, now, 1, examples.ADVISER, status="present")
        yield CloseSession(at=now, session=session)
    yield _session(examples.OWN_SESSION, now, timedelta(days=-5), slots=1, trainers=(examples.ADVISER,))
    yield EnrolInSession(at=now, session=examples.OWN_SESSION, member=SOMEBODY)
    yield _sheet(examples.OWN_SESSION, now, 1, SOMEBODY, status="present")


def _wave(now: datetime) -> Iterator[Command]:
    yield JoinAsMember(at=now, person=SURVEYED, category="B", joined_on=date(2026, 1, 5))
    yield FormTeam(at=now, team=SURVEYED_TEAM, name=TEXT)
    yield JoinTeam(at=now, team=SURVEYED_TEAM, adviser=SURVEYED, from_=date(2026, 1, 5))
    yield OpenWave(
        at=now,
        wave=examples.OPEN_WAVE,
        instrument=AUTONOMY.code,
        version=AUTONOMY.version,
        teams=(SURVEYED_TEAM,),
        closes_on=now.date() + timedelta(days=14),
    )


def _fill_boxes(school: CoopSchool) -> None:
    """An answer that can be taken back, and a box that takes the token of the examples."""
    box = AnswerBox(school)
    box.feedback.submit(
        examples.ANSWERED_SESSION, "hot", examples.ADVISER, FEEDBACK.code, FEEDBACK.version, Sheet({"clarity": 3})
    )
    content = SurveyContent(bytes(32), [(hash_of(examples.TOKEN), 0)], [])
    box.boxes.make(f"wave:{examples.OPEN_WAVE}", msgspec.msgpack.encode(content), size_for(content))


def _session(
    session: str,
    now: datetime,
    begins_in: timedelta,
    seats: int = 12,
    slots: int = 2,
    trainers: tuple[str, ...] = (examples.TRAINER,),
    team: str | None = None,
) -> ScheduleSession:
    starts = [now + begins_in + timedelta(weeks=week) for week in range(slots)]
    return ScheduleSession(
        at=now,
        session=session,
        module=examples.MODULE,
        seats=seats,
        slots=tuple(
            Slot(number=number, starts_at=start, ends_at=start + timedelta(hours=3))
            for number, start in enumerate(starts, 1)
        ),
        languages=("fr",),
        place="brussels",
        format="in_person",
        team=team,
        trainers=trainers,
    )


def _sheet(session: str, now: datetime, slot: int, member: str, status: Status = "absent") -> LogAttendance:
    record = AttendanceRecord(member=member, status=status)
    return LogAttendance(at=now, session=session, slot=slot, records=(record,))
