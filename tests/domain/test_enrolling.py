"""Enrolling in a session: who may, who gets a seat, who waits."""

from datetime import date
from typing import Any

import msgspec
import pytest

from coopschool.domain.base import SYSTEM, Actor, Command, Occurrence
from coopschool.domain.errors import Forbidden, RuleBroken, Unknown
from coopschool.domain.school.enrolling import EnrolInSession
from coopschool.domain.school.enrolment import (
    AlreadyEnrolled,
    CategoryNotAdmitted,
    EnrolmentWithdrawn,
    InterestRegistered,
    MemberEnrolled,
    MemberPromoted,
    MemberWaitlisted,
    ModuleCompleted,
    OverlapsOwnSession,
    PassedOver,
    PrerequisitesMissing,
    PrerequisiteWaived,
    ReservedForTeam,
    SessionFull,
    TrainsThisSession,
    WaitlistLapsed,
    WalkInOnTheDayOnly,
)
from coopschool.domain.school.member import Member, MembershipCategoryChanged, MembershipEnded, MembershipInactive
from coopschool.domain.school.session import (
    SeatsChanged,
    Session,
    SessionBegun,
    SessionCancelled,
    SessionClosed,
    SessionNotOpen,
)
from tests.support.given_when_then import BEFORE, NOW, given, local
from tests.support.school import (
    COORDINATOR,
    ITS_TRAINER,
    STRANGER,
    enrolled,
    joined,
    module,
    scheduled,
    themselves,
    waiting,
)

SPRING = scheduled("spring")
SCHOOL = (*module(), SPRING, *joined("ann", "bob", "cyd", "dan"))
AFTER_CUTOFF = local("2026-03-15 12:00")
ON_THE_DAY = local("2026-03-16 08:30")
BETWEEN_SLOTS = local("2026-03-16 18:00")


def enrol(member: str, session: str = "spring", **given: Any) -> EnrolInSession:
    return EnrolInSession(**({"at": NOW, "session": session, "member": member} | given))


def seat(member: str, session: str = "spring", module: str = "M01", *, walk_in: bool = False) -> MemberEnrolled:
    return MemberEnrolled(member=member, session=session, module=module, walk_in=walk_in)


def wait(member: str, rank: int, session: str = "spring") -> MemberWaitlisted:
    return MemberWaitlisted(member=member, session=session, module="M01", rank=rank)


def end_of_wait(member: str, session: str) -> EnrolmentWithdrawn:
    return EnrolmentWithdrawn(
        member=member, session=session, module="M01", was="waitlisted", reason_code="confirmed_elsewhere"
    )


# --- seats and waiting list


def test_a_free_seat_goes_to_who_asks() -> None:
    given(*SCHOOL).when(enrol("ann")).then(Occurrence(seat("ann"), NOW))


def test_without_a_free_seat_one_waits_at_the_end_of_the_list() -> None:
    (
        given(*SCHOOL, *enrolled("spring", "ann", "bob"))
        .when(enrol("cyd"))
        .then(wait("cyd", 1))
        .when(enrol("dan"))
        .then(wait("dan", 2))
    )


def test_a_rank_is_never_given_twice() -> None:
    left = EnrolmentWithdrawn(member="cyd", session="spring", module="M01", was="waitlisted", reason_code="other")
    given(*SCHOOL, *enrolled("spring", "ann", "bob"), *waiting("spring", "cyd"), left).when(enrol("cyd")).then(
        wait("cyd", 2)
    )


@pytest.mark.parametrize("there", [enrolled("spring", "ann"), waiting("spring", "ann")])
def test_nobody_enrols_twice_in_a_session(there: list[Any]) -> None:
    given(*SCHOOL, *there).when(enrol("ann")).then_refused(AlreadyEnrolled, session="spring")


def test_history_may_name_an_enrolment_twice() -> None:
    twice = enrol("ann", exceptions=frozenset({"already-enrolled"}))
    given(*SCHOOL, *enrolled("spring", "ann")).when(twice).then_unchanged()


