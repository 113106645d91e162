"""Ids of whole columns as pseudonyms: the same as one by one, whatever they look like."""

from __future__ import annotations

from uuid import uuid4
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coopschool.pseudonyms import Pseudonyms
from projections.lake.reading import rename_ids, rename_tags

NAMES = Pseudonyms(b"a key of a release".ljust(32), ZoneInfo("Europe/Brussels"))
ID = str(uuid4())

uuids = st.uuids().map(str)
# What is nearly a UUID, and what is something else.
odd = st.one_of(
    uuids.map(str.upper),
    uuids.map(lambda one: one.replace("-", "")),
    uuids.map(lambda one: one.replace("-", " ")),
    uuids.map(lambda one: f"{one[:7]}-{one[8:]}"),
    uuids.map(lambda one: one.replace("-", "0", 1)),
    uuids.map(lambda one: f"{one[:-1]}g"),
    st.text(max_size=40),
)


@given(st.lists(st.one_of(uuids, st.none())), st.lists(odd, max_size=2), st.integers(0, 3))
def test_a_column_of_ids_is_renamed_as_each_of_them_is(
    ids: list[str | None], others: list[str], begins_at: int
) -> None:
    column = pa.array(ids + others, pa.string()).slice(begins_at)
    assert rename_ids(column, NAMES).to_pylist() == [None if id is None else NAMES.of(id) for id in column.to_pylist()]


@pytest.mark.parametrize("column", [[ID[:8] + "0" + ID[9:], ID[:7] + "-" + ID[8:]], [ID, ID[:-1] + "é"], ["", ID], []])
def test_what_is_no_uuid_is_never_taken_for_a_part_of_one(column: list[str]) -> None:
    assert rename_ids(pa.array(column, pa.string()), NAMES).to_pylist() == [NAMES.of(id) for id in column]


@given(
    st.lists(st.tuples(st.sampled_from(["member", "session", "module", "instrument", "new"]), st.one_of(uuids, odd)))
)
def test_a_column_of_tags_is_renamed_as_each_of_them_is(tags: list[tuple[str, str]]) -> None:
    column = [f"{kind}:{id}" for kind, id in tags]
    assert rename_tags(pa.array(column, pa.string()), NAMES).to_pylist() == [NAMES.tag(tag) for tag in column]
