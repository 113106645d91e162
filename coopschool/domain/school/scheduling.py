"""When a session is held: scheduling it, moving and cancelling its slots, calling it off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from coopschool.domain import bounds
from coopschool.domain.advisers.adviser_team import AdviserTeam
from coopschool.domain.base import Aggregate, Command, Decided, Load, Unchanged, existing
from coopschool.domain.errors import Forbidden, Invalid, RuleBroken
from coopschool.domain.school.consequences import Consequences
from coopschool.domain.school.eligibility import overlap, seats_elsewhere
from coopschool.domain.school.enrolment import EnrolmentCancelled, Standing
from coopschool.domain.school.learning_module import LearningModule, ModuleNotPublished
from coopschool.domain.school.member import Member
from coopschool.domain.school.person import known
from coopschool.domain.school.session import (
    CancellationReason,
    Session,
    SessionCancelled,
    SessionScheduled,
    Slot,
    SlotAlreadyLogged,
    SlotCancelled,
    SlotMoved,
    guard_runs,
    open_session,
    slot_to_be_held,
)
from coopschool.domain.school.trainer import Trainer
from coopschool.domain.school.words import Format, Language

SLOTS_AT_MOST = 60
SLOT_AT_MOST = timedelta(hours=24)
PROMOTION_LEAD = timedelta(hours=48)


class SessionExists(RuleBroken):
    """There is a session with this id already."""


class SlotsOverlap(RuleBroken):
    """Slots of one session do not overlap."""


class TrainerBusy(RuleBroken):
    """The trainer gives another session at that time."""


class SessionsClash(RuleBroken):
    """People would have two sessions at the same time; accept the clashes to move it all the same."""


class LastSlot(RuleBroken):
    """No other slot would be left: cancel the session instead."""


class ScheduleSession(Command, frozen=True, kw_only=True):
    """Announces a session of a published module, under the rules it has now; its slots may lie in the past."""

    session: str
    module: str
    seats: bounds.Seats
    slots: tuple[Slot, ...]
    languages: tuple[Language, ...]
    place: str
    format: Format
    trainers: tuple[str, ...] = ()
    team: str | None = None

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        trainers: list[tuple[type[Aggregate], str]] = [(Trainer, trainer) for trainer in self.trainers]
        return [(Session, self.session), (LearningModule, self.module), *trainers]

    def decide(self, load: Load) -> Decided:
        if not self.by.is_any("coordinator", "trainer"):
            raise Forbidden
        check_seats(self.seats)
        check_slots(self.slots)
        bounds.once("languages", self.languages)
        if load(Session, self.session).exists:
            raise SessionExists(session=self.session)
        module = existing(load, LearningModule, self.module)
        if module.status != "published":
            self.refuse(ModuleNotPublished(module=self.module))
        if self.team is not None:
            existing(load, AdviserTeam, self.team)
        check_trainers(self.trainers, load)
        for trainer in self.trainers:
            self._refuse_busy(trainer, load)
        return self.occurs(self._scheduled(module))

    def _refuse_busy(self, trainer: str, load: Load) -> None:
        for clash in clashes_of(trainer, by_time(self.slots), load, other_than=self.session):
            self.refuse(clash)

    def _scheduled(self, module: LearningModule) -> SessionScheduled:
        first = min(slot.starts_at for slot in self.slots)
        return SessionScheduled(
            session=self.session,
            module=self.module,
            revision=module.revision,
            audience=module.audience,
            prerequisites=module.prerequisites,
            min_attendance=module.min_attendance,
            slots=self.slots,
            seats=self.seats,
            trainers=self.trainers,
            languages=self.languages,
            place=self.place,
            format=self.format,
            promotion_cutoff=first.astimezone(UTC) - PROMOTION_LEAD,
            team=self.team,
        )


class MoveSlot(Command, frozen=True, kw_only=True):
    """Moves a slot whose sheet is not in.

    Where that makes people's sessions overlap, only with `accept_clashes`; the event then lists them. A later first
    slot brings a later cutoff, so a seat may go to the waiting list.
    """

    session: str
    slot: int
    starts_at: datetime
    ends_at: datetime
    accept_clashes: bool = False
    if_revision: int | None = None

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Session, self.session)]

    def decide(self, load: Load) -> Decided:
        session = open_session(load, self.session)
        guard_runs(self.by, session)
        session.guard_revision(self.if_revision)
        before = slot_to_be_held(session, self.slot)
        moved = Slot(number=self.slot, starts_at=self.starts_at, ends_at=self.ends_at)
        check_times(moved)
        if self.slot in session.sheets:
            self.refuse(SlotAlreadyLogged(session=session.id, slot=self.slot))
        if moved == before:
            return Unchanged(session.position)
        self._refuse_overlaps(session, moved, load)
        clashes = people_who_clash(session, moved, load)
        if clashes and not self.accept_clashes:
            self.refuse(SessionsClash(session=session.id, slot=self.slot, people=clashes))
        return self._decided(session, clashes, load)

    def _refuse_overlaps(self, session: Session, moved: Slot, load: Load) -> None:
        others = [slot for slot in session.timetable if slot.number != self.slot]
        if overlap([moved], others):
            self.refuse(SlotsOverlap(session=session.id, slot=self.slot))
        for trainer in session.trainers_by_slot[self.slot]:
            for clash in clashes_of(trainer, [moved], load, other_than=session.id):
                self.refuse(clash)

    def _decided(self, session: Session, clashes: list[str], load: Load) -> Decided:
        consequences = Consequences(self, load)
        consequences.happens(
            SlotMoved(
                session=session.id,
                module=session.module,
                slot=self.slot,
                starts_at=self.starts_at,
                ends_at=self.ends_at,
                clashes=tuple(clashes),
            )
        )
        consequences.fill_seats(session.id)
        consequences.reconsider(session.confirmed)
        return consequences.occurrences


class CancelSlot(Command, frozen=True, kw_only=True):
    """Takes a slot out of the session; it no longer counts. Who clashed with it may get the seat they wait for."""

    session: str
    slot: int
    if_revision: int | None = None

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Session, self.session)]

    def decide(self, load: Load) -> Decided:
        session = open_session(load, self.session)
        guard_runs(self.by, session)
        session.guard_revision(self.if_revision)
        slot_to_be_held(session, self.slot)
        if self.slot in session.sheets:
            raise SlotAlreadyLogged(session=session.id, slot=self.slot)
        if len(session.timetable) == 1:
            raise LastSlot(session=session.id, slot=self.slot)
        consequences = Consequences(self, load)
        consequences.happens(SlotCancelled(session=session.id, module=session.module, slot=self.slot))
        consequences.fill_seats(session.id)
        consequences.reconsider(session.confirmed)
        return consequences.occurrences


class CancelSession(Command, frozen=True, kw_only=True):
    """Calls a session off: every enrolment ends and leaves an interest with its first date."""

    session: str
    reason_code: CancellationReason
    if_revision: int | None = None

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Session, self.session)]

    def decide(self, load: Load) -> Decided:
        session = open_session(load, self.session)
        guard_runs(self.by, session)
        session.guard_revision(self.if_revision)
        consequences = Consequences(self, load)
        cancelled = SessionCancelled(session=session.id, module=session.module, reason_code=self.reason_code)
        consequences.happens(cancelled)
        for member in session.confirmed:
            self._end(consequences, session, member, "confirmed")
        for waiting in session.waitlist.values():
            self._end(consequences, session, waiting.member, "waitlisted")
        consequences.reconsider(session.confirmed)
        return consequences.occurrences

    def _end(self, consequences: Consequences, session: Session, member: str, was: Standing) -> None:
        since = consequences.load(Member, member).enrolments[session.id].since
        consequences.happens(EnrolmentCancelled(member=member, session=session.id, module=session.module, was=was))
        consequences.leave_interest(session, member, since)


# --- what scheduling and later changes have in common


def by_time(slots: Sequence[Slot]) -> list[Slot]:
    return sorted(slots, key=lambda slot: slot.starts_at)


def check_seats(seats: int) -> None:
    """Raises `Invalid` outside the bounds of a session's size."""
    if not 1 <= seats <= 10_000:
        raise Invalid("seats", least=1, most=10_000)


