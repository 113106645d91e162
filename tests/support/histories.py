"""Random histories of a small school and its chantier, rules broken freely: late entries, corrections, no order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from coopschool.domain import tags
from coopschool.domain.base import Event
from coopschool.domain.school import enrolment, learning_module, member, person, session
from coopschool.eventstore.mapper import encode
from projections.log import StoredRow
from tests.support.adviser_histories import of_the_chantier

BRUSSELS = ZoneInfo("Europe/Brussels")
START = datetime(2020, 3, 27, 21, 0, tzinfo=UTC)  # a week before and after a quarter begins, and the clock changes

MEMBERS = ("ann", "bob", "cas")
SESSIONS = ("s1", "s2", "s3")
MODULE_OF = {"s1": "M01", "s2": "M02", "s3": "M01"}
MODULES = ("M01", "M02")

moments = st.integers(0, 40).map(lambda hours: START + timedelta(hours=6 * hours))
members = st.sampled_from(MEMBERS)
sessions = st.sampled_from(SESSIONS)
modules = st.sampled_from(MODULES)
categories = st.sampled_from(("candidate", "A", "B"))
languages = st.sets(st.sampled_from(("fr", "nl")), min_size=1).map(lambda found: tuple(sorted(found)))
places = st.sampled_from(("LIE", "BRU"))
formats = st.sampled_from(("in_person", "online"))
statuses = st.sampled_from(("present", "partial", "absent", "excused"))
numbers = st.integers(1, 3)


@st.composite
def slots(draw: st.DrawFn) -> tuple[session.Slot, ...]:
    found = []
    for number in range(1, draw(numbers) + 1):
        starts_at = draw(moments)
        found.append(session.Slot(number=number, starts_at=starts_at, ends_at=starts_at + timedelta(hours=3)))
    return tuple(found)


@st.composite
def presences(draw: st.DrawFn) -> session.Presence:
    status = draw(statuses)
    return session.Presence(status=status, minutes=draw(st.sampled_from((0, 45, 90))) if status == "partial" else None)


def _keys(id: str) -> dict[str, Any]:
    return {"session": id, "module": MODULE_OF[id]}


@st.composite
def of_sessions(draw: st.DrawFn) -> Event:
    keys = _keys(draw(sessions))
    kind = draw(st.integers(0, 7))
    if kind <= 1:
        return session.SessionScheduled(
            revision=1, audience=("A",), prerequisites=(), min_attendance=Decimal("0.8"), slots=draw(slots()),
            seats=draw(st.integers(1, 5)), trainers=("tim",), languages=draw(languages), place=draw(places),
            format=draw(formats), promotion_cutoff=START, **keys,
        )  # fmt: skip
    if kind == 2:
        at = draw(moments)
        return session.SlotMoved(slot=draw(numbers), starts_at=at, ends_at=at + timedelta(hours=2), **keys)
    if kind == 3:
        return session.SlotCancelled(slot=draw(numbers), **keys)
    if kind == 4:
        return session.SeatsChanged(seats=draw(st.integers(1, 5)), **keys)
    if kind == 5:
        return session.ArrangementsChanged(languages=draw(languages), place=draw(places), format=draw(formats), **keys)
    return session.SessionClosed(**keys) if kind == 6 else session.SessionCancelled(reason_code="too_few", **keys)


@st.composite
def of_enrolments(draw: st.DrawFn) -> Event:  # noqa: PLR0911 - a table of cases
    keys = {**_keys(draw(sessions)), "member": draw(members)}
    kind = draw(st.integers(0, 7))
    if kind <= 1:
        return enrolment.MemberEnrolled(**keys)
    if kind == 2:
        return enrolment.MemberWaitlisted(rank=1, **keys)
    if kind == 3:
        return enrolment.MemberPromoted(rank=1, rule="by_hand", **keys)
    if kind == 4:
        reason = draw(st.sampled_from(("work", "confirmed_elsewhere")))
        return enrolment.EnrolmentWithdrawn(was="confirmed", reason_code=reason, **keys)
    if kind == 5:
        return enrolment.EnrolmentCancelled(was="confirmed", **keys)
    if kind == 6:
        return enrolment.WaitlistLapsed(rank=1, **keys)
    outcome = draw(st.sampled_from((enrolment.ModuleCompleted, enrolment.ModuleNotCompleted)))
    return outcome(attended=(1, 1), expected=1, **keys)


@st.composite
def of_attendance(draw: st.DrawFn) -> Event:
    keys = _keys(draw(sessions))
    if draw(st.booleans()):
        named = draw(st.lists(st.tuples(members, presences()), unique_by=lambda pair: pair[0], max_size=3))
        records = tuple(session.AttendanceRecord(member=who, status=p.status, minutes=p.minutes) for who, p in named)
        return session.AttendanceLogged(slot=draw(numbers), records=records, **keys)
    before = session.Presence(status="absent")
    return session.AttendanceCorrected(
        slot=draw(numbers), member=draw(members), from_=before, to=draw(presences()), reason_code="other", **keys
    )


@st.composite
def of_people(draw: st.DrawFn) -> Event:  # noqa: PLR0911 - a table of cases
    who, day = draw(members), date(2020, 3, 25) + timedelta(days=draw(st.integers(0, 14)))
    kind = draw(st.integers(0, 6))
    if kind == 0:
        return person.PersonRegistered(person=who)
    if kind == 1:
        return member.MemberJoined(member=who, category=draw(categories), joined_on=day)
    if kind == 2:
        return member.MembershipCategoryChanged(member=who, category=draw(categories), effective_on=day)
    if kind == 3:
        return member.MembershipEnded(member=who, ended_on=day)
    if kind == 4:
        return enrolment.PrerequisiteWaived(member=who, module=draw(modules), by=None, reason_code="experience")
    if kind == 5:
        return enrolment.InterestWithdrawn(member=who, module=draw(modules))
    return enrolment.InterestRegistered(
        member=who, module=draw(modules), languages=draw(languages), places=(draw(places),), since=draw(moments)
    )


@st.composite
def of_modules(draw: st.DrawFn) -> Event:
    code = draw(modules)
    kind = draw(st.integers(0, 2))
    if kind == 1:
        return learning_module.ModulePublished(module=code, revision=1)
    if kind == 2:
        return learning_module.ModuleRetired(module=code)
    return learning_module.ModuleDrafted(
        module=code, half_days=2, minutes=360, format="online", min_attendance=Decimal("0.8"),
        prerequisites=("M01",) if code == "M02" else (), audience=("A", "B"), text="t",
    )  # fmt: skip


def happenings(max_size: int = 40) -> st.SearchStrategy[list[tuple[datetime, Event]]]:
    """Events with the moment each occurred at, in the order in which they were recorded."""
    school = st.one_of(of_sessions(), of_enrolments(), of_enrolments(), of_attendance(), of_people(), of_modules())
    event = st.one_of(school, school, of_the_chantier())
    return st.lists(st.tuples(moments, event), max_size=max_size)


class ListedLog:
    """A log in a list, as `projections.log.Log` reads one."""

    def __init__(self, happened: Sequence[tuple[datetime, Event]]) -> None:
        self._rows: list[tuple[StoredRow, list[str]]] = []
        for position, (occurred_at, event) in enumerate(happened, start=1):
            topic, data = encode(event)
            at = occurred_at.astimezone(UTC).isoformat(sep=" ").replace("+00:00", "+00")
            self._rows.append(((position, topic, data.decode(), at, "2026-01-01 00:00:00+00"), tags.of(event)))

    def between(self, after: int, upto: int, topics: Sequence[str]) -> list[StoredRow]:
        return [row for row, _ in self._rows[after:upto] if row[1] in topics]

    def about(self, wanted: Sequence[str], topics: Sequence[str], upto: int) -> list[StoredRow]:
        return [row for row, held in self._rows[:upto] if row[1] in topics and not set(held).isdisjoint(wanted)]
