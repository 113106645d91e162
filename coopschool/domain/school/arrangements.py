"""How a session is given: its seats, languages, place, format and trainers, changed in one go."""

from __future__ import annotations

from collections.abc import Sequence

from coopschool.domain import bounds
from coopschool.domain.base import Aggregate, Command, Decided, Load, Unchanged
from coopschool.domain.errors import RuleBroken
from coopschool.domain.school.consequences import Consequences
from coopschool.domain.school.enrolment import TrainsThisSession
from coopschool.domain.school.scheduling import check_seats, check_trainers, clashes_of
from coopschool.domain.school.session import (
    ArrangementsChanged,
    SeatsChanged,
    Session,
    SlotAlreadyLogged,
    TrainersChanged,
    guard_runs,
    open_session,
    slot_to_be_held,
)
from coopschool.domain.school.words import Format, Language


class SeatsBelowConfirmed(RuleBroken):
    """More people have a seat than that."""


class ReviseSession(Command, frozen=True, kw_only=True):
    """Changes what is given; None leaves it as it is. Added seats go to the waiting list until the cutoff.

    New trainers give the slots from `from_slot` on; unless that is said, from the first one whose sheet is not in.
    """

    session: str
    seats: bounds.Seats | None = None
    languages: tuple[Language, ...] | None = None
    place: str | None = None
    format: Format | None = None
    trainers: tuple[str, ...] | None = None
    from_slot: int | None = None
    if_revision: int | None = None

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Session, self.session)]

    def decide(self, load: Load) -> Decided:
        session = open_session(load, self.session)
        guard_runs(self.by, session)
        session.guard_revision(self.if_revision)
        consequences = Consequences(self, load)
        self._change_arrangements(session, consequences)
        self._change_trainers(session, consequences)
        self._change_seats(session, consequences)
        return consequences.occurrences or Unchanged(session.position)

    def _change_arrangements(self, session: Session, consequences: Consequences) -> None:
        languages = session.languages if self.languages is None else self.languages
        place = session.place if self.place is None else self.place
        format = session.format if self.format is None else self.format
        bounds.once("languages", languages)
        if (languages, place, format) != (session.languages, session.place, session.format):
            changed = ArrangementsChanged(
                session=session.id, module=session.module, languages=languages, place=place, format=format
            )
            consequences.happens(changed)

    def _change_trainers(self, session: Session, consequences: Consequences) -> None:
        if self.trainers is None:
            return
        check_trainers(self.trainers, consequences.load)
        from_slot = self._first_slot(session)
        taken_over = {number for number in session.slots if number >= from_slot}
        if all(session.trainers_by_slot[number] == self.trainers for number in taken_over):
            return
        for trainer in self.trainers:
            if session.has(trainer):
                self.refuse(TrainsThisSession(member=trainer, session=session.id))
            slots = [slot for slot in session.timetable if slot.number in taken_over]
            for clash in clashes_of(trainer, slots, consequences.load, other_than=session.id):
                self.refuse(clash)
        changed = TrainersChanged(
            session=session.id,
            module=session.module,
            trainers=self.trainers,
            before=session.trainers_by_slot[from_slot],
            from_slot=from_slot,
        )
        consequences.happens(changed)

    def _first_slot(self, session: Session) -> int:
        if self.from_slot is not None:
            return slot_to_be_held(session, self.from_slot).number
        unlogged = [slot.number for slot in session.timetable if slot.number not in session.sheets]
        if not unlogged:
            raise SlotAlreadyLogged(session=session.id, slot=session.timetable[-1].number)
        return min(unlogged)

    def _change_seats(self, session: Session, consequences: Consequences) -> None:
        if self.seats in (None, session.seats):
            return
        check_seats(self.seats)
        if self.seats < len(session.confirmed):
            self.refuse(SeatsBelowConfirmed(session=session.id, seats=self.seats, confirmed=len(session.confirmed)))
        consequences.happens(SeatsChanged(session=session.id, module=session.module, seats=self.seats))
        consequences.fill_seats(session.id)
