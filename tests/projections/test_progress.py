"""`progress` and `attendance`: what each figure counts."""

from __future__ import annotations

from typing import Any

import pytest

from coopschool.database import Database
from tests.projections.story import Story


@pytest.fixture
def story(database: Database) -> Story:
    return Story(database)


def full_course(story: Story) -> None:
    """Two seats: ann stays, bob goes, cas moves up; ann misses the second half-day."""
    story.tell(
        ("2020-03-01 09:00", story.scheduled("s1", "M01", "2020-04-01 09:00", "2020-04-02 09:00")),
        ("2020-03-02 09:00", story.enrolled("ann", "s1")),
        ("2020-03-03 09:00", story.enrolled("bob", "s1")),
        ("2020-03-04 09:00", story.waitlisted("cas", "s1")),
        ("2020-03-10 09:00", story.withdrawn("bob", "s1")),
        ("2020-03-10 09:00", story.promoted("cas", "s1")),
        ("2020-04-01 09:00", story.sheet("s1", 1, ann="present", cas=90)),
        ("2020-04-02 09:00", story.sheet("s1", 2, ann="absent", cas="excused")),
        ("2020-04-03 18:00", story.closed("s1")),
        ("2020-04-03 18:00", story.not_completed("ann", "s1")),
        ("2020-04-03 18:00", story.completed("cas", "s1")),
    )


def test_every_figure_of_a_session(story: Story) -> None:
    full_course(story)
    assert story.row("progress") == {
        "sessions": 1, "seats": 2, "enrolled": 3, "waitlisted": 1, "promoted": 1, "withdrawn": 1, "cancelled": 0,
        "no_show": 0, "fill_rate": 1.0, "attendance_rate": 0.5, "completed": 1, "not_completed": 1,
        "completion_rate": 0.5, "median_days_to_completion": 24.0,
    }  # fmt: skip


def test_nothing_yet_is_zeros_and_rates_of_nothing_are_null(story: Story) -> None:
    story.tell(("2020-03-01 09:00", story.registered("ann")))
    row = story.row("progress")
    assert {name for name, value in row.items() if value is None} == {
        "fill_rate", "attendance_rate", "completion_rate", "median_days_to_completion",
    }  # fmt: skip
    assert {value for value in row.values() if value is not None} == {0}


@pytest.mark.parametrize(
    ("as_of", "figures"),
    [
        ("2020-02-29", {"sessions": 0, "enrolled": 0}),
        ("2020-03-03", {"sessions": 1, "enrolled": 2, "waitlisted": 0, "fill_rate": 1.0}),
        ("2020-03-04", {"enrolled": 2, "waitlisted": 1, "promoted": 0}),
        ("2020-03-10T08:59:59+01:00", {"withdrawn": 0, "enrolled": 2}),
        ("2020-03-10T09:00:00+01:00", {"withdrawn": 1, "enrolled": 3, "promoted": 1}),
        ("2020-04-01", {"attendance_rate": 0.75, "completed": 0, "completion_rate": None}),
        ("2020-04-03T17:59:59+02:00", {"completed": 0}),
        ("2020-04-03", {"completed": 1, "not_completed": 1}),
    ],
)
def test_as_of_counts_only_what_had_happened(story: Story, as_of: str, figures: dict[str, Any]) -> None:
    full_course(story)
    row = story.row("progress", as_of=as_of)
    assert {name: row[name] for name in figures} == figures


def test_known_at_counts_only_what_had_been_recorded(story: Story) -> None:
    first = story.tell(
        ("2020-03-01 09:00", story.scheduled("s1", "M01", "2020-04-01 09:00")),
        ("2020-03-02 09:00", story.enrolled("ann", "s1")),
    )
    second = story.tell(("2020-03-01 12:00", story.enrolled("bob", "s1")))
    assert story.row("progress", known_at=first)["enrolled"] == 1
    assert story.row("progress", known_at=second)["enrolled"] == 2
    assert story.row("progress", known_at=second, as_of="2020-03-01")["enrolled"] == 1
    assert story.row("progress", known_at="2019-01-01")["sessions"] == 0
    assert story.report("progress", known_at=first).provenance.position == 2


