"""From what happened to what was asked for: each event of the log becomes a command, a given, or a mere consequence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar, get_args

from msgspec.structs import replace

from coopschool.domain.base import SYSTEM, Actor, Command, Event, Occurrence
from coopschool.domain.school.arrangements import ReviseSession
from coopschool.domain.school.attendance import CorrectAttendance, LogAttendance, expected_at
from coopschool.domain.school.closing import CloseSession
from coopschool.domain.school.enrolling import EnrolInSession
from coopschool.domain.school.enrolment import (
    EnrolmentCancelled,
    EnrolmentWithdrawn,
    HistoricalException,
    InterestRegistered,
    InterestWithdrawn,
    MemberEnrolled,
    MemberPromoted,
    MemberWaitlisted,
    ModuleCompleted,
    ModuleNotCompleted,
    OwnReason,
    PrerequisiteWaived,
    ReservedForTeam,
    WaitlistLapsed,
)
from coopschool.domain.school.learning_module import ModuleDrafted, ModulePublished, ModuleRetired, ModuleRevised
from coopschool.domain.school.member import Member, MemberJoined, MembershipCategoryChanged, MembershipEnded
from coopschool.domain.school.membership import ChangeCategory, WaivePrerequisite
from coopschool.domain.school.person import PersonRegistered
from coopschool.domain.school.scheduling import CancelSession, CancelSlot, MoveSlot
from coopschool.domain.school.session import (
    ArrangementsChanged,
    AttendanceCorrected,
    AttendanceLogged,
    AttendanceRecord,
    SeatsChanged,
    Session,
    SessionCancelled,
    SessionClosed,
    SessionScheduled,
    SlotCancelled,
    SlotMoved,
    TrainersChanged,
)
from coopschool.domain.school.waiting_list import LapseWaitlist, Promote
from coopschool.domain.school.withdrawal import EndMembership, WithdrawEnrolment
from projections.whatif.rule import Rule
from projections.whatif.world import World

E = TypeVar("E", bound=Event)
Asked = Command | Occurrence | None
Derivation = Callable[["Requests", Any, datetime], Asked]

# As they are, whatever the rule.
GIVEN = (
    PersonRegistered, MemberJoined, ModuleDrafted, ModuleRevised, ModulePublished, ModuleRetired, TrainersChanged,
    ArrangementsChanged,
)  # fmt: skip
# What the decisions bring about by themselves.
CONSEQUENCES = (ModuleCompleted, ModuleNotCompleted)

_DERIVATIONS: dict[type[Event], Derivation] = {}


def _from(event: type[Event]) -> Callable[[Derivation], Derivation]:
    def note(derivation: Derivation) -> Derivation:
        _DERIVATIONS[event] = derivation
        return derivation

    return note


class Requests:
    """Derives, in the order of the log, what was asked for. `world` is asked who has a seat under the other rule."""

    def __init__(self, rule: Rule, world: World, zone: Any) -> None:
        self.rule = rule
        self.world = world
        self.now = datetime.min.replace(tzinfo=zone)
        self.excused: defaultdict[tuple[str | None, str | None], set[str]] = defaultdict(set)
        self.left: set[tuple[str, str]] = set()  # (member, module) whose interest is what an ended enrolment left
        self._zone = zone

    def derive(self, event: Event, occurred_at: datetime) -> Iterator[Command | Occurrence]:
        """What the event stands for: nothing, if it followed from something else."""
        derivation = _DERIVATIONS.get(type(event))
        if derivation is None:
            return
        asked = derivation(self, event, occurred_at.astimezone(self._zone))
        if isinstance(asked, Command):
            self.now = max(self.now, asked.at)
        if asked is not None:
            yield asked

    def since_then(self, occurred_at: datetime) -> datetime:
        """For events that are dated otherwise than by their command: not before the last command."""
        return max(self.now, occurred_at)

    def now_or(self, occurred_at: datetime) -> datetime:
        """For events that are dated by the day they take effect: the moment of the last command, if there was one."""
        return occurred_at if self.now.year == 1 else self.now

    def exceptions(self, session: str, member: str) -> frozenset[str]:
        """Rules that history broke here, and those of teams, which enrol as one."""
        return frozenset({ReservedForTeam.code, *self.excused.pop((session, member), ())})


def _given(_requests: Requests, event: Event, at: datetime) -> Asked:
    return Occurrence(event, at)


_DERIVATIONS.update(dict.fromkeys(GIVEN, _given))


@_from(SessionScheduled)
def _(requests: Requests, event: SessionScheduled, at: datetime) -> Asked:
    rule = requests.rule
    min_attendance = event.min_attendance if rule.min_attendance is None else rule.min_attendance
    return Occurrence(replace(event, seats=rule.seats_of(event.seats), min_attendance=min_attendance), at)


@_from(SeatsChanged)
def _(requests: Requests, event: SeatsChanged, at: datetime) -> Asked:
    return ReviseSession(session=event.session, seats=requests.rule.seats_of(event.seats), at=at)


@_from(SlotMoved)
def _(_requests: Requests, event: SlotMoved, at: datetime) -> Asked:
    return MoveSlot(
        session=event.session,
        slot=event.slot,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        accept_clashes=True,
        at=at,
    )


@_from(SlotCancelled)
def _(_requests: Requests, event: SlotCancelled, at: datetime) -> Asked:
    return CancelSlot(session=event.session, slot=event.slot, at=at)


@_from(SessionCancelled)
def _(_requests: Requests, event: SessionCancelled, at: datetime) -> Asked:
    return CancelSession(session=event.session, reason_code=event.reason_code, at=at)


@_from(HistoricalException)
def _(requests: Requests, event: HistoricalException, _at: datetime) -> Asked:
    requests.excused[event.session, event.member].add(event.rule)
    return None


@_from(MemberEnrolled)
def _(requests: Requests, event: MemberEnrolled, at: datetime) -> Asked:
    exceptions = requests.exceptions(event.session, event.member)
    by = SYSTEM
    trainers = requests.world.load(Session, event.session).trainers_by_slot.values()
    if event.walk_in and (trainer := next((one for given in trainers for one in given), None)):
        by = Actor(trainer, frozenset({"trainer"}))
    return EnrolInSession(session=event.session, member=event.member, at=at, exceptions=exceptions, by=by)


@_from(MemberWaitlisted)
def _(requests: Requests, event: MemberWaitlisted, at: datetime) -> Asked:
    exceptions = requests.exceptions(event.session, event.member)
    return EnrolInSession(session=event.session, member=event.member, at=at, exceptions=exceptions)


@_from(MemberPromoted)
def _(requests: Requests, event: MemberPromoted, at: datetime) -> Asked:
    if event.rule != "by_hand":
        return None
    rank = requests.world.load(Session, event.session).ranks.get(event.member)
    return Promote(session=event.session, rank=rank, at=requests.since_then(at))


@_from(EnrolmentWithdrawn)
def _(_requests: Requests, event: EnrolmentWithdrawn, at: datetime) -> Asked:
    if event.reason_code not in get_args(OwnReason):
        return None
    return WithdrawEnrolment(session=event.session, member=event.member, reason_code=event.reason_code, at=at)  # type: ignore[arg-type]


@_from(EnrolmentCancelled)
def _(requests: Requests, event: EnrolmentCancelled, _at: datetime) -> Asked:
    requests.left.add((event.member, event.module))
    return None


@_from(WaitlistLapsed)
def _(requests: Requests, event: WaitlistLapsed, at: datetime) -> Asked:
    requests.left.add((event.member, event.module))
    return LapseWaitlist(session=event.session, at=at)


@_from(InterestRegistered)
def _(requests: Requests, event: InterestRegistered, at: datetime) -> Asked:
    """An interest stays one: whether a seat would have been taken instead, nobody said."""
    if (event.member, event.module) in requests.left:
        requests.left.discard((event.member, event.module))
        return None
    member = requests.world.load(Member, event.member)
    return None if member.enrolled_in(event.module) or event.module in member.completed else Occurrence(event, at)


@_from(InterestWithdrawn)
def _(requests: Requests, event: InterestWithdrawn, at: datetime) -> Asked:
    return Occurrence(event, at) if event.module in requests.world.load(Member, event.member).interests else None


@_from(MembershipCategoryChanged)
def _(requests: Requests, event: MembershipCategoryChanged, at: datetime) -> Asked:
    return ChangeCategory(
        member=event.member, category=event.category, effective_on=event.effective_on, at=requests.now_or(at)
    )


@_from(MembershipEnded)
def _(requests: Requests, event: MembershipEnded, at: datetime) -> Asked:
    return EndMembership(member=event.member, ended_on=event.ended_on, at=requests.now_or(at))


@_from(PrerequisiteWaived)
def _(_requests: Requests, event: PrerequisiteWaived, at: datetime) -> Asked:
    by = Actor(event.by, frozenset({"coordinator"}))
    return WaivePrerequisite(member=event.member, module=event.module, reason_code=event.reason_code, at=at, by=by)


@_from(AttendanceLogged)
def _(requests: Requests, event: AttendanceLogged, at: datetime) -> Asked:
    """The sheet names those who have a seat now; of who was not there in truth nobody knows: taken as excused."""
    session = requests.world.load(Session, event.session)
    if event.slot not in session.slots:
        return None
    seen = {record.member: record for record in event.records}
    expected = expected_at(session, session.slots[event.slot])
    records = [record for record in event.records if record.member in expected]
    records += [AttendanceRecord(member=member, status="excused") for member in sorted(expected - seen.keys())]
    return LogAttendance(session=event.session, slot=event.slot, records=tuple(records), at=requests.since_then(at))


@_from(AttendanceCorrected)
def _(requests: Requests, event: AttendanceCorrected, at: datetime) -> Asked:
    return CorrectAttendance(
        session=event.session,
        slot=event.slot,
        member=event.member,
        status=event.to.status,
        minutes=event.to.minutes,
        mode=event.to.mode,
        reason_code=event.reason_code,
        at=requests.since_then(at),
    )


@_from(SessionClosed)
def _(_requests: Requests, event: SessionClosed, at: datetime) -> Asked:
    return CloseSession(session=event.session, at=at, exceptions=frozenset({"slots-not-logged"}))
