"""The waiting list: promotion by hand after the cutoff, and its end when the session begins."""

from datetime import date
from typing import Any

import pytest

from coopschool.domain.base import Occurrence
from coopschool.domain.errors import Forbidden, Unknown
from coopschool.domain.school.enrolment import (
    EnrolmentWithdrawn,
    InterestRegistered,
    MemberPromoted,
    NobodyEligible,
    PassedOver,
    SessionFull,
    WaitlistLapsed,
)
from coopschool.domain.school.member import MembershipEnded, MembershipInactive
from coopschool.domain.school.session import SeatsChanged, Session, SessionBegun
from coopschool.domain.school.waiting_list import LapseWaitlist, Promote, SessionNotBegun
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

FULL = (
    *module(),
    scheduled("spring"),
    *joined("ann", "bob", "cyd", "dan"),
    *enrolled("spring", "ann", "bob"),
    *waiting("spring", "cyd", "dan"),
)
LEFT_AT = local("2026-03-15 08:00")
LATER = local("2026-03-15 12:00")
STARTS = local("2026-03-16 09:00")


def left(member: str, at: Any = LEFT_AT) -> Occurrence:
    gone = EnrolmentWithdrawn(member=member, session="spring", module="M01", was="confirmed", reason_code="illness")
    return Occurrence(gone, at)


def promote(**given: Any) -> Promote:
    return Promote(**({"at": LATER, "session": "spring"} | given))


def by_hand(member: str, rank: int, freed_by: str | None, *passed_over: PassedOver) -> MemberPromoted:
    return MemberPromoted(
        member=member,
        session="spring",
        module="M01",
        rank=rank,
        rule="by_hand",
        freed_by=freed_by,
        passed_over=passed_over,
    )


def test_the_first_eligible_gets_the_seat_as_of_when_it_became_free() -> None:
    given(*FULL, left("ann")).when(promote()).then(Occurrence(by_hand("cyd", 1, "ann"), LEFT_AT))


def test_seats_are_given_in_the_order_they_became_free() -> None:
    later = local("2026-03-15 10:00")
    given(*FULL, left("bob"), left("ann", later)).when(promote()).then(
        Occurrence(by_hand("cyd", 1, "bob"), LEFT_AT)
    ).when(promote()).then(Occurrence(by_hand("dan", 2, "ann"), later))


def test_a_seat_nobody_ever_had_is_given_at_the_moment_of_the_command() -> None:
    roomy = (*FULL[:3], *joined("ann"), *waiting("spring", "ann"))
    given(*roomy).when(promote()).then(Occurrence(by_hand("ann", 1, None), LATER))


def test_an_added_seat_was_freed_by_nobody() -> None:
    raised = Occurrence(SeatsChanged(session="spring", module="M01", seats=3), LEFT_AT)
    given(*FULL, raised).when(promote()).then(Occurrence(by_hand("cyd", 1, None), LEFT_AT))


def test_a_seat_taken_away_again_is_not_free() -> None:
    fewer = SeatsChanged(session="spring", module="M01", seats=1)
    after = given(*FULL, left("ann"), fewer)
    assert after.folded(Session, "spring").vacancies == []
    after.when(promote()).then_refused(SessionFull)


def test_the_coordinator_may_choose_a_rank() -> None:
    given(*FULL, left("ann")).when(promote(rank=2)).then(by_hand("dan", 2, "ann"))


def test_a_rank_nobody_waits_at_is_unknown() -> None:
    given(*FULL, left("ann")).when(promote(rank=3)).then_refused(Unknown, kind="rank", id="3")


CYD_LEFT_THE_COOPERATIVE = MembershipEnded(member="cyd", ended_on=date(2026, 3, 1))


def test_a_chosen_rank_must_be_eligible_too() -> None:
    given(*FULL, left("ann"), CYD_LEFT_THE_COOPERATIVE).when(promote(rank=1)).then_refused(MembershipInactive)