def test_a_seat_in_one_session_of_a_module_excludes_the_others() -> None:
    autumn = scheduled("autumn", "2026-10-05 09:00")
    given(*SCHOOL, autumn, *enrolled("autumn", "ann")).when(enrol("ann")).then_refused(
        AlreadyEnrolled, session="autumn"
    )


def test_one_may_wait_for_several_sessions_of_a_module() -> None:
    autumn = scheduled("autumn", "2026-10-05 09:00")
    full = (*enrolled("spring", "bob", "cyd"), *waiting("autumn", "ann"))
    given(*SCHOOL, autumn, *full).when(enrol("ann")).then(wait("ann", 1))


def test_a_seat_ends_the_other_waits_for_the_module_and_no_others() -> None:
    autumn, other = scheduled("autumn", "2026-10-05 09:00"), scheduled("other", "2026-11-05 09:00", module="M02")
    happened = (autumn, other, *module("M02"), *waiting("autumn", "ann"), *waiting("other", "ann", module="M02"))
    given(*SCHOOL, *happened).when(enrol("ann")).then(seat("ann"), end_of_wait("ann", "autumn"))


def test_an_enrolment_ends_the_interest_and_keeps_its_first_date() -> None:
    asked = local("2025-11-01")
    interest = InterestRegistered(member="ann", module="M01", languages=("fr",), places=(), since=asked)
    after = given(*SCHOOL, interest).when(enrol("ann")).then(seat("ann"))
    ann = after.folded(Member, "ann")
    assert (ann.interests, ann.enrolments["spring"].since) == ({}, asked)


def test_who_completed_a_module_may_take_it_again() -> None:
    done = ModuleCompleted(member="ann", session="old", module="M01", attended=(2, 1), expected=2)
    given(*SCHOOL, done).when(enrol("ann")).then(seat("ann"))


# --- eligibility


def test_only_members_enrol() -> None:
    given(*SCHOOL).when(enrol("sam")).then_refused(Unknown, kind="member", id="sam")


def test_an_unknown_session_has_no_seats() -> None:
    given(*SCHOOL).when(enrol("ann", session="nowhere")).then_refused(Unknown, kind="session", id="nowhere")


def test_the_membership_lasts_until_the_first_slot() -> None:
    ended = MembershipEnded(member="ann", ended_on=date(2026, 3, 15))
    given(*SCHOOL, ended).when(enrol("ann")).then_refused(MembershipInactive, day=date(2026, 3, 16))


def test_the_category_is_the_one_on_the_first_slots_local_day() -> None:
    changed = MembershipCategoryChanged(member="ann", category="C", effective_on=date(2026, 3, 16))
    given(*SCHOOL, changed).when(enrol("ann")).then_refused(CategoryNotAdmitted, category="C", audience=["A", "B"])
    later = MembershipCategoryChanged(member="ann", category="C", effective_on=date(2026, 3, 17))
    given(*SCHOOL, later).when(enrol("ann")).then(seat("ann"))


def test_prerequisites_come_first() -> None:
    advanced = scheduled("advanced", module="M02", prerequisites=("M01", "M00"))
    happened = (*SCHOOL, *module("M02", prerequisites=("M01",)), advanced)
    given(*happened).when(enrol("ann", "advanced")).then_refused(PrerequisitesMissing, missing=["M01", "M00"])


@pytest.mark.parametrize("waived", ["M01", "M02"])
def test_a_waiver_of_the_prerequisite_or_of_the_module_itself_opens_it(waived: str) -> None:
    advanced = scheduled("advanced", module="M02", prerequisites=("M01",))
    waiver = PrerequisiteWaived(member="ann", module=waived, by="cleo", reason_code="experience")
    given(*SCHOOL, *module("M02"), advanced, waiver).when(enrol("ann", "advanced")).then(seat("ann", "advanced", "M02"))


def test_own_sessions_do_not_overlap() -> None:
    other = scheduled("other", "2026-03-17 11:59", module="M02")
    given(*SCHOOL, *module("M02"), other, *enrolled("other", "ann", module="M02")).when(enrol("ann")).then_refused(
        OverlapsOwnSession, sessions=["other"]
    )


