"""`feedback`: what was said of modules, and to trainers of their sessions, as released."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from coopschool.database import Database
from coopschool.domain.errors import Forbidden, Invalid
from projections.disclosure import Viewer
from tests.projections.story import Story
from tests.support.advisers import FEEDBACK, published
from tests.support.chantier import rated

HOT, COLD = ([item.code for item in FEEDBACK.items_of(moment)] for moment in ("hot", "cold"))
FIVE = (2, 3, 3, 4, 4)
FIGURES = ("n", "mean", "distribution", "distribution_n", "cold_minus_hot")


@pytest.fixture
def story(database: Database) -> Story:
    story = Story(database)
    story.tell(("2020-01-02 09:00", published(FEEDBACK)))
    return story


def row_of(story: Story, item: str = HOT[0], **asked: Any) -> dict[str, Any]:
    (row,) = [row for row in story.rows("feedback", **asked) if row["item"] == item]
    return row


def test_small_sessions_count_once_five_of_them_are_together_and_stay_as_they_were_on_other_days(story: Story) -> None:
    first = story.tell(("2020-03-01 09:00", rated("s1", "M01", (2, 3, 3))))
    hidden = row_of(story)
    assert (hidden["suppressed"], hidden["releases"], [hidden[each] for each in FIGURES]) == (True, [], [None] * 5)
    second = story.tell(("2020-04-01 09:00", rated("s2", "M01", (4, 4))))
    shown = row_of(story)
    assert (shown["suppressed"], shown["n"], shown["mean"], shown["releases"]) == (False, 5, 3.2, [2, 3])
    story.tell(("2020-05-01 09:00", rated("s3", "M01", (1, 1, 1, 1))))
    assert row_of(story) == shown  # four wait
    assert row_of(story, as_of="2020-03-31") == row_of(story, known_at=first) == hidden
    assert row_of(story, known_at=second) == shown
    assert story.differing() == ()


def test_online_and_paper_hot_and_cold_and_versions_are_told_apart(story: Story) -> None:
    newer = replace(FEEDBACK, version=2)
    story.tell(
        ("2020-01-03 09:00", published(newer)),
        ("2020-03-01 09:00", rated("s1", "M01", FIVE, paper=(4, 4, 4, 5, 5))),
        ("2020-08-01 09:00", rated("s1", "M01", (3, 3, 3, 3, 4), "cold")),
        ("2020-09-01 09:00", replace(rated("s2", "M01", (1, 2, 2, 3, 4)), version=2)),
    )
    shared = next(item for item in COLD if item in HOT)
    found = {
        (row["version"], row["moment"], row["source"]): row["mean"]
        for row in story.rows("feedback")
        if row["item"] == shared
    }
    expected = {
        (1, "hot", "online"): 3.2,
        (1, "hot", "paper"): 4.4,
        (1, "cold", "online"): 3.2,
        (2, "hot", "online"): 2.4,
    }
    assert found == expected
    assert {row["moment"] for row in story.rows("feedback", moment="cold")} == {"cold"}
    assert story.rows("feedback", module="M02") == []


def test_cold_minus_hot_is_of_shared_items_that_are_shown_both_times_and_said_to_be_unpaired(story: Story) -> None:
    story.tell(
        ("2020-03-01 09:00", rated("s1", "M01", (4, 4, 4, 5, 4))),
        ("2020-08-01 09:00", rated("s1", "M01", FIVE, "cold")),
        ("2020-03-01 09:00", rated("s2", "M02", (4, 4))),
        ("2020-08-01 09:00", rated("s2", "M02", FIVE, "cold")),
    )
    compared = {row["item"]: row["cold_minus_hot"] for row in story.rows("feedback", module="M01", moment="cold")}
    assert compared == {item: -1.0 if item in HOT else None for item in COLD}
    assert {row["cold_minus_hot"] for row in story.rows("feedback", module="M02")} == {None}
    assert {row["cold_minus_hot"] for row in story.rows("feedback", moment="hot")} == {None}
    assert "unpaired" in " ".join(story.report("feedback").notes)


def test_a_distribution_is_told_from_ten_who_differ(story: Story) -> None:
    story.tell(
        ("2020-03-01 09:00", rated("s1", "M01", FIVE)),
        ("2020-03-02 09:00", rated("s2", "M01", FIVE)),
        ("2020-03-02 09:00", rated("s3", "M02", FIVE)),
        ("2020-03-02 09:00", rated("s4", "M03", (3,) * 10)),
    )
    ten = row_of(story, module="M01")
    assert (ten["distribution"], ten["distribution_n"]) == ({"1": 0, "2": 2, "3": 4, "4": 4, "5": 0}, 10)
    for module, n in (("M02", 5), ("M03", 10)):
        row = row_of(story, module=module)
        assert (row["n"], row["distribution"], row["distribution_n"]) == (n, None, None)


def test_a_session_by_itself_is_for_its_trainers_from_five_answers(story: Story) -> None:
    story.tell(("2020-03-01 09:00", rated("s1", "M01", FIVE)), ("2020-03-02 09:00", rated("s2", "M01", (1, 1, 1, 1))))
    trainer = Viewer(frozenset({"trainer"}), sessions=frozenset({"s1", "s2"}))

    def mean_of(session: str) -> Any:
        rows = story.seen_by(trainer, "feedback", session=session).rows
        assert {row["session"] for row in rows} == {session}
        return rows[0]["mean"], rows[0]["suppressed"]

    assert mean_of("s1") == (3.2, False)
    assert mean_of("s2") == (None, True)
    for roles in ({"researcher"}, {"coordinator"}, {"admin", "researcher", "coordinator"}, {"trainer"}):
        with pytest.raises(Forbidden):
            story.seen_by(Viewer(frozenset(roles)), "feedback", session="s1")


def test_neither_persons_nor_comments_nor_other_groups_can_be_asked_for(story: Story) -> None:
    story.tell(("2020-03-01 09:00", rated("s1", "M01", FIVE)))
    assert not {"comments", "comment", "person", "member"} & set(story.rows("feedback")[0])
    for asked in ({"member": "ann"}, {"group_by": "session"}, {"trainer": "tim"}):
        with pytest.raises(Invalid):
            story.rows("feedback", **asked)