def test_those_passed_over_keep_their_rank_and_the_event_says_why() -> None:
    why = PassedOver(rank=1, why="membership_ended")
    after = given(*FULL, left("ann"), CYD_LEFT_THE_COOPERATIVE).when(promote()).then(by_hand("dan", 2, "ann", why))
    session = after.folded(Session, "spring")
    assert session.ranks == {"cyd": 1}
    assert [(line.rank, line.rule, line.passed_over) for line in session.promotions] == [(2, "by_hand", (why,))]


def test_when_nobody_is_eligible_the_answer_says_why() -> None:
    happened = (*FULL[:-1], left("ann"), CYD_LEFT_THE_COOPERATIVE)
    given(*happened).when(promote()).then_refused(NobodyEligible, passed_over={1: "membership_ended"})


def test_without_a_free_seat_nobody_is_promoted() -> None:
    given(*FULL).when(promote()).then_refused(SessionFull, seats=2)


def test_after_the_first_slot_nobody_is_promoted() -> None:
    given(*FULL, left("ann")).when(promote(at=STARTS)).then_refused(SessionBegun)


def test_coordinators_and_its_trainers_promote() -> None:
    for by in (COORDINATOR, ITS_TRAINER):
        assert given(*FULL, left("ann")).when(promote(by=by)).events
    for by in (STRANGER, themselves("cyd")):
        given(*FULL, left("ann")).when(promote(by=by)).then_refused(Forbidden)


def test_a_promotion_ends_the_other_waits_for_the_module() -> None:
    autumn = scheduled("autumn", "2026-10-05 09:00")
    given(*FULL, autumn, *waiting("autumn", "cyd"), left("ann")).when(promote()).then(
        by_hand("cyd", 1, "ann"),
        Occurrence(
            EnrolmentWithdrawn(
                member="cyd", session="autumn", module="M01", was="waitlisted", reason_code="confirmed_elsewhere"
            ),
            LATER,
        ),
    )


# --- lapse


def lapsed(member: str, rank: int) -> Occurrence:
    return Occurrence(WaitlistLapsed(member=member, session="spring", module="M01", rank=rank), STARTS)


def interest(member: str, since: Any = BEFORE) -> Occurrence:
    left_over = InterestRegistered(
        member=member, module="M01", languages=("fr",), places=("liege",), format="in_person", since=since
    )
    return Occurrence(left_over, STARTS)


LAPSE = LapseWaitlist(at=local("2026-03-16 09:07"), session="spring")


def test_at_the_first_slot_the_rest_of_the_list_becomes_interests() -> None:
    given(*FULL).when(LAPSE).then(lapsed("cyd", 1), interest("cyd"), lapsed("dan", 2), interest("dan"))


def test_an_interest_comes_back_with_its_first_date() -> None:
    asked = local("2025-11-11")
    before = InterestRegistered(member="ann", module="M01", languages=("nl",), places=(), since=asked)
    happened = (*module(), scheduled("spring"), *joined("ann"), before, *waiting("spring", "ann"))
    given(*happened).when(LAPSE).then(lapsed("ann", 1), interest("ann", asked))


def test_who_waits_for_another_session_of_the_module_keeps_waiting_there() -> None:
    autumn = scheduled("autumn", "2026-10-05 09:00")
    given(*FULL[:-1], autumn, *waiting("autumn", "cyd")).when(LAPSE).then(lapsed("cyd", 1))


def test_who_is_no_longer_a_member_leaves_no_interest() -> None:
    given(*FULL[:-1], CYD_LEFT_THE_COOPERATIVE).when(LAPSE).then(lapsed("cyd", 1))


def test_a_list_lapses_once() -> None:
    given(*FULL[:-2]).when(LAPSE).then_unchanged()


def test_a_list_does_not_lapse_before_the_session_begins() -> None:
    given(*FULL).when(LapseWaitlist(at=NOW, session="spring")).then_refused(SessionNotBegun)


@pytest.mark.parametrize("by", [ITS_TRAINER, themselves("cyd")])
def test_the_system_lets_lists_lapse(by: Any) -> None:
    given(*FULL).when(LapseWaitlist(at=LAPSE.at, session="spring", by=by)).then_refused(Forbidden)
