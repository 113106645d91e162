"""Sessions: a module given to a group, slot by slot, from the schedule to the closing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Literal

import msgspec
from eventsourcing.domain import event

from coopschool.domain import tags
from coopschool.domain.base import Actor, Aggregate, Event, Load, as_read, existing
from coopschool.domain.errors import Forbidden, RuleBroken, Unknown
from coopschool.domain.school.enrolment import (
    EnrolmentCancelled,
    EnrolmentWithdrawn,
    MemberEnrolled,
    MemberPromoted,
    MemberWaitlisted,
    PassedOver,
    PromotionRule,
    WaitlistLapsed,
)
from coopschool.domain.school.feedback import Answers, FeedbackMoment, FeedbackReleased, TrainerReportLogged
from coopschool.domain.school.words import Category, Format, Language

Status = Literal["present", "partial", "absent", "excused"]
Mode = Literal["on_site", "online"]
CancellationReason = Literal["too_few", "trainer_unavailable", "place_unavailable", "rescheduled", "other"]
CorrectionReason = Literal["typing_error", "arrived_late", "left_early", "proof_received", "wrong_person", "other"]


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One half-day; it keeps its number for life."""

    number: int
    starts_at: datetime
    ends_at: datetime


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody was there: `minutes` only with status partial."""

    status: Status
    minutes: int | None = None
    mode: Mode | None = None


class AttendanceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an attendance sheet."""

    member: tags.MemberId
    status: Status
    minutes: int | None = None
    mode: Mode | None = None


# --- events


class SessionScheduled(Event, frozen=True, kw_only=True):
    """A session was announced, with the module's rules as they were then."""

    TOPIC: ClassVar[str] = "SessionScheduled.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    revision: int
    audience: tuple[Category, ...]
    prerequisites: tuple[tags.ModuleRef, ...]
    min_attendance: Decimal
    slots: tuple[Slot, ...]
    seats: int
    trainers: tuple[tags.TrainerId, ...]
    languages: tuple[Language, ...]
    place: str
    format: Format
    promotion_cutoff: datetime
    team: tags.TeamId | None = None


class SlotMoved(Event, frozen=True, kw_only=True):
    """A slot was moved; `clashes` are the people whose sessions overlap since, accepted knowingly."""

    TOPIC: ClassVar[str] = "SlotMoved.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    slot: int
    starts_at: datetime
    ends_at: datetime
    clashes: tuple[tags.PersonRef, ...] = ()


class SlotCancelled(Event, frozen=True, kw_only=True):
    """A slot will not be held; it no longer counts for completion."""

    TOPIC: ClassVar[str] = "SlotCancelled.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    slot: int


class SeatsChanged(Event, frozen=True, kw_only=True):
    """A session has more or fewer seats."""

    TOPIC: ClassVar[str] = "SeatsChanged.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    seats: int


class TrainersChanged(Event, frozen=True, kw_only=True):
    """Others give the session, from a slot on; `before` are those who gave it until then."""

    TOPIC: ClassVar[str] = "TrainersChanged.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    trainers: tuple[tags.TrainerId, ...]
    before: tuple[tags.TrainerId, ...]
    from_slot: int


class ArrangementsChanged(Event, frozen=True, kw_only=True):
    """A session is given in another language, place or format."""

    TOPIC: ClassVar[str] = "ArrangementsChanged.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    languages: tuple[Language, ...]
    place: str
    format: Format


class SessionCancelled(Event, frozen=True, kw_only=True):
    """A session will not be held."""

    TOPIC: ClassVar[str] = "SessionCancelled.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    reason_code: CancellationReason


class AttendanceLogged(Event, frozen=True, kw_only=True):
    """The trainer handed in the sheet of a slot (occurred: the slot's start)."""

    TOPIC: ClassVar[str] = "AttendanceLogged.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    slot: int
    records: tuple[AttendanceRecord, ...]


