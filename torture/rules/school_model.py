"""The school in plain Python: `Learners`, and what coordinators and trainers do with sessions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from torture.rules.learners import COORDINATOR, Broken, Course, Learners, Slots, overlap
from torture.rules.wishes import GRANTED, day_of

HOT_DAYS = 7


class SchoolModel(Learners):
    """Sessions from their schedule to their feedback. Lengths of slots are even numbers of minutes."""

    def publish(self, module: str) -> Broken:
        self.drafts.discard(module)
        return GRANTED

    def schedule(self, session: str, module: str, seats: int, slots: Slots, trainers: tuple[str, ...]) -> Broken:
        rules = {
            "session-exists": session in self.sessions,
            "module-not-published": module in self.drafts,
            "person-erased": any(self.people[trainer].erased for trainer in trainers),
            "trainer-busy": any(self._busy(trainer, slots, session) for trainer in trainers),
        }
        broken = [rule for rule, breaks in rules.items() if breaks]
        if not broken:
            self.sessions[session] = Course(module, seats, slots, trainers, self.modules[module])
        return broken

    def _busy(self, trainer: str, slots: Mapping[int, tuple[datetime, datetime]], session: str) -> bool:
        return any(
            trainer in other.trainers and other.status != "cancelled" and overlap(slots.values(), other.held())
            for name, other in self.sessions.items()
            if name != session
        )

    def change_seats(self, session: str, seats: int) -> Broken:
        it = self.sessions[session]
        if it.status != "scheduled":
            return ["session-not-open"]
        if seats < len(it.seated) and seats != it.seats:
            return ["seats-below-confirmed"]
        if seats != it.seats:
            it.seats = seats
            self._fill(session)
        return GRANTED

    def move_slot(self, session: str, slot: int, starts: datetime, accept: bool) -> Broken:
        it = self.sessions[session]
        if it.status != "scheduled":
            return ["session-not-open"]
        if slot in it.called_off:
            return ["slot-is-cancelled"]
        before = it.slots[slot]
        moved = (starts, starts + (before[1] - before[0]))
        if slot in it.sheets:
            return ["slot-already-logged"]
        if moved == before:
            return GRANTED
        others = [when for number, when in it.slots.items() if number != slot and number not in it.called_off]
        rules = {
            "slots-overlap": overlap([moved], others),
            "trainer-busy": any(self._busy(trainer, {slot: moved}, session) for trainer in it.trainers),
            "sessions-clash": not accept and self._clash(session, moved),
        }
        it.slots[slot] = moved
        self._fill(session)
        self._reconsider(it.seated)
        return [rule for rule, breaks in rules.items() if breaks]

    def _clash(self, session: str, moved: tuple[datetime, datetime]) -> bool:
        return any(
            overlap([moved], self.sessions[other].held())
            for member in self.sessions[session].seated
            for other in self.people[member].asked
            if other != session and self._sits(other, member)
        )

    def cancel_slot(self, session: str, slot: int) -> Broken:
        it = self.sessions[session]
        if it.status != "scheduled":
            return ["session-not-open"]
        if slot in it.called_off:
            return ["slot-is-cancelled"]
        if slot in it.sheets or len(it.held()) == 1:
            return [*(["slot-already-logged"] if slot in it.sheets else []), "last-slot"]
        it.called_off.add(slot)
        self._fill(session)
        self._reconsider(it.seated)
        return GRANTED

    def cancel_session(self, session: str) -> Broken:
        it = self.sessions[session]
        if it.status != "scheduled":
            return ["session-not-open"]
        it.status = "cancelled"
        seated, waiting = list(it.seated), list(it.waiting.values())
        it.seated, it.waiting = {}, {}
        for member in (*seated, *waiting):
            self._leave_interest(session, member)
        self._reconsider(seated)
        return GRANTED

    def promote(self, session: str, rank: int | None) -> Broken:
        it = self.sessions[session]
        if it.status != "scheduled":
            return ["session-not-open"]
        rules = {"session-begun": self.now >= it.starts, "session-full": it.free <= 0}
        broken = [rule for rule, breaks in rules.items() if breaks]
        if rank is None:
            member = self._first(session)
            broken += ["nobody-eligible"] if member is None else []
        else:
            member = it.waiting.get(rank)
            broken += ["unknown"] if member is None else self.obstacles(session, member)
        if not broken and member is not None:
            self._seat(session, member)
        return broken

    def lapse(self, session: str) -> Broken:
        it = self.sessions[session]
        if it.status != "scheduled":
            return ["session-not-open"]
        if self.now < it.starts:
            return ["session-not-begun"]
        self._lapse(session)
        return GRANTED

    def hand_in(self, session: str, slot: int, sheet: dict[str, str], by: str) -> Broken:
        """A sheet names everybody enrolled; the same again is no other, another one is refused."""
        it = self.sessions[session]
        if by not in (COORDINATOR, *it.trainers):
            return ["forbidden"]
        if slot in it.called_off:
            return ["slot-is-cancelled"]
        if slot in it.sheets:
            return GRANTED if it.sheets[slot] == sheet else ["slot-already-logged"]
        expected = it.expected(slot)
        rules = {
            "session-not-open": it.status != "scheduled",
            "slot-not-begun": self.now < it.slots[slot][0],
            "sheet-incomplete": bool(expected - sheet.keys()),
            "not-enrolled": bool(sheet.keys() - expected),
        }
        it.sheets[slot] = sheet
        it.presence.update({(slot, member): status for member, status in sheet.items()})
        return [rule for rule, breaks in rules.items() if breaks]

    def correct(self, session: str, slot: int, member: str, status: str) -> Broken:
        it = self.sessions[session]
        if it.status == "cancelled":
            return ["session-not-open"]
        if slot in it.called_off:
            return ["slot-is-cancelled"]
        if slot not in it.sheets:
            return ["slot-not-logged"]
        if member not in it.seated and (slot, member) not in it.presence:
            return ["not-enrolled"]
        passed = it.passes(member)
        it.presence[slot, member] = status
        if it.status == "closed" and member in it.seated and it.passes(member) is not passed:
            self._conclude(session, member)
            self._reconsider([member])
        return GRANTED

    def _conclude(self, session: str, member: str) -> None:
        """A completion holds until a correction in that very session takes it back."""
        it, who = self.sessions[session], self.people[member]
        if it.passes(member):
            who.completed.setdefault(it.module, set()).add(session)
        elif it.module in who.completed:
            who.completed[it.module].discard(session)
            if not who.completed[it.module]:
                del who.completed[it.module]

    def close(self, session: str) -> Broken:
        """Needs each slot logged or cancelled and the end passed; decides who completed the module."""
        it = self.sessions[session]
        if it.status != "scheduled":
            return ["session-not-open"]
        rules = {
            "slots-not-logged": any(slot not in it.sheets and slot not in it.called_off for slot in it.slots),
            "session-not-over": self.now < it.held()[-1][1],
        }
        broken = [rule for rule, breaks in rules.items() if breaks]
        if broken:
            return broken
        self._lapse(session)
        it.status = "closed"
        for member in it.seated:
            del self.people[member].asked[session]
            self._conclude(session, member)
        self._reconsider(it.seated)
        return GRANTED

    # --- feedback just after the session; it waits in the answer box

    def _feedback_open(self, it: Course) -> bool:
        last = it.held()[-1][0]
        return last <= self.now and day_of(self.now) <= day_of(last) + timedelta(days=HOT_DAYS) and not it.released

    def answer(self, session: str, member: str) -> Broken:
        it = self.sessions[session]
        rules = {
            "did-not-attend": member not in it.attended(),
            "feedback-not-open": not self._feedback_open(it),
            "already-answered": member in it.online,
            "more-sheets-than-present": len(it.online) + it.paper >= len(it.attended()),
        }
        it.online = {*it.online, member}
        return [rule for rule, breaks in rules.items() if breaks]

    def type_in(self, session: str, by: str, sheets: int) -> Broken:
        it = self.sessions[session]
        rules = {
            "forbidden": by not in it.trainers,
            "feedback-not-open": not self._feedback_open(it),
            "more-sheets-than-present": len(it.online) + it.paper + sheets > len(it.attended()),
        }
        it.paper += sheets
        return [rule for rule, breaks in rules.items() if breaks]

    def release(self, session: str) -> Broken:
        """Releases what waits, if anything does; what the box lets go is gone from here."""
        it = self.sessions[session]
        waiting = len(it.online) + it.paper > 0 and not it.released
        if waiting and day_of(self.now) <= day_of(it.held()[-1][0]) + timedelta(days=HOT_DAYS):
            return ["feedback-still-open"]
        it.released = it.released or waiting
        return GRANTED