def check_slots(slots: Sequence[Slot]) -> None:
    """Raises `Invalid`, naming the slot, unless there are 1 to 60 with numbers of their own that do not overlap."""
    if not 1 <= len(slots) <= SLOTS_AT_MOST:
        raise Invalid("slots", least=1, most=SLOTS_AT_MOST)
    if len({slot.number for slot in slots}) != len(slots):
        raise Invalid("slots", numbers=[slot.number for slot in slots])
    for index, slot in enumerate(slots):
        check_times(slot, f"slots/{index}/")
        if any(overlap([slot], [other]) for other in slots[:index]):
            raise Invalid(f"slots/{index}/starts_at", overlaps=True)


def check_times(slot: Slot, path: str = "") -> None:
    """Raises `Invalid` unless the slot ends after it starts, within a day's length."""
    bounds.moment(f"{path}starts_at", slot.starts_at)
    bounds.moment(f"{path}ends_at", slot.ends_at)
    if not slot.starts_at < slot.ends_at <= slot.starts_at + SLOT_AT_MOST:
        raise Invalid(f"{path}ends_at", after=slot.starts_at, hours_at_most=24)


def check_trainers(trainers: Sequence[str], load: Load) -> None:
    """Each is a known person, named once."""
    bounds.once("trainers", trainers)
    for trainer in trainers:
        known(load, trainer)


def clashes_of(trainer: str, slots: Sequence[Slot], load: Load, *, other_than: str) -> list[TrainerBusy]:
    """The trainer's other sessions, held or to be held, that overlap these slots (in order of time)."""
    others = (load(Session, id) for id in load(Trainer, trainer).sessions if id != other_than)
    return [
        TrainerBusy(trainer=trainer, session=other.id)
        for other in others
        if other.status != "cancelled" and overlap(slots, other.given_by(trainer))
    ]


def people_who_clash(session: Session, slot: Slot, load: Load) -> list[str]:
    """Those with a seat in the session and in another one that overlaps the slot."""
    return [
        member
        for member in session.confirmed
        if any(
            overlap([slot], load(Session, other).timetable) for other in seats_elsewhere(session, load(Member, member))
        )
    ]
