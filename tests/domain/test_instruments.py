"""Instruments: what a well-formed one is, which answers fit, and how answers become exact figures."""

import json
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from coopschool import data
from coopschool.domain.errors import Invalid
from coopschool.domain.instruments import (
    Continuation,
    Instrument,
    InstrumentInvalid,
    OutsideScale,
    TooFewItems,
    UnknownItem,
    continued,
    mean,
    parse,
    percent,
    variance,
)

ALL_FOURS = dict.fromkeys(("s1", "s2", "s3", "d1", "d2", "d3", "m1", "m2", "m3", "t1", "t2", "t3", "t4"), 4)


@pytest.fixture
def autonomy() -> Instrument:
    return parse(data.read("instrument-autonomy.json"))


@pytest.fixture
def feedback() -> Instrument:
    return parse(data.read("instrument-feedback.json"))


def test_the_autonomy_instrument_has_thirteen_items_in_four_dimensions(autonomy: Instrument) -> None:
    assert autonomy.dimension_codes == ("scheduling", "decision_making", "work_methods", "team_autonomy")
    assert [len(dimension.items) for dimension in autonomy.dimensions] == [3, 3, 3, 4]
    assert [item.code for item in autonomy.items_of()] == list(ALL_FOURS)
    assert "not validated" in autonomy.note


def test_the_feedback_instrument_asks_some_items_both_hot_and_cold(feedback: Instrument) -> None:
    assert [item.code for item in feedback.items_of("cold")] == ["useful", "confidence", "used", "shared"]
    assert [item.code for item in feedback.items_of("trainer_report")] == ["participation", "aims_met", "conditions"]
    assert feedback.shared_items() == ("useful", "confidence")


@pytest.mark.parametrize("name", ["instrument-autonomy.json", "instrument-feedback.json"])
def test_an_encoded_instrument_reads_back_as_the_same(name: str) -> None:
    instrument = parse(data.read(name))
    assert parse(msgspec.json.encode(instrument)) == instrument
    assert parse(json.loads(data.read(name))) == instrument


def test_texts_and_labels_come_in_the_readers_language_or_in_french(autonomy: Instrument, feedback: Instrument) -> None:
    first = autonomy.items_of()[0]
    assert first.text("nl").startswith("Ik kies")
    assert msgspec.structs.replace(first, nl=None).text("nl") == first.fr
    assert [autonomy.scale.label(point, "en") for point in (1, 5)] == ["strongly disagree", "strongly agree"]
    assert feedback.scale.label(3, "fr") == "3"


def test_a_complete_answer_fits_and_so_does_one_with_a_whole_dimension(autonomy: Instrument) -> None:
    autonomy.check(ALL_FOURS)
    autonomy.check({"d1": 1, "d3": 5})


@pytest.mark.parametrize("value", [0, 6, -1, 2.0, True, "3", None])
def test_an_answer_outside_the_scale_is_refused_by_its_item(autonomy: Instrument, value: Any) -> None:
    with pytest.raises(OutsideScale) as refused:
        autonomy.check(ALL_FOURS | {"m2": value})
    assert refused.value.details == {"field": "answers.m2", "least": 1, "most": 5}


def test_an_unknown_item_is_refused_by_name(autonomy: Instrument, feedback: Instrument) -> None:
    with pytest.raises(UnknownItem) as refused:
        autonomy.check(ALL_FOURS | {"x9": 3})
    assert refused.value.details["field"] == "answers.x9"
    with pytest.raises(UnknownItem):
        feedback.check({"clarity": 3}, "cold")


@pytest.mark.parametrize(("answers", "named"), [({}, "s1"), ({"s1": 3}, "s2"), ({"s1": 3, "d1": 3, "t1": 3}, "s2")])
def test_too_few_items_are_refused_naming_the_first_that_is_missing(
    autonomy: Instrument, answers: dict[str, int], named: str
) -> None:
    with pytest.raises(TooFewItems) as refused:
        autonomy.check(answers)
    assert refused.value.details == {"field": f"answers.{named}", "least": 2}


