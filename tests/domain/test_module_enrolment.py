"""Enrolling in a module: the earliest session that fits, the shortest list, or an interest."""

from datetime import date
from typing import Any

import pytest

from coopschool.domain.base import Occurrence
from coopschool.domain.errors import Forbidden, Unknown
from coopschool.domain.school.enrolment import (
    AlreadyEnrolled,
    CategoryNotAdmitted,
    EnrolmentWithdrawn,
    InterestRegistered,
    InterestWithdrawn,
    MemberEnrolled,
    MemberWaitlisted,
    PrerequisitesMissing,
)
from coopschool.domain.school.learning_module import ModuleIsRetired, ModuleNotPublished, ModuleRetired
from coopschool.domain.school.member import MembershipEnded, MembershipInactive
from coopschool.domain.school.module_enrolment import EnrolInModule
from coopschool.domain.school.session import SessionClosed
from tests.support.given_when_then import NOW, given, local
from tests.support.school import COORDINATOR, enrolled, joined, module, scheduled, themselves, waiting

MARCH = scheduled("march", "2026-03-16 09:00", seats=1)
APRIL = scheduled("april", "2026-04-13 09:00", seats=1, languages=("nl", "en"), place="gent", trainers=())
MAY = scheduled("may", "2026-05-11 09:00", seats=1, languages=("en",), format="online", trainers=())
SCHOOL = (*module(), *joined("ann", "bob", "cyd", "dan"), MAY, APRIL, MARCH)


def enrol(member: str = "ann", **given: Any) -> EnrolInModule:
    return EnrolInModule(**({"at": NOW, "module": "M01", "member": member} | given))


def seat(session: str, member: str = "ann") -> MemberEnrolled:
    return MemberEnrolled(member=member, session=session, module="M01")


def interest(since: Any = NOW, **wishes: Any) -> InterestRegistered:
    wished = {"languages": (), "places": (), "format": None} | wishes
    return InterestRegistered(member="ann", module="M01", since=since, **wished)


# --- a seat


def test_the_earliest_session_with_a_seat_is_taken() -> None:
    given(*SCHOOL).when(enrol()).then(seat("march")).when(enrol("bob")).then(seat("april", "bob"))


@pytest.mark.parametrize(
    ("wishes", "session"),
    [
        ({"languages": ("nl", "de")}, "april"),
        ({"languages": ("en",)}, "april"),
        ({"places": ("gent", "namur")}, "april"),
        ({"format": "online"}, "may"),
        ({"from_day": date(2026, 3, 17)}, "april"),
        ({"from_day": date(2026, 3, 16)}, "march"),
        ({"from_day": date(2026, 4, 14), "until_day": date(2026, 5, 11)}, "may"),
        ({"languages": ("en",), "places": ("liege",)}, "may"),
    ],
)
def test_the_wishes_are_met(wishes: dict[str, Any], session: str) -> None:
    given(*SCHOOL).when(enrol(**wishes)).then(seat(session))


def test_a_day_is_a_local_day() -> None:
    late = scheduled("late", "2026-06-01 00:30", trainers=())
    given(*SCHOOL, late).when(enrol(from_day=date(2026, 6, 1))).then(seat("late"))


def test_sessions_that_overlap_an_own_one_are_left_out() -> None:
    own = scheduled("own", "2026-03-16 10:00", module="M02", trainers=())
    given(*SCHOOL, own, *enrolled("own", "ann", module="M02")).when(enrol()).then(seat("april"))


def test_sessions_of_a_team_or_begun_or_closed_or_trained_oneself_are_left_out() -> None:
    others = (
        scheduled("reserved", "2026-03-09 09:00", team="north"),
        scheduled("begun", "2026-03-02 09:00"),
        scheduled("closed", "2026-03-10 09:00"),
        SessionClosed(session="closed", module="M01"),
        scheduled("own", "2026-03-11 09:00", trainers=("ann",)),
    )
    given(*SCHOOL, *others).when(enrol()).then(seat("march"))


def test_a_session_whose_category_does_not_fit_is_left_out() -> None:
    given(*SCHOOL, scheduled("board", "2026-03-05 09:00", audience=("C",))).when(enrol()).then(seat("march"))


def test_a_seat_ends_the_waits_for_other_sessions_of_the_module() -> None:
    given(*SCHOOL, *enrolled("march", "bob"), *waiting("march", "ann")).when(enrol()).then(
        seat("april"),
        EnrolmentWithdrawn(
            member="ann", session="march", module="M01", was="waitlisted", reason_code="confirmed_elsewhere"
        ),
    )


def test_after_the_cutoff_nobody_overtakes_who_waits() -> None:
    at = local("2026-03-15 12:00")
    given(*SCHOOL, *waiting("march", "bob")).when(enrol(at=at)).then(seat("april"))


def test_who_has_a_seat_in_the_module_gets_no_other() -> None:
    given(*SCHOOL, *enrolled("april", "ann")).when(enrol()).then_refused(AlreadyEnrolled, session="april")


