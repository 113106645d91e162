"""Events to JSON and back, old versions and filters by name included."""

from __future__ import annotations

import msgspec
import pytest
from eventsourcing.dcb.api import DCBEvent
from eventsourcing.dcb.domain import Tagged

from coopschool.domain.school.enrolment import MemberEnrolled
from coopschool.eventstore.mapper import JSONMapper, UnknownEvent, decode, encode, topics_named, topics_of

ENROLLED = MemberEnrolled(member="m", session="s", module="M01", walk_in=False)


def test_an_event_comes_back_as_it_was() -> None:
    assert decode(*encode(ENROLLED)) == ENROLLED


def test_an_old_version_is_read_as_todays() -> None:
    assert decode("MemberEnrolled.v0", b'{"person": "m", "session": "s", "module": "M01"}') == ENROLLED


@pytest.mark.parametrize("name", ["MemberEnrolled", "MemberEnrolled.v1", "MemberEnrolled.v0"])
def test_any_name_of_an_event_means_all_its_stored_versions(name: str) -> None:
    assert sorted(topics_named(name)) == ["MemberEnrolled.v0", "MemberEnrolled.v1"] == sorted(topics_of(MemberEnrolled))


@pytest.mark.parametrize("name", ["", "Member", "MemberEnrolled.v7", "MemberEnrolled."])
def test_a_name_that_no_event_has_means_none(name: str) -> None:
    assert topics_named(name) == []


def test_an_event_of_a_newer_program_is_not_guessed_at() -> None:
    with pytest.raises(UnknownEvent):
        decode("MemberTeleported.v1", b"{}")


def test_odd_data_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode("MemberEnrolled.v1", b'{"member": 3}')


def test_the_librarys_mapper_interface_keeps_tags_and_event() -> None:
    stored = JSONMapper().to_dcb_event(Tagged(["member:m"], ENROLLED))
    assert stored == DCBEvent("MemberEnrolled.v1", encode(ENROLLED)[1], ["member:m"])
    back = JSONMapper().to_domain_event(stored)
    assert (back.tags, back.decision) == (["member:m"], ENROLLED)
