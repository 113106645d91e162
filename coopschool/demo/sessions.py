"""What happens to a simulated session: who enrols and withdraws, who comes, what is corrected, how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from coopschool.demo.calendar import HYBRID_FROM, ONLINE_FROM
from coopschool.domain.base import SYSTEM, Actor
from coopschool.domain.school.attendance import CorrectAttendance, LogAttendance
from coopschool.domain.school.closing import CloseSession
from coopschool.domain.school.enrolling import EnrolInSession
from coopschool.domain.school.member import Member
from coopschool.domain.school.membership import ChangeCategory
from coopschool.domain.school.scheduling import CancelSession
from coopschool.domain.school.session import AttendanceRecord, Session, Slot
from coopschool.domain.school.waiting_list import LapseWaitlist
from coopschool.domain.school.withdrawal import WithdrawEnrolment

if TYPE_CHECKING:
    from coopschool.demo.school import SchoolLife

WORTH_HOLDING = 3  # people


@dataclass
class SessionLife:
    """Plans a session's life from its first enrolment to its end."""

    life: SchoolLife

    def enrol(self, session: str, member: str, at: datetime) -> None:
        by = Actor(member, frozenset({"member"}))
        if self.life.simulation.attempt(
            EnrolInSession(session=session, member=member, at=at, by=by)
        ) and self.life.likely(0.12):
            later = at + timedelta(days=self.life.simulation.chance.randrange(1, 20))
            reason = self.life.draw(("unavailable", "work", "illness", "family"))
            withdraw = WithdrawEnrolment(session=session, member=member, reason_code=reason, at=later, by=by)
            self.life.simulation.plan(later, lambda _at: self.life.simulation.attempt(withdraw))

    def call_off(self, session: str, at: datetime) -> None:
        self.life.simulation.attempt(CancelSession(session=session, reason_code="place_unavailable", at=at))

    def spare(self, session: str, at: datetime) -> None:
        """A session that hardly anybody will come to is not held."""
        if len(self.life.simulation.load(Session, session).confirmed) < WORTH_HOLDING:
            self.life.simulation.attempt(CancelSession(session=session, reason_code="too_few", at=at))

    def begin(self, session: str, at: datetime) -> None:
        known = self.life.simulation.load(Session, session)
        if not known.is_open:
            return
        self.life.simulation.attempt(LapseWaitlist(session=session, at=at))
        last = max(slot.ends_at for slot in known.timetable)
        for slot in known.timetable:
            delay = timedelta(hours=self.life.simulation.chance.randrange(1, 30))
            self.life.simulation.plan(slot.ends_at + delay, partial(self.hand_in, session, slot))
        self.life.simulation.plan(last + timedelta(days=3), partial(self.close, session))

    def hand_in(self, session: str, slot: Slot, at: datetime) -> None:
        known = self.life.simulation.load(Session, session)
        trouble = 0.22 if ONLINE_FROM <= slot.starts_at.date() < HYBRID_FROM and known.format == "online" else 0.07
        records = tuple(self.record(member, trouble) for member in known.confirmed)
        by = Actor(known.trainers[0], frozenset({"trainer"})) if known.trainers else SYSTEM
        self.life.simulation.do(LogAttendance(session=session, slot=slot.number, records=records, at=at, by=by))
        absent = [record.member for record in records if record.status == "absent"]
        if absent and self.life.likely(0.15):
            later = at + timedelta(days=self.life.simulation.chance.randrange(1, 12))
            command = CorrectAttendance(
                session=session, slot=slot.number, member=absent[0], status="present", reason_code="typing_error",
                at=later, by=by,
            )  # fmt: skip
            self.life.simulation.plan(later, lambda _at: self.life.simulation.attempt(command))

    def record(self, member: str, trouble: float) -> AttendanceRecord:
        drawn = self.life.simulation.chance.random()
        if drawn < trouble:
            return AttendanceRecord(member=member, status="absent")
        if drawn < trouble * 1.4:
            return AttendanceRecord(member=member, status="excused")
        if drawn < trouble * 2.0:
            return AttendanceRecord(
                member=member, status="partial", minutes=self.life.simulation.chance.choice((60, 90, 120))
            )
        return AttendanceRecord(member=member, status="present")

    def close(self, session: str, at: datetime) -> None:
        known = self.life.simulation.load(Session, session)
        self.life.simulation.do(CloseSession(session=session, at=at))
        self.life.feedback.after(session, at)
        following = {"M01": "M02", "M02": "M05"}.get(known.module)
        for member in known.confirmed:
            load = self.life.simulation.load(Member, member)
            if known.module not in load.completed or not load.active_on(at.date()):
                continue
            if following and self.life.likely(0.7):
                self.life.wants(member, following, at)
            if known.module == "M02" and load.category_on(at.date()) == "candidate":
                effective = at.date() + timedelta(days=1)
                self.life.simulation.attempt(
                    ChangeCategory(member=member, category=self.life.draw("AAB"), effective_on=effective, at=at)
                )
