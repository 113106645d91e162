"""Attendance: one sheet a slot, handed in once; what changes later is a correction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from coopschool.domain.base import Aggregate, Command, Decided, Load, Occurrence, Unchanged, existing
from coopschool.domain.errors import Invalid, RuleBroken
from coopschool.domain.school.completion import outcome, outcome_event
from coopschool.domain.school.consequences import Consequences
from coopschool.domain.school.session import (
    AttendanceCorrected,
    AttendanceLogged,
    AttendanceRecord,
    CorrectionReason,
    Mode,
    Presence,
    Session,
    SessionNotOpen,
    Slot,
    SlotAlreadyLogged,
    Status,
    guard_runs,
    slot_to_be_held,
)


class SlotNotBegun(RuleBroken):
    """The slot has not begun."""


class SlotNotLogged(RuleBroken):
    """The sheet of this slot has not been handed in."""


class SheetIncomplete(RuleBroken):
    """The sheet does not name everybody who is enrolled."""


class NotEnrolled(RuleBroken):
    """The sheet names people who are not enrolled."""


class LogAttendance(Command, frozen=True, kw_only=True):
    """Hands in the sheet of a slot. The same sheet again changes nothing, another one is refused.

    It names everybody who has a seat, also who came late, and who gave up theirs since the slot. An import of
    history sets `not-enrolled` aside to keep what it says about others; completion does not count them.
    """

    session: str
    slot: int
    records: tuple[AttendanceRecord, ...]

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Session, self.session)]

    def decide(self, load: Load) -> Decided:
        session = existing(load, Session, self.session)
        guard_runs(self.by, session)
        slot = slot_to_be_held(session, self.slot)
        sheet = session.sheets.get(self.slot)
        if sheet is not None and sheet.records == frozenset(self.records):
            return Unchanged(sheet.position)
        if sheet is not None:
            raise SlotAlreadyLogged(session=session.id, slot=self.slot)
        if not session.is_open:
            raise SessionNotOpen(session=session.id, status=session.status)
        if self.at < slot.starts_at:
            self.refuse(SlotNotBegun(session=session.id, slot=self.slot, starts_at=slot.starts_at))
        for index, record in enumerate(self.records):
            check_minutes(record.status, record.minutes, slot, f"records/{index}/")
        self._compare_names(session, slot)
        logged = AttendanceLogged(session=session.id, module=session.module, slot=self.slot, records=self.records)
        return [Occurrence(logged, slot.starts_at)]

    def _compare_names(self, session: Session, slot: Slot) -> None:
        named = Counter(record.member for record in self.records)
        if twice := sorted(member for member, lines in named.items() if lines > 1):
            raise Invalid("records", twice=twice)
        expected = expected_at(session, slot)
        missing = sorted(expected.difference(named))
        unknown = sorted(named.keys() - expected)
        if missing:
            self.refuse(SheetIncomplete(session=session.id, slot=self.slot, missing=missing, unknown=unknown))
        if unknown:
            self.refuse(NotEnrolled(session=session.id, slot=self.slot, unknown=unknown))


class CorrectAttendance(Command, frozen=True, kw_only=True):
    """Puts one line of a sheet right; a note on why may be in the vault, under `note`.

    After the closing, a correction that changes the outcome emits it, as of the closing. Without `mode` the person
    took part the way they did before.
    """

    session: str
    slot: int
    member: str
    status: Status
    minutes: int | None = None
    mode: Mode | None = None
    reason_code: CorrectionReason
    note: str | None = None

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(Session, self.session)]

    def decide(self, load: Load) -> Decided:
        session = existing(load, Session, self.session)
        guard_runs(self.by, session)
        if session.status == "cancelled":
            raise SessionNotOpen(session=session.id, status=session.status)
        slot = slot_to_be_held(session, self.slot)
        if self.slot not in session.sheets:
            raise SlotNotLogged(session=session.id, slot=self.slot)
        if self.member not in session.confirmed and (self.slot, self.member) not in session.presences:
            self.refuse(NotEnrolled(session=session.id, slot=self.slot, unknown=[self.member]))
        check_minutes(self.status, self.minutes, slot)
        before = session.presence(self.slot, self.member)
        now = self._now(before)
        if now == before:
            return Unchanged(session.position)
        return self._decided(session, slot, before, now, load)

    def _now(self, before: Presence) -> Presence:
        attends = self.status in ("present", "partial")
        return Presence(status=self.status, minutes=self.minutes, mode=(self.mode or before.mode) if attends else None)

    def _decided(self, session: Session, slot: Slot, before: Presence, now: Presence, load: Load) -> Decided:
        consequences = Consequences(self, load)
        corrected = AttendanceCorrected(
            session=session.id,
            module=session.module,
            slot=self.slot,
            member=self.member,
            from_=before,
            to=now,
            reason_code=self.reason_code,
            note=self.note,
        )
        consequences.happens(corrected, slot.starts_at)
        if session.status == "closed" and self.member in session.confirmed:
            after = consequences.load(Session, session.id)
            if outcome(after, self.member).completed != outcome(session, self.member).completed:
                consequences.happens(outcome_event(after, self.member), session.closed_at)
                consequences.reconsider([self.member])
        return consequences.occurrences


def expected_at(session: Session, slot: Slot) -> set[str]:
    """Whom the sheet of a slot must name when it is handed in now."""
    left = {
        member for member, stay in session.left.items() if stay.since < slot.ends_at and stay.until > slot.starts_at
    }
    return left.union(session.confirmed)


def check_minutes(status: Status, minutes: int | None, slot: Slot, path: str = "") -> None:
    """Raises `Invalid` unless partial comes with minutes, from 1 to the slot's length, and nothing else does."""
    length = int((slot.ends_at - slot.starts_at).total_seconds()) // 60
    if status != "partial" and minutes is not None:
        raise Invalid(f"{path}minutes", only_with="partial")
    if status == "partial" and not (minutes is not None and 1 <= minutes <= length):
        raise Invalid(f"{path}minutes", least=1, most=length)
