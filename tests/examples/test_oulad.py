"""Real learning records (748 registrations of the Open University) become history, and reports count it right.

The counts that the reports must give are made here from the dataset's own files, not by way of the converter.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import psycopg
import pytest

from coopschool.application import CoopSchool
from coopschool.importing import import_history
from projections import reports
from projections.runner import Runner

OULAD = Path(__file__).parents[2] / "examples" / "oulad"
BEGINNING = {"2013J": date(2013, 10, 1), "2014J": date(2014, 10, 1)}
FIVE_DATES = [date(2013, 9, 30), date(2014, 1, 31), date(2014, 6, 26), date(2015, 2, 15), date(2015, 12, 31)]
LATER = date(2025, 1, 1)


@pytest.fixture
def converted(tmp_path: Path) -> Path:
    """The school's files, made by the converter as a person would run it."""
    command = [sys.executable, str(OULAD / "convert.py"), str(OULAD / "data"), str(tmp_path / "files")]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said.splitlines() == [
        "748 enrolments, 3103 attendances.",
        "Left out: 2 assessments without a date (exams).",
        "Left out: 40 submissions banked from an earlier presentation.",
        "Left out: 6 submissions outside the registration.",
    ]
    return tmp_path / "files"


def test_reports_on_real_records_equal_a_direct_count_at_any_date(school: CoopSchool, converted: Path) -> None:
    imported = import_history(school, converted)
    assert [str(problem) for problem in imported.problems] == []
    assert Runner(school.database, school.settings.zone).catch_up() == imported.position
    with school.database.connect("reader") as conn:
        assert [reported(conn, day) for day in FIVE_DATES] == [counted(day) for day in FIVE_DATES]
        assert reported(conn, LATER) == (748, 126, counted(LATER)[2])


def test_importing_them_twice_adds_nothing(school: CoopSchool, converted: Path) -> None:
    first = import_history(school, converted)
    again = import_history(school, converted)
    assert (again.events, again.position) == (0, first.position)


def reported(conn: psycopg.Connection[tuple[object, ...]], as_of: date) -> tuple[int, int, int]:
    """Enrolments, withdrawals and completions, as the report counts them."""
    [row] = reports.run(conn, "progress", {"as_of": as_of}).rows
    return row["enrolled"], row["withdrawn"], row["completed"]


def counted(as_of: date) -> tuple[int, int, int]:
    """The same, counted in the dataset: who stays and submits 4 of the 5 dated assessments completes at the end."""
    ends = {row["code_presentation"]: row["module_presentation_length"] for row in rows("courses")}
    enrolled = withdrawn = completed = 0
    for row in rows("studentRegistration"):
        name, student, left = row["code_presentation"], row["id_student"], row["date_unregistration"]
        enrolled += on(name, row["date_registration"]) <= as_of
        if left:
            withdrawn += on(name, left) <= as_of
        elif on(name, ends[name]) <= as_of:
            completed += submissions(name, student, int(row["date_registration"])) >= 4
    return enrolled, withdrawn, completed


@cache
def submissions(presentation: str, student: str, registered: int) -> int:
    """How many dated assessments that were due once the student was registered they submitted for it."""
    due = {
        row["id_assessment"]
        for row in rows("assessments")
        if row["code_presentation"] == presentation and row["date"] and int(row["date"]) >= registered
    }
    return sum(
        row["id_student"] == student and row["id_assessment"] in due and row["is_banked"] == "0"
        for row in rows("studentAssessment")
    )


def on(presentation: str, day: str) -> date:
    return BEGINNING[presentation] + timedelta(days=int(day))


@cache
def rows(name: str) -> list[dict[str, str]]:
    with (OULAD / "data" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))