def test_feedback_needs_one_item_at_least(feedback: Instrument) -> None:
    feedback.check({"pace": 2}, "hot")
    with pytest.raises(TooFewItems) as refused:
        feedback.check({}, "hot")
    assert refused.value.details["field"] == "answers.clarity"


def test_a_persons_score_is_the_exact_mean_of_two_items_or_more(autonomy: Instrument) -> None:
    assert autonomy.score("scheduling", {"s1": 4, "s2": 5, "s3": 4}) == Fraction(13, 3)
    assert autonomy.score("scheduling", {"s1": 4, "s3": 5, "d1": 1}) == Fraction(9, 2)
    assert autonomy.score("scheduling", {"s2": 5, "d1": 1, "d2": 1}) is None


def test_the_figures_of_a_group_are_exact() -> None:
    values = [Fraction(13, 3), Fraction(9, 2), Fraction(1)]
    assert mean(values) == Fraction(59, 18)
    assert variance([1, 2, 3, 4]) == Fraction(5, 3)


def test_a_score_in_percent_counts_from_the_bottom_of_the_scale(autonomy: Instrument) -> None:
    assert [percent(Fraction(mean), autonomy.scale) for mean in (1, 3, 5)] == [0, 50, 100]


def version(number: int, autonomy: Instrument, *continues: Continuation) -> Instrument:
    return msgspec.structs.replace(autonomy, version=number, continues=continues)


def test_a_series_continues_by_published_maps_only_also_over_two_versions(autonomy: Instrument) -> None:
    second = version(2, autonomy, Continuation(1, {"scheduling": "scheduling", "work_methods": "team_autonomy"}))
    third = version(3, autonomy, Continuation(2, {"scheduling": "scheduling"}, {"s1": "s2"}))
    versions = {1: autonomy, 2: second, 3: third}
    assert continued(versions, 1, 1, "scheduling") == "scheduling"
    assert continued(versions, 3, 1, "scheduling") == "scheduling"
    assert continued(versions, 2, 1, "work_methods") == "team_autonomy"
    assert continued(versions, 3, 1, "work_methods") is None
    assert continued(versions, 3, 2, "s1") == "s2"
    assert continued(versions, 4, 3, "scheduling") is None
    assert continued(versions, 1, 2, "scheduling") is None


def broken(**changes: Any) -> dict[str, Any]:
    return {**json.loads(data.read("instrument-autonomy.json")), **changes}


ITEM = {"code": "a", "fr": "A"}
OTHER = {"code": "b", "fr": "B"}


@pytest.mark.parametrize(
    ("published", "field"),
    [
        (broken(scale={"min": 5, "max": 5}), "scale.max"),
        (broken(scale={"min": 1, "max": 5, "labels_fr": ["oui", "non"]}), "scale.labels_fr"),
        (broken(dimensions=[]), "dimensions"),
        (broken(dimensions=[{"code": "x", "items": [ITEM, ITEM]}]), "dimensions.0.items.1.code"),
        (broken(dimensions=[{"code": "x", "items": [ITEM]}]), "dimensions.0.items"),
        (broken(dimensions=[{"code": "a", "items": [ITEM, OTHER]}]), "dimensions.0.code"),
        (broken(hot=["s1", "nowhere"]), "hot.1"),
        (broken(cold=["s1", "s1"]), "cold.1"),
        (broken(continues=[{"version": 1}]), "continues.0.version"),
        (broken(version=2, continues=[{"version": 1, "dimensions": {"x": "y"}}]), "continues.0.dimensions.x"),
        (broken(version=2, continues=[{"version": 1, "items": {"s1": "s1", "s2": "s1"}}]), "continues.0.items"),
        (broken(surprise=1), "instrument"),
        (broken(version=0), "instrument"),
        (b"{", "instrument"),
    ],
)
def test_an_ill_formed_instrument_is_refused_where_it_is_wrong(published: Any, field: str) -> None:
    with pytest.raises(InstrumentInvalid) as refused:
        parse(published)
    assert refused.value.details["field"] == field
    assert isinstance(refused.value, Invalid)
