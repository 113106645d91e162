"""Sessions: scheduling, moving and cancelling slots, changing the arrangements, calling off."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from coopschool.domain.base import Occurrence
from coopschool.domain.errors import Forbidden, Invalid, Stale, Unknown
from coopschool.domain.school.arrangements import ReviseSession, SeatsBelowConfirmed
from coopschool.domain.school.enrolment import (
    EnrolmentCancelled,
    InterestRegistered,
    MemberPromoted,
    TrainsThisSession,
)
from coopschool.domain.school.learning_module import ModuleNotPublished, ModuleRetired
from coopschool.domain.school.person import PersonalDataErased, PersonErased, PersonRegistered
from coopschool.domain.school.scheduling import (
    CancelSession,
    CancelSlot,
    LastSlot,
    MoveSlot,
    ScheduleSession,
    SessionExists,
    SessionsClash,
    SlotsOverlap,
    TrainerBusy,
)
from coopschool.domain.school.session import (
    ArrangementsChanged,
    AttendanceLogged,
    SeatsChanged,
    Session,
    SessionCancelled,
    SessionClosed,
    SessionNotOpen,
    Slot,
    SlotAlreadyLogged,
    SlotCancelled,
    SlotIsCancelled,
    SlotMoved,
    TrainersChanged,
)
from tests.support.given_when_then import BEFORE, NOW, given, local
from tests.support.school import (
    COORDINATOR,
    ITS_TRAINER,
    STRANGER,
    enrolled,
    joined,
    logged,
    module,
    record,
    scheduled,
    slots,
    themselves,
    waiting,
)

SPRING = scheduled("spring")
TRAINERS = (PersonRegistered(person="tess"), PersonRegistered(person="tom"))
SCHOOL = (*module(), *TRAINERS, SPRING, *joined("ann", "bob", "cyd"))


def schedule(**given: Any) -> ScheduleSession:
    asked: dict[str, Any] = {
        "at": NOW,
        "session": "new",
        "module": "M01",
        "seats": 12,
        "slots": slots("2026-06-01 09:00", "2026-06-02 09:00"),
        "languages": ("fr", "nl"),
        "place": "liege",
        "format": "hybrid",
        "trainers": ("tess",),
    }
    return ScheduleSession(**(asked | given))


def move(starts_at: str, **given: Any) -> MoveSlot:
    begin = local(starts_at)
    asked: dict[str, Any] = {"at": NOW, "session": "spring", "slot": 1, "starts_at": begin}
    return MoveSlot(**(asked | {"ends_at": begin + timedelta(hours=3)} | given))


def moved(starts_at: str, clashes: tuple[str, ...] = (), slot: int = 1) -> SlotMoved:
    begin = local(starts_at)
    return SlotMoved(
        session="spring",
        module="M01",
        slot=slot,
        starts_at=begin,
        ends_at=begin + timedelta(hours=3),
        clashes=clashes,
    )


def revise(**given: Any) -> ReviseSession:
    return ReviseSession(**({"at": NOW, "session": "spring"} | given))


def promoted(member: str, rank: int, session: str = "spring", module: str = "M01") -> MemberPromoted:
    return MemberPromoted(member=member, session=session, module=module, rank=rank, rule="first_eligible")


# --- scheduling


def test_a_session_keeps_the_modules_rules_and_promotes_until_48_hours_before() -> None:
    (event,) = given(*module(prerequisites=("M00",)), *TRAINERS).when(schedule()).events
    assert event == scheduled(
        "new",
        "2026-06-01 09:00",
        "2026-06-02 09:00",
        seats=12,
        prerequisites=("M00",),
        languages=("fr", "nl"),
        format="hybrid",
        promotion_cutoff=local("2026-05-30 09:00"),
    )


def test_the_48_hours_are_hours_also_when_the_clock_changes() -> None:
    (event,) = given(*SCHOOL).when(schedule(slots=slots("2026-03-30 09:00"))).events
    assert event.promotion_cutoff == local("2026-03-28 08:00")  # type: ignore[attr-defined]


def test_slots_may_lie_in_the_past() -> None:
    assert given(*SCHOOL).when(schedule(slots=slots("2026-02-02 09:00"))).events


@pytest.mark.parametrize("unpublished", [module()[:1], (*module(), ModuleRetired(module="M01"))])
def test_only_a_published_module_gets_sessions(unpublished: Any) -> None:
    given(*unpublished, *TRAINERS).when(schedule()).then_refused(ModuleNotPublished, module="M01")


def test_an_unknown_module_gets_no_sessions() -> None:
    given(*TRAINERS).when(schedule()).then_refused(Unknown, kind="module", id="M01")


def test_a_session_is_scheduled_once() -> None:
    given(*SCHOOL).when(schedule(session="spring")).then_refused(SessionExists)


def test_coordinators_and_trainers_schedule() -> None:
    assert given(*SCHOOL).when(schedule(by=ITS_TRAINER)).events
    given(*SCHOOL).when(schedule(by=themselves("ann"))).then_refused(Forbidden)


@pytest.mark.parametrize("seats", [0, -1, 10_001])
def test_seats_have_bounds(seats: int) -> None:
    given(*SCHOOL).when(schedule(seats=seats)).then_refused(Invalid, field="seats")


NAIVE = Slot(number=1, starts_at=datetime(2026, 6, 1, 9), ends_at=datetime(2026, 6, 1, 12))  # noqa: DTZ001
BACKWARDS = Slot(number=1, starts_at=local("2026-06-01 09:00"), ends_at=local("2026-06-01 09:00"))
ENDLESS = Slot(number=1, starts_at=local("2026-06-01 09:00"), ends_at=local("2026-06-02 09:01"))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ((), "slots"),
        (slots(*[f"2026-0{month}-{day:02} 09:00" for month in range(5, 8) for day in range(1, 22)]), "slots"),
        ((BACKWARDS,), "slots/0/ends_at"),
        ((ENDLESS,), "slots/0/ends_at"),
        ((NAIVE,), "slots/0/starts_at"),
        (slots("2026-06-01 09:00", "2026-06-02 09:00", "2026-06-01 11:59"), "slots/2/starts_at"),
        ((*slots("2026-06-01 09:00"), *slots("2026-06-02 09:00")), "slots"),
    ],
)
def test_slots_that_cannot_be_are_named(wrong: tuple[Slot, ...], field: str) -> None:
    given(*SCHOOL).when(schedule(slots=wrong)).then_refused(Invalid, field=field)


def test_slots_may_touch_and_come_in_any_order() -> None:
    session = given(*SCHOOL, scheduled("mixed", "2026-06-02 09:00", "2026-06-01 09:00", "2026-06-01 12:00"))
    assert [slot.number for slot in session.folded(Session, "mixed").timetable] == [2, 3, 1]


def test_trainers_are_known_people_named_once() -> None:
    given(*SCHOOL).when(schedule(trainers=("nobody",))).then_refused(Unknown, kind="person", id="nobody")
    given(*SCHOOL).when(schedule(trainers=("tess", "tess"))).then_refused(Invalid, field="trainers")
    erased = PersonalDataErased(person="tess")
    given(*SCHOOL, erased).when(schedule()).then_refused(PersonErased, person="tess")


def test_a_trainer_gives_one_session_at_a_time() -> None:
    overlapping = schedule(slots=slots("2026-03-16 11:00"))
    given(*SCHOOL).when(overlapping).then_refused(TrainerBusy, trainer="tess", session="spring")
    assert given(*SCHOOL).when(schedule(slots=slots("2026-03-16 12:00"))).events


def test_a_cancelled_session_leaves_its_trainer_free() -> None:
    off = SessionCancelled(session="spring", module="M01", reason_code="other")
    assert given(*SCHOOL, off).when(schedule(slots=slots("2026-03-16 09:00"))).events


# --- moving a slot


def test_a_slot_is_moved_and_keeps_its_number() -> None:
    after = given(*SCHOOL).when(move("2026-03-20 09:00")).then(moved("2026-03-20 09:00"))
    session = after.folded(Session, "spring")
    assert [slot.number for slot in session.timetable] == [2, 1]
    assert (session.starts_at, session.details_revision) == (local("2026-03-17 09:00"), 2)


def test_the_cutoff_moves_with_the_first_slot() -> None:
    moves = (moved("2026-03-31 09:00"), moved("2026-03-30 09:00", slot=2))
    assert given(*SCHOOL, *moves).folded(Session, "spring").promotion_cutoff == local("2026-03-28 08:00")


def test_moving_to_where_it_is_changes_nothing() -> None:
    given(*SCHOOL).when(move("2026-03-16 09:00")).then_unchanged()


def test_a_logged_slot_does_not_move() -> None:
    sheet = logged("spring", 1, [])
    given(*SCHOOL, sheet).when(move("2026-03-20 09:00")).then_refused(SlotAlreadyLogged, slot=1)
    assert given(*SCHOOL, sheet).when(move("2026-03-20 09:00", slot=2)).events


def test_a_cancelled_slot_does_not_move() -> None:
    off = SlotCancelled(session="spring", module="M01", slot=1)
    given(*SCHOOL, off).when(move("2026-03-20 09:00")).then_refused(SlotIsCancelled, slot=1)


def test_a_slot_that_is_not_there_does_not_move() -> None:
    given(*SCHOOL).when(move("2026-03-20 09:00", slot=3)).then_refused(Unknown, kind="slot", id="3")


def test_slots_of_a_session_do_not_overlap() -> None:
    given(*SCHOOL).when(move("2026-03-17 11:00")).then_refused(SlotsOverlap, slot=1)
    off = SlotCancelled(session="spring", module="M01", slot=2)
    assert given(*SCHOOL, off).when(move("2026-03-17 11:00")).events


def test_a_slot_may_move_by_less_than_its_length() -> None:
    assert given(*SCHOOL).when(move("2026-03-16 10:00")).events


def test_a_move_keeps_its_trainers_other_sessions_apart() -> None:
    other = scheduled("other", "2026-03-20 09:00")
    given(*SCHOOL, other).when(move("2026-03-20 11:00", accept_clashes=True)).then_refused(
        TrainerBusy, trainer="tess", session="other"
    )


def test_a_move_ends_after_it_starts() -> None:
    given(*SCHOOL).when(move("2026-03-20 09:00", ends_at=local("2026-03-20 08:00"))).then_refused(
        Invalid, field="ends_at"
    )


CLASHING = (
    scheduled("other", "2026-03-20 09:00", module="M02", trainers=()),
    *enrolled("spring", "ann", "bob"),
    *enrolled("other", "ann", module="M02"),
    *waiting("other", "bob", module="M02"),
)


def test_a_move_that_makes_sessions_clash_lists_the_people() -> None:
    given(*SCHOOL, *CLASHING).when(move("2026-03-20 10:00")).then_refused(SessionsClash, people=["ann"])


def test_clashes_may_be_accepted() -> None:
    given(*SCHOOL, *CLASHING).when(move("2026-03-20 10:00", accept_clashes=True)).then(
        moved("2026-03-20 10:00", clashes=("ann",))
    )


def test_a_move_out_of_the_way_gives_the_seat_that_waited() -> None:
    """Bob's own session kept him from the other one."""
    other = scheduled("other", "2026-03-16 09:00", module="M02", trainers=())
    happened = (other, *module("M02"), *enrolled("spring", "bob"), *waiting("other", "bob", module="M02"))
    given(*SCHOOL, *happened).when(move("2026-03-20 09:00")).then(
        moved("2026-03-20 09:00"), promoted("bob", 1, "other", "M02")
    )