class AttendanceCorrected(Event, frozen=True, kw_only=True):
    """A line of a sheet was put right (occurred: the slot's start); a note on why is in the vault."""

    TOPIC: ClassVar[str] = "AttendanceCorrected.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    slot: int
    member: tags.MemberId
    from_: Presence = msgspec.field(name="from")
    to: Presence
    reason_code: CorrectionReason
    note: tags.TextId | None = None


class SessionClosed(Event, frozen=True, kw_only=True):
    """A session is over and its completions are decided."""

    TOPIC: ClassVar[str] = "SessionClosed.v1"
    session: tags.SessionId
    module: tags.ModuleCode


# --- errors


class SessionNotOpen(RuleBroken):
    """The session is closed or cancelled."""


class SessionBegun(RuleBroken):
    """The session has begun."""


class SlotIsCancelled(RuleBroken):
    """The slot is cancelled."""


class SlotAlreadyLogged(RuleBroken):
    """The sheet of this slot has been handed in."""


# --- aggregate


class Seat(msgspec.Struct, frozen=True):
    """A confirmed place, and since when."""

    since: datetime
    walk_in: bool = False


class Stay(msgspec.Struct, frozen=True):
    """A confirmed place that was given up."""

    since: datetime
    until: datetime


class Waiting(msgspec.Struct, frozen=True):
    """A place on the waiting list, and since when."""

    member: str
    since: datetime


class Vacancy(msgspec.Struct, frozen=True):
    """A seat that became free: when, and who left it (None where seats were added)."""

    since: datetime
    by: str | None


class Promotion(msgspec.Struct, frozen=True):
    """One line of the waiting list's history."""

    occurred_at: datetime
    member: str
    rank: int
    rule: PromotionRule
    freed_by: str | None
    passed_over: tuple[PassedOver, ...]


class Sheet(msgspec.Struct, frozen=True):
    """An attendance sheet as it was handed in; corrections leave it as it is."""

    position: int
    records: frozenset[AttendanceRecord]


class Report(msgspec.Struct, frozen=True):
    """What a trainer said of the session."""

    position: int
    items: Answers


ABSENT = Presence(status="absent")


