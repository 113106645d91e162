"""`workshops`: what teams work out, by the quarter of the workshop that it came from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from coopschool.database import Database
from projections.disclosure import Viewer
from tests.projections.story import Story
from tests.support.chantier import decided, held, planned, reviewed


@pytest.fixture
def story(database: Database) -> Story:
    return Story(database)


def workshop(id: str, team: str, on: str, *people: str) -> list[tuple[str, Any]]:
    return [(f"{on} 09:00", planned(id, team, on)), (f"{on} 12:00", held(id, team, on, *people))]


def two_decisions(story: Story) -> datetime:
    """Of one workshop in February 2020, to be reviewed in April and in June."""
    return story.tell(
        *workshop("w1", "a", "2020-02-10"),
        ("2020-02-10 13:00", decided("d1", "w1", "a", "2020-04-15", "telework", "jointly")),
        ("2020-02-10 14:00", decided("d2", "w1", "a", "2020-06-15")),
    )


def test_workshops_count_when_they_are_held_with_everybody_who_was_there(story: Story) -> None:
    story.tell(
        ("2020-02-01 09:00", planned("w0", "a", "2020-02-03")),  # never held
        *workshop("w1", "a", "2020-02-10", "ann", "bob"),
        *workshop("w2", "a", "2020-03-31", "ann", "bob", "cor"),
        *workshop("w3", "a", "2020-04-01", "ann"),
        *workshop("w4", "b", "2020-04-02", "dee"),
    )
    found = {(row["team"], row["quarter"]): (row["held"], row["participants"]) for row in story.rows("workshops")}
    assert found == {("a", "2020Q1"): (2, 5), ("a", "2020Q2"): (1, 1), ("b", "2020Q2"): (1, 1)}
    assert [row["quarter"] for row in story.rows("workshops", team="a", period="2020Q2")] == ["2020Q2"]
    assert len(story.rows("workshops", period="2020")) == 3
    assert [row["held"] for row in story.rows("workshops", as_of="2020-03-30")] == [1]
    assert story.rows("workshops", as_of="2020-02-09") == story.rows("workshops", period="2019") == []


def test_a_decision_is_open_then_kept_changed_or_dropped_in_the_quarter_of_its_workshop(story: Story) -> None:
    known = two_decisions(story)
    story.tell(
        ("2020-04-10 09:00", reviewed("d1", "w1", "a", "changed", "2020-07-01")),
        ("2020-06-20 09:00", reviewed("d2", "w1", "a", "kept", "2020-12-01")),
        ("2020-07-02 09:00", reviewed("d1", "w1", "a", "dropped")),
    )

    def outcomes(**asked: Any) -> dict[str, int]:
        row = story.row("workshops", **asked)
        assert (row["quarter"], row["decisions"]) == ("2020Q1", 2)
        return dict(row["decisions_by_outcome"])

    assert outcomes(as_of="2020-04-09") == {"open": 2}
    assert outcomes(as_of="2020-04-10") == {"changed": 1, "open": 1}
    assert outcomes(as_of="2020-06-30") == {"changed": 1, "kept": 1}
    assert outcomes() == {"dropped": 1, "kept": 1}
    assert outcomes(known_at=known) == {"open": 2}
    row = story.row("workshops")
    assert row["decisions_by_theme"] == {"rota": 1, "telework": 1}
    assert row["decisions_by_decided_by"] == {"jointly": 1, "team": 1}
    assert story.differing() == ()


def test_a_review_is_on_time_until_the_day_it_is_due_and_a_decision_overdue_from_the_day_after(story: Story) -> None:
    two_decisions(story)
    story.tell(
        ("2020-04-15 18:00", reviewed("d1", "w1", "a", "kept", "2020-09-01")),  # on the day
        ("2020-06-16 09:00", reviewed("d2", "w1", "a", "dropped")),  # a day late
    )

    def figures(as_of: str) -> tuple[int, int, int]:
        row = story.row("workshops", as_of=as_of)
        return row["reviewed"], row["reviewed_on_time"], row["overdue"]

    assert figures("2020-04-14") == (0, 0, 0)
    assert figures("2020-04-15") == (1, 1, 0)
    assert figures("2020-06-15") == (1, 1, 0)
    assert figures("2020-06-16") == (2, 1, 0)
    assert figures("2020-09-01") == (2, 1, 0)
    assert figures("2020-09-02") == (2, 1, 1)  # the next review of d1; what was dropped is due no more


def test_a_decision_that_nobody_reviews_is_overdue_from_the_day_after(story: Story) -> None:
    two_decisions(story)
    overdue = [story.row("workshops", as_of=day)["overdue"] for day in ("2020-04-15", "2020-04-16", "2020-06-16")]
    assert overdue == [0, 1, 2]


def test_advisers_see_their_team_and_who_runs_or_studies_the_school_sees_all(story: Story) -> None:
    story.tell(*workshop("w1", "a", "2020-02-10"), *workshop("w2", "b", "2020-02-11"))

    def seen(viewer: Viewer, **asked: Any) -> list[str]:
        return [row["team"] for row in story.seen_by(viewer, "workshops", **asked).rows]

    of_a = Viewer(frozenset({"adviser"}), frozenset({"a"}))
    assert (seen(of_a), seen(of_a, team="b"), seen(Viewer(frozenset({"adviser"})))) == (["a"], [], [])
    assert seen(Viewer(frozenset({"coordinator"}))) == seen(Viewer(frozenset({"researcher"}))) == ["a", "b"]
    assert seen(Viewer(frozenset({"adviser", "coordinator"}), frozenset({"a"}))) == ["a", "b"]
    assert seen(Viewer(frozenset({"member", "trainer", "admin"}))) == []