def test_a_later_first_slot_reopens_the_promotion() -> None:
    at = local("2026-03-15 09:00")
    waits = (*enrolled("spring", "ann"), *waiting("spring", "bob"), moved("2026-03-16 12:00", slot=1))
    off = SlotCancelled(session="spring", module="M01", slot=2)
    given(*SCHOOL, *waits, off).when(move("2026-03-20 09:00", at=at)).then(
        moved("2026-03-20 09:00"), promoted("bob", 1)
    )


# --- cancelling a slot


def test_a_cancelled_slot_no_longer_counts() -> None:
    off = SlotCancelled(session="spring", module="M01", slot=1)
    after = given(*SCHOOL).when(CancelSlot(at=NOW, session="spring", slot=1)).then(off)
    assert after.folded(Session, "spring").starts_at == local("2026-03-17 09:00")
    after.when(CancelSlot(at=NOW, session="spring", slot=1)).then_refused(SlotIsCancelled)


def test_the_last_slot_is_not_cancelled() -> None:
    off = SlotCancelled(session="spring", module="M01", slot=1)
    given(*SCHOOL, off).when(CancelSlot(at=NOW, session="spring", slot=2)).then_refused(LastSlot)


def test_a_logged_slot_is_not_cancelled() -> None:
    sheet = logged("spring", 1, [])
    given(*SCHOOL, sheet).when(CancelSlot(at=NOW, session="spring", slot=1)).then_refused(SlotAlreadyLogged)


