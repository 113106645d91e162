"""Importing history: the same decisions as live, in the order of time, all or nothing, once."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from coopschool import vault
from coopschool.application import CoopSchool
from coopschool.domain.base import Event
from coopschool.domain.school.enrolment import (
    EnrolmentWithdrawn,
    HistoricalException,
    InterestRegistered,
    MemberEnrolled,
    MemberPromoted,
    MemberWaitlisted,
    ModuleCompleted,
    ModuleNotCompleted,
    PrerequisiteWaived,
    WaitlistLapsed,
)
from coopschool.domain.school.member import Member, MemberJoined, MembershipCategoryChanged, MembershipEnded
from coopschool.domain.school.membership import ChangeCategory, JoinAsMember, WaivePrerequisite
from coopschool.domain.school.person import GrantRole, LanguageChosen, PersonRegistered, RegisterPerson, RoleGranted
from coopschool.domain.school.scheduling import MoveSlot
from coopschool.domain.school.session import AttendanceLogged, SessionCancelled, SessionScheduled
from coopschool.domain.school.words import Category
from coopschool.eventstore import bulk
from coopschool.eventstore.mapper import decode
from coopschool.eventstore.verify import verify
from coopschool.importing import Imported, Problem, import_history
from coopschool.importing.references import References
from tests.support.importing import write

# A small school: one module of two half-days, one session of it, two members.
SCHOOL: dict[str, Any] = {
    "members": ["m1,A,2020-01-01,,nl,Ann Peeters,ann@example.org", "m2,B,2020-01-01"],
    "modules": "M01,Bienvenue,2,,2020-01-15",
    "sessions": "s1,M01,1,t1,Liège,2020-02-01,,2020-04-01",
    "slots": ["s1,1,2020-03-02T09:00,2020-03-02T12:00", "s1,2,2020-03-09T09:00,2020-03-09T12:00"],
    "enrolments": "s1,m1,2020-02-03",
    "attendance": ["s1,1,m1,present", "s1,2,m1,partial,90"],
}


ENROLLED = SCHOOL["enrolments"]
SLOTS = SCHOOL["slots"]
SHEETS = SCHOOL["attendance"]
CIRCULAR = {"modules": ["M01,Un,2,M02,2020-01-15", "M02,Deux,2,M01,2020-01-15"]}
NOBODY: dict[str, Any] = {"enrolments": [], "attendance": []}


def brought(school: CoopSchool, directory: Path) -> Imported:
    """Imports without problems."""
    imported = import_history(school, directory)
    assert [str(problem) for problem in imported.problems] == []
    return imported


def refused(school: CoopSchool, directory: Path) -> list[tuple[str, int, str | None, str]]:
    """The problems of an import, which leaves no trace."""
    before = log(school)
    imported = import_history(school, directory)
    assert imported.position is None
    assert log(school) == before
    return [(problem.file, problem.line, problem.column, problem.rule) for problem in imported.problems]


def log(school: CoopSchool) -> list[tuple[Event, datetime]]:
    with school.database.connect("app") as conn:
        rows = conn.execute("select type, data, occurred_at from events order by position").fetchall()
    return [(decode(type, data), occurred_at) for type, data, occurred_at in rows]


def events(school: CoopSchool, *kinds: type[Event]) -> list[Any]:
    return [event for event, _ in log(school) if type(event) in kinds]


def when(school: CoopSchool, kind: type[Event]) -> list[str]:
    zone = school.settings.zone
    return [at.astimezone(zone).isoformat(" ", "minutes")[:16] for event, at in log(school) if type(event) is kind]


# --- as it happened


def test_a_school_is_brought_with_the_times_at_which_things_happened(school: CoopSchool, tmp_path: Path) -> None:
    imported = brought(school, write(tmp_path, **SCHOOL))
    happened = [
        (type(event).__name__, at.astimezone(school.settings.zone).isoformat(" ", "minutes")[:16])
        for event, at in log(school)
    ]
    assert happened == [
        ("PersonRegistered", "2020-01-01 00:00"),
        ("LanguageChosen", "2020-01-01 00:00"),
        ("MemberJoined", "2020-01-01 00:00"),
        ("PersonRegistered", "2020-01-01 00:00"),
        ("MemberJoined", "2020-01-01 00:00"),
        ("ModuleDrafted", "2020-01-15 00:00"),
        ("ModulePublished", "2020-01-15 00:00"),
        ("PersonRegistered", "2020-02-01 00:00"),
        ("RoleGranted", "2020-02-01 00:00"),
        ("SessionScheduled", "2020-02-01 00:00"),
        ("MemberEnrolled", "2020-02-03 00:00"),
        ("AttendanceLogged", "2020-03-02 09:00"),
        ("AttendanceLogged", "2020-03-09 09:00"),
        ("SessionClosed", "2020-04-01 00:00"),
        ("ModuleNotCompleted", "2020-04-01 00:00"),
    ]
    assert imported.position == imported.events == len(happened)
    [outcome] = events(school, ModuleNotCompleted)
    assert (outcome.attended, outcome.expected) == ((3, 2), 2)
    assert imported.rows == {"members.csv": 2, "modules.csv": 1, "sessions.csv": 1, "slots.csv": 2,
                             "enrolments.csv": 1, "attendance.csv": 2}  # fmt: skip


def test_it_is_recorded_at_the_time_of_the_import_by_the_import(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **SCHOOL))
    with school.database.connect("app") as conn:
        rows = conn.execute("select distinct recorded_at, actor, causation from events").fetchall()
        correlations = conn.execute("select count(distinct correlation) from events").fetchone()
    assert rows == [(school.clock.now(), "import", None)]
    assert correlations == (1,)


def test_names_and_places_go_to_the_vault_and_never_into_the_log(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **SCHOOL))
    [ann, _] = [event.member for event in events(school, MemberJoined)]
    [scheduled] = events(school, SessionScheduled)
    with school.database.connect("app") as conn:
        details = vault.person(conn, ann)
        assert (details.name, details.email) == ("Ann Peeters", "ann@example.org")
        assert scheduled.place == "liege" or vault.places(conn, [scheduled.place]) == {scheduled.place: "Liège"}
        stored = " ".join(data for (data,) in conn.execute("select data from events"))
    assert not any(word in stored for word in ("Ann", "example.org", "Liège", "m1", "s1", "t1", "Bienvenue"))


def test_rows_of_the_same_moment_run_in_the_order_of_the_contract(school: CoopSchool, tmp_path: Path) -> None:
    day = "2020-03-02"
    files: dict[str, Any] = {
        "members": f"m1,A,{day}",
        "modules": [f"M02,Deux,1,M01,{day}", f"M01,Un,1,,{day}"],
        "waivers": f"m1,M01,{day}",
        "sessions": f"s1,M02,5,,,{day},,{day}T01:00",
        "slots": f"s1,1,{day},{day}T01:00",
        "enrolments": f"s1,m1,{day}",
        "attendance": "s1,1,m1,present",
        "withdrawals": f"s1,m1,{day}T00:00",
    }
    brought(school, write(tmp_path, **files))
    assert [type(event).__name__ for event, _ in log(school)] == [
        "PersonRegistered",
        "MemberJoined",
        "ModuleDrafted",
        "ModulePublished",
        "ModuleDrafted",
        "ModulePublished",
        "PrerequisiteWaived",
        "SessionScheduled",
        "MemberEnrolled",
        "AttendanceLogged",
        "EnrolmentWithdrawn",
        "SessionClosed",
    ]


def test_who_finds_no_seat_waits_is_promoted_or_lapses_as_live(school: CoopSchool, tmp_path: Path) -> None:
    files = SCHOOL | {
        "members": [f"m{n},A,2020-01-01" for n in range(1, 5)],
        "enrolments": ["s1,m1,2020-02-03", "s1,m3,2020-02-05", "s1,m2,2020-02-04"],
        "withdrawals": "s1,m1,2020-02-10,illness",
        "attendance": ["s1,1,m2,present", "s1,2,m2,present"],
    }
    brought(school, write(tmp_path, **files))
    _, m2, m3, _ = (event.member for event in events(school, MemberJoined))
    assert [(event.member, event.rank) for event in events(school, MemberWaitlisted)] == [(m2, 1), (m3, 2)]
    assert [event.member for event in events(school, MemberPromoted)] == [m2]
    assert when(school, MemberPromoted) == ["2020-02-10 23:59"]
    assert [event.reason_code for event in events(school, EnrolmentWithdrawn)] == ["illness"]
    assert [event.member for event in events(school, WaitlistLapsed)] == [m3]
    assert when(school, WaitlistLapsed) == ["2020-03-02 09:00"]
    assert [event.since for event in events(school, InterestRegistered)] == [datetime(2020, 2, 4, 23, tzinfo=UTC)]
    assert [event.member for event in events(school, ModuleCompleted)] == [m2]


def test_who_is_enrolled_and_not_listed_is_absent(school: CoopSchool, tmp_path: Path) -> None:
    files = SCHOOL | {
        "sessions": "s1,M01,5,,,2020-02-01",
        "enrolments": ["s1,m1,2020-02-03", "s1,m2,2020-03-05"],
        "attendance": ["s1,1,m1,present,60", "s1,2,m1,excused"],
    }
    brought(school, write(tmp_path, **files))
    sheets = events(school, AttendanceLogged)
    assert [[(one.status, one.minutes) for one in sheet.records] for sheet in sheets] == [
        [("present", None)],
        [("excused", None), ("absent", None)],
    ]


def test_categories_and_the_end_of_a_membership_are_brought(school: CoopSchool, tmp_path: Path) -> None:
    files = {
        "members": ["m1,candidate,2020-01-01,2020-12-31"],
        "categories": ["m1,B,2020-06-01", "m1,A,2020-03-01"],
    }
    brought(school, write(tmp_path, **files))
    assert [event.category for event in events(school, MembershipCategoryChanged)] == ["A", "B"]
    assert when(school, MembershipEnded) == ["2020-12-31 23:59"]


def test_what_is_announced_for_a_day_to_come_is_brought_as_announced(school: CoopSchool, tmp_path: Path) -> None:
    files = {"members": ["m1,candidate,2020-01-01,2027-12-31"], "categories": ["m1,A,2027-01-01"]}
    brought(school, write(tmp_path, **files))
    assert when(school, MembershipCategoryChanged) == ["2027-01-01 00:00"]
    assert when(school, MembershipEnded) == ["2027-12-31 23:59"]


def test_a_cancelled_session_leaves_interests(school: CoopSchool, tmp_path: Path) -> None:
    files = SCHOOL | {"sessions": "s1,M01,5,,,2020-02-01,2020-02-20", "attendance": []}
    brought(school, write(tmp_path, **files))
    assert when(school, SessionCancelled) == ["2020-02-20 00:00"]
    assert len(events(school, InterestRegistered)) == 1


def test_a_session_to_which_nobody_came_can_be_closed(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **(SCHOOL | {"enrolments": [], "attendance": []})))
    assert [event.records for event in events(school, AttendanceLogged)] == [(), ()]


def test_a_trainer_may_be_a_member_too(school: CoopSchool, tmp_path: Path) -> None:
    files = SCHOOL | {"members": ["m1,A,2020-01-01", "t1,B,2020-02-15"]}
    brought(school, write(tmp_path, **files))
    assert len(events(school, PersonRegistered)) == 2
    [granted] = events(school, RoleGranted)
    assert granted.person in {event.member for event in events(school, MemberJoined)}


def test_a_trainer_gives_several_sessions_in_places_that_everybody_knows(school: CoopSchool, tmp_path: Path) -> None:
    files: dict[str, Any] = {
        "modules": "M01,Bienvenue,1,,2020-01-15",
        "sessions": ["s1,M01,1,t1,Namur,2020-02-01", "s2,M01,1,t1,,2020-02-01,,,online", "s3,M01,1,,,2020-02-01"],
        "slots": [f"s{n},1,2020-03-0{n}T09:00,2020-03-0{n}T12:00" for n in (1, 2, 3)],
    }
    brought(school, write(tmp_path, **files))
    sessions = events(school, SessionScheduled)
    assert [(one.place, one.format) for one in sessions] == [
        ("namur", "in_person"),
        ("online", "online"),
        ("unknown", "in_person"),
    ]
    assert sessions[0].trainers == sessions[1].trainers != ()
    assert len(events(school, RoleGranted)) == 1


def test_a_log_with_an_import_in_it_is_whole(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **SCHOOL))
    school.execute_now(RegisterPerson(at=school.now(), person=str(uuid4())))
    with school.database.connect("app") as conn:
        assert list(verify(conn)) == []


# --- rules that history broke


def test_a_rule_that_history_broke_passes_with_an_exception_and_is_noted(school: CoopSchool, tmp_path: Path) -> None:
    files = SCHOOL | {
        "modules": ["M00,Avant,1,,2020-01-10", "M01,Bienvenue,2,M00,2020-01-15"],
        "enrolments": ["s1,m1,2020-02-03,admitted by the board", "s1,m2,2020-02-04,session-full|prerequisites-missing"],
        "attendance": ["s1,1,m1,present", "s1,1,m2,present", "s1,2,m1,present", "s1,2,m2,present"],
    }
    brought(school, write(tmp_path, **files))
    m1, m2 = (event.member for event in events(school, MemberJoined))
    assert [event.member for event in events(school, MemberEnrolled)] == [m1, m2]
    assert [(note.rule, note.member, note.module) for note in events(school, HistoricalException)] == [
        ("prerequisites-missing", m1, "M01"),
        ("prerequisites-missing", m2, "M01"),
        ("session-full", m2, "M01"),
    ]
    assert when(school, HistoricalException) == ["2020-02-03 00:00", "2020-02-04 00:00", "2020-02-04 00:00"]


def test_somebody_not_enrolled_may_be_on_a_sheet_by_exception(school: CoopSchool, tmp_path: Path) -> None:
    files = SCHOOL | {"attendance": ["s1,1,m1,present", "s1,1,m2,present,,came along", "s1,2,m1,present"]}
    brought(school, write(tmp_path, **files))
    m1, m2 = (event.member for event in events(school, MemberJoined))
    assert [(note.rule, note.member) for note in events(school, HistoricalException)] == [("not-enrolled", m2)]
    assert [record.member for record in events(school, AttendanceLogged)[0].records] == [m1, m2]
    assert [event.member for event in events(school, ModuleCompleted)] == [m1]


def test_an_exception_that_names_another_rule_does_not_help(school: CoopSchool, tmp_path: Path) -> None:
    files = SCHOOL | {
        "modules": ["M00,Avant,1,,2020-01-10", "M01,Bienvenue,2,M00,2020-01-15"],
        "enrolments": "s1,m1,2020-02-03,session-full",
    }
    assert refused(school, write(tmp_path, **files)) == [("enrolments.csv", 2, "member_ref", "prerequisites-missing")]


def test_an_exception_for_a_rule_that_was_kept_notes_nothing(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **(SCHOOL | {"enrolments": "s1,m1,2020-02-03,session-full"})))
    assert events(school, HistoricalException) == []


# --- problems


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"enrolments": [ENROLLED, "s9,m1,2020-02-03"]}, ("enrolments.csv", 3, "session_ref", "unknown")),
        ({"enrolments": [ENROLLED, "s1,m9,2020-02-03"]}, ("enrolments.csv", 3, "member_ref", "unknown")),
        ({"enrolments": [ENROLLED, "s1,t1,2020-02-03"]}, ("enrolments.csv", 3, "member_ref", "membership-inactive")),
        ({"enrolments": [ENROLLED, "s1,m1,2020-02-04"]}, ("enrolments.csv", 3, "member_ref", "already-enrolled")),
        ({"enrolments": "s1,m1,2030-02-03"}, ("enrolments.csv", 2, "enrolled_at", "still-to-come")),
        ({"categories": "m9,A,2020-02-03"}, ("categories.csv", 2, "member_ref", "unknown")),
        ({"categories": "m1,B,2019-02-03"}, ("categories.csv", 2, "effective_on", "membership-inactive")),
        ({"waivers": "m9,M01,2020-02-03"}, ("waivers.csv", 2, "member_ref", "unknown")),
        ({"waivers": "m1,M99,2020-02-03"}, ("waivers.csv", 2, "module", "unknown")),
        ({"withdrawals": "s1,m2,2020-02-03"}, ("withdrawals.csv", 2, "withdrawn_at", "not-enrolled")),
        ({"withdrawals": "s1,m9,2020-02-03"}, ("withdrawals.csv", 2, "member_ref", "unknown")),
        ({"slots": [*SLOTS, "s9,1,2020-03-02T09:00,2020-03-02T10:00"]}, ("slots.csv", 4, "session_ref", "unknown")),
        ({"slots": [*SLOTS, "s1,2,2020-03-10T09:00,2020-03-10T10:00"]}, ("slots.csv", 4, "slot", "twice")),
        ({"slots": [*SLOTS, "s1,3,2020-03-09T11:00,2020-03-09T13:00"]}, ("slots.csv", 4, "starts_at", "slots-overlap")),
        ({"slots": [*SLOTS, "s1,3,2020-03-10T11:00,2020-03-10T09:00"]}, ("slots.csv", 4, "ends_at", "invalid")),
        ({"sessions": "s1,M99,5,,,2020-02-01"}, ("sessions.csv", 2, "module", "unknown")),
        ({"sessions": "s1,M01,5,,,2020-01-01"}, ("sessions.csv", 2, "module", "unknown")),
        ({"sessions": "s1,M01,5,,,2020-02-01,,2020-03-09T10:00"}, ("sessions.csv", 2, "closed_on", "session-not-over")),
        ({"attendance": "s1,1,m1,present"}, ("sessions.csv", 2, "closed_on", "slots-not-logged")),
        ({"attendance": [*SHEETS, "s1,1,m2,present"]}, ("attendance.csv", 4, "member_ref", "not-enrolled")),
        ({"attendance": [*SHEETS, "s1,1,m9,present"]}, ("attendance.csv", 4, "member_ref", "unknown")),
        ({"attendance": [*SHEETS, "s1,1,m1,absent"]}, ("attendance.csv", 4, "member_ref", "twice")),
        ({"attendance": [*SHEETS, "s1,3,m1,present"]}, ("attendance.csv", 4, "slot", "unknown")),
        ({"attendance": ["s1,1,m1,partial", "s1,2,m1,present"]}, ("attendance.csv", 2, "minutes", "invalid")),
        ({"attendance": ["s1,1,m1,partial,181", "s1,2,m1,present"]}, ("attendance.csv", 2, "minutes", "invalid")),
        ({"modules": "M01,Bienvenue,2,M09,2020-01-15"}, ("modules.csv", 2, "prerequisites", "prerequisite-unknown")),
        (CIRCULAR, ("modules.csv", 3, "prerequisites", "prerequisite-unknown")),
        ({"members": ["m1,A,2020-01-01", "m1,A,2020-01-02"]}, ("members.csv", 3, "joined_on", "already-member")),
        ({"members": ["m1,A,2020-01-01,,,,a@b", "m2,A,2020-01-02,,,,A@b"]}, ("members.csv", 3, "email", "email-taken")),
        ({"members": ["m1,A,2020-01-01,2019-01-01"], **NOBODY}, ("members.csv", 2, "ended_on", "membership-inactive")),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_a_mistake_is_reported_once_where_it_was_made(
    school: CoopSchool, tmp_path: Path, changed: dict[str, Any], problem: tuple[str, int, str, str]
) -> None:
    assert refused(school, write(tmp_path, **(SCHOOL | changed))) == [problem]


def test_all_mistakes_are_reported_at_once(school: CoopSchool, tmp_path: Path) -> None:
    files = SCHOOL | {
        "members": ["m1,A,2020-01-01", "m2,Z,2020-01-01", "m3,A,someday"],
        "categories": ["m2,B,2020-02-01", "m1,Q,2020-02-01"],
        "enrolments": ["s1,m1,2020-02-03", "s1,m2,2020-02-03", "s7,m1,2020-02-03"],
    }
    assert refused(school, write(tmp_path, **files)) == [
        ("categories.csv", 3, "category", "cell"),
        ("enrolments.csv", 4, "session_ref", "unknown"),
        ("members.csv", 3, "category", "cell"),
        ("members.csv", 4, "joined_on", "cell"),
    ]


def test_a_session_needs_slots(school: CoopSchool, tmp_path: Path) -> None:
    problems = refused(school, write(tmp_path, **(SCHOOL | {"slots": []})))
    assert problems == [("sessions.csv", 2, "session_ref", "no-slots")]


def test_a_problem_says_what_to_do_about_it(school: CoopSchool, tmp_path: Path) -> None:
    files = SCHOOL | {"attendance": [*SHEETS, "s1,1,m2,present"]}
    [problem] = import_history(school, write(tmp_path, **files)).problems
    assert isinstance(problem, Problem)
    assert "exception" in problem.advice


# --- once, and all or nothing


def test_a_dry_run_reports_and_writes_nothing(school: CoopSchool, tmp_path: Path) -> None:
    imported = import_history(school, write(tmp_path, **SCHOOL), dry_run=True)
    assert (imported.position, imported.events, imported.problems) == (None, 15, [])
    assert log(school) == []
    assert vault_rows(school) == Counter()


def test_importing_twice_adds_nothing(school: CoopSchool, tmp_path: Path) -> None:
    files = SCHOOL | {
        "members": ["m1,A,2020-01-01,2025-01-01", "m2,B,2020-01-01"],
        "categories": "m2,A,2020-02-01",
        "waivers": "m2,M01,2020-02-01",
        "withdrawals": "s1,m1,2020-03-10",
    }
    directory = write(tmp_path, **files)
    brought(school, directory)
    before, kept = log(school), vault_rows(school)
    again = brought(school, directory)
    assert (again.events, again.carried_out, again.position) == (0, 0, len(before))
    assert (log(school), vault_rows(school)) == (before, kept)


def test_what_a_directory_gained_since_is_added(school: CoopSchool, tmp_path: Path) -> None:
    begun = SCHOOL | {"sessions": "s1,M01,2,t1,,2020-02-01", "attendance": SCHOOL["attendance"][:1]}
    brought(school, write(tmp_path, **begun))
    before = len(log(school))
    finished = begun | {
        "sessions": "s1,M01,2,t1,,2020-02-01,,2020-04-01",
        "attendance": SCHOOL["attendance"],
        "enrolments": [begun["enrolments"], "s1,m2,2020-03-05"],
    }
    brought(school, write(tmp_path, **finished))
    assert [type(event).__name__ for event, _ in log(school)[before:]] == [
        "MemberEnrolled",
        "AttendanceLogged",
        "SessionClosed",
        "ModuleNotCompleted",
        "ModuleNotCompleted",
    ]


def test_a_sheet_that_was_changed_since_is_refused(school: CoopSchool, tmp_path: Path) -> None:
    begun = SCHOOL | {"sessions": "s1,M01,2,t1,,2020-02-01"}
    brought(school, write(tmp_path, **begun))
    changed = begun | {"attendance": ["s1,1,m1,absent", "s1,2,m1,partial,90"]}
    assert refused(school, write(tmp_path, **changed)) == [("attendance.csv", 2, "slot", "slot-already-logged")]


def test_an_email_address_of_somebody_else_here_is_refused(school: CoopSchool, tmp_path: Path) -> None:
    bob = str(uuid4())
    school.execute_now(
        JoinAsMember(at=school.now(), person=bob, category="A", joined_on=school.now().date()),
        vault=[school.vault.put_person(bob, email="ann@example.org")],
    )
    assert refused(school, write(tmp_path, **SCHOOL)) == [("members.csv", 2, "email", "email-taken")]


def vault_rows(school: CoopSchool) -> Counter[str]:
    tables = ("vault_people", "vault_texts", "vault_places", "vault_references")
    found: Counter[str] = Counter()
    with school.database.connect("app") as conn:
        for table in tables:
            found[table] = len(conn.execute(f"select from {table}").fetchall())
    return +found


# --- beside live commands


class Meanwhile:
    """Does something else at the moment between deciding and writing, so many times."""

    def __init__(self, times: int, act: Any) -> None:
        self.left = times
        self.act = act
        self.stages: list[str] = []

    def __call__(self, stage: str, done: int, _all: int) -> None:
        self.stages.append(stage)
        if stage == "writing" and done == 0 and self.left:
            self.left -= 1
            self.act()


def test_live_commands_in_between_do_not_disturb_what_does_not_concern_them(school: CoopSchool, tmp_path: Path) -> None:
    def live() -> None:
        joining = JoinAsMember(at=school.now(), person=str(uuid4()), category="A", joined_on=school.now().date())
        school.execute_now(joining)

    meanwhile = Meanwhile(1, live)
    imported = import_history(school, write(tmp_path, **SCHOOL), progress=meanwhile)
    assert imported.position == 17
    assert meanwhile.stages.count("writing") == 2
    assert len(events(school, MemberJoined)) == 3
    with school.database.connect("app") as conn:
        positions = [position for (position,) in conn.execute("select position from events order by position")]
    assert positions == list(range(1, 18))


def test_an_email_address_given_away_meanwhile_is_refused(school: CoopSchool, tmp_path: Path) -> None:
    def live() -> None:
        bob = str(uuid4())
        address = school.vault.put_person(bob, email="ann@example.org")
        school.execute_now(RegisterPerson(at=school.now(), person=bob), vault=[address])

    imported = import_history(school, write(tmp_path, **SCHOOL), progress=Meanwhile(1, live))
    assert [(problem.column, problem.rule) for problem in imported.problems] == [("email", "email-taken")]
    assert len(log(school)) == 1


def test_a_sheet_follows_the_slot_where_it_was_moved_since(school: CoopSchool, tmp_path: Path) -> None:
    planned = SCHOOL | {"sessions": "s1,M01,2,t1,,2020-02-01", "attendance": []}
    brought(school, write(tmp_path, **planned))
    [scheduled] = events(school, SessionScheduled)
    later = datetime(2020, 3, 3, 9, tzinfo=UTC)
    move = MoveSlot(at=later, session=scheduled.session, slot=1, starts_at=later, ends_at=later.replace(hour=12))
    school.execute_now(move)
    brought(school, write(tmp_path, **(planned | {"attendance": "s1,1,m1,present"})))
    assert when(school, AttendanceLogged) == ["2020-03-03 10:00"]


def test_what_changed_meanwhile_is_decided_again(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **(SCHOOL | {"sessions": "s1,M01,1,t1,,2020-02-01", "attendance": []})))
    [_, m2] = [event.member for event in events(school, MemberJoined)]
    [scheduled] = events(school, SessionScheduled)
    more = SCHOOL | {"sessions": "s1,M01,1,t1,,2020-02-01", "attendance": [], "waivers": "m2,M01,2020-02-01"}

    def live() -> None:
        school.execute_now(GrantRole(at=school.now(), person=m2, role="coordinator"))
        waive = WaivePrerequisite(at=school.now(), member=m2, module="M01", reason_code="experience")
        school.execute_now(waive)

    meanwhile = Meanwhile(1, live)
    imported = import_history(school, write(tmp_path, **more), progress=meanwhile)
    assert imported.problems == []
    assert len(events(school, PrerequisiteWaived)) == 1
    assert meanwhile.left == 0
    assert scheduled.seats == 1


def test_of_two_imports_of_the_same_files_one_adds_them(school: CoopSchool, tmp_path: Path) -> None:
    directory = write(tmp_path, **SCHOOL)
    meanwhile = Meanwhile(1, lambda: import_history(school, directory))
    imported = import_history(school, directory, progress=meanwhile)
    assert (imported.events, imported.position) == (0, 15)
    assert len(log(school)) == 15


def test_an_import_that_is_overtaken_again_and_again_gives_up(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **SCHOOL))
    [m1, _] = [event.member for event in events(school, MemberJoined)]
    more = SCHOOL | {"categories": "m1,B,2020-06-01"}
    categories: list[Category] = ["C", "A"]
    changes = enumerate(cycle(categories), start=1)

    def live() -> None:
        day, category = next(changes)
        school.execute_now(
            ChangeCategory(at=school.now(), member=m1, category=category, effective_on=date(2021, 1, day))
        )

    with pytest.raises(bulk.Overtaken):
        import_history(school, write(tmp_path, **more), progress=Meanwhile(99, live))
    assert school.read_now(lambda load: load(Member, m1).category_on(date(2020, 7, 1))) == "A"


def test_a_reference_is_kept_only_as_a_keyed_hash(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **SCHOOL))
    references = References(school.vault)
    with school.database.connect("app") as conn:
        references.look_up(conn, [("person", "m1"), ("person", "nobody")])
        stored = [bytes(reference) for (reference,) in conn.execute("select reference from vault_references")]
    assert references.find(("person", "m1")) in {event.member for event in events(school, MemberJoined)}
    assert references.find(("person", "nobody")) is None
    assert all(len(reference) == 32 for reference in stored)


def test_a_language_is_chosen_with_the_membership(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **SCHOOL))
    assert [event.language for event in events(school, LanguageChosen)] == ["nl"]