def test_who_comes_back_is_enrolled_once_and_withdrawn_each_time(story: Story) -> None:
    story.tell(
        ("2020-03-01 09:00", story.scheduled("s1", "M01", "2020-04-01 09:00")),
        ("2020-03-02 09:00", story.enrolled("ann", "s1")),
        ("2020-03-03 09:00", story.withdrawn("ann", "s1")),
        ("2020-03-04 09:00", story.waitlisted("ann", "s1")),
        ("2020-03-05 09:00", story.promoted("ann", "s1")),
        ("2020-03-06 09:00", story.withdrawn("ann", "s1")),
    )
    row = story.row("progress")
    assert (row["enrolled"], row["waitlisted"], row["promoted"], row["withdrawn"], row["fill_rate"]) == (
        1,
        1,
        1,
        2,
        0.0,
    )


def test_a_wait_that_ended_by_a_seat_elsewhere_is_no_withdrawal(story: Story) -> None:
    story.tell(
        ("2020-03-01 09:00", story.scheduled("s1", "M01", "2020-04-01 09:00")),
        ("2020-03-02 09:00", story.waitlisted("ann", "s1")),
        ("2020-03-03 09:00", story.withdrawn("ann", "s1", "waitlisted", "confirmed_elsewhere")),
        ("2020-03-02 09:00", story.waitlisted("bob", "s1")),
        ("2020-03-03 09:00", story.withdrawn("bob", "s1", "waitlisted")),
    )
    assert story.row("progress")["withdrawn"] == 1
    assert story.rows("demand") == []


def test_a_cancelled_session_has_no_seats_but_its_enrolments_count(story: Story) -> None:
    story.tell(
        ("2020-03-01 09:00", story.scheduled("s1", "M01", "2020-04-01 09:00")),
        ("2020-03-02 09:00", story.enrolled("ann", "s1")),
        ("2020-03-03 09:00", story.session_cancelled("s1")),
        ("2020-03-03 09:00", story.cancelled("ann", "s1")),
    )
    row = story.row("progress")
    assert (row["sessions"], row["seats"], row["fill_rate"]) == (0, 0, None)
    assert (row["enrolled"], row["cancelled"], row["withdrawn"]) == (1, 1, 0)
    assert story.row("progress", as_of="2020-03-02")["fill_rate"] == 0.5


def test_who_has_a_seat_after_the_first_slot_does_not_fill_it(story: Story) -> None:
    story.tell(
        ("2020-03-01 09:00", story.scheduled("s1", "M01", "2020-04-01 09:00", "2020-04-02 09:00")),
        ("2020-04-01 09:00", story.enrolled("ann", "s1")),
        ("2020-04-01 09:01", story.enrolled("bob", "s1")),
    )
    assert story.row("progress")["fill_rate"] == 0.5


def test_who_never_came_is_a_no_show_until_a_correction_says_otherwise(story: Story) -> None:
    story.tell(
        ("2020-03-01 09:00", story.scheduled("s1", "M01", "2020-04-01 09:00", "2020-04-02 09:00")),
        ("2020-03-02 09:00", story.enrolled("ann", "s1")),
        ("2020-03-02 09:00", story.enrolled("bob", "s1")),
        ("2020-04-01 09:00", story.sheet("s1", 1, ann="absent", bob="excused")),
        ("2020-04-02 09:00", story.sheet("s1", 2, ann="absent", bob="present")),
    )
    assert story.row("progress")["no_show"] == 0
    closing = story.tell(
        ("2020-04-03 18:00", story.closed("s1")),
        ("2020-04-03 18:00", story.not_completed("ann", "s1")),
        ("2020-04-03 18:00", story.not_completed("bob", "s1")),
    )
    assert story.row("progress")["no_show"] == 1
    story.tell(
        ("2020-04-02 09:00", story.corrected("s1", 2, "ann", "present")),
        ("2020-04-02 09:00", story.corrected("s1", 2, "bob", "absent")),
        ("2020-04-03 18:00", story.completed("ann", "s1")),
    )
    row = story.row("progress")
    assert (row["no_show"], row["completed"], row["not_completed"]) == (1, 1, 1)
    before = story.row("progress", known_at=closing)
    assert (before["no_show"], before["completed"], before["not_completed"]) == (1, 0, 2)
    assert story.row("progress", as_of="2020-04-02")["no_show"] == 0
    assert story.differing() == ()