def test_a_cancelled_slot_gives_the_seat_it_kept_somebody_from() -> None:
    other = scheduled("other", "2026-03-16 09:00", module="M02", trainers=())
    happened = (other, *module("M02"), *enrolled("spring", "bob"), *waiting("other", "bob", module="M02"))
    given(*SCHOOL, *happened).when(CancelSlot(at=NOW, session="spring", slot=1)).then(
        SlotCancelled(session="spring", module="M01", slot=1), promoted("bob", 1, "other", "M02")
    )


def test_a_cancelled_slot_opens_the_session_to_those_it_kept_out() -> None:
    other = scheduled("other", "2026-03-16 09:00", module="M02", trainers=())
    happened = (other, *enrolled("other", "bob", module="M02"), *waiting("spring", "bob"))
    given(*SCHOOL, *happened).when(CancelSlot(at=NOW, session="spring", slot=1)).then(
        SlotCancelled(session="spring", module="M01", slot=1), promoted("bob", 1)
    )


# --- seats, trainers and the rest


def test_added_seats_go_to_the_waiting_list() -> None:
    full = (*enrolled("spring", "ann", "bob"), *waiting("spring", "cyd"))
    given(*SCHOOL, *full).when(revise(seats=4)).then(
        SeatsChanged(session="spring", module="M01", seats=4), promoted("cyd", 1)
    )