def test_sessions_may_touch_and_a_wait_is_no_obstacle() -> None:
    touching = scheduled("other", "2026-03-17 12:00", module="M02")
    during = scheduled("during", "2026-03-17 10:00", module="M03")
    own = (*enrolled("other", "ann", module="M02"), *waiting("during", "ann", module="M03"))
    given(*SCHOOL, *module("M02"), *module("M03"), touching, during, *own).when(enrol("ann")).then(seat("ann"))


def test_trainers_have_no_seat_in_their_own_session() -> None:
    given(*SCHOOL, *joined("tess")).when(enrol("tess")).then_refused(TrainsThisSession, member="tess")


def test_a_teams_session_is_for_the_team() -> None:
    reserved = scheduled("reserved", team="north")
    given(*SCHOOL, reserved).when(enrol("ann", "reserved")).then_refused(ReservedForTeam, team="north")


@pytest.mark.parametrize(
    "end",
    [
        SessionCancelled(session="spring", module="M01", reason_code="too_few"),
        SessionClosed(session="spring", module="M01"),
    ],
)
def test_a_session_that_is_over_takes_nobody(end: Any) -> None:
    given(*SCHOOL, end).when(enrol("ann", by=COORDINATOR)).then_refused(SessionNotOpen)


# --- who may enrol whom


def test_members_enrol_themselves_until_the_first_slot() -> None:
    given(*SCHOOL).when(enrol("ann", by=themselves("ann"), at=ON_THE_DAY)).then(seat("ann"))
    given(*SCHOOL).when(enrol("ann", by=themselves("ann"), at=local("2026-03-16 09:00"))).then_refused(SessionBegun)


def test_members_do_not_enrol_each_other() -> None:
    given(*SCHOOL).when(enrol("ann", by=themselves("bob"))).then_refused(Forbidden)


def test_other_trainers_enrol_nobody() -> None:
    given(*SCHOOL).when(enrol("ann", by=STRANGER, at=ON_THE_DAY)).then_refused(Forbidden)


@pytest.mark.parametrize("at", [ON_THE_DAY, BETWEEN_SLOTS, local("2026-03-17 10:00")])
def test_trainers_enrol_who_walks_in_on_a_day_of_their_session(at: Any) -> None:
    given(*SCHOOL).when(enrol("ann", by=ITS_TRAINER, at=at)).then(seat("ann", walk_in=True))


@pytest.mark.parametrize("at", [NOW, local("2026-03-18 09:00")])
def test_there_are_no_walk_ins_on_other_days(at: Any) -> None:
    given(*SCHOOL).when(enrol("ann", by=ITS_TRAINER, at=at)).then_refused(WalkInOnTheDayOnly)


def test_there_are_no_walk_ins_without_a_free_seat() -> None:
    full = given(*SCHOOL, *enrolled("spring", "ann", "bob"))
    full.when(enrol("cyd", by=ITS_TRAINER, at=ON_THE_DAY)).then_refused(SessionFull, seats=2)


def test_who_walks_in_is_there_and_need_not_wait_for_those_who_are_not() -> None:
    given(*SCHOOL, *enrolled("spring", "ann"), *waiting("spring", "bob")).when(
        enrol("cyd", by=ITS_TRAINER, at=ON_THE_DAY)
    ).then(seat("cyd", walk_in=True))


def test_coordinators_enrol_late_comers_but_nobody_waits_any_more() -> None:
    late: dict[str, Any] = {"by": COORDINATOR, "at": BETWEEN_SLOTS}
    given(*SCHOOL, *enrolled("spring", "ann")).when(enrol("bob", **late)).then(seat("bob")).when(
        enrol("cyd", **late)
    ).then_refused(SessionFull)