# --- a waiting list


FULL = (*SCHOOL, *enrolled("march", "bob"), *enrolled("april", "cyd"), *enrolled("may", "dan"))
EVE = joined("eve", "fay")


def wait(session: str, rank: int) -> MemberWaitlisted:
    return MemberWaitlisted(member="ann", session=session, module="M01", rank=rank)


def test_where_wanted_the_shortest_list_is_joined() -> None:
    given(*FULL, *EVE, *waiting("march", "eve", "fay"), *waiting("april", "eve")).when(enrol(waitlist=True)).then(
        wait("may", 1)
    )


def test_of_equally_short_lists_the_earliest_is_joined() -> None:
    given(*FULL).when(enrol(waitlist=True)).then(wait("march", 1))
    given(*FULL, *EVE, *waiting("march", "eve")).when(enrol(waitlist=True)).then(wait("april", 1))


def test_one_may_wait_again_elsewhere_but_not_twice_in_a_session() -> None:
    waits = waiting("march", "ann")
    given(*FULL, *waits).when(enrol(waitlist=True)).then(wait("april", 1))
    given(*FULL, *waits).when(enrol(waitlist=True, until_day=date(2026, 3, 31))).then_refused(
        AlreadyEnrolled, session="march"
    )


# --- an interest


def test_else_an_interest_is_registered() -> None:
    given(*FULL).when(enrol(languages=("nl",), places=("gent",), format="in_person")).then(
        interest(languages=("nl",), places=("gent",), format="in_person")
    )


def test_without_any_session_an_interest_is_registered() -> None:
    given(*module(), *joined("ann")).when(enrol(waitlist=True)).then(interest())


def test_the_same_interest_again_changes_nothing() -> None:
    given(*FULL, interest(local("2026-01-01"))).when(enrol()).then_unchanged()


def test_other_wishes_replace_the_interest_and_keep_its_first_date() -> None:
    asked = local("2026-01-01")
    given(*FULL, interest(asked)).when(enrol(languages=("fr",))).then(
        Occurrence(InterestWithdrawn(member="ann", module="M01"), NOW),
        Occurrence(interest(asked, languages=("fr",)), NOW),
    )


def test_who_waits_needs_no_interest() -> None:
    given(*FULL, *waiting("april", "ann")).when(enrol()).then_refused(AlreadyEnrolled, session="april")


def test_an_overlap_passes_so_an_interest_makes_sense() -> None:
    own = [
        scheduled(f"own-{day}", f"2026-{day} 09:00", module="M02", trainers=()) for day in ("03-16", "04-13", "05-11")
    ]
    seats = [event for session in own for event in enrolled(session.session, "ann", module="M02")]
    given(*SCHOOL, *own, *seats).when(enrol()).then(interest())


def test_a_retired_module_keeps_its_sessions_but_gathers_no_interest() -> None:
    given(*SCHOOL, ModuleRetired(module="M01")).when(enrol()).then(seat("march"))
    given(*FULL, ModuleRetired(module="M01")).when(enrol()).then_refused(ModuleIsRetired)


# --- who may not


@pytest.mark.parametrize("sessions", [(), (scheduled("advanced", module="M02", prerequisites=("M01",)),)])
def test_prerequisites_come_first_with_or_without_a_session(sessions: tuple[Any, ...]) -> None:
    happened = (*module("M02", prerequisites=("M01",)), *joined("ann"), *sessions)
    given(*happened).when(enrol(module="M02")).then_refused(PrerequisitesMissing, missing=["M01"])


@pytest.mark.parametrize("sessions", [(), (MARCH,)])
def test_the_category_must_be_admitted_with_or_without_a_session(sessions: tuple[Any, ...]) -> None:
    happened = (*module(), *joined("ann", category="C"), *sessions)
    given(*happened).when(enrol()).then_refused(CategoryNotAdmitted, category="C")


@pytest.mark.parametrize("sessions", [(), (MARCH,)])
def test_the_membership_must_last_with_or_without_a_session(sessions: tuple[Any, ...]) -> None:
    gone = MembershipEnded(member="ann", ended_on=date(2026, 3, 1))
    given(*module(), *joined("ann"), gone, *sessions).when(enrol()).then_refused(MembershipInactive)


def test_members_enrol_themselves_and_coordinators_anybody() -> None:
    for by in (themselves("ann"), COORDINATOR):
        assert given(*SCHOOL).when(enrol(by=by)).events
    given(*SCHOOL).when(enrol(by=themselves("bob"))).then_refused(Forbidden)


def test_a_draft_is_not_for_members() -> None:
    given(module()[0], *joined("ann")).when(enrol()).then_refused(ModuleNotPublished)


def test_unknown_modules_and_people_are_named() -> None:
    given(*SCHOOL).when(enrol(module="M99")).then_refused(Unknown, kind="module", id="M99")
    given(*SCHOOL).when(enrol("zoe")).then_refused(Unknown, kind="member", id="zoe")