def test_after_the_cutoff_added_seats_wait_for_the_coordinator() -> None:
    full = (*enrolled("spring", "ann", "bob"), *waiting("spring", "cyd"))
    given(*SCHOOL, *full).when(revise(seats=4, at=local("2026-03-14 09:00"))).then(
        SeatsChanged(session="spring", module="M01", seats=4)
    )


def test_nobody_loses_a_seat_to_a_smaller_session() -> None:
    full = enrolled("spring", "ann", "bob")
    given(*SCHOOL, *full).when(revise(seats=1)).then_refused(SeatsBelowConfirmed, confirmed=2)
    given(*SCHOOL, *full[:1]).when(revise(seats=1)).then(SeatsChanged(session="spring", module="M01", seats=1))


def test_seats_keep_their_bounds() -> None:
    given(*SCHOOL).when(revise(seats=0)).then_refused(Invalid, field="seats")


def test_one_revision_may_change_everything() -> None:
    given(*SCHOOL).when(
        revise(seats=3, languages=("nl",), place="gent", format="online", trainers=("tom",), by=ITS_TRAINER)
    ).then(
        ArrangementsChanged(session="spring", module="M01", languages=("nl",), place="gent", format="online"),
        TrainersChanged(session="spring", module="M01", trainers=("tom",), before=("tess",), from_slot=1),
        SeatsChanged(session="spring", module="M01", seats=3),
    )


def test_a_revision_that_says_the_same_changes_nothing() -> None:
    given(*SCHOOL).when(revise(seats=2, place="liege", trainers=("tess",))).then_unchanged()


def test_new_trainers_begin_with_the_first_slot_whose_sheet_is_not_in() -> None:
    after = given(*SCHOOL, logged("spring", 1, [])).when(revise(trainers=("tom",))).then(
        TrainersChanged(session="spring", module="M01", trainers=("tom",), before=("tess",), from_slot=2)
    )  # fmt: skip
    session = after.folded(Session, "spring")
    assert session.trainers == ("tom",)
    assert [slot.number for slot in session.given_by("tess")] == [1]
    assert session.is_given_by("tess")


def test_new_trainers_may_begin_with_a_slot_that_is_named() -> None:
    given(*SCHOOL).when(revise(trainers=("tom",), from_slot=2)).then(
        TrainersChanged(session="spring", module="M01", trainers=("tom",), before=("tess",), from_slot=2)
    )
    given(*SCHOOL).when(revise(trainers=("tom",), from_slot=9)).then_refused(Unknown, kind="slot", id="9")


def test_when_all_sheets_are_in_it_is_too_late_for_other_trainers() -> None:
    sheets = (logged("spring", 1, []), logged("spring", 2, []))
    given(*SCHOOL, *sheets).when(revise(trainers=("tom",))).then_refused(SlotAlreadyLogged)


def test_new_trainers_are_free_at_that_time() -> None:
    other = scheduled("other", "2026-03-17 10:00", trainers=("tom",))
    given(*SCHOOL, other).when(revise(trainers=("tom",))).then_refused(TrainerBusy, session="other")


@pytest.mark.parametrize("there", [enrolled("spring", "tom"), waiting("spring", "tom")])
def test_new_trainers_have_no_seat_in_the_session(there: Any) -> None:
    given(*SCHOOL, *there).when(revise(trainers=("tom",))).then_refused(TrainsThisSession, member="tom")


# --- calling it off


