"""Importing what people answered: released as live answers are, without persons, in random order, all at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coopschool import vault
from coopschool.application import CoopSchool
from coopschool.domain.advisers.autonomy_survey import WaveClosed, WaveOpened, WaveResponsesReleased
from coopschool.domain.instrument_versions import InstrumentPublished
from coopschool.domain.school.feedback import FeedbackReleased
from tests.importing.test_history import SCHOOL, brought, events, log, refused, vault_rows, when
from tests.support.importing import write

HOT = [
    f"s1,hot,{sheet},feedback,1,{item},{score}"
    for sheet, score in (("1", 4), ("2", 5))
    for item in ("clarity", "useful")
]
TWO: dict[str, Any] = SCHOOL | {
    "sessions": "s1,M01,2,t1,Liège,2020-02-01,,2020-04-01",
    "enrolments": ["s1,m1,2020-02-03", "s1,m2,2020-02-03"],
    "attendance": ["s1,1,m1,present", "s1,1,m2,present", "s1,2,m1,present"],
}
ITEMS = ("s1", "s2", "s3")


def answers(team: str, *scores: int, wave: str = "w1,autonomy,1,2019-05-06,2019-05-19") -> Iterator[str]:
    return (f"{wave},{team},{sheet},{item},{score}" for sheet, score in enumerate(scores) for item in ITEMS)


ADVISERS: dict[str, Any] = {
    "members": [f"a{n},B,2018-01-01" for n in range(8)],
    "teams": ["t1,Namur", "t2,Mons"],
    "team_members": [f"t{1 if n < 5 else 2},a{n},2018-02-01" for n in range(8)],
    "wave_responses": [*answers("t1", 1, 2, 3, 4, 5), *answers("t2", 5, 5)],
}


# --- feedback


def test_feedback_is_released_when_its_window_is_over(school: CoopSchool, tmp_path: Path) -> None:
    cold = "s1,cold,7,feedback,1,used,3"
    brought(school, write(tmp_path, **(TWO | {"feedback": [*HOT, cold]})))
    hot, later = events(school, FeedbackReleased)
    assert when(school, FeedbackReleased) == ["2020-03-17 00:00", "2020-09-10 00:00"]
    assert sorted(hot.paper, key=lambda one: one["clarity"]) == [
        {"clarity": 4, "useful": 4},
        {"clarity": 5, "useful": 5},
    ]
    assert (hot.online, hot.comments, later.paper) == ((), (), ({"used": 3},))


def test_feedback_says_whether_it_came_online(school: CoopSchool, tmp_path: Path) -> None:
    feedback = ["s1,hot,1,feedback,1,pace,2,online", "s1,hot,1,feedback,1,pace,3,paper"]
    brought(school, write(tmp_path, **(TWO | {"feedback": feedback})))
    [released] = events(school, FeedbackReleased)
    assert (released.online, released.paper) == (({"pace": 2},), ({"pace": 3},))


def test_a_questionnaire_that_comes_with_the_product_is_published_with_its_first_use(
    school: CoopSchool, tmp_path: Path
) -> None:
    brought(school, write(tmp_path, **(TWO | {"feedback": [*HOT, "s1,cold,7,feedback,1,used,3"]})))
    [published] = events(school, InstrumentPublished)
    assert (published.instrument, published.version) == ("feedback", 1)
    with school.database.connect("app") as conn:
        [wording] = vault.texts(conn, [published.wording]).values()
    assert json.loads(wording)["code"] == "feedback"


def test_feedback_on_a_session_that_is_here_already_is_added(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **TWO))
    brought(school, write(tmp_path, sessions=TWO["sessions"], feedback=HOT))
    assert when(school, FeedbackReleased) == ["2020-03-17 00:00"]


# --- waves


def test_a_wave_is_opened_and_closed_and_releases_its_answers_under_one_time(
    school: CoopSchool, tmp_path: Path
) -> None:
    brought(school, write(tmp_path, **ADVISERS))
    assert when(school, WaveOpened) == ["2019-05-06 00:00"]
    assert when(school, WaveClosed) == when(school, WaveResponsesReleased) == ["2019-05-19 23:59"]
    [opened] = events(school, WaveOpened)
    assert [len(team.advisers) for team in opened.teams] == [5, 3]
    [released] = events(school, WaveResponsesReleased)
    many, few = released.responses
    assert many.n == 5
    assert sorted(answer["s1"] for answer in many.answers) == [1, 2, 3, 4, 5]
    assert (few.n, few.answers) == (2, None)


def test_a_team_that_was_asked_and_did_not_answer_is_in_the_wave(school: CoopSchool, tmp_path: Path) -> None:
    silent = [*answers("t1", 1, 2, 3, 4, 5), "w1,autonomy,1,2019-05-06,2019-05-19,t2"]
    brought(school, write(tmp_path, **(ADVISERS | {"wave_responses": silent})))
    [released] = events(school, WaveResponsesReleased)
    assert [team.n for team in released.responses] == [5, 0]


def test_the_order_of_a_file_is_not_that_of_the_release(school: CoopSchool, tmp_path: Path) -> None:
    """With 40 answers, the chance that they come out as they went in is nothing."""
    scores = [1, 2, 3, 4, 5] * 8
    files = {
        "members": [f"a{n},B,2018-01-01" for n in range(40)],
        "teams": "t1,Namur",
        "team_members": [f"t1,a{n},2018-02-01" for n in range(40)],
        "wave_responses": list(answers("t1", *scores)),
    }
    brought(school, write(tmp_path, **files))
    [released] = events(school, WaveResponsesReleased)
    came_out = [answer["s1"] for answer in released.responses[0].answers]
    assert sorted(came_out) == sorted(scores)
    assert came_out != scores


# --- once


def test_importing_twice_adds_nothing(school: CoopSchool, tmp_path: Path) -> None:
    directory = write(tmp_path, **(ADVISERS | TWO | {"members": [*ADVISERS["members"], *TWO["members"]]}), feedback=HOT)
    brought(school, directory)
    before, kept = log(school), vault_rows(school)
    again = brought(school, directory)
    assert (again.events, again.carried_out) == (0, 0)
    assert (log(school), vault_rows(school)) == (before, kept)


def test_other_answers_than_those_that_were_released_are_refused(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **(TWO | {"feedback": HOT[:2]})))
    assert refused(school, write(tmp_path, **(TWO | {"feedback": HOT}))) == [
        ("feedback.csv", 2, "sheet", "feedback-already-released")
    ]


def test_other_answers_than_those_of_a_closed_wave_are_refused(school: CoopSchool, tmp_path: Path) -> None:
    brought(school, write(tmp_path, **ADVISERS))
    more = ADVISERS | {"wave_responses": [*answers("t1", 1, 2, 3, 4, 5), *answers("t2", 5, 5, 5)]}
    assert refused(school, write(tmp_path, **more)) == [("wave_responses.csv", 2, "wave_ref", "wave-not-open")]


# --- problems


@pytest.mark.parametrize(
    ("feedback", "problem"),
    [
        ("s9,hot,1,feedback,1,pace,3", (2, "session_ref", "unknown")),
        ("s1,hot,1,feedback,2,pace,3", (2, "instrument", "unknown")),
        ("s1,hot,1,autonomy,1,s1,3", (2, "instrument", "unknown")),
        ("s1,warm,1,feedback,1,pace,3", (2, "moment", "cell")),
        ("s1,hot,1,feedback,1,used,3", (2, "item", "unknown-item")),
        ("s1,hot,1,feedback,1,pace,6", (2, "score", "outside-scale")),
        (["s1,hot,1,feedback,1,pace,3", "s1,hot,1,feedback,1,pace,3"], (3, "item", "twice")),
        ([*HOT, "s1,hot,3,feedback,1,pace,3"], (2, "sheet", "more-sheets-than-present")),
    ],
    ids=str,
)
def test_a_mistake_in_feedback_is_reported_once_where_it_was_made(
    school: CoopSchool, tmp_path: Path, feedback: Any, problem: tuple[int, str, str]
) -> None:
    assert refused(school, write(tmp_path, **(TWO | {"feedback": feedback}))) == [("feedback.csv", *problem)]


def test_feedback_whose_window_is_still_open_is_still_to_come(school: CoopSchool, tmp_path: Path) -> None:
    yesterday = school.now().date().replace(day=1)
    files = {
        "modules": "M01,Bienvenue,1,,2020-01-15",
        "sessions": f"s1,M01,2,,,{yesterday}",
        "slots": f"s1,1,{yesterday}T00:01,{yesterday}T00:02",
        "feedback": "s1,cold,1,feedback,1,used,3",
    }
    assert refused(school, write(tmp_path, **files)) == [("feedback.csv", 2, "moment", "still-to-come")]


def test_feedback_on_a_session_without_slots_is_not_looked_at(school: CoopSchool, tmp_path: Path) -> None:
    files = TWO | {"feedback": HOT, "slots": [], "attendance": []}
    assert refused(school, write(tmp_path, **files)) == [("sessions.csv", 2, "session_ref", "no-slots")]


@pytest.mark.parametrize(
    ("responses", "problem"),
    [
        (answers("t9", 1), (2, "team_ref", "unknown")),
        ([*answers("t1", 1), *answers("t2", 1, wave="w1,autonomy,1,2019-05-07,2019-05-19")], None),
        (["w1,autonomy,1,2019-05-06,2019-05-19,t1,1,s1"], (2, "score", "cell")),
        (["w1,autonomy,1,2019-05-06,2019-05-19,t1,1,s1,3"], (2, "sheet", "too-few-items")),
        (answers("t2", 1, 2, 3, 4), (2, "wave_ref", "more-answers-than-eligible")),
        (answers("t1", 1, wave="w1,autonomy,7,2019-05-06,2019-05-19"), (2, "instrument", "unknown")),
        (answers("t1", 1, wave="w1,autonomy,1,2018-01-06,2018-01-19"), (2, "opened_on", "unknown")),
        (answers("t1", 1, wave="w1,autonomy,1,2019-05-06,2019-05-05"), (2, "closes_on", "invalid")),
        (answers("t1", 1, wave="w1,autonomy,1,2019-05-06,2190-05-05"), (2, "closes_on", "still-to-come")),
    ],
)
def test_a_mistake_in_a_wave_is_reported_once_where_it_was_made(
    school: CoopSchool, tmp_path: Path, responses: Any, problem: tuple[int, str, str] | None
) -> None:
    files = ADVISERS | {"wave_responses": list(responses)}
    found = refused(school, write(tmp_path, **files))
    if problem is None:
        assert found == [("wave_responses.csv", line, "wave_ref", "differs") for line in (5, 6, 7)]
    else:
        assert found == [("wave_responses.csv", *problem)]


def test_two_waves_of_a_team_are_three_months_apart(school: CoopSchool, tmp_path: Path) -> None:
    soon = answers("t1", 1, wave="w2,autonomy,1,2019-07-06,2019-07-19")
    files = ADVISERS | {"wave_responses": [*answers("t1", 1), *soon]}
    assert refused(school, write(tmp_path, **files)) == [("wave_responses.csv", 5, "opened_on", "waves-too-close")]
