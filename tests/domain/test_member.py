"""Members: joining, category over time, waivers, interest, and what a membership folds."""

from datetime import date, datetime

import pytest

from coopschool.domain.base import Actor, Event, Occurrence
from coopschool.domain.errors import Forbidden, Invalid, Stale, Unknown
from coopschool.domain.school.enrolment import (
    EnrolmentCancelled,
    EnrolmentWithdrawn,
    InterestRegistered,
    InterestWithdrawn,
    MemberEnrolled,
    MemberPromoted,
    MemberWaitlisted,
    ModuleCompleted,
    ModuleNotCompleted,
    PrerequisiteWaived,
    WaitlistLapsed,
)
from coopschool.domain.school.interest import (
    EnrolledInModule,
    InterestAlreadyRegistered,
    RegisterInterest,
    WithdrawInterest,
)
from coopschool.domain.school.learning_module import ModuleNotPublished, ModulePublished
from coopschool.domain.school.member import (
    AlreadyMember,
    Member,
    MemberJoined,
    MembershipCategoryChanged,
    MembershipEnded,
    MembershipInactive,
    OpenEnrolment,
)
from coopschool.domain.school.membership import (
    AmendDetails,
    ChangeCategory,
    JoinAsMember,
    WaivePrerequisite,
    roles_on,
)
from coopschool.domain.school.person import (
    LanguageChosen,
    PersonalDataErased,
    PersonErased,
    PersonRegistered,
    RoleGranted,
)
from tests.domain.test_learning_module import drafted
from tests.support.given_when_then import BEFORE, NOW, given, local

ANN = "ann"
REGISTERED = PersonRegistered(person=ANN)
JOINED = MemberJoined(member=ANN, category="A", joined_on=date(2026, 1, 5))
ENDED = MembershipEnded(member=ANN, ended_on=date(2026, 2, 28))
M01 = (drafted("M01"), ModulePublished(module="M01", revision=1))
SELF = Actor(ANN, frozenset({"member"}))
STRANGER = Actor("bob", frozenset({"member", "trainer"}))


def category_changed(category: str, day: date) -> MembershipCategoryChanged:
    return MembershipCategoryChanged(member=ANN, category=category, effective_on=day)  # type: ignore[arg-type]


def folded(*happened: Event | Occurrence) -> Member:
    return given(JOINED, *happened).folded(Member, ANN)


# --- joining


def test_somebody_unknown_joins_at_the_start_of_the_day_and_is_registered() -> None:
    given().when(JoinAsMember(at=NOW, person=ANN, category="B", joined_on=date(2026, 2, 1), language="nl")).then(
        Occurrence(REGISTERED, NOW),
        Occurrence(LanguageChosen(person=ANN, language="nl"), NOW),
        Occurrence(MemberJoined(member=ANN, category="B", joined_on=date(2026, 2, 1)), local("2026-02-01")),
    )


def test_a_known_person_joins() -> None:
    scenario = given(REGISTERED, LanguageChosen(person=ANN, language="fr"))
    scenario.when(JoinAsMember(at=NOW, person=ANN, category="A", joined_on=date(2026, 1, 5), language="fr")).then(
        JOINED
    )


def test_a_person_has_at_most_one_membership() -> None:
    joining = JoinAsMember(at=NOW, person=ANN, category="A", joined_on=date(2026, 3, 1))
    given(REGISTERED, JOINED).when(joining).then_refused(AlreadyMember, person=ANN)
    given(REGISTERED, JOINED, ENDED).when(joining).then_refused(AlreadyMember, person=ANN)


def test_somebody_whose_data_were_erased_does_not_join() -> None:
    given(REGISTERED, PersonalDataErased(person=ANN)).when(
        JoinAsMember(at=NOW, person=ANN, category="A", joined_on=date(2026, 3, 1))
    ).then_refused(PersonErased)


def test_nobody_joined_before_1900() -> None:
    given().when(JoinAsMember(at=NOW, person=ANN, category="A", joined_on=date(1899, 12, 31))).then_refused(
        Invalid, field="joined_on"
    )


def test_membership_gives_the_role_of_member_while_it_lasts() -> None:
    scenario = given(REGISTERED, RoleGranted(person=ANN, role="trainer"), JOINED, ENDED)

    def roles(day: date) -> frozenset[str]:
        return roles_on(scenario.folded, ANN, day)

    assert roles(date(2026, 2, 28)) == {"trainer", "member"}
    assert roles(date(2026, 3, 1)) == {"trainer"}


# --- categories


