"""Whatever people do, in whatever order: seats, ranks, one enrolment a module, and completions that add up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import combinations
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import given as for_all
from hypothesis import strategies as st

from coopschool.domain.base import A, Aggregate, Command, Occurrence, Unchanged
from coopschool.domain.errors import DomainError
from coopschool.domain.school.arrangements import ReviseSession
from coopschool.domain.school.attendance import CorrectAttendance, LogAttendance, expected_at
from coopschool.domain.school.closing import CloseSession
from coopschool.domain.school.eligibility import first_eligible, overlap
from coopschool.domain.school.enrolling import EnrolInSession
from coopschool.domain.school.enrolment import MemberWaitlisted, ModuleCompleted, ModuleNotCompleted
from coopschool.domain.school.member import Member
from coopschool.domain.school.membership import ChangeCategory, WaivePrerequisite
from coopschool.domain.school.module_enrolment import EnrolInModule
from coopschool.domain.school.scheduling import CancelSession, CancelSlot, MoveSlot
from coopschool.domain.school.session import (
    AttendanceCorrected,
    AttendanceLogged,
    AttendanceRecord,
    Session,
    SlotMoved,
    Status,
)
from coopschool.domain.school.waiting_list import LapseWaitlist, Promote
from coopschool.domain.school.withdrawal import EndMembership, ErasePersonalData, WithdrawEnrolment
from tests.support.given_when_then import BEFORE, NOW
from tests.support.school import joined, module, scheduled

MEMBERS = ("ann", "bob", "cyd", "dan", "eve", "fay")
MODULES = {"early": "M01", "late": "M01", "clashing": "M02", "next": "M02"}
SESSIONS = tuple(MODULES)
HISTORY = (
    *module("M01"),
    *module("M02", prerequisites=("M01",)),
    scheduled("early", "2026-03-05 09:00", "2026-03-06 09:00", seats=1),
    scheduled("late", "2026-03-09 09:00", "2026-03-10 09:00", seats=2),
    scheduled("clashing", "2026-03-06 10:00", module="M02", seats=1, trainers=("tom",)),
    scheduled(
        "next", "2026-03-10 10:00", "2026-03-12 09:00", module="M02", prerequisites=("M01",), seats=1, trainers=()
    ),
    *joined("tess", "tom", *MEMBERS),
)


class School:
    """A log in memory and the aggregates kept beside it, each event folded once, as the application does."""

    def __init__(self) -> None:
        self.now: datetime = NOW
        self.log: list[Occurrence] = []
        self.kept: dict[str, Aggregate] = {}
        for event in HISTORY:
            self._append(Occurrence(event, BEFORE))

    def load(self, aggregate: type[A], id: str, /) -> A:
        tag = f"{aggregate.KIND}:{id}"
        if tag not in self.kept:
            self.kept[tag] = self.folded(aggregate, id)
        found = self.kept[tag]
        assert isinstance(found, aggregate)
        return found

    def folded(self, aggregate: type[A], id: str) -> A:
        found = aggregate(id)
        for position, occurrence in enumerate(self.log, start=1):
            if found.tag in occurrence.tags and type(occurrence.event) in found.projected_types:
                found.fold(occurrence.event, position, occurrence.occurred_at)
        return found

    def do(self, command: Command) -> None:
        try:
            decided = command.decide(self.load)
        except DomainError as refusal:
            note(f"{command} → {refusal!r}")
            return
        note(f"{command} → {decided}")
        if not isinstance(decided, Unchanged):
            for occurrence in decided:
                self._append(occurrence)

    def _append(self, occurrence: Occurrence) -> None:
        self.log.append(occurrence)
        for tag in occurrence.tags:
            kept = self.kept.get(tag)
            if kept is not None and type(occurrence.event) in kept.projected_types:
                kept.fold(occurrence.event, len(self.log), occurrence.occurred_at)

    def events(self, *kinds: type[Any]) -> list[Any]:
        return [occurrence.event for occurrence in self.log if isinstance(occurrence.event, kinds)]


Step = tuple[str, int, int, int]
Make = Callable[[School, str, str, int], Command]


def sheet(school: School, session: str, chosen: int) -> Command:
    """The sheet of a slot for exactly those who must be on it."""
    folded = school.load(Session, session)
    slot = folded.slots[1 + chosen % len(folded.slots)]
    statuses = get_args(Status)
    records = []
    for index, member in enumerate(sorted(expected_at(folded, slot))):
        status = statuses[(chosen // 2 + index) % len(statuses)]
        minutes = 1 + chosen % 180 if status == "partial" else None
        records.append(AttendanceRecord(member=member, status=status, minutes=minutes))
    return LogAttendance(at=school.now, session=session, slot=slot.number, records=tuple(records))


def correction(school: School, session: str, member: str, chosen: int) -> Command:
    status = get_args(Status)[chosen % 4]
    return CorrectAttendance(
        at=school.now,
        session=session,
        slot=1 + chosen // 4 % 2,
        member=member,
        status=status,
        minutes=1 + chosen % 180 if status == "partial" else None,
        reason_code="other",
    )


def move(school: School, session: str, chosen: int) -> Command:
    starts_at = NOW.replace(hour=9) + timedelta(days=2 + chosen % 9)
    return MoveSlot(
        at=school.now,
        session=session,
        slot=1 + chosen % 2,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=2),
        accept_clashes=chosen % 3 > 0,
    )


STEPS: dict[str, Make] = {
    "enrol": lambda school, session, member, _: EnrolInSession(at=school.now, session=session, member=member),
    "enrol_in_module": lambda school, session, member, chosen: EnrolInModule(
        at=school.now, module=MODULES[session], member=member, waitlist=chosen % 2 == 0
    ),
    "withdraw": lambda school, session, member, _: WithdrawEnrolment(at=school.now, session=session, member=member),
    "promote": lambda school, session, _, chosen: Promote(
        at=school.now, session=session, rank=chosen % 4 or None
    ),
    "lapse": lambda school, session, *_: LapseWaitlist(at=school.now, session=session),
    "seats": lambda school, session, _, chosen: ReviseSession(at=school.now, session=session, seats=1 + chosen % 3),
    "move": lambda school, session, _, chosen: move(school, session, chosen),
    "cancel_slot": lambda school, session, _, chosen: CancelSlot(at=school.now, session=session, slot=1 + chosen % 2),
    "cancel": lambda school, session, *_: CancelSession(at=school.now, session=session, reason_code="other"),
    "waive": lambda school, _, member, chosen: WaivePrerequisite(
        at=school.now, member=member, module="M01", reason_code="other"
    ),
    "category": lambda school, _, member, chosen: ChangeCategory(
        at=school.now, member=member, category=("A", "C")[chosen % 2], effective_on=NOW.date() + timedelta(chosen % 12)
    ),
    "end": lambda school, _, member, chosen: EndMembership(
        at=school.now, member=member, ended_on=NOW.date() + timedelta(chosen % 12)
    ),
    "erase": lambda school, _, member, __: ErasePersonalData(at=school.now, person=member),
    "log": lambda school, session, _, chosen: sheet(school, session, chosen),
    "correct": correction,
    "close": lambda school, session, *_: CloseSession(at=school.now, session=session),
}  # fmt: skip
OFTEN = {
    "enrol": 30,
    "enrol_in_module": 8,
    "withdraw": 10,
    "promote": 4,
    "log": 6,
    "seats": 4,
    "correct": 4,
    "move": 5,
    "waive": 3,
}
RARE = ("cancel", "end", "erase", "category")

WHICH = st.integers(0, 719)


def steps(*kinds: str, at_least: int, at_most: int) -> st.SearchStrategy[list[Step]]:
    """Many steps of these kinds, some kinds more often than others."""
    weighted = [kind for kind in kinds for _ in range(OFTEN.get(kind, 1))]
    step = st.tuples(
        st.sampled_from(weighted), st.integers(0, len(SESSIONS) - 1), st.integers(0, len(MEMBERS) - 1), WHICH
    )
    return st.lists(step, min_size=at_least, max_size=at_most)


def take(school: School, step: Step) -> None:
    kind, session, member, chosen = step
    school.do(STEPS[kind](school, SESSIONS[session], MEMBERS[member], chosen))


def check(school: School) -> None:
    for id in SESSIONS:
        session = school.load(Session, id)
        assert len(session.confirmed) <= session.seats
        assert list(session.waitlist) == sorted(session.waitlist)
        assert {waiting.member: rank for rank, waiting in session.waitlist.items()} == session.ranks
        assert session.ranks.keys().isdisjoint(session.confirmed)
        if session.is_open and session.free > 0 and school.now < session.promotion_cutoff:
            assert first_eligible(session, school.now, school.load)[0] is None, f"a seat of {id} stays empty"
        ranks = [event.rank for event in school.events(MemberWaitlisted) if event.session == id]
        assert ranks == list(range(1, len(ranks) + 1))
    for id in MEMBERS:
        check_member(school, school.load(Member, id))


def check_member(school: School, member: Member) -> None:
    own = [school.load(Session, id) for id, it in member.enrolments.items() if it.standing == "confirmed"]
    if any(overlap(one.timetable, other.timetable) for one, other in combinations(own, 2)):
        assert any(member.id in event.clashes for event in school.events(SlotMoved)), "a clash that nobody accepted"
    for code in set(MODULES.values()):
        standings = [member.enrolments[session].standing for session in member.enrolled_in(code)]
        assert standings.count("confirmed") == 0 or standings == ["confirmed"]
        assert not (standings and code in member.interests)
    for id in SESSIONS:
        session = school.load(Session, id)
        if not session.is_open:
            assert id not in member.enrolments
        elif session.has(member.id):
            confirmed = member.id in session.confirmed
            assert member.enrolments[id].standing == ("confirmed" if confirmed else "waitlisted")
        else:
            assert id not in member.enrolments


def check_completions(school: School) -> None:
    """The last outcome of each person in each closed session is what a recount of all sheets gives."""
    found = {
        (event.session, event.member): (isinstance(event, ModuleCompleted), event.attended, event.expected)
        for event in school.events(ModuleCompleted, ModuleNotCompleted)
    }
    closed = [session for session in SESSIONS if school.load(Session, session).status == "closed"]
    assert {session for session, _ in found} <= set(closed)
    for id in closed:
        session = school.load(Session, id)
        for member in session.confirmed:
            attended, held = recount(school, session, member)
            completed = held > 0 and attended >= Fraction(8, 10) * held
            recorded_completed, recorded, expected = found.pop((id, member))
            assert (recorded_completed, expected) == (completed, held)
            assert (Fraction(*recorded) >= Fraction(8, 10) * held) is completed
    assert not found


def recount(school: School, session: Session, member: str) -> tuple[Fraction, int]:
    sheets: dict[int, Any] = {}
    for event in school.events(AttendanceLogged, AttendanceCorrected):
        if event.session != session.id:
            continue
        if isinstance(event, AttendanceLogged):
            of_member = [record for record in event.records if record.member == member]
            sheets[event.slot] = of_member[0] if of_member else None
        elif event.member == member:
            sheets[event.slot] = event.to
    attended = Fraction(0)
    for number, presence in sheets.items():
        slot = session.slots[number]
        if presence is not None and presence.status == "present":
            attended += 1
        elif presence is not None and presence.status == "partial":
            attended += Fraction(presence.minutes, round((slot.ends_at - slot.starts_at) / timedelta(minutes=1)))
    return attended, len(sheets)


def check_folds(school: School) -> None:
    """No decision changed what it looked at: the kept aggregates are what the log makes them."""
    for kept in school.kept.values():
        assert vars(kept) == vars(school.folded(type(kept), kept.id)), kept.tag


@pytest.mark.no_cover
@settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))
@for_all(steps(*STEPS, at_least=50, at_most=90), st.integers(0, 3))
def test_whatever_people_do(taken: list[Step], hours: int) -> None:
    school = School()
    for step in taken:
        school.now += timedelta(hours=hours)
        take(school, step)
        check(school)
    check_folds(school)


EVERY_DAY = [kind for kind in STEPS if kind not in RARE]
FILLING = ("enrol", "enrol_in_module", "withdraw", "waive", "seats")


@pytest.mark.no_cover
@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@for_all(
    steps(*FILLING, at_least=20, at_most=40),
    steps(*EVERY_DAY, at_least=5, at_most=20),
    st.lists(st.tuples(WHICH, WHICH), min_size=len(SESSIONS), max_size=len(SESSIONS)),
    steps("correct", at_least=10, at_most=30),
)
def test_completions_equal_a_recount(
    before: list[Step], during: list[Step], sheets: list[tuple[int, int]], after: list[Step]
) -> None:
    """Sessions are filled, held, sometimes left and joined half way, closed, and corrected afterwards."""
    school = School()
    for step in before:
        take(school, step)
    school.now = NOW + timedelta(days=4, hours=1)
    for step in during:
        take(school, step)
    school.now = NOW + timedelta(days=40)
    for index, (first, second) in enumerate(sheets):
        take(school, ("log", index, 0, 2 * (first // 2)))
        take(school, ("log", index, 0, 2 * (second // 2) + 1))
        take(school, ("close", index, 0, 0))
    for step in after:
        take(school, step)
    check(school)
    check_completions(school)
    check_folds(school)