def test_a_late_comer_must_be_a_member_on_the_day_they_come() -> None:
    begun = scheduled("begun", "2026-01-02 09:00", "2026-03-17 09:00")
    given(*SCHOOL, begun).when(enrol("ann", "begun", by=COORDINATOR)).then(seat("ann", "begun"))
    gone = MembershipEnded(member="ann", ended_on=date(2026, 3, 1))
    given(*SCHOOL, begun, gone).when(enrol("ann", "begun", by=COORDINATOR)).then_refused(MembershipInactive)


# --- the list before newcomers


def test_who_became_eligible_unnoticed_comes_before_a_newcomer() -> None:
    unnoticed = (*waiting("spring", "bob"), *enrolled("spring", "ann"))
    given(*SCHOOL, *unnoticed).when(enrol("cyd")).then(
        MemberPromoted(member="bob", session="spring", module="M01", rank=1, rule="first_eligible"), wait("cyd", 2)
    )


def test_a_newcomer_takes_the_seat_that_nobody_waiting_may_take() -> None:
    barred = MembershipEnded(member="bob", ended_on=date(2026, 3, 1))
    given(*SCHOOL, *waiting("spring", "bob"), *enrolled("spring", "ann"), barred).when(enrol("cyd")).then(seat("cyd"))


def test_after_the_cutoff_nobody_overtakes_who_waits() -> None:
    given(*SCHOOL, *waiting("spring", "bob"), *enrolled("spring", "ann")).when(enrol("cyd", at=AFTER_CUTOFF)).then(
        wait("cyd", 2)
    )


def test_a_list_left_from_before_the_session_began_lapses_first() -> None:
    start = local("2026-03-16 09:00")
    interest = InterestRegistered(
        member="bob", module="M01", languages=("fr",), places=("liege",), format="in_person", since=BEFORE
    )
    given(*SCHOOL, *enrolled("spring", "ann"), *waiting("spring", "bob")).when(
        enrol("cyd", by=COORDINATOR, at=BETWEEN_SLOTS)
    ).then(
        Occurrence(WaitlistLapsed(member="bob", session="spring", module="M01", rank=1), start),
        Occurrence(interest, start),
        Occurrence(seat("cyd"), BETWEEN_SLOTS),
    )


# --- history


def test_history_may_have_given_a_seat_too_many() -> None:
    full = given(*SCHOOL, *enrolled("spring", "ann", "bob"))
    after = full.when(enrol("cyd", exceptions=frozenset({"session-full"}))).then(seat("cyd"))
    assert after.folded(Session, "spring").free == -1
    after.when(enrol("dan")).then(wait("dan", 1))


@pytest.mark.parametrize(
    ("broken", "command"),
    [
        (CategoryNotAdmitted, enrol("eve")),
        (SessionBegun, enrol("ann", by=themselves("ann"), at=BETWEEN_SLOTS)),
        (WalkInOnTheDayOnly, enrol("ann", by=ITS_TRAINER)),
    ],
)
def test_history_may_have_set_a_rule_aside(broken: type[RuleBroken], command: Command) -> None:
    happened = given(*SCHOOL, *joined("eve", category="C"))
    happened.when(command).then_refused(broken)
    set_aside = msgspec.structs.replace(command, exceptions=frozenset({broken.code}))
    assert [type(event) for event in happened.when(set_aside).events] == [MemberEnrolled]


def test_those_passed_over_are_not_in_a_newcomers_way() -> None:
    """The reasons are on the promotion, by rank and without persons."""
    ended = MembershipEnded(member="bob", ended_on=date(2026, 3, 1))
    happened = (*waiting("spring", "bob", "cyd"), *enrolled("spring", "ann"), ended)
    given(*SCHOOL, *happened, SeatsChanged(session="spring", module="M01", seats=3)).when(enrol("dan")).then(
        MemberPromoted(
            member="cyd",
            session="spring",
            module="M01",
            rank=2,
            rule="first_eligible",
            passed_over=(PassedOver(rank=1, why="membership_ended"),),
        ),
        seat("dan"),
    )


def test_the_system_acts_as_coordinator() -> None:
    assert SYSTEM.is_any("coordinator")
    given(*SCHOOL).when(enrol("ann", by=Actor(None, frozenset()))).then_refused(Forbidden)
