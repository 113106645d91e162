"""`autonomy`: what is shown of teams to whom and when, beside telework and decisions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from coopschool.database import Database
from coopschool.domain.instruments import Continuation
from projections.disclosure import Viewer
from tests.projections.story import Story, at
from tests.support.advisers import AUTONOMY, formed, in_team, left_team, published
from tests.support.chantier import advisers_of, alike, decided, held, planned, reviewed, telework, wave

DIMENSION = AUTONOMY.dimension_codes[0]
ADVISER = frozenset({"adviser"})
LIKED = alike(4, 4, 4, 3, 3)
LIKED_LESS = alike(3, 3, 3, 2, 2)


@pytest.fixture
def story(database: Database) -> Story:
    return Story(database)


def row_of(story: Story, team: str | None = None, **asked: Any) -> dict[str, Any]:
    found = story.rows("autonomy", dimension=DIMENSION, **asked)
    (row,) = [row for row in found if (row["team"] or row["scope"]) == (team or "all_teams")]
    return row


def told(story: Story, *waves: list[tuple[str, Any]], instruments: Any = (AUTONOMY,)) -> datetime:
    return story.tell(
        *(("2018-01-02 09:00", published(each)) for each in instruments), *(event for each in waves for event in each)
    )


def test_a_team_is_shown_with_its_mean_its_change_and_who_stayed(story: Story) -> None:
    told(
        story,
        wave("w1", "2019-10-01", {"a": LIKED}),
        wave("w2", "2020-10-01", {"a": LIKED_LESS}, eligible={"a": (*advisers_of("a", 7), "new", "newer")}),
    )
    first, second = row_of(story, "a", wave="w1"), row_of(story, "a", wave="w2")
    assert (first["eligible"], first["n"], first["response_rate"], first["low_response"]) == (5, 5, 1.0, False)
    assert (first["mean"], first["change"], first["stayers"], first["sd"]) == (3.6, None, None, None)
    assert (second["mean"], second["change"], second["stayers"]) == (2.6, -1.0, 5)
    assert (second["response_rate"], second["low_response"]) == (0.556, True)
    assert (second["released_on"], second["series_broken"], second["suppressed"]) == ("2020-10-01", False, False)


def test_a_team_with_four_answers_is_hidden_whole_and_no_figure_is_zero(story: Story) -> None:
    told(
        story,
        [("2020-07-05 09:00", telework("small", "2020Q2", 30))],
        wave("w1", "2020-07-10", {"small": alike(1, 1, 1, 1), "a": LIKED}),
    )
    row = row_of(story, "small")
    assert row["suppressed"] is True
    shown = {column for column, value in row.items() if value is not None}
    assert shown == {
        "scope", "team", "wave", "released_on", "instrument", "version", "dimension", "series_broken", "release",
        "suppressed",
    }  # fmt: skip


def test_all_teams_covers_what_is_shown_and_telework_and_decisions_of_the_same_teams(story: Story) -> None:
    teams = {team: alike(2, 3, 3, 4, 4) for team in "abc"}
    told(
        story,
        [("2020-04-02 09:00", telework(team, "2020Q1", 15)) for team in teams],
        [("2020-04-02 09:00", telework("small", "2020Q1", 60))],
        [
            ("2020-03-01 09:00", planned("s1", "small", "2020-03-02")),
            ("2020-03-02 09:00", held("s1", "small", "2020-03-02")),
        ],
        [("2020-03-02 10:00", decided("d1", "s1", "small", "2020-09-01"))],
        wave("w1", "2020-05-04", {**teams, "small": alike(5)}),
    )
    row = row_of(story)
    assert (row["eligible"], row["n"], row["mean"]) == (15, 15, 3.2)
    assert (row["telework_share"], row["regime"], row["decisions"]) == (0.25, "structural", 0)
    (band,) = [row for row in story.rows("autonomy", dimension=DIMENSION, group_by="band") if not row["suppressed"]]
    assert (band["band"], band["n"]) == ("<=50%", 15)


@pytest.mark.parametrize(
    ("home", "band"), [(0, "0%"), (12, "<=20%"), (13, "<=50%"), (30, "<=50%"), (31, "<100%"), (60, "100%")]
)
def test_telework_is_that_of_the_last_full_quarter_before_the_wave(story: Story, home: int, band: str) -> None:
    told(
        story,
        [("2020-01-05 09:00", telework("a", "2019Q4", 60, regime="occasional"))],
        [("2020-04-05 09:00", telework("a", "2020Q1", home, regime="covid"))],
        [("2020-05-05 09:00", telework("a", "2020Q2", 60))],
        wave("w1", "2020-05-10", {"a": LIKED}),
    )
    row = row_of(story, "a")
    assert (row["band"], row["regime"], row["telework_share"]) == (band, "covid", round(home / 60, 4))


def test_telework_recorded_after_the_release_changes_nothing_that_was_shown(story: Story) -> None:
    told(story, wave("w1", "2020-05-10", {"a": LIKED}))
    before = story.rows("autonomy")
    story.tell(("2020-04-05 09:00", telework("a", "2020Q1", 60)))
    assert story.rows("autonomy") == before
    assert (before[0]["band"], before[0]["telework_share"]) == (None, None)


def test_decisions_stand_as_they_did_at_the_release(story: Story) -> None:
    told(
        story,
        [
            ("2020-01-06 09:00", planned("s1", "a", "2020-01-07")),
            ("2020-01-07 09:00", held("s1", "a", "2020-01-07")),
            ("2020-01-07 10:00", decided("d1", "s1", "a", "2020-03-01", "telework", "jointly")),
            ("2020-01-07 10:00", decided("d2", "s1", "a", "2020-04-01")),
            ("2020-01-07 10:00", decided("d3", "s1", "a", "2020-12-01", "methods", "management")),
            ("2020-02-20 10:00", reviewed("d1", "s1", "a", "kept")),
        ],
        wave("w1", "2020-05-10", {"a": LIKED}),
        [("2020-06-01 10:00", reviewed("d2", "s1", "a", "dropped"))],
        wave("w2", "2020-10-10", {"a": LIKED}),
    )
    first, second = row_of(story, "a", wave="w1"), row_of(story, "a", wave="w2")
    assert (first["decisions"], first["overdue"]) == (3, 1)
    assert first["decisions_by_outcome"] == {"kept": 1, "open": 2}
    assert first["decisions_by_theme"] == {"methods": 1, "rota": 1, "telework": 1}
    assert first["decisions_by_decided_by"] == {"jointly": 1, "management": 1, "team": 1}
    assert (second["decisions_by_outcome"], second["overdue"]) == ({"dropped": 1, "kept": 1, "open": 1}, 0)


def test_a_series_is_broken_where_the_questionnaire_changes_without_a_map(story: Story) -> None:
    mapped = replace(AUTONOMY, version=2, continues=(Continuation(version=1, dimensions={DIMENSION: DIMENSION}),))
    unmapped = replace(AUTONOMY, version=3)
    told(
        story,
        wave("w1", "2019-01-10", {"a": LIKED}),
        wave("w2", "2019-07-10", {"a": LIKED_LESS}, instrument=mapped),
        wave("w3", "2020-01-10", {"a": LIKED}, instrument=unmapped),
        instruments=(AUTONOMY, mapped, unmapped),
    )
    shown = [row_of(story, "a", wave=name) for name in ("w1", "w2", "w3")]
    assert [(row["change"], row["series_broken"]) for row in shown] == [(None, False), (-1.0, False), (None, True)]


def test_both_clocks_choose_among_whole_releases(story: Story) -> None:
    recorded = told(story, wave("w1", "2019-10-01", {"a": LIKED}))
    story.tell(*wave("w2", "2020-10-01", {"a": LIKED}))

    def waves(**clock: Any) -> set[str]:
        return {row["wave"] for row in story.rows("autonomy", **clock)}

    assert waves() == {"w1", "w2"}
    assert waves(as_of="2020-09-30") == waves(known_at=recorded) == {"w1"}
    assert waves(as_of="2019-09-30") == set()
    assert story.differing() == ()


def test_the_own_team_is_seen_first_others_14_days_later_and_coordinators_see_no_team(story: Story) -> None:
    told(story, wave("w1", "2020-05-10", dict.fromkeys("abc", LIKED)))
    released = at("2020-05-10 20:00")

    def seen(viewer: Viewer, days: int = 0) -> set[str]:
        now = released + timedelta(days=days, minutes=1)
        found = story.seen_by(viewer, "autonomy", now, dimension=DIMENSION).rows
        return {row["team"] or row["scope"] for row in found}

    of_a = Viewer(ADVISER, frozenset({"a"}))
    assert seen(of_a) == {"a"}
    assert seen(of_a, days=14) == {"a", "b", "c", "all_teams"}
    assert seen(Viewer(frozenset({"coordinator"})), days=14) == {"all_teams"}
    assert seen(Viewer(frozenset({"researcher"}))) == {"a", "b", "c", "all_teams"}
    assert seen(Viewer(frozenset({"admin"})), days=14) == set()


def test_joiners_and_leavers_change_nothing_of_a_wave_that_was_released(story: Story) -> None:
    told(
        story,
        [("2020-01-01 00:00", formed("a")), *(("2020-01-02 00:00", in_team("a", who)) for who in advisers_of("a", 5))],
        wave("w1", "2020-05-10", {"a": LIKED}),
    )
    before = story.rows("autonomy")
    story.tell(("2020-02-01 00:00", left_team("a", "a-1", at("2020-02-01 00:00").date())))
    assert story.rows("autonomy") == before
    assert story.differing() == ()


def test_the_notes_say_that_nothing_is_validated_and_nothing_causal_and_the_checksum_covers_the_rows(
    story: Story,
) -> None:
    told(story, wave("w1", "2020-05-10", {"a": LIKED}))
    report = story.report("autonomy")
    assert "not validated" in " ".join(report.notes)
    assert "not a cause" in " ".join(report.notes)
    assert report.provenance.checksum != story.report("autonomy", dimension=DIMENSION).provenance.checksum