def test_calling_off_ends_each_enrolment_and_leaves_an_interest_with_its_first_date() -> None:
    asked = local("2025-12-01")
    bob_asked = InterestRegistered(member="bob", module="M01", languages=(), places=(), since=asked)
    happened = (*enrolled("spring", "ann"), Occurrence(bob_asked, asked), *waiting("spring", "bob"))
    given(*SCHOOL, *happened).when(CancelSession(at=NOW, session="spring", reason_code="too_few")).then(
        Occurrence(SessionCancelled(session="spring", module="M01", reason_code="too_few"), NOW),
        Occurrence(EnrolmentCancelled(member="ann", session="spring", module="M01", was="confirmed"), NOW),
        Occurrence(left_interest("ann", BEFORE), NOW),
        Occurrence(EnrolmentCancelled(member="bob", session="spring", module="M01", was="waitlisted"), NOW),
        Occurrence(left_interest("bob", asked), NOW),
    )


def left_interest(member: str, since: datetime) -> InterestRegistered:
    return InterestRegistered(
        member=member, module="M01", languages=("fr",), places=("liege",), format="in_person", since=since
    )


def test_who_waits_elsewhere_for_the_module_goes_on_waiting() -> None:
    autumn = scheduled("autumn", "2026-10-05 09:00", seats=1, trainers=())
    happened = (autumn, *enrolled("autumn", "cyd"), *waiting("spring", "ann"), *waiting("autumn", "ann"))
    given(*SCHOOL, *happened).when(CancelSession(at=NOW, session="spring", reason_code="other")).then(
        SessionCancelled(session="spring", module="M01", reason_code="other"),
        EnrolmentCancelled(member="ann", session="spring", module="M01", was="waitlisted"),
    )


def test_calling_off_gives_the_seats_it_kept_people_from() -> None:
    other = scheduled("other", "2026-03-16 09:00", module="M02", trainers=())
    happened = (other, *module("M02"), *enrolled("spring", "bob"), *waiting("other", "bob", module="M02"))
    events = given(*SCHOOL, *happened).when(CancelSession(at=NOW, session="spring", reason_code="other")).events
    assert events[-1] == promoted("bob", 1, "other", "M02")


# --- who may, and when


@dataclass
class Change:
    """A command that changes the session, without its `by` and `if_revision`."""

    command: type[Any]
    asked: dict[str, Any]

    def __call__(self, **given: Any) -> Any:
        return self.command(**({"at": NOW, "session": "spring"} | self.asked | given))


START = local("2026-03-20 09:00")
CHANGES = [
    Change(MoveSlot, {"slot": 1, "starts_at": START, "ends_at": START + timedelta(hours=1)}),
    Change(CancelSlot, {"slot": 1}),
    Change(ReviseSession, {"seats": 5}),
    Change(CancelSession, {"reason_code": "other"}),
]


@pytest.mark.parametrize("change", CHANGES)
def test_its_trainers_and_coordinators_run_a_session(change: Change) -> None:
    for by in (ITS_TRAINER, COORDINATOR):
        assert given(*SCHOOL).when(change(by=by)).events
    for by in (STRANGER, themselves("ann")):
        given(*SCHOOL).when(change(by=by)).then_refused(Forbidden)


@pytest.mark.parametrize("change", CHANGES)
def test_a_session_that_changed_meanwhile_is_read_again_first(change: Change) -> None:
    changed = SeatsChanged(session="spring", module="M01", seats=3)
    given(*SCHOOL, changed).when(change(if_revision=1)).then_refused(Stale, revision=2)
    assert given(*SCHOOL, changed).when(change(if_revision=2)).events


def test_enrolments_make_nothing_stale() -> None:
    assert given(*SCHOOL, *enrolled("spring", "ann")).when(revise(seats=5, if_revision=1)).events


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    "end",
    [
        SessionClosed(session="spring", module="M01"),
        SessionCancelled(session="spring", module="M01", reason_code="other"),
    ],
)
def test_a_session_that_is_over_does_not_change(change: Change, end: Any) -> None:
    given(*SCHOOL, end).when(change()).then_refused(SessionNotOpen, session="spring")


@pytest.mark.parametrize("change", CHANGES)
def test_an_unknown_session_does_not_change(change: Change) -> None:
    given(*SCHOOL).when(change(session="nowhere")).then_refused(Unknown, kind="session", id="nowhere")


def test_sheets_are_kept_as_they_were_handed_in() -> None:
    sheet: AttendanceLogged = logged("spring", 1, [record("ann")])
    session = given(*SCHOOL, sheet).folded(Session, "spring")
    assert session.sheets[1].records == frozenset(sheet.records)
    assert session.min_attendance == Decimal("0.8")
