"""Pseudonyms: other names under a key, for every id wherever an event holds it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coopschool.pseudonyms import Pseudonyms, public_kinds

GOLDEN = sorted(Path(__file__).parent.joinpath("golden").glob("*.json"))
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NAMES = Pseudonyms(b"k" * 32, ZoneInfo("Europe/Brussels"))
OTHERS = Pseudonyms(b"o" * 32, ZoneInfo("Europe/Brussels"))


@given(st.uuids())
def test_who_has_the_key_can_turn_a_pseudonym_back(id: object) -> None:
    pseudonym = NAMES.of(str(id))
    assert NAMES.id_of(pseudonym) == str(id)
    assert NAMES.tag_of(NAMES.tag(f"member:{id}")) == f"member:{id}"
    assert OTHERS.id_of(pseudonym) != str(id)


def test_another_key_gives_other_names() -> None:
    id = str(uuid4())
    assert NAMES.of(id) == NAMES.of(id) != OTHERS.of(id)


def test_an_id_that_is_no_uuid_has_a_pseudonym_of_the_same_form_that_depends_on_the_key() -> None:
    assert re.fullmatch("[0-9a-f]{32}", NAMES.of("ann"))
    assert NAMES.of("ann") not in (NAMES.of("bob"), OTHERS.of("ann"))
    assert NAMES.of("z" * 32) != NAMES.of("y" * 32)


def test_what_is_no_pseudonym_stands_for_nothing() -> None:
    assert NAMES.id_of("ann") is None
    assert NAMES.id_of("z" * 32) is None
    assert NAMES.tag_of("member:ann") == "member:ann"


def test_a_person_has_one_name_as_member_trainer_and_adviser() -> None:
    id = str(uuid4())
    shown = {NAMES.tag(f"{kind}:{id}").partition(":")[2] for kind in ("person", "member", "trainer", "adviser")}
    assert len(shown) == 1


def test_codes_of_modules_and_questionnaires_stay_and_any_other_kind_of_tag_is_renamed() -> None:
    assert public_kinds() == {"module", "instrument"}
    assert NAMES.tag("module:M01") == "module:M01"
    assert NAMES.tag_of("module:M01") == "module:M01"
    assert NAMES.tag("novelty:M01") != "novelty:M01"


@pytest.mark.parametrize("sample", GOLDEN, ids=lambda path: path.stem)
def test_no_id_is_left_in_any_event_there_ever_was(sample: Path) -> None:
    stored = json.dumps(json.loads(sample.read_text())["data"])
    shown = NAMES.data(sample.stem, stored).decode()
    assert not UUID.search(shown)
    for id in UUID.findall(stored):
        assert id.replace("-", "") not in shown
    assert not re.search(r"\dT\d\d:", shown), "a time of day is left"


def test_answers_are_left_out_and_what_stands_beside_them_is_not() -> None:
    stored = json.loads((Path(__file__).parent / "golden" / "FeedbackReleased.v1.json").read_text())["data"]
    shown = json.loads(NAMES.data("FeedbackReleased.v1", json.dumps(stored)))
    assert {"online", "paper", "comments"} <= stored.keys()
    assert shown.keys() == stored.keys() - {"online", "paper", "comments"}
    assert shown["session"] == NAMES.of(stored["session"])


def test_a_moment_becomes_the_schools_day_and_ids_in_parts_are_renamed() -> None:
    member = str(uuid4())
    slots = [{"number": 1, "starts_at": "2020-03-01T23:30:00Z", "ends_at": "2020-03-02T01:00:00Z"}]
    stored = {"session": str(uuid4()), "slots": slots, "trainers": [member]}
    shown = json.loads(NAMES.data("SessionScheduled.v1", json.dumps(stored)))
    assert shown["slots"][0]["starts_at"] == "2020-03-02"
    assert shown["trainers"] == [NAMES.of(member)]


def test_an_old_version_is_shown_as_todays() -> None:
    member = str(uuid4())
    stored = json.dumps({"person": member, "session": str(uuid4()), "module": "M01"})
    assert json.loads(NAMES.data("MemberEnrolled.v0", stored))["member"] == NAMES.of(member)
