"""Giving up a seat, ending a membership, erasing a person: what ends, and who gets what became free."""

from datetime import date, timedelta
from typing import Any

import pytest

from coopschool.domain.base import Actor, Occurrence
from coopschool.domain.errors import Forbidden, Invalid, Unknown
from coopschool.domain.school.enrolling import EnrolInSession
from coopschool.domain.school.enrolment import (
    EnrolmentWithdrawn,
    InterestRegistered,
    InterestWithdrawn,
    MemberPromoted,
    MemberWaitlisted,
    PassedOver,
)
from coopschool.domain.school.interest import RegisterInterest
from coopschool.domain.school.member import MembershipCategoryChanged, MembershipEnded, MembershipInactive
from coopschool.domain.school.membership import ChangeCategory, WaivePrerequisite
from coopschool.domain.school.module_enrolment import EnrolInModule
from coopschool.domain.school.person import LegalHoldPlaced, PersonalDataErased, PersonRegistered
from coopschool.domain.school.session import SessionBegun, SessionClosed, SessionNotOpen, TrainersChanged
from coopschool.domain.school.withdrawal import (
    EndMembership,
    ErasePersonalData,
    TrainsOpenSession,
    UnderLegalHold,
    WithdrawEnrolment,
)
from tests.support.given_when_then import BEFORE, NOW, given, local
from tests.support.school import (
    COORDINATOR,
    ITS_TRAINER,
    STRANGER,
    TRAINER,
    enrolled,
    joined,
    module,
    scheduled,
    themselves,
    waiting,
)

SCHOOL = (
    *module(),
    *module("M02"),
    scheduled("spring", seats=1),
    *joined("ann", "bob", "cyd", "dan"),
    PersonRegistered(person=TRAINER),
)
FULL = (*SCHOOL, *enrolled("spring", "ann"), *waiting("spring", "bob", "cyd"))
OTHER = scheduled("other", "2026-03-16 10:00", module="M02", seats=1, trainers=())
TODAY = NOW.date()
BEGUN = local("2026-03-16 09:00")
ADMIN = Actor("root", frozenset({"admin"}))


def withdraw(member: str, **given: Any) -> WithdrawEnrolment:
    return WithdrawEnrolment(**({"at": NOW, "session": "spring", "member": member} | given))


def withdrawn(
    member: str, session: str = "spring", module: str = "M01", was: str = "confirmed", why: str = "other"
) -> EnrolmentWithdrawn:
    return EnrolmentWithdrawn(member=member, session=session, module=module, was=was, reason_code=why)  # type: ignore[arg-type]


def promoted(
    member: str,
    rank: int,
    freed_by: str | None,
    *passed_over: PassedOver,
    session: str = "spring",
    module: str = "M01",
) -> MemberPromoted:
    return MemberPromoted(
        member=member,
        session=session,
        module=module,
        rank=rank,
        rule="first_eligible",
        freed_by=freed_by,
        passed_over=passed_over,
    )


# --- one enrolment


def test_a_freed_seat_goes_to_the_first_in_rank() -> None:
    given(*FULL).when(withdraw("ann", reason_code="illness")).then(
        Occurrence(withdrawn("ann", why="illness"), NOW), Occurrence(promoted("bob", 1, "ann"), NOW)
    )


def test_giving_up_a_place_on_the_list_frees_no_seat() -> None:
    given(*FULL).when(withdraw("bob")).then(withdrawn("bob", was="waitlisted"))


def test_after_the_cutoff_a_freed_seat_waits_for_the_coordinator() -> None:
    given(*FULL).when(withdraw("ann", at=local("2026-03-14 09:00"))).then(withdrawn("ann"))
    last_moment = local("2026-03-14 09:00") - timedelta(microseconds=1)
    given(*FULL).when(withdraw("ann", at=last_moment)).then(withdrawn("ann"), promoted("bob", 1, "ann"))