def test_who_enrols_after_a_sheet_is_absent_from_it_until_corrected(story: Story) -> None:
    story.tell(
        ("2020-03-01 09:00", story.scheduled("s1", "M01", "2020-04-01 09:00", "2020-04-02 09:00")),
        ("2020-03-02 09:00", story.enrolled("ann", "s1")),
        ("2020-04-01 09:00", story.sheet("s1", 1, ann="present")),
        ("2020-04-01 15:00", story.enrolled("bob", "s1")),
        ("2020-04-02 09:00", story.sheet("s1", 2, ann="present", bob="present")),
    )
    assert story.row("progress")["attendance_rate"] == 0.75
    first, second = story.rows("attendance", session="s1")
    assert (first["expected"], first["present"], first["absent"]) == (2, 1, 1)
    assert (second["expected"], second["present"]) == (2, 2)
    story.tell(("2020-04-01 09:00", story.corrected("s1", 1, "bob", "excused")))
    first, _ = story.rows("attendance", session="s1")
    assert (first["expected"], first["absent"], first["excused"], first["corrections"]) == (2, 0, 1, 1)
    story.tell(("2020-04-02 15:00", story.withdrawn("bob", "s1")))
    first, _ = story.rows("attendance", session="s1")
    assert first["expected"] == 2


def test_who_gives_up_the_seat_is_no_longer_absent_from_a_sheet_that_did_not_name_them(story: Story) -> None:
    story.tell(
        ("2020-03-01 09:00", story.scheduled("s1", "M01", "2020-04-01 09:00", "2020-04-02 09:00")),
        ("2020-03-02 09:00", story.enrolled("ann", "s1")),
        ("2020-04-01 09:00", story.sheet("s1", 1, ann="present")),
        ("2020-04-01 15:00", story.enrolled("bob", "s1")),
        ("2020-04-01 16:00", story.withdrawn("bob", "s1")),
    )
    (first, *_) = story.rows("attendance", session="s1")
    assert (first["expected"], first["absent"]) == (1, 0)


def test_the_sheets_of_a_session_slot_by_slot(story: Story) -> None:
    full_course(story)
    assert story.rows("attendance") == [
        {
            "session": "s1", "slot": 1, "module": "M01", "date": "2020-04-01", "expected": 2, "present": 1,
            "partial": 1, "absent": 0, "excused": 0, "corrections": 0, "days_to_logging": 2162,
        },
        {
            "session": "s1", "slot": 2, "module": "M01", "date": "2020-04-02", "expected": 2, "present": 0,
            "partial": 0, "absent": 1, "excused": 1, "corrections": 0, "days_to_logging": 2161,
        },
    ]  # fmt: skip


def test_a_slot_that_began_without_a_sheet_expects_who_had_a_seat_then(story: Story) -> None:
    story.tell(
        ("2020-03-01 09:00", story.scheduled("s1", "M01", "2020-04-01 09:00", "2020-04-02 09:00")),
        ("2020-03-02 09:00", story.enrolled("ann", "s1")),
        ("2020-04-01 12:00", story.enrolled("bob", "s1")),
    )
    assert story.rows("attendance", as_of="2020-03-31") == []
    first, second = story.rows("attendance", as_of="2020-04-03")
    assert (first["expected"], first["present"], first["days_to_logging"]) == (1, None, None)
    assert second["expected"] == 2


