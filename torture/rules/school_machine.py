"""The machine of the school: learners, trainers and coordinators wish whatever they like, from two processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import rule

from coopschool import vault
from coopschool.domain.base import SYSTEM, Actor, Load
from coopschool.domain.school.arrangements import ReviseSession
from coopschool.domain.school.attendance import CorrectAttendance, LogAttendance
from coopschool.domain.school.closing import CloseSession
from coopschool.domain.school.enrolling import EnrolInSession
from coopschool.domain.school.interest import RegisterInterest, WithdrawInterest
from coopschool.domain.school.learning_module import DraftModule, PublishModule
from coopschool.domain.school.member import Member
from coopschool.domain.school.membership import AmendDetails, ChangeCategory, JoinAsMember, WaivePrerequisite
from coopschool.domain.school.module_enrolment import EnrolInModule
from coopschool.domain.school.person import LiftLegalHold, Person, PlaceLegalHold
from coopschool.domain.school.scheduling import CancelSession, CancelSlot, MoveSlot, ScheduleSession
from coopschool.domain.school.session import AttendanceRecord, Session, Slot
from coopschool.domain.school.waiting_list import LapseWaitlist, Promote
from coopschool.domain.school.withdrawal import EndMembership, WithdrawEnrolment
from projections.generations import in_live_facts
from torture.rules import school_invariants
from torture.rules.history import Told, broken
from torture.rules.learners import COORDINATOR, Slots
from torture.rules.machine import HOURS, Machine, about, named, wishes
from torture.rules.orders import Answer, Erase, Execute, Release, State, TypeIn
from torture.rules.school_model import SchoolModel
from torture.rules.two_processes import Order
from torture.rules.wishes import Wish, moment

PLACES = """
    select session, member, sum(seat), sum(waiting), sum(completed), sum(not_completed)
    from enrolments where session = any(%s)
    group by session, member
    having sum(seat) <> 0 or sum(waiting) <> 0 or sum(completed) <> 0 or sum(not_completed) <> 0
"""
MARKS = """
    select session, member, slot, case
        when sum(present) = 1 then 'present' when sum(partial) = 1 then 'partial'
        when sum(absent) = 1 then 'absent' when sum(excused) = 1 then 'excused'
    end
    from attendance where session = any(%s)
    group by session, member, slot
    having sum(present) <> 0 or sum(partial) <> 0 or sum(absent) <> 0 or sum(excused) <> 0