def test_one_who_withdrew_may_come_back_at_the_end_of_the_list() -> None:
    after = given(*FULL).when(withdraw("ann")).then(withdrawn("ann"), promoted("bob", 1, "ann"))
    after.when(EnrolInSession(at=NOW, session="spring", member="ann")).then(
        MemberWaitlisted(member="ann", session="spring", module="M01", rank=3)
    )


@pytest.mark.parametrize(
    ("because", "why"),
    [
        ([MembershipEnded(member="bob", ended_on=date(2026, 3, 1))], "membership_ended"),
        (
            [MembershipCategoryChanged(member="bob", category="C", effective_on=date(2026, 3, 16))],
            "category_not_admitted",
        ),
        ([OTHER, *enrolled("other", "bob", module="M02")], "overlaps"),
        ([scheduled("early", "2026-03-09 09:00"), *enrolled("early", "bob")], "enrolled_elsewhere"),
    ],
)
def test_who_may_not_take_the_seat_is_passed_over_and_the_event_says_why(because: list[Any], why: Any) -> None:
    given(*FULL, *because).when(withdraw("ann")).then(
        withdrawn("ann"), promoted("cyd", 2, "ann", PassedOver(rank=1, why=why))
    )


def test_missing_prerequisites_pass_over_too() -> None:
    advanced = scheduled("advanced", module="M02", seats=1, prerequisites=("M01",), trainers=())
    happened = (advanced, *enrolled("advanced", "ann", module="M02"), *waiting("advanced", "bob", module="M02"))
    given(*SCHOOL, *happened).when(withdraw("ann", session="advanced")).then(withdrawn("ann", "advanced", "M02"))


def test_a_promotion_ends_the_other_waits_of_the_promoted() -> None:
    autumn = scheduled("autumn", "2026-10-05 09:00", seats=1)
    given(*FULL, autumn, *waiting("autumn", "bob")).when(withdraw("ann")).then(
        withdrawn("ann"),
        promoted("bob", 1, "ann"),
        withdrawn("bob", "autumn", was="waitlisted", why="confirmed_elsewhere"),
    )


def test_who_gives_up_a_seat_gets_the_one_it_kept_them_from() -> None:
    waits = (OTHER, *waiting("other", "ann", module="M02"))
    given(*FULL, *waits).when(withdraw("ann")).then(
        withdrawn("ann"), promoted("bob", 1, "ann"), promoted("ann", 1, None, session="other", module="M02")
    )


def test_members_withdraw_themselves_until_the_first_slot() -> None:
    assert given(*FULL).when(withdraw("ann", by=themselves("ann"))).events
    given(*FULL).when(withdraw("ann", by=themselves("ann"), at=BEGUN)).then_refused(SessionBegun)
    given(*FULL).when(withdraw("ann", by=COORDINATOR, at=BEGUN)).then(withdrawn("ann"))


@pytest.mark.parametrize("by", [themselves("bob"), ITS_TRAINER, STRANGER])
def test_nobody_else_withdraws_them(by: Actor) -> None:
    given(*FULL).when(withdraw("ann", by=by)).then_refused(Forbidden)


def test_who_is_not_enrolled_cannot_withdraw() -> None:
    given(*FULL).when(withdraw("dan")).then_refused(Unknown, kind="enrolment", id="dan")


def test_after_the_closing_nobody_withdraws() -> None:
    given(*FULL, SessionClosed(session="spring", module="M01")).when(withdraw("ann")).then_refused(SessionNotOpen)


# --- what else makes somebody eligible


def test_a_waiver_gives_the_seat_that_waited_for_it() -> None:
    advanced = scheduled("advanced", module="M02", seats=1, prerequisites=("M01",), trainers=())
    happened = (*SCHOOL, advanced, *waiting("advanced", "ann", module="M02"))
    waive = WaivePrerequisite(at=NOW, member="ann", module="M01", reason_code="experience")
    assert given(*happened).when(waive).events[1:] == [promoted("ann", 1, None, session="advanced", module="M02")]