class Session(Aggregate):
    """A session as it stands now.

    `waitlist` maps rank to who waits, in order of rank; `ranks` is the same the other way round. `timetable` holds
    the slots that will be or were held, in order of time; `trainers` who gives it now, `trainers_by_slot` who gives
    each slot. `details_revision` counts changes of its own arrangements, not of enrolments (for ETags). `presences`
    is what each person's attendance is taken to be today, by slot and member. `released` are the moments, and the
    questionnaire's versions, whose feedback is known; `reports` what each trainer said.
    """

    KIND = "session"
    module: str
    revision: int
    audience: tuple[Category, ...]
    prerequisites: tuple[str, ...]
    min_attendance: Decimal
    seats: int
    trainers: tuple[str, ...]
    languages: tuple[Language, ...]
    place: str
    format: Format
    team: str | None

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.status: Literal["scheduled", "cancelled", "closed"] | None = None
        self.details_revision = 0
        self.scheduled_at: datetime | None = None
        self.closed_at: datetime | None = None
        self.slots: dict[int, Slot] = {}
        self.cancelled_slots: set[int] = set()
        self.timetable: tuple[Slot, ...] = ()
        self.trainers_by_slot: dict[int, tuple[str, ...]] = {}
        self.confirmed: dict[str, Seat] = {}
        self.left: dict[str, Stay] = {}
        self.waitlist: dict[int, Waiting] = {}
        self.ranks: dict[str, int] = {}
        self.next_rank = 1
        self.vacancies: list[Vacancy] = []
        self.promotions: list[Promotion] = []
        self.sheets: dict[int, Sheet] = {}
        self.presences: dict[tuple[int, str], Presence] = {}
        self.released: set[tuple[FeedbackMoment, str, int]] = set()
        self.reports: dict[str, Report] = {}
        self._cutoff_lead = timedelta()

    @property
    def exists(self) -> bool:
        return self.status is not None

    @property
    def is_open(self) -> bool:
        """Neither cancelled nor closed."""
        return self.status == "scheduled"

    @property
    def free(self) -> int:
        """Seats without a person; below zero only where history overbooked."""
        return self.seats - len(self.confirmed)

    @property
    def starts_at(self) -> datetime:
        """The start of the first slot that is not cancelled."""
        return self.timetable[0].starts_at

    @property
    def ends_at(self) -> datetime:
        """The end of the slot that ends last."""
        return self.timetable[-1].ends_at

    @property
    def promotion_cutoff(self) -> datetime:
        """Until when free seats go to the waiting list by themselves; it moves with the first slot."""
        return self.starts_at.astimezone(UTC) - self._cutoff_lead

    def guard_revision(self, read: int | None) -> None:
        """Raises `Stale` where the asker has read other details than there are now."""
        as_read(read, self.details_revision)

    def has_begun(self, at: datetime) -> bool:
        return at >= self.starts_at

    def is_given_by(self, person: str | None) -> bool:
        """Whether the person is one of its trainers, for any of its slots."""
        return person is not None and any(person in trainers for trainers in self.trainers_by_slot.values())

    def given_by(self, trainer: str) -> tuple[Slot, ...]:
        """The slots that the trainer gives, in order of time."""
        return tuple(slot for slot in self.timetable if trainer in self.trainers_by_slot[slot.number])

    def has(self, member: str) -> bool:
        """Whether the member has a seat or waits."""
        return member in self.confirmed or member in self.ranks

    def presence(self, slot: int, member: str) -> Presence:
        """How somebody was there; who enrolled after the sheet was handed in counts as absent until corrected."""
        return self.presences.get((slot, member), ABSENT)

    def has_released(self, moment: FeedbackMoment) -> bool:
        """Whether the feedback of that moment is known, under any version of the questionnaire."""
        return any(released == moment for released, _, _ in self.released)

    # --- the arrangements

    @event(SessionScheduled)
    def _(
        self,
        module: str,
        revision: int,
        audience: tuple[Category, ...],
        prerequisites: tuple[str, ...],
        min_attendance: Decimal,
        slots: tuple[Slot, ...],
        seats: int,
        trainers: tuple[str, ...],
        languages: tuple[Language, ...],
        place: str,
        format: Format,
        promotion_cutoff: datetime,
        team: str | None,
    ) -> None:
        self.status = "scheduled"
        self.details_revision = 1
        self.scheduled_at = self.moment
        self.module = module
        self.revision = revision
        self.audience = audience
        self.prerequisites = prerequisites
        self.min_attendance = min_attendance
        self.seats = seats
        self.trainers = trainers
        self.languages = languages
        self.place = place
        self.format = format
        self.team = team
        self.slots = {slot.number: slot for slot in slots}
        self.trainers_by_slot = dict.fromkeys(self.slots, trainers)
        self._arrange_timetable()
        self._cutoff_lead = self.starts_at.astimezone(UTC) - promotion_cutoff

    def _arrange_timetable(self) -> None:
        held = [slot for number, slot in self.slots.items() if number not in self.cancelled_slots]
        self.timetable = tuple(sorted(held, key=lambda slot: slot.starts_at))

    @event(SlotMoved)
    def _(self, slot: int, starts_at: datetime, ends_at: datetime) -> None:
        self.details_revision += 1
        self.slots[slot] = Slot(number=slot, starts_at=starts_at, ends_at=ends_at)
        self._arrange_timetable()

    @event(SlotCancelled)
    def _(self, slot: int) -> None:
        self.details_revision += 1
        self.cancelled_slots.add(slot)
        self._arrange_timetable()

    @event(SeatsChanged)
    def _(self, seats: int) -> None:
        self.details_revision += 1
        self.vacancies += [Vacancy(self.moment, None)] * (seats - self.seats)
        self.seats = seats
        self._forget_vacancies_taken()

    @event(TrainersChanged)
    def _(self, trainers: tuple[str, ...], from_slot: int) -> None:
        self.details_revision += 1
        self.trainers = trainers
        self.trainers_by_slot.update({number: trainers for number in self.slots if number >= from_slot})

    @event(ArrangementsChanged)
    def _(self, languages: tuple[Language, ...], place: str, format: Format) -> None:
        self.details_revision += 1
        self.languages = languages
        self.place = place
        self.format = format

    @event(SessionCancelled)
    def _(self) -> None:
        self.details_revision += 1
        self.status = "cancelled"

    @event(SessionClosed)
    def _(self) -> None:
        self.details_revision += 1
        self.status = "closed"
        self.closed_at = self.moment

    # --- seats and the waiting list

    @event(MemberEnrolled)
    def _(self, member: str, walk_in: bool) -> None:
        self.confirmed[member] = Seat(self.moment, walk_in)
        self._forget_vacancies_taken()

    @event(MemberWaitlisted)
    def _(self, member: str, rank: int) -> None:
        self.waitlist[rank] = Waiting(member, self.moment)
        self.ranks[member] = rank
        self.next_rank = rank + 1

    @event(MemberPromoted)
    def _(
        self, member: str, rank: int, rule: PromotionRule, freed_by: str | None, passed_over: tuple[PassedOver, ...]
    ) -> None:
        self._stop_waiting(member)
        self.confirmed[member] = Seat(self.moment)
        self.promotions.append(Promotion(self.moment, member, rank, rule, freed_by, passed_over))
        self._forget_vacancies_taken()

    @event(EnrolmentWithdrawn)
    def _(self, member: str) -> None:
        self._stop_waiting(member)
        seat = self.confirmed.pop(member, None)
        if seat is not None:
            self.left[member] = Stay(seat.since, self.moment)
            self.vacancies.append(Vacancy(self.moment, member))

    @event(EnrolmentCancelled)
    def _(self, member: str) -> None:
        self._stop_waiting(member)
        self.confirmed.pop(member, None)

    @event(WaitlistLapsed)
    def _(self, member: str) -> None:
        self._stop_waiting(member)

    def _stop_waiting(self, member: str) -> None:
        rank = self.ranks.pop(member, None)
        if rank is not None:
            del self.waitlist[rank]

    def _forget_vacancies_taken(self) -> None:
        """Seats that nobody ever had are taken first, then the one that has been free longest."""
        del self.vacancies[: max(0, len(self.vacancies) - max(0, self.free))]

    # --- attendance

    @event(AttendanceLogged)
    def _(self, slot: int, records: tuple[AttendanceRecord, ...]) -> None:
        self.sheets[slot] = Sheet(self.position, frozenset(records))
        for record in records:
            self.presences[slot, record.member] = Presence(
                status=record.status, minutes=record.minutes, mode=record.mode
            )

    @event(AttendanceCorrected)
    def _(self, slot: int, member: str, to: Presence) -> None:
        self.presences[slot, member] = to

    # --- feedback

    @event(FeedbackReleased)
    def _(self, moment: FeedbackMoment, instrument: str, version: int) -> None:
        self.released.add((moment, instrument, version))

    @event(TrainerReportLogged)
    def _(self, trainer: str, items: Answers) -> None:
        self.reports[trainer] = Report(self.position, items)


# --- what its commands have in common


def open_session(load: Load, id: str) -> Session:
    """The session, if it is neither closed nor cancelled."""
    session = existing(load, Session, id)
    if not session.is_open:
        raise SessionNotOpen(session=id, status=session.status)
    return session


def guard_runs(by: Actor, session: Session) -> None:
    """Coordinators run every session, trainers their own."""
    if not by.is_any("coordinator") and not session.is_given_by(by.person):
        raise Forbidden(session=session.id)


def slot_to_be_held(session: Session, number: int) -> Slot:
    """The slot, if there is such a one and it is not cancelled."""
    if number not in session.slots:
        raise Unknown("slot", str(number))
    if number in session.cancelled_slots:
        raise SlotIsCancelled(session=session.id, slot=number)
    return session.slots[number]