def test_a_category_changes_from_a_day_on() -> None:
    given(JOINED).when(ChangeCategory(at=NOW, member=ANN, category="C", effective_on=date(2026, 4, 1))).then(
        Occurrence(category_changed("C", date(2026, 4, 1)), local("2026-04-01"))
    )


def test_the_category_that_holds_that_day_already_is_no_change() -> None:
    given(JOINED).when(ChangeCategory(at=NOW, member=ANN, category="A", effective_on=date(2026, 4, 1))).then_unchanged()


@pytest.mark.parametrize("day", [date(2026, 1, 4), date(2026, 3, 1)], ids=["before joining", "after the end"])
def test_a_category_changes_only_during_the_membership(day: date) -> None:
    given(JOINED, ENDED).when(ChangeCategory(at=NOW, member=ANN, category="B", effective_on=day)).then_refused(
        MembershipInactive, member=ANN, day=day
    )


def test_an_unknown_member_has_no_category() -> None:
    given().when(ChangeCategory(at=NOW, member=ANN, category="B", effective_on=date(2026, 3, 1))).then_refused(
        Unknown, kind="member"
    )


def test_the_category_on_a_day_does_not_depend_on_when_it_was_recorded() -> None:
    changes = [category_changed("C", date(2026, 3, 1)), category_changed("B", date(2026, 2, 1))]
    for recorded in (changes, changes[::-1]):
        ann = folded(*recorded)
        days = [date(2026, 1, 4), date(2026, 1, 5), date(2026, 1, 31), date(2026, 2, 1), date(2026, 3, 1)]
        assert [ann.category_on(day) for day in days] == [None, "A", "A", "B", "C"]


def test_of_two_changes_on_one_day_the_one_recorded_last_holds() -> None:
    ann = folded(category_changed("B", date(2026, 2, 1)), category_changed("C", date(2026, 2, 1)))
    assert ann.category_on(date(2026, 2, 1)) == "C"


def test_a_membership_covers_its_last_day_and_no_more() -> None:
    ann = folded(ENDED)
    assert ann.active_on(date(2026, 2, 28))
    assert not ann.active_on(date(2026, 3, 1))
    assert ann.category_on(date(2026, 3, 1)) is None


# --- waivers


def test_a_waived_module_counts_as_completed() -> None:
    scenario = (
        given(JOINED, *M01)
        .when(
            WaivePrerequisite(
                at=NOW, by=Actor("co", frozenset({"coordinator"})), member=ANN, module="M01", reason_code="experience"
            )
        )
        .then(PrerequisiteWaived(member=ANN, module="M01", by="co", reason_code="experience"))
    )
    assert scenario.folded(Member, ANN).has_met("M01")
    assert not scenario.folded(Member, ANN).has_met("M02")


def test_a_module_is_waived_once() -> None:
    waived = PrerequisiteWaived(member=ANN, module="M01", by=None, reason_code="other")
    given(JOINED, *M01, waived).when(
        WaivePrerequisite(at=NOW, member=ANN, module="M01", reason_code="experience")
    ).then_unchanged()


def test_an_unknown_module_is_not_waived() -> None:
    given(JOINED).when(WaivePrerequisite(at=NOW, member=ANN, module="M99", reason_code="other")).then_refused(
        Unknown, kind="module", id="M99"
    )


def test_nothing_is_waived_for_somebody_who_left() -> None:
    given(JOINED, ENDED, *M01).when(
        WaivePrerequisite(at=NOW, member=ANN, module="M01", reason_code="other")
    ).then_refused(MembershipInactive)


# --- interest

INTEREST = InterestRegistered(member=ANN, module="M01", languages=("nl",), places=(), since=NOW)
INTERESTED = RegisterInterest(at=NOW, by=SELF, member=ANN, module="M01", languages=("nl",))


def test_a_member_registers_an_interest() -> None:
    given(JOINED, *M01).when(INTERESTED).then(INTEREST)


def test_the_same_interest_again_changes_nothing() -> None:
    given(JOINED, *M01, INTEREST).when(INTERESTED).then_unchanged()


def test_there_is_one_interest_a_person_and_module() -> None:
    other = RegisterInterest(at=NOW, by=SELF, member=ANN, module="M01", languages=("fr",))
    given(JOINED, *M01, INTEREST).when(other).then_refused(InterestAlreadyRegistered, since=NOW)


def test_nobody_registers_an_interest_for_somebody_else() -> None:
    given(JOINED, *M01).when(RegisterInterest(at=NOW, by=STRANGER, member=ANN, module="M01")).then_refused(Forbidden)


def test_interest_is_for_members() -> None:
    given(JOINED, ENDED, *M01).when(INTERESTED).then_refused(MembershipInactive)


