"""Explain: the events behind a figure, at the same two clocks; nothing behind what is hidden."""

from __future__ import annotations

from typing import Any

import pytest

from coopschool.database import Database
from coopschool.domain.errors import Invalid, Unknown
from projections.reports import REPORTS
from projections.reports.explain import PARTS, Explained, explain
from tests.projections.story import Story

AS_OF = "2027-01-01"


@pytest.fixture
def story(database: Database) -> Story:
    return Story(database)


def explained(database: Database, report: str, figure: str, **parameters: Any) -> Explained:
    with database.connect("reader") as conn:
        return explain(conn, report, figure, {"as_of": AS_OF, **parameters})


def told(story: Story) -> None:
    story.tell(
        ("2020-04-01 09:00", story.registered("ann")),  # 1
        ("2020-04-01 09:00", story.scheduled("s1", "M05", "2020-05-04 14:00")),  # 2
        ("2020-04-01 09:00", story.scheduled("s2", "M05", "2020-09-04 14:00")),  # 3
        ("2020-04-02 09:00", story.enrolled("ann", "s1")),  # 4
        ("2020-04-02 09:00", story.enrolled("bob", "s1")),  # 5
        ("2020-04-02 09:00", story.enrolled("cas", "s2")),  # 6
        ("2020-05-05 09:00", story.completed("ann", "s1")),  # 7
        ("2020-05-05 09:00", story.not_completed("bob", "s1")),  # 8
    )


def test_the_events_behind_a_figure_are_those_that_it_counts(database: Database, story: Story) -> None:
    told(story)
    found = explained(database, "progress", "completed", module="M05", period="2020Q2")
    assert (found.cells[0].value, found.positions, found.suppressed) == (1, [7], False)
    assert explained(database, "progress", "enrolled", period="2020Q2").positions == [4, 5]
    assert explained(database, "progress", "completion_rate").positions == [7, 8]
    assert explained(database, "progress", "sessions", session="s2").positions == [3]
    assert explained(database, "progress", "fill_rate", session="s1").positions == [2, 4, 5]


def test_a_correction_is_behind_the_figure_from_when_it_was_known(database: Database, story: Story) -> None:
    told(story)
    before = story.tell(("2020-05-05 09:00", story.completed("bob", "s1")))
    story.tell(("2020-05-05 09:00", story.not_completed("ann", "s1")))
    assert explained(database, "progress", "completed", known_at=before).positions == [7, 9]
    now = explained(database, "progress", "completed")
    assert (now.cells[0].value, now.positions) == (1, [7, 9, 10])
    assert explained(database, "progress", "completed", as_of="2020-05-04").positions == []


def test_nothing_is_behind_a_figure_that_is_hidden(database: Database, story: Story) -> None:
    told(story)
    story.tell(
        ("2020-04-01 09:00", story.joined("ann", "A", "2020-01-10")),
        ("2020-04-01 09:00", story.joined("bob", "B", "2020-01-10")),
    )
    found = explained(database, "progress", "completed", category="A", period="2020Q2")
    assert (found.suppressed, found.cells[0].value, found.positions) == (True, None, [])


def test_one_category_is_hidden_alone_as_it_is_beside_the_others(database: Database, story: Story) -> None:
    people = {**{f"a{n}": "A" for n in range(6)}, **{f"b{n}": "B" for n in range(7)}, "c": "C"}
    story.tell(
        ("2020-04-01 09:00", story.scheduled("s1", "M05", "2020-05-04 14:00", seats=20)),
        *(("2020-04-01 09:00", story.joined(who, category, "2020-01-10")) for who, category in people.items()),
        *(("2020-04-02 09:00", story.enrolled(who, "s1")) for who in people),
    )
    beside = {row["category"]: row["enrolled"] for row in story.rows("progress", group_by="category")}
    assert beside == {"A": None, "B": 7, "C": None}
    for category, enrolled in beside.items():
        (row,) = story.rows("progress", category=category)
        assert (row["enrolled"], row["suppressed"], "category" in row) == (enrolled, enrolled is None, False)
        assert explained(database, "progress", "enrolled", category=category).suppressed == (enrolled is None)
    assert len(explained(database, "progress", "enrolled", category="B").positions) == 7


def test_where_there_is_nothing_nothing_is_explained(database: Database, story: Story) -> None:
    told(story)
    found = explained(database, "workshops", "held")
    assert (found.cells, found.positions) == ([], [])
    with pytest.raises(Unknown):
        explained(database, "workshops", "held", quarter="2020Q2")


@pytest.mark.parametrize("report", sorted(PARTS.keys() - {"workshops"}))
def test_every_figure_of_a_report_is_explained(database: Database, story: Story, report: str) -> None:
    told(story)
    story.tell(
        ("2020-04-03 09:00", story.joined("ann", "A", "2020-01-10")),
        ("2020-04-03 09:00", story.waitlisted("dan", "s2")),
        ("2020-04-03 09:00", story.interested("ann", "M05", "2020-01-15 10:00", ["fr"], ["LIE"])),
    )
    whose = {"member": "ann"} if report == "member_progress" else {}
    for figure in REPORTS[report].figures:
        assert explained(database, report, figure, **whose).positions is not None


def test_a_row_is_named_by_its_columns(database: Database, story: Story) -> None:
    told(story)
    story.tell(
        ("2020-04-03 09:00", story.waitlisted("dan", "s2")),  # 9
        ("2020-04-03 09:00", story.interested("eva", "M05", "2020-01-15 10:00", ["fr", "nl"])),  # 10
    )
    assert explained(database, "cohorts", "people", quarter="2020Q2", months="0").positions == [1]
    assert explained(database, "demand", "waiting", module="M05", language="fr", place="LIE").positions == [9]
    assert explained(database, "demand", "interested", module="M05", language="nl").positions == [10]
    assert explained(database, "attendance", "expected", session="s1", slot="1").positions == [4, 5]
    assert explained(database, "member_progress", "status", member="ann", module="M05").positions == [4, 7]


def test_what_does_not_exist_is_refused_with_what_does(database: Database, story: Story) -> None:
    told(story)
    with pytest.raises(Unknown) as report:
        explained(database, "weather", "rain")
    assert "progress" in report.value.details["known"]
    with pytest.raises(Invalid) as figure:
        explained(database, "progress", "happiness")
    assert "completed" in figure.value.details["known"]
    with pytest.raises(Unknown) as group:
        explained(database, "cohorts", "people", quarter="1999Q1")
    assert {"quarter": "2020Q2", "months": 0} in group.value.details["known"]
    with pytest.raises(Unknown) as module:
        explained(database, "progress", "completed", module="M99", period="2020Q2")
    assert module.value.details["known"] == [
        {"module": "M05", "period": "2020Q2"},
        {"module": "M05", "period": "2020Q3"},
    ]
    with pytest.raises(Unknown) as session:
        explained(database, "progress", "completed", session="s9")
    assert session.value.details["known"] == [{"module": "M05"}]
    with pytest.raises(Invalid):
        explained(database, "progress", "completed", group_by="module")
    with pytest.raises(Invalid):
        explained(database, "cohorts", "people", months="many")
