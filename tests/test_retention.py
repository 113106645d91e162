"""What is over its time goes: comments and notes, names of former members; nothing before the cooperative says so."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from msgspec.structs import asdict, replace

from coopschool import retention
from coopschool.answer_box import AnswerBox, Sheet
from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.database import Database
from coopschool.domain.school.attendance import CorrectAttendance
from coopschool.domain.school.person import GrantRole, PlaceLegalHold
from coopschool.domain.school.withdrawal import EndMembership
from coopschool.settings import Settings
from coopschool.timekeeper import Timekeeper
from coopschool.vault import PutText
from tests.answer_box.surroundings import LEARNERS, SESSION, hold_session
from tests.backups.conftest import join, rows
from tests.cli.running import Command
from tests.support.school import COORDINATOR

NOTHING = {"answers": 0, "texts": 0, "former_members": 0, "refused": 0}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Texts are kept for a year, former members for thirty days."""
    return replace(settings, retention_texts_days=365, retention_former_members_days=30)


@pytest.fixture
def commented(school: CoopSchool, clock: FixedClock) -> None:
    """A session with six comments and a note on a correction; and a title, which is no comment."""
    hold_session(school)
    for learner in LEARNERS:
        sheet = Sheet({"clarity": 4}, f"{learner} learnt much")
        AnswerBox(school).feedback.submit(SESSION, "hot", learner, "feedback", 1, sheet)
    note = PutText(id=str(uuid4()), body="It was the neighbour")
    correction = CorrectAttendance(
        session=SESSION,
        slot=1,
        member=LEARNERS[0],
        status="absent",
        reason_code="wrong_person",
        note=note.id,
        at=school.now(),
        by=COORDINATOR,
    )
    school.execute_now(correction, vault=[note, PutText(id=str(uuid4()), body="A title")])
    clock.advance(timedelta(days=8))
    AnswerBox(school).feedback.release_due()


def texts(database: Database) -> int:
    return len(rows(database, "vault_texts"))


@pytest.mark.usefixtures("commented")
def test_comments_and_notes_go_when_their_time_is_over(
    school: CoopSchool, database: Database, clock: FixedClock
) -> None:
    """Given comments and a note, when a year has passed since they were given, then they go and titles stay."""
    before = texts(database)
    clock.advance(timedelta(days=365))
    assert retention.apply(school, dry_run=True) == retention.Applied(**{**NOTHING, "texts": 1}), "the note is older"
    assert texts(database) == before
    clock.advance(timedelta(seconds=1))
    Timekeeper(school).round()
    assert texts(database) == before - len(LEARNERS) - 1
    assert "A title" in str(rows(database, "vault_texts"))
    assert retention.apply(school) == retention.Applied(**NOTHING)


@pytest.mark.usefixtures("commented")
def test_without_settings_nothing_goes(school: CoopSchool, database: Database, clock: FixedClock) -> None:
    unset = replace(school.settings, retention_texts_days=None, retention_former_members_days=None)
    ada = join(school, "Ada")
    school.execute_now(EndMembership(member=ada, ended_on=school.now().date(), at=school.now()))
    clock.advance(timedelta(days=6))
    before = texts(database)
    with CoopSchool(database, unset, clock) as same:
        clock.advance(timedelta(days=9_999))
        assert retention.apply(same) == retention.Applied(**{**NOTHING, "answers": 1})
    assert texts(database) == before


def test_former_members_are_erased_when_their_time_is_over(
    school: CoopSchool, database: Database, clock: FixedClock
) -> None:
    """Given five who left, when thirty days have passed, then those whom nothing keeps are erased."""
    left = {name: join(school, name) for name in ("Ada", "Bo", "Cyd", "Dan")}
    stays = join(school, "Eve")
    now = school.now()
    for person in left.values():
        school.execute_now(EndMembership(member=person, ended_on=now.date(), at=now))
    school.execute_now(PlaceLegalHold(person=left["Bo"], at=now))
    school.execute_now(GrantRole(person=left["Cyd"], role="trainer", at=now))
    school.execute_now(GrantRole(person=left["Dan"], role="researcher", until=now.date(), at=now))
    clock.advance(timedelta(days=30))
    assert retention.apply(school, dry_run=True) == retention.Applied(**{**NOTHING, "answers": 5})
    clock.advance(timedelta(days=1))
    expected = {**NOTHING, "answers": 5, "former_members": 2, "refused": 1}
    dry = retention.apply(school, dry_run=True)
    assert dry is not None
    assert asdict(dry) == expected
    assert len(rows(database, "vault_people")) == 5
    assert retention.apply(school) == dry
    assert school.erasures.people() == {left["Ada"], left["Dan"]}
    kept = str(rows(database, "vault_people"))
    assert all(person in kept for person in (left["Bo"], left["Cyd"], stays))
    assert retention.apply(school) == retention.Applied(**{**NOTHING, "refused": 1})


def test_one_process_at_a_time_applies_them(school: CoopSchool, database: Database, clock: FixedClock) -> None:
    join(school, "Ada")
    clock.advance(timedelta(days=8))
    with database.connect("app") as conn:
        conn.execute(retention.SQL["alone"])
        assert retention.apply(school) is None
    assert retention.apply(school) == retention.Applied(**{**NOTHING, "answers": 1})


def test_the_command_line_counts_and_applies(
    environment: dict[str, str], school: CoopSchool, database: Database, clock: FixedClock
) -> None:
    clock.advance(timedelta(days=-90))
    ada = join(school, "Ada")
    school.execute_now(EndMembership(member=ada, ended_on=school.now().date(), at=school.now()))
    command = Command({**environment, "COOPSCHOOL_RETENTION_FORMER_MEMBERS_DAYS": "30"})
    counted = command.said("retention", "--dry-run")
    assert (counted["dry_run"], counted["former_members"], counted["texts_days"]) == (True, 1, None)
    assert len(rows(database, "vault_people")) == 1
    assert "former members\t1" in command.run("retention").stdout
    assert rows(database, "vault_people") == []
    with database.connect("app") as conn:
        conn.execute(retention.SQL["alone"])
        assert "another process" in command.refused("retention")