"""
CARDS = "select person, ended_on, erased from person_cards where person = any(%s)"
SHOWN = "select session, status, seats, confirmed, waiting from session_cards where session = any(%s)"
BEGINS = moment("2026-03-02 10:00")
SINCE = date(2026, 1, 5)
HALF_DAY = timedelta(hours=3)

PEOPLE = {"ann": "A", "bob": "A", "cyd": "B", "dan": "A", "eve": "C", "tess": "A"}
MODULES: dict[str, tuple[str, ...]] = {"one": (), "two": (), "three": ("one",), "draft": ()}


def slots_at(*starts: str) -> Slots:
    return {number: (moment(at), moment(at) + HALF_DAY) for number, at in enumerate(starts, start=1)}


# Session: module, seats, slots, trainers. The last is not scheduled when a life begins.
SESSIONS: dict[str, tuple[str, int, Slots, tuple[str, ...]]] = {
    "early": ("one", 1, slots_at("2026-03-05 09:00", "2026-03-06 09:00"), ("tess",)),
    "late": ("one", 2, slots_at("2026-03-09 09:00", "2026-03-10 09:00"), ("tess",)),
    "clashing": ("two", 1, slots_at("2026-03-06 10:00"), ()),
    "next": ("three", 1, slots_at("2026-03-10 10:00", "2026-03-12 09:00"), ()),
    "added": ("draft", 2, slots_at("2026-03-10 11:00"), ("tess",)),
}

people = st.sampled_from(list(PEOPLE))
sessions = st.sampled_from(("early", "early", "late", "clashing", "clashing", "next"))
modules = st.sampled_from(list(MODULES))
slot_numbers = st.integers(1, 2)
askers = st.sampled_from((COORDINATOR, COORDINATOR, "themselves", "themselves", "tess", "ann"))
days = st.integers(0, 12).map(lambda days: BEGINS.date() + timedelta(days=days))
statuses = st.sampled_from(("present", "present", "present", "partial", "absent", "excused"))


LEARNERS = wishes({
    "enrol": (10, about(session=sessions, member=people, by=askers)),
    "withdraw": (4, about(session=sessions, member=people, by=askers)),
    "enrol_in_module": (3, about(module=modules, member=people, waitlist=st.booleans())),
    "be_interested": (1, about(module=modules, member=people)),
    "lose_interest": (1, about(module=modules, member=people)),
    "write_to": (1, about(member=people, email=st.sampled_from(("first", "second")))),
    "erase": (1, about(member=people)),
})  # fmt: skip
OFFICE = wishes({
    "waive": (3, about(module=modules, member=people)),
    "change_category": (2, about(member=people, category=st.sampled_from("AC"), day=days)),
    "end_membership": (1, about(member=people, day=days)),
    "join": (1, about(member=people)),
    "hold": (1, about(member=people, held=st.booleans())),
    "publish": (1, about(module=st.just("draft"))),
    "schedule": (1, about(session=st.just("added"))),
    "change_seats": (4, about(session=sessions, seats=st.integers(1, 3))),
    "move_slot": (3, about(
        session=sessions, slot=st.just(1), accept=st.booleans(),
        starts=st.integers(0, 200).map(lambda hours: BEGINS + timedelta(days=3, hours=hours)),
    )),
    "cancel_slot": (1, about(session=sessions, slot=st.just(1))),
    "cancel_session": (1, about(session=sessions)),
    "promote": (4, about(session=sessions, rank=st.none() | st.integers(1, 4))),
    "lapse": (1, about(session=sessions)),
    "correct": (3, about(session=sessions, slot=st.just(1), member=people, status=statuses)),
    "close": (1, about(session=sessions)),
})  # fmt: skip
FEEDBACK = wishes({
    "answer": (3, about(session=sessions, member=people)),
    "type_in": (2, about(session=sessions, by=st.just("tess"), sheets=st.integers(1, 2))),
    "release": (1, about(session=sessions)),
})  # fmt: skip


class Ids(msgspec.Struct, frozen=True):
    """What a life's things are called in the log. Sessions sort as their names do."""

    people: dict[str, str]
    sessions: dict[str, str]
    modules: dict[str, str]
    life: str


def new_ids() -> Ids:
    life = uuid4().hex
    sorted_ids = sorted(str(uuid4()) for _ in SESSIONS)
    return Ids(
        {name: str(uuid4()) for name in PEOPLE},
        dict(zip(sorted(SESSIONS), sorted_ids, strict=True)),
        {code: f"{life[:12]}-{code}" for code in MODULES},
        life,
    )


class SchoolLook(msgspec.Struct, frozen=True):
    """What the aggregates say, in the names of the model."""

    ids: Ids

    def __call__(self, load: Load) -> State:
        found = {name: load(Session, id) for name, id in self.ids.sessions.items()}
        return {
            **{f"session {name}": self._session(one) for name, one in found.items() if one.exists},
            **{f"person {name}": self._person(load, id) for name, id in self.ids.people.items()},
        }

    def _session(self, it: Session) -> State:
        names = named(self.ids.people)
        running = it.status != "cancelled"
        return {
            "status": it.status,
            "seats": it.seats,
            "slots": sorted((slot.starts_at, slot.ends_at) for slot in it.timetable),
            "sheets": set(it.sheets),
            "seated": [names[member] for member in it.confirmed if running],
            "waiting": {rank: names[waiting.member] for rank, waiting in it.waitlist.items()},
            "released": it.has_released("hot"),
        }

    def _person(self, load: Load, id: str) -> State:
        member, person = load(Member, id), load(Person, id)
        sessions, modules = named(self.ids.sessions), named(self.ids.modules)
        return {
            "enrolments": {sessions[session]: own.standing for session, own in member.enrolments.items()},
            "interests": {modules[code]: interest.since for code, interest in member.interests.items()},
            "completed": {modules[code]: {sessions[one] for one in where} for code, where in member.completed.items()},
            "waived": {modules[code] for code in member.waived},
            "ended": member.ended_on,
            "erased": person.erased,
        }


