"""What an event concerns is said by the types of its fields, once."""

from datetime import UTC, datetime
from typing import ClassVar

import msgspec

from coopschool.domain import tags
from coopschool.domain.base import Event
from coopschool.domain.school.enrolment import HistoricalException, MemberPromoted, PrerequisiteWaived
from coopschool.domain.school.person import PersonRegistered
from coopschool.domain.school.session import (
    AttendanceCorrected,
    AttendanceLogged,
    AttendanceRecord,
    Presence,
    TrainersChanged,
)


def test_a_tag_is_a_kind_and_an_id() -> None:
    assert tags.tag("session", "s1") == "session:s1"
    assert tags.of(PersonRegistered(person="ann")) == ["person:ann"]


def test_an_event_is_tagged_with_all_that_it_concerns_in_the_order_of_its_fields() -> None:
    promoted = MemberPromoted(member="ann", session="s1", module="M01", rank=1, rule="by_hand", freed_by="bob")
    assert tags.of(promoted) == ["member:ann", "session:s1", "module:M01"]


def test_who_is_only_mentioned_is_not_tagged() -> None:
    waived = PrerequisiteWaived(member="ann", module="M01", by="bob", reason_code="other")
    assert "person:bob" not in tags.of(waived)


def test_each_line_of_a_sheet_concerns_its_member_once() -> None:
    sheet = AttendanceLogged(
        session="s1",
        module="M01",
        slot=1,
        records=tuple(AttendanceRecord(member=member, status="present") for member in ("bob", "ann", "bob")),
    )
    assert tags.of(sheet) == ["session:s1", "module:M01", "member:bob", "member:ann"]


def test_several_ids_in_one_field_each_give_a_tag() -> None:
    changed = TrainersChanged(session="s1", module="M01", trainers=("tom",), before=("tim", "tom"), from_slot=2)
    assert tags.of(changed) == ["session:s1", "module:M01", "trainer:tom", "trainer:tim"]


def test_a_field_left_empty_gives_no_tag() -> None:
    assert tags.of(HistoricalException(rule="overlap", module="M01")) == ["module:M01"]


def test_fields_that_identify_people_are_found_by_their_stored_name() -> None:
    fields = tags.identifying_fields(AttendanceCorrected)
    assert set(fields) == {"session", "module", "member", "note"}
    assert fields["member"].confidential
    assert not fields["module"].confidential
    assert tags.identifying_fields(AttendanceLogged)["records"] == {"member": fields["member"]}


class _Gathered(msgspec.Struct, frozen=True, kw_only=True):
    host: tags.MemberId | None = None
    guests: tuple[tags.MemberId, ...] = ()


class _Met(msgspec.Struct, frozen=True, kw_only=True):
    at: datetime
    where: _Gathered | None = None


def test_ids_are_found_in_structs_nested_in_optional_fields() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert tags.of(_Met(at=moment)) == []
    assert tags.of(_Met(at=moment, where=_Gathered(host="ann", guests=("bob",)))) == ["member:ann", "member:bob"]


def test_every_event_concerns_something() -> None:
    for event in Event.BY_TOPIC.values():
        kinds = {
            identifies.kind
            for identifies in tags.identifying_fields(event).values()
            if isinstance(identifies, tags.Identifies) and identifies.tagged
        }
        assert kinds, f"{event.__name__} would be in nobody's stream"


def test_no_presence_identifies_anybody() -> None:
    assert tags.identifying_fields(Presence) == {}


class _Untagged(Event, frozen=True, kw_only=True):
    """An event without a stored name is no word of the log."""

    note: ClassVar[str] = ""


def test_an_event_without_a_stored_name_is_not_registered() -> None:
    assert _Untagged not in Event.BY_TOPIC.values()