def test_interest_is_for_published_modules() -> None:
    given(JOINED, drafted("M01")).when(INTERESTED).then_refused(ModuleNotPublished, module="M01")


def test_who_is_enrolled_registers_no_interest() -> None:
    given(JOINED, *M01, MemberEnrolled(member=ANN, session="s1", module="M01")).when(INTERESTED).then_refused(
        EnrolledInModule
    )


def test_an_interest_is_withdrawn() -> None:
    given(JOINED, *M01, INTEREST).when(WithdrawInterest(at=NOW, by=SELF, member=ANN, module="M01")).then(
        InterestWithdrawn(member=ANN, module="M01")
    )


def test_an_interest_that_is_not_there_is_not_withdrawn() -> None:
    given(JOINED, *M01).when(WithdrawInterest(at=NOW, by=SELF, member=ANN, module="M01")).then_refused(Unknown)


def test_nobody_withdraws_somebody_elses_interest() -> None:
    given(JOINED, *M01, INTEREST).when(WithdrawInterest(at=NOW, by=STRANGER, member=ANN, module="M01")).then_refused(
        Forbidden
    )


# --- what a membership folds

WAITLISTED = MemberWaitlisted(member=ANN, session="s1", module="M01", rank=3)
PROMOTED = MemberPromoted(member=ANN, session="s1", module="M01", rank=3, rule="first_eligible")
ENROLLED = MemberEnrolled(member=ANN, session="s2", module="M01")


def completed(session: str) -> ModuleCompleted:
    return ModuleCompleted(member=ANN, session=session, module="M01", attended=(1, 1), expected=1)


def not_completed(session: str) -> ModuleNotCompleted:
    return ModuleNotCompleted(member=ANN, session=session, module="M01", attended=(0, 1), expected=1)


def test_waiting_and_being_promoted_is_one_open_enrolment() -> None:
    assert folded(WAITLISTED).enrolments == {
        "s1": OpenEnrolment(module="M01", standing="waitlisted", since=BEFORE, rank=3)
    }
    assert folded(WAITLISTED, PROMOTED).enrolments == {
        "s1": OpenEnrolment(module="M01", standing="confirmed", since=BEFORE, rank=3)
    }


def test_enrolling_ends_the_interest_and_keeps_its_first_date() -> None:
    asked = datetime.fromisoformat("2025-11-01T12:00:00+01:00")
    interest = InterestRegistered(member=ANN, module="M01", languages=(), places=(), since=asked)
    waiting = folded(interest, WAITLISTED)
    assert waiting.interests == {}
    assert waiting.enrolments["s1"].since == asked
    assert folded(interest, WAITLISTED, ENROLLED).enrolments["s2"].since == asked


@pytest.mark.parametrize(
    "ending",
    [
        EnrolmentWithdrawn(member=ANN, session="s1", module="M01", was="waitlisted", reason_code="work"),
        EnrolmentCancelled(member=ANN, session="s1", module="M01", was="waitlisted"),
        WaitlistLapsed(member=ANN, session="s1", module="M01", rank=3),
        completed("s1"),
        not_completed("s1"),
    ],
    ids=lambda ending: type(ending).__name__,
)
def test_an_enrolment_ends(ending: Event) -> None:
    assert folded(WAITLISTED, ENROLLED, ending).enrolled_in("M01") == ["s2"]


def test_a_completion_is_taken_back_by_the_session_that_gave_it() -> None:
    assert folded(completed("s1")).has_met("M01")
    assert not folded(completed("s1"), not_completed("s1")).has_met("M01")


def test_a_completion_is_not_taken_back_by_another_session() -> None:
    assert folded(completed("s1"), not_completed("s2")).completed == {"M01": {"s1": BEFORE}}


# --- details


def test_a_members_language_is_amended() -> None:
    scenario = given(REGISTERED, JOINED)
    scenario.when(AmendDetails(at=NOW, member=ANN, language="en", if_revisions=(1, 1))).then(
        LanguageChosen(person=ANN, language="en")
    )


def test_amending_only_what_the_vault_keeps_adds_no_event() -> None:
    given(REGISTERED, JOINED).when(AmendDetails(at=NOW, member=ANN)).then_unchanged()


@pytest.mark.parametrize("read", [(2, 1), (1, 2)], ids=["person", "membership"])
def test_details_that_somebody_else_changed_meanwhile_are_stale(read: tuple[int, int]) -> None:
    given(REGISTERED, JOINED).when(AmendDetails(at=NOW, member=ANN, language="en", if_revisions=read)).then_refused(
        Stale, revision=1
    )
