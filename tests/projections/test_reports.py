"""`cohorts`, `demand`, `member_progress`, and what all reports have in common."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coopschool.database import Database
from coopschool.domain.errors import Invalid, Unknown
from coopschool.domain.school.member import MemberJoined, MembershipEnded
from projections.generations import NotCaughtUp, in_live_facts
from projections.registry import projections_version
from projections.reports import REPORTS, definition, run
from projections.reports.report import checksum
from tests.projections.story import Story
from tests.support.advisers import FEEDBACK, published
from tests.support.chantier import alike, held, rated, wave


@pytest.fixture
def story(database: Database) -> Story:
    return Story(database)


# --- cohorts


def test_cohorts_count_milestones_by_the_months_since_registration(story: Story) -> None:
    sessions = {f"s{number}": f"M0{number}" for number in (1, 2, 3)}
    story.tell(
        ("2020-01-10 09:00", story.registered("ann")),
        ("2020-02-10 09:00", story.registered("bob")),
        ("2020-01-10 09:00", story.joined("ann", "A", "2020-01-10")),
        ("2020-04-09 09:00", story.joined("bob", "A", "2020-04-09")),
        *(("2020-01-11 09:00", story.scheduled(id, module, "2020-03-01 09:00")) for id, module in sessions.items()),
        ("2020-02-10 09:00", story.completed("ann", "s1")),
        ("2020-03-09 09:00", story.completed("ann", "s2")),
        ("2020-04-10 09:00", story.completed("ann", "s3")),
    )
    rows = story.rows("cohorts", as_of="2020-07-01")
    assert [(row["quarter"], row["months"], row["people"]) for row in rows] == [
        ("2020Q1", 0, 2), ("2020Q1", 1, 2), ("2020Q1", 2, 2), ("2020Q1", 3, 2),
    ]  # fmt: skip
    assert [(row["joined"], row["one_module"], row["rite_of_passage"], row["three_modules"]) for row in rows] == [
        (1, 0, 0, 0), (2, 1, 1, 0), (2, 1, 1, 0), (2, 1, 1, 1),
    ]  # fmt: skip
    assert [row["joined_share"] for row in rows] == [0.5, 1.0, 1.0, 1.0]


def test_the_same_module_twice_is_one_and_a_completion_taken_back_is_none(story: Story) -> None:
    story.tell(
        ("2020-01-10 09:00", story.registered("ann")),
        *(
            (("2020-01-11 09:00"), story.scheduled(id, module, "2020-01-20 09:00"))
            for id, module in {"s1": "M01", "s2": "M01", "s3": "M03", "s4": "M04"}.items()
        ),
        ("2020-01-20 09:00", story.completed("ann", "s1")),
        ("2020-01-21 09:00", story.completed("ann", "s2")),
        ("2020-01-22 09:00", story.completed("ann", "s3")),
    )
    assert story.rows("cohorts", as_of="2020-03-31")[0]["three_modules"] == 0
    before = story.tell(("2020-01-23 09:00", story.completed("ann", "s4")))
    assert story.rows("cohorts", as_of="2020-03-31")[0]["three_modules"] == 1
    story.tell(("2020-01-21 09:00", story.not_completed("ann", "s2")))
    assert story.rows("cohorts", as_of="2020-03-31")[0]["three_modules"] == 1
    story.tell(("2020-01-20 09:00", story.not_completed("ann", "s1")))
    assert story.rows("cohorts", as_of="2020-03-31")[0]["three_modules"] == 0
    assert story.rows("cohorts", as_of="2020-03-31", known_at=before)[0]["three_modules"] == 1
    assert story.differing() == ()


# --- demand


def test_demand_names_who_waits_and_who_would_come(story: Story) -> None:
    story.tell(
        ("2020-03-01 09:00", story.scheduled("s1", "M01", "2020-04-01 09:00")),
        ("2020-03-05 09:00", story.waitlisted("ann", "s1")),
        ("2020-03-04 09:00", story.waitlisted("bob", "s1")),
        ("2020-03-06 09:00", story.interested("cas", "M01", "2020-01-15 10:00", ["fr", "nl"], ["LIE"])),
        ("2020-03-06 09:00", story.interested("dan", "M02", "2020-02-15 10:00")),
    )
    assert story.rows("demand") == [
        {"module": "M01", "language": "fr", "place": "LIE", "waiting": 2, "interested": 1, "since": "2020-01-15"},
        {"module": "M01", "language": "nl", "place": "LIE", "waiting": 0, "interested": 1, "since": "2020-01-15"},
        {"module": "M02", "language": None, "place": None, "waiting": 0, "interested": 1, "since": "2020-02-15"},
    ]
    assert [row["waiting"] for row in story.rows("demand", as_of="2020-03-04")] == [1]
    assert [row["language"] for row in story.rows("demand", module="M01", language="nl")] == ["nl"]
    assert story.rows("demand", place="GNT", module="M01") == []


@pytest.mark.parametrize("how", ["enrolled", "waitlisted", "promoted", "no_longer_interested"])
def test_an_interest_ends_when_the_wish_comes_true_or_goes(story: Story, how: str) -> None:
    story.tell(
        ("2020-03-01 09:00", story.scheduled("s1", "M01", "2020-04-01 09:00")),
        ("2020-03-02 09:00", story.interested("ann", "M01", "2020-01-15 10:00")),
    )
    ending = (
        story.no_longer_interested("ann", "M01") if how == "no_longer_interested" else getattr(story, how)("ann", "s1")
    )
    story.tell(("2020-03-03 09:00", ending))
    assert sum(row["interested"] for row in story.rows("demand")) == 0
    assert sum(row["interested"] for row in story.rows("demand", as_of="2020-03-02")) == 1
    story.tell(("2020-04-01 09:00", story.interested("ann", "M01", "2020-01-15 10:00")))
    assert [row["since"] for row in story.rows("demand") if row["interested"]] == ["2020-01-15"]


def test_an_enrolment_recorded_late_ends_no_later_interest(story: Story) -> None:
    story.tell(
        ("2020-03-01 09:00", story.scheduled("s1", "M01", "2020-04-01 09:00")),
        ("2020-03-05 09:00", story.interested("ann", "M01", "2020-03-05 09:00")),
    )
    story.tell(("2020-03-02 09:00", story.enrolled("ann", "s1")), ("2020-03-03 09:00", story.withdrawn("ann", "s1")))
    assert sum(row["interested"] for row in story.rows("demand")) == 1


# --- member_progress


def statuses(story: Story, **parameters: Any) -> dict[str, Any]:
    return {row["module"]: row["status"] for row in story.rows("member_progress", member="ann", **parameters)}


def test_a_members_modules_step_by_step(story: Story) -> None:
    story.tell(
        ("2020-01-01 09:00", story.interested("ann", "M01", "2020-01-01 09:00")),
        ("2020-01-02 09:00", story.scheduled("s1", "M01", "2020-02-01 09:00", "2020-02-02 09:00")),
        ("2020-01-03 09:00", story.waitlisted("ann", "s1")),
        ("2020-01-04 09:00", story.promoted("ann", "s1")),
        ("2020-02-01 09:00", story.sheet("s1", 1, ann=60)),
        ("2020-02-02 09:00", story.sheet("s1", 2, ann="present")),
        ("2020-02-03 09:00", story.closed("s1")),
        ("2020-02-03 09:00", story.completed("ann", "s1")),
    )
    days = ["2020-01-01", "2020-01-03", "2020-01-04", "2020-02-01", "2020-02-03"]
    found = [statuses(story, as_of=day).get("M01") for day in days]
    assert found == ["interested", "waitlisted", "enrolled", "in_progress", "completed"]
    row = story.row("member_progress", member="ann")
    assert (row["attended"], row["expected"], row["session"]) == (1.33, 2, "s1")


@pytest.mark.parametrize("how", ["withdrawn", "cancelled", "lapsed", "not_completed"])
def test_what_ended_last_is_the_status_until_something_else_begins(story: Story, how: str) -> None:
    story.tell(
        ("2020-01-02 09:00", story.scheduled("s0", "M01", "2020-02-01 09:00")),
        ("2020-01-02 09:00", story.enrolled("ann", "s0")),
        ("2020-01-03 09:00", story.withdrawn("ann", "s0")),
        ("2020-01-02 09:00", story.scheduled("s1", "M01", "2020-03-01 09:00")),
        ("2020-01-04 09:00", story.enrolled("ann", "s1")),
        ("2020-01-05 09:00", getattr(story, how)("ann", "s1")),
    )
    assert statuses(story) == {"M01": how}
    story.tell(("2020-01-06 09:00", story.interested("ann", "M01", "2020-01-06 09:00")))
    assert statuses(story) == {"M01": "interested"}


def test_the_next_modules_are_those_that_the_member_may_enter(story: Story) -> None:
    story.tell(
        ("2020-01-01 00:00", story.joined("ann", "A", "2020-01-01")),
        ("2020-01-01 09:00", story.drafted("M01")),
        ("2020-01-01 09:00", story.drafted("M02", ["M01"])),
        ("2020-01-01 09:00", story.drafted("M03", ["M02"])),
        ("2020-01-01 09:00", story.drafted("M04", [], ["B"])),
        ("2020-01-01 09:00", story.drafted("M05")),
        *(("2020-01-01 09:00", story.published(module)) for module in ("M01", "M02", "M03", "M04")),
    )

    def open_now(**parameters: Any) -> list[str]:
        return [row["module"] for row in story.rows("member_progress", member="ann", **parameters) if row["open"]]

    assert open_now() == ["M01"]
    story.tell(("2020-01-02 09:00", story.waived("ann", "M03")))
    assert open_now() == ["M01", "M03"]
    story.tell(
        ("2020-01-02 09:00", story.scheduled("s1", "M01", "2020-02-01 09:00")),
        ("2020-01-03 09:00", story.enrolled("ann", "s1")),
    )
    assert open_now() == ["M03"]
    story.tell(("2020-02-03 09:00", story.completed("ann", "s1")))
    assert open_now() == ["M02", "M03"]
    story.tell(("2020-03-01 00:00", story.category("ann", "B", "2020-03-01")))
    assert open_now() == ["M02", "M03", "M04"]
    assert open_now(as_of="2020-02-28") == ["M02", "M03"]
    story.tell(("2020-04-01 00:00", story.retired("M02")))
    assert open_now() == ["M03", "M04"]
    waived = {row["module"]: row["waived"] for row in story.rows("member_progress", member="ann")}
    assert waived["M03"] is True


# --- all of them


def test_a_report_says_what_it_rests_on(story: Story) -> None:
    story.tell(("2020-03-01 09:00", story.scheduled("s1", "M01", "2020-04-01 09:00")))
    report = story.report("progress", group_by=["module"], as_of=date(2020, 3, 29), module="M01")
    assert report.report == "progress"
    assert report.parameters == {
        "as_of": "2020-03-29T23:59:59.999999+02:00", "known_at": None, "group_by": ["module"], "module": "M01",
    }  # fmt: skip
    assert report.provenance.position == 1
    assert report.provenance.projection_version == projections_version()
    assert report.provenance.checksum == checksum(report.rows)
    assert story.report("progress", group_by="module").provenance.checksum == report.provenance.checksum
    assert list(report.rows[0]) == ["module", *REPORTS["progress"].figures]


def test_a_bare_date_is_the_end_of_that_day_in_the_schools_zone(story: Story) -> None:
    story.tell(("2020-03-01 23:30", story.scheduled("s1", "M01", "2020-04-01 09:00")))
    assert story.row("progress", as_of="2020-03-01")["sessions"] == 1
    assert story.row("progress", as_of="2020-02-29")["sessions"] == 0
    assert story.row("progress", as_of=datetime(2020, 3, 1, 22, 29, tzinfo=UTC))["sessions"] == 0
    with story._database.connect("reader") as conn:
        elsewhere = run(conn, "progress", {"as_of": "2020-03-01"}, zone=ZoneInfo("Pacific/Auckland"))
        assert elsewhere.rows[0]["sessions"] == 0
        assert run(conn, "progress", {}, now=datetime(2020, 1, 1, tzinfo=UTC)).rows[0]["sessions"] == 0
        assert run(conn, "progress", {}).rows[0]["sessions"] == 1


def test_columns_of_every_report_are_those_it_announces(story: Story) -> None:
    story.tell(
        ("2020-01-01 09:00", story.registered("ann")),
        ("2020-01-01 09:00", story.interested("ann", "M02", "2020-01-01 09:00")),
        ("2020-01-02 09:00", story.scheduled("s1", "M01", "2020-02-01 09:00")),
        ("2020-01-02 09:00", story.enrolled("ann", "s1")),
        ("2020-01-02 09:00", published()),
        ("2020-01-02 09:00", published(FEEDBACK)),
        *wave("w1", "2020-05-10", {"a": alike(3, 3, 3, 3, 3)}),
        ("2020-05-11 09:00", rated("s1", "M01", (3, 3, 3, 3, 3))),
        ("2020-05-12 09:00", held("ws1", "a", "2020-05-12")),
    )
    for about in REPORTS.values():
        (row, *_) = story.rows(about.name, **({"member": "ann"} if about.name == "member_progress" else {}))
        assert list(row) == [*about.columns, *about.figures], about.name


@pytest.mark.parametrize(
    ("parameters", "field", "listed"),
    [
        ({"group_by": "module,colour"}, "group_by", "period"),
        ({"colour": "red"}, "colour", "module"),
        ({"as_of": "yesterday"}, "as_of", None),
        ({"as_of": 5}, "as_of", None),
        ({"as_of": "2020-03-01T09:00:00"}, "as_of", None),
        ({"as_of": "1066-10-14"}, "as_of", None),
        ({"known_at": "9999-12-31"}, "known_at", None),
        ({"module": ""}, "module", None),
        ({"module": "a\x00"}, "module", None),
        ({"module": 5}, "module", None),
        ({"period": "quarter"}, "period", None),
        ({"period": "2020-13"}, "period", None),
    ],
)
def test_odd_parameters_are_refused_by_name(
    story: Story, parameters: dict[str, Any], field: str, listed: str | None
) -> None:
    with pytest.raises(Invalid) as error:
        story.report("progress", **parameters)
    assert error.value.details["field"] == field
    if listed is not None:
        assert listed in error.value.details["known"]


def test_an_unknown_report_is_answered_with_those_there_are(story: Story) -> None:
    with pytest.raises(Unknown) as error:
        definition("weather")
    assert error.value.details["known"] == sorted(REPORTS)


def test_a_members_progress_needs_the_member(story: Story) -> None:
    with pytest.raises(Invalid) as error:
        story.report("member_progress")
    assert error.value.details["field"] == "member"


def test_before_there_are_facts_nobody_is_told_zeros(database: Database) -> None:
    with database.connect("reader") as conn, pytest.raises(NotCaughtUp):
        run(conn, "progress", {})


def test_an_end_of_a_membership_that_comes_forward_is_the_one_that_is_shown(story: Story, database: Database) -> None:
    story.tell(
        ("2026-01-02 00:00", MemberJoined(member="ann", category="A", joined_on=date(2026, 1, 2))),
        ("2026-06-30 23:59", MembershipEnded(member="ann", ended_on=date(2026, 6, 30))),
    )
    story.tell(("2026-03-05 23:59", MembershipEnded(member="ann", ended_on=date(2026, 3, 5))))
    with database.connect("reader") as conn, in_live_facts(conn):
        assert conn.execute("select ended_on from person_cards where person = 'ann'").fetchall() == [
            (date(2026, 3, 5),)
        ]
