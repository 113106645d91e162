"""The timekeeper: what happens because time passes."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from structlog.testing import capture_logs

from coopschool.answer_box import AnswerBox, Sheet
from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.database import Database
from coopschool.domain.advisers.autonomy_survey import Wave
from coopschool.domain.school.enrolling import EnrolInSession
from coopschool.domain.school.learning_module import DraftModule, PublishModule
from coopschool.domain.school.membership import JoinAsMember
from coopschool.domain.school.scheduling import CancelSession, ScheduleSession
from coopschool.domain.school.session import Slot
from coopschool.timekeeper import Timekeeper
from projections.runner import Runner
from tests.answer_box.surroundings import LEARNERS, SESSION, WAVE, hold_session, open_wave


@pytest.fixture
def begins(school: CoopSchool) -> datetime:
    """The first slot of a session with one seat, which one member has and another waits for."""
    now = school.now()
    module: dict[str, Any] = {"half_days": 1, "minutes": 60, "format": "online", "min_attendance": Decimal("0.8")}
    school.execute_now(
        DraftModule(module="M01", prerequisites=(), audience=("A",), text=str(uuid4()), at=now, **module)
    )
    school.execute_now(PublishModule(module="M01", at=now))
    begins = now + timedelta(days=7)
    slot = Slot(number=1, starts_at=begins, ends_at=begins + timedelta(hours=2))
    school.execute_now(
        ScheduleSession(
            session="s",
            module="M01",
            seats=1,
            slots=(slot,),
            languages=("fr",),
            place="online",
            format="online",
            at=now,
        )
    )
    for member in (str(uuid4()), str(uuid4())):
        school.execute_now(JoinAsMember(person=member, category="A", joined_on=now.date(), at=now))
        school.execute_now(EnrolInSession(session="s", member=member, at=now))
    return begins


def lapses(database: Database) -> list[tuple[datetime]]:
    with database.connect("app") as conn:
        return conn.execute("select occurred_at from events where type = 'WaitlistLapsed.v1'").fetchall()


def test_a_waiting_list_lapses_when_its_session_begins_and_only_once(
    school: CoopSchool, database: Database, clock: FixedClock, begins: datetime
) -> None:
    timekeeper = Timekeeper(school)
    Runner(database, school.settings.zone).catch_up()
    clock.set(begins - timedelta(seconds=1))
    assert timekeeper.round() == 0
    clock.set(begins + timedelta(minutes=10))
    assert timekeeper.round() == 1
    assert timekeeper.round() == 1, "the list that it reads lags behind; the command finds nothing to do"
    assert lapses(database) == [(begins,)], "as of the moment it was due"
    Runner(database, school.settings.zone).catch_up()
    assert timekeeper.round() == 0


def test_what_was_cancelled_meanwhile_is_left_alone(
    school: CoopSchool, database: Database, clock: FixedClock, begins: datetime
) -> None:
    Runner(database, school.settings.zone).catch_up()
    school.execute_now(CancelSession(session="s", reason_code="other", at=school.now()))
    clock.set(begins + timedelta(minutes=10))
    assert Timekeeper(school).round() == 1
    assert lapses(database) == []


def test_answers_to_repeated_requests_are_kept_for_seven_days(
    school: CoopSchool, database: Database, clock: FixedClock, begins: datetime
) -> None:
    def kept() -> int:
        with database.connect("app") as conn:
            row = conn.execute("select count(*) from idempotency").fetchone()
        return row[0] if row else 0

    member = str(uuid4())
    school.execute_now(
        JoinAsMember(person=member, category="A", joined_on=school.now().date(), at=school.now()),
        idempotency=school.repeatable("a", "r", "k", b""),
    )
    clock.advance(timedelta(days=7))
    Timekeeper(school).round()
    assert kept() == 1
    clock.advance(timedelta(seconds=1))
    Timekeeper(school).round()
    assert kept() == 0


def test_it_stops_when_it_is_told_to(school: CoopSchool) -> None:
    stop = threading.Event()
    stop.set()
    Timekeeper(school).run(stop)


def test_a_wave_is_closed_when_its_last_day_is_over_and_feedback_released_when_its_window_is(
    school: CoopSchool, database: Database, clock: FixedClock
) -> None:
    box, timekeeper = AnswerBox(school), Timekeeper(school)
    open_wave(school)
    hold_session(school)
    box.feedback.submit(SESSION, "hot", LEARNERS[0], "feedback", 1, Sheet({"clarity": 4}))
    assert timekeeper.round() == 0
    clock.advance(timedelta(days=8))
    assert (timekeeper.round(), timekeeper.round()) == (1, 0)
    clock.set(school.now().replace(hour=23, minute=59) + timedelta(days=6))
    assert timekeeper.round() == 0, "the last day counts"
    clock.advance(timedelta(minutes=1))
    assert (timekeeper.round(), timekeeper.round()) == (1, 0)
    with database.connect("app") as conn:
        types = [type for (type,) in conn.execute("select type from events order by position desc limit 3")]
    assert types == ["WaveResponsesReleased.v1", "WaveClosed.v1", "FeedbackReleased.v1"]
    assert box.boxes.all() == {}


def test_a_box_without_its_key_holds_up_no_other(school: CoopSchool, clock: FixedClock) -> None:
    box, timekeeper = AnswerBox(school), Timekeeper(school)
    open_wave(school)
    box.surveys.tokens(WAVE)
    timekeeper.round()
    for lost in list(box.boxes.keys.older_than(-60)):
        box.boxes.keys.forget(lost)
    hold_session(school)
    box.feedback.submit(SESSION, "hot", LEARNERS[0], "feedback", 1, Sheet({"clarity": 4}))
    clock.advance(timedelta(days=30))
    assert timekeeper.round() == 1


def test_the_first_round_after_a_restore_reopens_the_waves_whose_answers_are_lost(
    school: CoopSchool, clock: FixedClock
) -> None:
    box = AnswerBox(school)
    open_wave(school)
    box.surveys.tokens(WAVE)
    for lost in list(box.boxes.keys.older_than(-60)):
        box.boxes.keys.forget(lost)
    clock.advance(timedelta(days=1))
    with capture_logs() as lines:
        Timekeeper(school).round()
    assert school.read_now(lambda load: load(Wave, WAVE).reopened) == 1
    assert {"event": "answer_box.wave_reopened", "wave": WAVE, "log_level": "warning"} in lines


def test_a_machine_that_never_had_keys_takes_no_answer_for_lost(school: CoopSchool, tmp_path: Path) -> None:
    open_wave(school)
    AnswerBox(school).surveys.tokens(WAVE)
    elsewhere = msgspec.structs.replace(school.settings, data_dir=tmp_path / "elsewhere")
    with CoopSchool(school.database, elsewhere, school.clock) as other, capture_logs() as lines:
        assert AnswerBox(other).recover() == []
    assert lines[0]["event"] == "answer_box.keys_elsewhere"
    assert school.read_now(lambda load: load(Wave, WAVE).reopened) == 0