def test_a_session_that_moves_takes_its_figures_with_it(story: Story) -> None:
    before = story.tell(
        ("2020-03-01 09:00", story.scheduled("s1", "M01", "2020-03-31 09:00")),
        ("2020-03-02 09:00", story.enrolled("ann", "s1")),
    )
    story.tell(("2020-03-20 09:00", story.moved("s1", 1, "2020-04-01 09:00")))
    assert [(row["period"], row["enrolled"]) for row in story.rows("progress", group_by="period")] == [("2020Q2", 1)]
    earlier = story.rows("progress", group_by="month", as_of="2020-03-19")
    assert [(row["month"], row["enrolled"]) for row in earlier] == [("2020-03", 1)]
    assert [row["period"] for row in story.rows("progress", group_by="period", known_at=before)] == ["2020Q1"]
    assert story.row("progress", period="2020Q2")["enrolled"] == 1
    assert story.row("progress", period="2020-03")["sessions"] == 0
    assert story.row("progress", period="2020")["sessions"] == 1


def test_groups_may_be_combined_and_filters_choose_among_sessions(story: Story) -> None:
    story.tell(
        ("2020-03-01 09:00", story.scheduled("s1", "M01", "2020-04-01 09:00")),
        ("2020-03-01 09:00", story.scheduled("s2", "M02", "2021-04-01 09:00", format="online", languages=("nl", "fr"))),
        ("2020-03-02 09:00", story.enrolled("ann", "s1")),
        ("2020-03-02 09:00", story.enrolled("ann", "s2")),
        ("2020-03-02 09:00", story.enrolled("bob", "s2")),
    )
    rows = story.rows("progress", group_by="module,year,format,language,session")
    assert [(*tuple(row.values())[:5], row["enrolled"]) for row in rows] == [
        ("M01", "2020", "in_person", "fr", "s1", 1),
        ("M02", "2021", "online", "fr|nl", "s2", 2),
    ]
    assert story.row("progress", module="M02")["enrolled"] == 2
    assert story.row("progress", session="s1")["enrolled"] == 1
    assert story.row("progress", format="online")["sessions"] == 1
    assert story.row("progress", language="fr")["sessions"] == 1


def test_the_category_is_that_of_the_sessions_first_day_and_small_groups_are_hidden(story: Story) -> None:
    people = [f"a{number}" for number in range(6)] + [f"b{number}" for number in range(5)] + ["c0"]
    story.tell(
        ("2020-01-01 00:00", story.scheduled("s1", "M01", "2020-04-01 09:00", seats=20)),
        *(("2019-01-01 00:00", story.joined(who, who[0].upper(), "2019-01-01")) for who in people),
        *(("2020-02-01 00:00", story.enrolled(who, "s1")) for who in people),
        ("2020-04-01 00:00", story.category("a0", "B", "2020-04-01")),
        ("2020-04-02 00:00", story.category("b4", "C", "2020-04-02")),
    )
    rows = story.rows("progress", group_by="category")
    assert [(row["category"], row["enrolled"], row["suppressed"]) for row in rows] == [
        ("A", None, True),
        ("B", 6, False),
        ("C", None, True),
    ]
    assert rows[1]["sessions"] is rows[1]["seats"] is rows[1]["fill_rate"] is None
    as_of = story.rows("progress", group_by="category", as_of="2020-03-31")
    assert [(row["category"], row["enrolled"]) for row in as_of] == [("A", 6), ("B", None), ("C", None)]
    assert story.row("progress", category="B")["enrolled"] == 6
    assert story.row("progress", category="C")["suppressed"] is True
    assert "people" not in rows[1]


def test_who_completed_without_having_been_enrolled_took_no_days(story: Story) -> None:
    """Old records may know an outcome and nothing before it: it counts, and says nothing of how long it took."""
    people = [f"a{number}" for number in range(8)]
    story.tell(
        ("2020-01-01 00:00", story.scheduled("s1", "M01", "2020-04-01 09:00", seats=20)),
        *(("2019-01-01 00:00", story.joined(who, "A", "2019-01-01")) for who in [*people, "z0"]),
        *(("2020-03-22 00:00", story.enrolled(who, "s1")) for who in people[:4]),
        *(("2020-03-12 00:00", story.enrolled(who, "s1")) for who in people[4:]),
        *(("2020-04-01 12:00", story.completed(who, "s1")) for who in [*people, "z0"]),
    )
    (by_category,) = story.rows("progress", group_by="category")
    for row in (story.row("progress"), by_category):
        assert (row["completed"], row["median_days_to_completion"]) == (9, 15)
