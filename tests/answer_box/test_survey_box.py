"""Survey waves: one token, one answer; closing releases them all at once."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from coopschool.answer_box import AnswerBox, TokenRefused
from coopschool.answer_box.boxes import AnswerBoxes
from coopschool.answer_box.keys import BoxKeys
from coopschool.answer_box.survey import hash_of
from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.command_bus import StoreAway
from coopschool.database import Database
from coopschool.domain.advisers.autonomy_survey import (
    Wave,
    WaveClosed,
    WaveNotOpen,
    WaveReopened,
    WaveResponsesReleased,
)
from coopschool.domain.advisers.survey_waves import CloseWave
from coopschool.domain.errors import DomainError, Forbidden, Invalid, Unknown
from tests.answer_box.surroundings import NORTH, SOUTH, WAVE, id_of, open_wave
from tests.support.advisers import AGREES, RESEARCHER
from tests.support.school import COORDINATOR, STRANGER


def answers_of(value: int) -> dict[str, int]:
    return dict.fromkeys(AGREES, value)


def released(box: AnswerBox) -> dict[str, Any]:
    """Closes the wave and gives (n, answers) by team."""
    closed, release = box.surveys.close(WAVE).events
    assert isinstance(closed, WaveClosed)
    assert isinstance(release, WaveResponsesReleased)
    return {team.team: (team.n, team.answers) for team in release.responses}


# --- tokens


def test_each_eligible_adviser_gets_a_token_that_can_be_printed_again(school: CoopSchool, box: AnswerBox) -> None:
    open_wave(school)
    tokens = box.surveys.tokens(WAVE, COORDINATOR)
    assert {team: len(list_) for team, list_ in tokens.items()} == {NORTH: 6, SOUTH: 3}
    every = [token for list_ in tokens.values() for token in list_]
    assert len(set(every)) == 9
    assert all(re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", token) for token in every)
    box.surveys.submit(WAVE, tokens[NORTH][0], AGREES)
    assert box.surveys.tokens(WAVE, COORDINATOR) == tokens, "the list would tell who has answered"


def test_tokens_are_for_the_coordinator_of_an_open_wave(school: CoopSchool, box: AnswerBox) -> None:
    open_wave(school)
    for actor in (RESEARCHER, STRANGER):
        with pytest.raises(Forbidden):
            box.surveys.tokens(WAVE, actor)
    with pytest.raises(Unknown):
        box.surveys.tokens(id_of("other wave"))
    box.surveys.close(WAVE)
    with pytest.raises(WaveNotOpen):
        box.surveys.tokens(WAVE)


def test_tokens_asked_for_twice_at_once_are_the_same(school: CoopSchool, box: AnswerBox) -> None:
    open_wave(school)
    lists: list[dict[str, list[str]]] = []
    asking = [threading.Thread(target=lambda: lists.append(box.surveys.tokens(WAVE))) for _ in range(4)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(lists) == 4
    assert all(list_ == lists[0] for list_ in lists)
    assert len(list(box.boxes.keys.older_than(-60))) == 1, "keys of boxes that never came to be"


# --- answers


def test_an_answer_comes_out_with_its_team(school: CoopSchool, box: AnswerBox) -> None:
    open_wave(school)
    tokens = box.surveys.tokens(WAVE)
    given = [answers_of(value) for value in (1, 2, 3, 4, 5)]
    for token, answers in zip(tokens[NORTH], given, strict=False):
        box.surveys.submit(WAVE, token, answers)
    n, came_out = released(box)[NORTH]
    assert n == 5
    assert Counter(answer["s1"] for answer in came_out) == Counter((1, 2, 3, 4, 5))


def test_of_a_team_with_fewer_than_five_answers_only_the_count_comes_out(school: CoopSchool, box: AnswerBox) -> None:
    open_wave(school)
    tokens = box.surveys.tokens(WAVE)
    for token in (*tokens[NORTH][:4], *tokens[SOUTH]):
        box.surveys.submit(WAVE, token, AGREES)
    assert released(box) == {NORTH: (4, None), SOUTH: (3, None)}


def test_a_wave_without_tokens_or_answers_can_be_closed(school: CoopSchool, box: AnswerBox) -> None:
    open_wave(school)
    assert released(box) == {NORTH: (0, None), SOUTH: (0, None)}
    with pytest.raises(WaveNotOpen):
        box.surveys.close(WAVE)


def test_an_answer_comes_out_in_the_order_of_the_questionnaire(school: CoopSchool, box: AnswerBox) -> None:
    open_wave(school)
    for token in box.surveys.tokens(WAVE)[NORTH]:
        box.surveys.submit(WAVE, token, dict(reversed(AGREES.items())))
    _, came_out = released(box)[NORTH]
    assert all(list(answers) == list(AGREES) for answers in came_out)


@pytest.mark.parametrize("spelling", [str.lower, lambda token: token.replace("-", ""), lambda token: f" {token} "])
def test_a_token_is_read_as_people_type_it(school: CoopSchool, box: AnswerBox, spelling: Callable[[str], str]) -> None:
    open_wave(school)
    box.surveys.submit(WAVE, spelling(box.surveys.tokens(WAVE)[NORTH][0]), AGREES)
    assert released(box)[NORTH] == (1, None)


def test_letters_that_look_like_digits_are_read_as_such() -> None:
    assert hash_of("oOiI-lL00") == hash_of("00111100")


def test_every_token_that_does_not_count_gets_the_same_answer(
    school: CoopSchool, box: AnswerBox, clock: FixedClock
) -> None:
    open_wave(school)
    used, unused, late, *_ = box.surveys.tokens(WAVE)[NORTH]
    box.surveys.submit(WAVE, used, AGREES)

    def refusal(token: str, wave: str = WAVE) -> tuple[type[DomainError], str, dict[str, Any]]:
        with pytest.raises(DomainError) as refused:
            box.surveys.submit(wave, token, AGREES)
        return type(refused.value), str(refused.value), refused.value.details

    said = [refusal(used), refusal("AAAA-BBBB-CCCC-DDDD"), refusal(""), refusal(unused, id_of("other wave"))]
    clock.advance(timedelta(days=15))
    said.append(refusal(late))
    box.surveys.close(WAVE)
    said += [refusal(used), refusal(unused)]
    assert said == [(TokenRefused, "This token cannot be used", {})] * len(said)


def test_answers_are_taken_until_the_end_of_the_last_day(school: CoopSchool, box: AnswerBox, clock: FixedClock) -> None:
    open_wave(school)
    token = box.surveys.tokens(WAVE)[NORTH][0]
    clock.set(school.now().replace(hour=23, minute=59) + timedelta(days=14))
    box.surveys.submit(WAVE, token, AGREES)


@pytest.mark.parametrize(
    ("answers", "field"),
    [({**AGREES, "s1": 6}, "answers.s1"), ({**AGREES, "x9": 3}, "answers.x9"), ({"s1": 3}, "answers.s2")],
)
def test_an_answer_that_does_not_fit_is_refused_whatever_the_token_and_leaves_it_unspent(
    school: CoopSchool, box: AnswerBox, answers: dict[str, int], field: str
) -> None:
    open_wave(school)
    used, token, *_ = box.surveys.tokens(WAVE)[NORTH]
    box.surveys.submit(WAVE, used, AGREES)
    for tried in (token, used, "no token at all"):
        with pytest.raises(Invalid) as refused:
            box.surveys.submit(WAVE, tried, answers)
        assert refused.value.details["field"] == field
    box.surveys.submit(WAVE, token, AGREES)


def test_answers_given_at_once_are_all_kept(school: CoopSchool, box: AnswerBox) -> None:
    open_wave(school, {"north": 12})
    tokens = box.surveys.tokens(WAVE)[NORTH]
    refused: list[str] = []

    def answer(token: str) -> None:
        try:
            box.surveys.submit(WAVE, token, AGREES)
        except TokenRefused:
            refused.append(token)

    answering = [threading.Thread(target=answer, args=(token,)) for token in tokens * 2]
    for thread in answering:
        thread.start()
    for thread in answering:
        thread.join()
    assert sorted(refused) == sorted(tokens), "each token counts once"
    assert released(box)[NORTH][0] == 12


def test_an_answer_that_comes_while_the_wave_is_closing_is_released_or_refused(
    school: CoopSchool, box: AnswerBox
) -> None:
    open_wave(school, {"north": 20})
    tokens = box.surveys.tokens(WAVE)[NORTH]
    for token in tokens[:5]:
        box.surveys.submit(WAVE, token, AGREES)
    taken: list[str] = []

    def answer() -> None:
        try:
            for token in tokens[5:]:
                box.surveys.submit(WAVE, token, AGREES)
                taken.append(token)
        except TokenRefused:
            return

    answering = threading.Thread(target=answer)
    answering.start()
    n, _ = released(box)[NORTH]
    answering.join()
    assert n == 5 + len(taken)


# --- closing


def test_closing_leaves_neither_box_nor_key(school: CoopSchool, box: AnswerBox) -> None:
    open_wave(school)
    box.surveys.submit(WAVE, box.surveys.tokens(WAVE)[NORTH][0], AGREES)
    assert box.boxes.all()
    box.surveys.close(WAVE)
    assert box.boxes.all() == {}
    assert list(box.boxes.keys.older_than(-60)) == []


def test_a_wave_is_closed_by_who_may(school: CoopSchool, box: AnswerBox) -> None:
    open_wave(school)
    tokens = box.surveys.tokens(WAVE)
    with pytest.raises(Forbidden):
        box.surveys.close(WAVE, STRANGER)
    box.surveys.submit(WAVE, tokens[NORTH][0], AGREES)
    assert released(box)[NORTH] == (1, None)


def test_of_two_who_close_a_wave_one_does(school: CoopSchool, box: AnswerBox) -> None:
    open_wave(school)
    for token in box.surveys.tokens(WAVE)[NORTH]:
        box.surveys.submit(WAVE, token, AGREES)
    outcomes: list[str] = []

    def close() -> None:
        try:
            box.surveys.close(WAVE)
            outcomes.append("closed")
        except WaveNotOpen:
            outcomes.append("not open")

    closing = [threading.Thread(target=close) for _ in range(3)]
    for thread in closing:
        thread.start()
    for thread in closing:
        thread.join()
    assert sorted(outcomes) == ["closed", "not open", "not open"]


def test_a_repeated_request_to_close_is_answered_as_the_first(school: CoopSchool, box: AnswerBox) -> None:
    open_wave(school)
    for token in box.surveys.tokens(WAVE)[NORTH]:
        box.surveys.submit(WAVE, token, AGREES)
    key = school.repeatable("cleo", "close", "key", b"{}")
    first = box.surveys.close(WAVE, idempotency=key)
    again = box.surveys.close(WAVE, idempotency=key)
    assert again.repeated
    assert again.position == first.position


def test_a_wave_of_the_past_is_closed_with_the_answers_of_a_file(school: CoopSchool) -> None:
    open_wave(school)
    close = CloseWave(at=school.now(), wave=WAVE, responses={NORTH: [AGREES] * 5})
    _, release = school.execute_now(close).events
    assert isinstance(release, WaveResponsesReleased)
    assert release.responses[0].n == 5


# --- a restore


def restored_without_keys(box: AnswerBox) -> None:
    """What a restore from a backup is to a box: the database as it was, and the key gone."""
    for of in list(box.boxes.keys.older_than(-60)):
        box.boxes.keys.forget(of)


def test_a_wave_whose_key_is_gone_is_reopened_and_says_so(school: CoopSchool, box: AnswerBox) -> None:
    open_wave(school)
    before = box.surveys.tokens(WAVE)
    box.surveys.submit(WAVE, before[NORTH][0], AGREES)
    restored_without_keys(box)
    assert box.recover() == [f"wave:{WAVE}"]
    assert school.read_now(lambda load: load(Wave, WAVE).reopened) == 1
    with pytest.raises(TokenRefused):
        box.surveys.submit(WAVE, before[NORTH][1], AGREES)
    after = box.surveys.tokens(WAVE)
    assert set(after[NORTH]).isdisjoint(before[NORTH])
    box.surveys.submit(WAVE, after[NORTH][0], AGREES)
    assert released(box)[NORTH] == (1, None)


def test_until_then_nothing_is_taken_and_nothing_is_released(school: CoopSchool, box: AnswerBox) -> None:
    open_wave(school)
    token = box.surveys.tokens(WAVE)[NORTH][0]
    restored_without_keys(box)
    for attempt in (
        lambda: box.surveys.submit(WAVE, token, AGREES),
        lambda: box.surveys.close(WAVE),
        lambda: box.surveys.tokens(WAVE),
    ):
        with pytest.raises(StoreAway):
            attempt()
    assert school.read_now(lambda load: load(Wave, WAVE).is_open)


def test_a_box_that_is_whole_is_left_alone(school: CoopSchool, box: AnswerBox) -> None:
    open_wave(school)
    box.surveys.submit(WAVE, box.surveys.tokens(WAVE)[NORTH][0], AGREES)
    assert box.recover() == []
    assert released(box)[NORTH] == (1, None)


def test_a_wave_can_be_reopened_on_purpose(school: CoopSchool, box: AnswerBox) -> None:
    open_wave(school)
    box.surveys.submit(WAVE, box.surveys.tokens(WAVE)[NORTH][0], AGREES)
    (event,) = box.surveys.reopen(WAVE).events
    assert isinstance(event, WaveReopened)
    assert box.boxes.all() == {}
    assert list(box.boxes.keys.older_than(-60)) == []
    box.surveys.reopen(WAVE)
    assert released(box)[NORTH] == (0, None)


def test_keys_that_seal_nothing_are_swept_up_when_they_are_old(
    school: CoopSchool, box: AnswerBox, database: Database, tmp_path: Path
) -> None:
    open_wave(school)
    box.surveys.tokens(WAVE)
    stale = box.boxes.new("wave:never", b"", 0)
    box.recover()
    assert stale.box in set(box.boxes.keys.older_than(-60)), "its maker may still be at it"
    boxes = AnswerBoxes(lambda: database.connect("app"), BoxKeys(school.settings.data_dir / "answer-keys"))
    boxes.sweep(older_than=-60)
    assert set(boxes.keys.older_than(-60)) == set(box.boxes.all().values())