def test_another_category_gives_the_seat_that_waited_for_it() -> None:
    barred = MembershipCategoryChanged(member="bob", category="C", effective_on=date(2026, 1, 6))
    happened = (*SCHOOL, barred, *waiting("spring", "bob"))
    back = ChangeCategory(at=NOW, member="bob", category="B", effective_on=date(2026, 3, 3))
    assert given(*happened).when(back).events[1:] == [promoted("bob", 1, None)]


# --- a membership


def end(member: str = "ann", ended_on: date = TODAY, **given: Any) -> EndMembership:
    return EndMembership(**({"at": NOW, "member": member, "ended_on": ended_on} | given))


def ended(member: str = "ann", on: date = TODAY) -> MembershipEnded:
    return MembershipEnded(member=member, ended_on=on)


def test_the_end_of_a_membership_occurs_at_the_end_of_its_last_day() -> None:
    last_moment = local("2026-03-03") - timedelta(microseconds=1)
    given(*SCHOOL).when(end()).then(Occurrence(ended(), last_moment))


def test_ending_a_membership_ends_seats_waits_and_interests_and_passes_the_seats_on() -> None:
    interest = InterestRegistered(member="ann", module="M03", languages=(), places=(), since=BEFORE)
    happened = (*FULL, OTHER, *waiting("other", "ann", module="M02"), interest)
    given(*happened).when(end()).then(
        ended(),
        Occurrence(withdrawn("ann", "other", "M02", "waitlisted", "membership_ended"), NOW),
        Occurrence(withdrawn("ann", why="membership_ended"), NOW),
        Occurrence(promoted("bob", 1, "ann"), NOW),
        Occurrence(InterestWithdrawn(member="ann", module="M03"), NOW),
    )


def test_a_freed_seat_does_not_go_to_the_one_who_leaves_later() -> None:
    """Until the last day the leaver would be eligible for the seat that their own withdrawal lets them take."""
    happened = (*FULL, OTHER, *waiting("other", "ann", module="M02"))
    events = given(*happened).when(end(ended_on=date(2026, 6, 30))).events
    assert not [event for event in events if isinstance(event, MemberPromoted) and event.member == "ann"]


def test_two_freed_seats_do_not_both_go_to_one_person_who_can_take_only_one() -> None:
    """Bob is first on both lists; the sessions overlap."""
    other = scheduled("other", "2026-03-17 10:00", module="M02", seats=1, trainers=())
    both = (*enrolled("other", "ann", module="M02"), *waiting("other", "bob", "dan", module="M02"))
    given(*FULL, other, *both).when(end()).then(
        ended(),
        withdrawn("ann", why="membership_ended"),
        promoted("bob", 1, "ann"),
        withdrawn("ann", "other", "M02", why="membership_ended"),
        promoted("dan", 2, "ann", PassedOver(rank=1, why="overlaps"), session="other", module="M02"),
    )


def test_a_session_under_way_may_be_finished() -> None:
    begun = scheduled("begun", "2026-03-02 09:00", "2026-03-09 09:00", module="M02", trainers=())
    given(*SCHOOL, begun, *enrolled("begun", "ann", module="M02")).when(end()).then(ended())


def test_a_membership_ends_once() -> None:
    given(*SCHOOL, ended()).when(end()).then_unchanged()
    given(*SCHOOL, ended()).when(end(ended_on=date(2026, 5, 1))).then_refused(MembershipInactive)


def test_a_membership_does_not_end_before_it_began() -> None:
    given(*SCHOOL).when(end(ended_on=date(2026, 1, 4))).then_refused(Invalid, field="ended_on")
    given(*SCHOOL).when(end(ended_on=date(2026, 1, 5))).then(ended(on=date(2026, 1, 5)))