class SchoolMachine(Machine[SchoolModel]):
    """Six people, of whom one trains and one may not come; five sessions of four modules, some at the same time."""

    BEGINS = BEGINS

    def prepare(self) -> SchoolModel:
        self.ids = new_ids()
        for code, first in MODULES.items():
            draft = DraftModule(
                at=self.at, module=self.ids.modules[code], half_days=2, minutes=360, format="in_person",
                min_attendance=Decimal("0.8"), prerequisites=tuple(self.ids.modules[one] for one in first),
                audience=("A", "B"), text=str(uuid4()),
            )  # fmt: skip
            self.say(Execute(draft))
        for name, category in PEOPLE.items():
            joining: Any = {"person": self.ids.people[name], "category": category, "joined_on": SINCE}
            self.say(Execute(JoinAsMember(at=self.at, **joining)))
        model = SchoolModel(dict(MODULES), set(MODULES), dict(PEOPLE), SINCE)
        for code in list(MODULES)[:-1]:
            self.agree(model, Wish("publish", {"module": code}))
        for session in list(SESSIONS)[:-1]:
            self.agree(model, self._schedule(session))
        return model

    def _schedule(self, session: str) -> Wish:
        module, seats, slots, trainers = SESSIONS[session]
        scheduled = {"session": session, "module": module, "seats": seats, "slots": dict(slots), "trainers": trainers}
        return Wish("schedule", scheduled)

    # --- steps

    @rule(wish=LEARNERS, there=st.booleans())
    def learners_wish(self, wish: Wish, there: bool) -> None:
        self.take([self._in_full(wish)], there)

    @rule(wish=OFFICE, there=st.booleans())
    def the_office_wishes(self, wish: Wish, there: bool) -> None:
        self.take([self._in_full(wish)], there)

    @rule(asked=st.lists(LEARNERS | OFFICE, min_size=2, max_size=4), there=st.booleans())
    def all_at_once(self, asked: list[Wish], there: bool) -> None:
        self.take([self._in_full(wish) for wish in asked], there)

    @rule(session=sessions, members=st.permutations(list(PEOPLE)), there=st.booleans())
    def rush(self, session: str, members: Sequence[str], there: bool) -> None:
        """Four people want the same session at the same time."""
        enrolling = [{"session": session, "member": member, "by": COORDINATOR} for member in members[:4]]
        self.take([Wish("enrol", about) for about in enrolling], there)

    @rule(hours=st.sampled_from(HOURS))
    def wait(self, hours: int) -> None:
        self.later(hours)

    @rule(session=sessions, given=st.lists(statuses, min_size=6, max_size=6), odd=people, there=st.booleans())
    def sheet(self, session: str, given: list[str], odd: str, there: bool) -> None:
        """The sheet of the first slot of a session that has begun, at times with somebody too many or too few."""
        if self.now >= self._begins(session):
            self._hand_in(session, 1, given, there, odd if given[0] != "present" else None)

    @rule(given=st.lists(statuses, min_size=6, max_size=6), there=st.booleans())
    def hold(self, given: list[str], there: bool) -> None:
        """The next session that somebody wants takes place: its sheets come in, and two people close it at once."""
        model = self.model
        wanted = [one for one, it in model.sessions.items() if it.status == "scheduled" and (it.seated or it.waiting)]
        if not wanted:
            return
        session = min(wanted, key=self._begins)
        self.now = max(self.now, model.sessions[session].held()[-1][1])
        for slot in model.sessions[session].slots:
            self._hand_in(session, slot, given, there)
        self.take([Wish("close", {"session": session})] * 2, there)

    @rule(asked=st.lists(FEEDBACK, min_size=1, max_size=3), there=st.booleans())
    def feedback(self, asked: list[Wish], there: bool) -> None:
        if any(it.sheets for it in self.model.sessions.values()):
            self.take(asked, there)

    def _begins(self, session: str) -> datetime:
        return self.model.sessions[session].starts

    def _hand_in(self, session: str, slot: int, given: list[str], there: bool, odd: str | None = None) -> None:
        named = sorted(self.model.sessions[session].expected(slot) ^ ({odd} if odd else set()))
        sheet = dict(zip(named, given, strict=False))
        self.take([Wish("hand_in", {"session": session, "slot": slot, "sheet": sheet, "by": COORDINATOR})], there)

    def _in_full(self, wish: Wish) -> Wish:
        """The wish with the name of whoever asks for themselves, and with what a session that is scheduled has."""
        if wish.what == "schedule":
            return self._schedule(wish.about["session"])
        asks = wish.about.get("by") == "themselves"
        return Wish(wish.what, {**wish.about, "by": wish.about["member"]}) if asks else wish

    # --- the school's side

    def _by(self, by: str) -> Actor:
        if by == COORDINATOR:
            return SYSTEM_LIKE
        return Actor(self.ids.people[by], frozenset({"member", "trainer"}))

    def order(self, wish: Wish) -> Order:
        given: dict[str, Any] = dict(wish.about)
        for key, ids in (("session", self.ids.sessions), ("module", self.ids.modules), ("member", self.ids.people)):
            if key in given:
                given[key] = ids[given[key]]
        if "by" in given and wish.what != "type_in":
            given["by"] = self._by(given["by"])
        special: Callable[..., Order] | None = getattr(self, f"_order_{wish.what}", None)
        return special(**given) if special else Execute(COMMANDS[wish.what](at=self.at, **given))

    def _order_change_category(self, member: str, category: Any, day: date) -> Order:
        return Execute(ChangeCategory(at=self.at, member=member, category=category, effective_on=day))

    def _order_end_membership(self, member: str, day: date) -> Order:
        return Execute(EndMembership(at=self.at, member=member, ended_on=day))

    def _order_join(self, member: str) -> Order:
        return Execute(JoinAsMember(at=self.at, person=member, category="A", joined_on=SINCE))

    def _order_write_to(self, member: str, email: str) -> Order:
        return Execute(AmendDetails(at=self.at, member=member), (member, f"{email}@{self.ids.life}.example"))

    def _order_hold(self, member: str, held: bool) -> Order:
        command = PlaceLegalHold if held else LiftLegalHold
        return Execute(command(at=self.at, person=member))

    def _order_erase(self, member: str) -> Order:
        return Erase(member)

    def _order_waive(self, module: str, member: str) -> Order:
        return Execute(WaivePrerequisite(at=self.at, module=module, member=member, reason_code="other"))

    def _order_schedule(self, session: str, module: str, seats: int, slots: Slots, trainers: Sequence[str]) -> Order:
        command = ScheduleSession(
            at=self.at, session=session, module=module, seats=seats, languages=("fr",), place="liege",
            format="in_person", trainers=tuple(self.ids.people[trainer] for trainer in trainers),
            slots=tuple(Slot(number=n, starts_at=begins, ends_at=ends) for n, (begins, ends) in slots.items()),
        )  # fmt: skip
        return Execute(command)

    def _order_move_slot(self, session: str, slot: int, starts: datetime, accept: bool) -> Order:
        ends = starts + HALF_DAY
        moving: dict[str, Any] = {"session": session, "slot": slot, "starts_at": starts, "ends_at": ends}
        return Execute(MoveSlot(at=self.at, accept_clashes=accept, **moving))

    def _order_cancel_session(self, session: str) -> Order:
        return Execute(CancelSession(at=self.at, session=session, reason_code="other"))

    def _order_hand_in(self, session: str, slot: int, sheet: dict[str, Any], by: Actor) -> Order:
        records = tuple(
            AttendanceRecord(member=self.ids.people[name], status=status, minutes=_minutes(status))
            for name, status in sheet.items()
        )
        return Execute(LogAttendance(at=self.at, session=session, slot=slot, records=records, by=by))

    def _order_correct(self, session: str, slot: int, member: str, status: Any) -> Order:
        given: dict[str, Any] = {"slot": slot, "member": member, "status": status, "minutes": _minutes(status)}
        return Execute(CorrectAttendance(at=self.at, session=session, reason_code="other", **given))

    def _order_answer(self, session: str, member: str) -> Order:
        return Answer(session, member)

    def _order_type_in(self, session: str, by: str, sheets: int) -> Order:
        return TypeIn(session, self.ids.people[by], sheets)

    def _order_release(self, session: str) -> Order:
        return Release(session)

    def look(self) -> SchoolLook:
        return SchoolLook(self.ids)

    # --- afterwards

    def tags(self) -> list[str]:
        found = [f"session:{id}" for id in self.ids.sessions.values()]
        return found + [f"{kind}:{id}" for id in self.ids.people.values() for kind in ("person", "member")]

    def check_history(self, told: Sequence[Told]) -> None:
        known = school_invariants.Known()
        assert not list(broken(told, known, school_invariants.FORBIDDEN, school_invariants.DEMANDED))

    def check_facts(self) -> int:
        """Seats, waits, outcomes and presence as the projections count them; addresses as the vault keeps them."""
        sessions, names = named(self.ids.sessions), named(self.ids.people)
        with self.two.database.connect("reader") as conn, in_live_facts(conn):
            places = conn.execute(PLACES, [list(sessions)]).fetchall()
            marks = conn.execute(MARKS, [list(sessions)]).fetchall()
            cards = conn.execute(CARDS, [list(names)]).fetchall()
            shown = conn.execute(SHOWN, [list(sessions)]).fetchall()
        found = {(sessions[session], names[member]): tuple(figures) for session, member, *figures in places}
        there = {(sessions[session], names[member], slot): status for session, member, slot, status in marks}
        expected = dict(self._places())
        assert found == expected, f"facts: {found}, not {expected}"
        assert there == self._marks(), f"facts: {there}, not {self._marks()}"
        of_people = {names[id]: (ended, erased) for id, ended, erased in cards}
        assert of_people == {name: (who.ended, who.erased) for name, who in self.model.people.items()}, of_people
        of_sessions = {sessions[session]: (status, *counts) for session, status, *counts in shown}
        assert of_sessions == dict(self._cards()), f"cards: {of_sessions}, not {dict(self._cards())}"
        with self.two.database.connect("app") as conn:
            kept = vault.people(conn, self.ids.people.values())
        addresses = {names[id]: details.email.partition("@")[0] for id, details in kept.items() if details.email}
        assert addresses == {name: one.email for name, one in self.model.people.items() if one.email}
        return len(found) + len(there) + len(cards) + len(shown) + len(addresses)

    def _cards(self) -> Iterator[tuple[str, tuple[str, int, int, int]]]:
        for session, it in self.model.sessions.items():
            status = "open" if it.status == "scheduled" else it.status
            yield session, (status, it.seats, len(it.seated), len(it.waiting))

    def _places(self) -> Iterator[tuple[tuple[str, str], tuple[int, ...]]]:
        """For each session and person with anything to count: a seat, a wait, completed, not completed."""
        for session, it in self.model.sessions.items():
            for member in PEOPLE:
                passes, decided = it.passes(member), member in it.seated and it.status == "closed"
                figures = (member in it.seated, member in it.waiting.values(), decided and passes, decided > passes)
                if any(figures):
                    yield (session, member), tuple(map(int, figures))

    def _marks(self) -> dict[tuple[str, str, int], str]:
        """Each line of the sheets, as corrected; who got a seat after a sheet was in counts as absent."""
        marks = {}
        for session, it in self.model.sessions.items():
            for slot in it.sheets:
                marks.update({(session, member, slot): "absent" for member in it.seated})
            marks.update({(session, member, slot): status for (slot, member), status in it.presence.items()})
        return marks


def _minutes(status: str) -> int | None:
    return 90 if status == "partial" else None


SYSTEM_LIKE = Actor(None, SYSTEM.roles)
COMMANDS: dict[str, Callable[..., Any]] = {
    "enrol": EnrolInSession,
    "withdraw": WithdrawEnrolment,
    "enrol_in_module": EnrolInModule,
    "be_interested": RegisterInterest,
    "lose_interest": WithdrawInterest,
    "publish": PublishModule,
    "change_seats": ReviseSession,
    "cancel_slot": CancelSlot,
    "promote": Promote,
    "lapse": LapseWaitlist,
    "close": CloseSession,
}
