"""The words that the domain is written in."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from coopschool.domain import bounds
from coopschool.domain.base import (
    SYSTEM,
    Actor,
    Aggregate,
    Command,
    Decided,
    Load,
    Occurrence,
    as_read,
    existing,
)
from coopschool.domain.errors import DomainError, Invalid, RuleBroken, Stale, Unknown
from coopschool.domain.school.member import Member
from coopschool.domain.school.person import Person, PersonRegistered
from tests.support.given_when_then import BRUSSELS, NOW, given, local

REGISTERED = PersonRegistered(person="ann")


class FullMoon(RuleBroken):
    """The moon is full."""


class Howl(Command, frozen=True, kw_only=True):
    def decide(self, load: Load) -> Decided:
        self.refuse(FullMoon(day=self.at.date()))
        return self.occurs(REGISTERED)


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        REGISTERED.person = "bob"  # type: ignore[misc]


def test_an_occurrence_is_an_event_and_its_moment() -> None:
    occurrence = Occurrence(REGISTERED, NOW)
    assert occurrence.tags == ["person:ann"]
    assert occurrence == Occurrence(PersonRegistered(person="ann"), NOW)
    assert occurrence != Occurrence(REGISTERED, local("2026-01-01"))
    assert occurrence != REGISTERED
    assert repr(occurrence) == "PersonRegistered(person='ann') at 2026-03-02T09:00:00+00:00"


def test_an_aggregate_remembers_where_and_when_its_last_event_was() -> None:
    ann = Person("ann")
    assert ann.tag == "person:ann"
    ann.fold(REGISTERED, 7, NOW)
    assert (ann.position, ann.moment) == (7, NOW)


def test_an_aggregate_asks_for_its_own_events_only() -> None:
    boundary = Person("ann").consistency_boundary()
    assert list(boundary.tags) == ["person:ann"]
    assert PersonRegistered in boundary.types


def test_what_has_no_events_is_unknown() -> None:
    with pytest.raises(Unknown) as refused:
        existing(given().folded, Member, "ann")
    assert refused.value.details == {"kind": "member", "id": "ann"}


def test_a_broken_rule_refuses_the_command() -> None:
    given().when(Howl(at=NOW)).then_refused(FullMoon, day=date(2026, 3, 2))


def test_a_rule_set_aside_does_not_refuse() -> None:
    given().when(Howl(at=NOW, exceptions=frozenset({"full-moon"}))).then(Occurrence(REGISTERED, NOW))


def test_an_error_says_its_rule_and_its_details() -> None:
    assert FullMoon.code == "full-moon"
    assert str(FullMoon(day=3)) == "The moon is full (day=3)"
    assert str(FullMoon()) == "The moon is full"


def test_each_rule_has_a_code_and_a_title_of_its_own() -> None:
    def below(error: type[DomainError]) -> list[type[DomainError]]:
        return [error, *(deeper for child in error.__subclasses__() for deeper in below(child))]

    errors = below(DomainError)
    assert len({error.code for error in errors}) == len(errors)
    assert all((error.__doc__ or "").strip() for error in errors)


def test_a_person_acts_for_themselves_and_a_coordinator_for_all() -> None:
    ann = Actor("ann", frozenset({"member"}))
    assert ann.acts_for("ann")
    assert not ann.acts_for("bob")
    assert SYSTEM.acts_for("ann")
    assert ann.is_any("trainer", "member")


def test_days_begin_and_end_in_the_schools_zone_also_when_clocks_change() -> None:
    command = Howl(at=NOW)
    assert command.start_of(date(2026, 3, 29)) == datetime(2026, 3, 28, 23, 0, tzinfo=UTC)
    assert command.end_of(date(2026, 3, 29)).astimezone(UTC) == datetime(2026, 3, 29, 21, 59, 59, 999999, tzinfo=UTC)


def test_what_was_read_must_be_what_is() -> None:
    as_read(None, 3)
    as_read(3, 3)
    with pytest.raises(Stale):
        as_read(2, 3)


@pytest.mark.parametrize(
    "moment",
    [datetime(2026, 3, 2), datetime(1899, 12, 31, tzinfo=UTC), datetime(2201, 1, 1, tzinfo=UTC)],  # noqa: DTZ001
)
def test_a_moment_has_a_zone_and_a_place_in_the_calendar(moment: datetime) -> None:
    bounds.moment("starts_at", NOW)
    with pytest.raises(Invalid) as refused:
        bounds.moment("starts_at", moment)
    assert refused.value.details["field"] == "starts_at"


def test_a_command_that_changes_what_it_looks_at_is_caught() -> None:
    class Meddle(Command, frozen=True, kw_only=True):
        def decide(self, load: Load) -> Decided:
            load(Person, "ann").language = "fr"
            return []

    with pytest.raises(AssertionError, match="deciding changed person:ann"):
        given(REGISTERED).when(Meddle(at=NOW))


def test_a_base_command_and_aggregate_promise_nothing() -> None:
    def load(aggregate: type[Any], id: str, /) -> Any:
        return aggregate(id)

    assert Command(at=NOW).needs() == ()
    with pytest.raises(NotImplementedError):
        Command(at=NOW).decide(load)
    with pytest.raises(NotImplementedError):
        _ = Aggregate("ann").exists
    assert NOW.tzinfo is BRUSSELS


def test_an_occurrence_is_in_utc_so_that_it_is_the_same_before_and_after_the_log() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=BRUSSELS)
    occurrence = Occurrence(PersonRegistered(person="ada"), noon)
    assert occurrence.occurred_at.isoformat() == "2026-03-02T11:00:00+00:00"