def test_only_a_member_has_a_membership_to_end() -> None:
    given(*SCHOOL).when(end(TRAINER)).then_refused(Unknown, kind="member")


def test_the_coordinator_ends_memberships() -> None:
    given(*SCHOOL).when(end(by=themselves("ann"))).then_refused(Forbidden)


# --- a person


ANN_ERASED = PersonalDataErased(person="ann", member="ann")


def erase(person: str = "ann", **given: Any) -> ErasePersonalData:
    return ErasePersonalData(**({"at": NOW, "person": person} | given))


def test_erasing_a_member_ends_the_membership_first() -> None:
    given(*FULL).when(erase(by=themselves("ann"))).then(
        ended(), withdrawn("ann", why="erased"), promoted("bob", 1, "ann"), ANN_ERASED
    )


def test_erasing_brings_an_end_to_come_forward() -> None:
    given(*SCHOOL, ended(on=date(2026, 6, 30))).when(erase()).then(ended(), ANN_ERASED)


def test_a_membership_that_has_not_begun_ends_on_its_first_day() -> None:
    at = local("2026-01-02 09:00")
    given(*SCHOOL).when(erase(at=at)).then(ended(on=date(2026, 1, 5)), ANN_ERASED)


def test_nothing_begins_for_the_erased_not_even_today() -> None:
    """Today is the last day of their membership."""
    today = scheduled("today", "2026-03-02 14:00", module="M02", trainers=())
    school = given(*SCHOOL, *module("M02"), today).when(erase()).then(ended(), ANN_ERASED)
    for wish in (
        EnrolInSession(at=NOW, session="today", member="ann"),
        EnrolInModule(at=NOW, module="M02", member="ann"),
        RegisterInterest(at=NOW, module="M02", member="ann"),
        ChangeCategory(at=NOW, member="ann", category="B", effective_on=NOW.date()),
        WaivePrerequisite(at=NOW, member="ann", module="M02", reason_code="other"),
    ):
        school.when(wish).then_refused(MembershipInactive)


def test_erasing_ends_what_was_begun_on_the_last_day_of_a_membership() -> None:
    today = scheduled("today", "2026-03-02 14:00", module="M02", trainers=())
    given(*SCHOOL, today, ended(), *enrolled("today", "ann", module="M02")).when(erase()).then(
        ended(), withdrawn("ann", "today", "M02", why="erased"), ANN_ERASED
    )


def test_a_membership_that_is_over_stays_as_it_was() -> None:
    given(*SCHOOL, ended(on=date(2026, 2, 1))).when(erase()).then(ANN_ERASED)


def test_who_trains_an_open_session_is_not_erased() -> None:
    given(*SCHOOL).when(erase(TRAINER)).then_refused(TrainsOpenSession, sessions=["spring"])


@pytest.mark.parametrize(
    "free",
    [
        SessionClosed(session="spring", module="M01"),
        TrainersChanged(session="spring", module="M01", trainers=("tom",), before=(TRAINER,), from_slot=1),
    ],
)
def test_who_no_longer_trains_may_be_erased(free: Any) -> None:
    given(*SCHOOL, free).when(erase(TRAINER)).then(PersonalDataErased(person=TRAINER))


def test_a_legal_hold_forbids_erasing() -> None:
    given(*SCHOOL, LegalHoldPlaced(person="ann")).when(erase()).then_refused(UnderLegalHold, person="ann")


def test_erasing_happens_once() -> None:
    given(*SCHOOL, ended(), ANN_ERASED).when(erase()).then_unchanged()


def test_one_erases_oneself_or_an_admin_does() -> None:
    assert given(*SCHOOL).when(erase(by=ADMIN)).events
    for by in (COORDINATOR, STRANGER):
        given(*SCHOOL).when(erase(by=by)).then_refused(Forbidden)


def test_who_is_unknown_is_not_erased() -> None:
    given(*SCHOOL).when(erase("zoe")).then_refused(Unknown, kind="person", id="zoe")
