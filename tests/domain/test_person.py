"""People: known, in roles, in a language, under a legal hold."""

from datetime import date

import pytest

from coopschool.domain.errors import Invalid, Stale, Unknown
from coopschool.domain.school.person import (
    ChooseLanguage,
    ConnectSignIn,
    CorrectDetails,
    GrantRole,
    LanguageChosen,
    LegalHoldLifted,
    LegalHoldPlaced,
    LiftLegalHold,
    Person,
    PersonalDataErased,
    PersonErased,
    PersonKnown,
    PersonRegistered,
    PlaceLegalHold,
    RegisterPerson,
    RevokeRole,
    RoleAlreadyOver,
    RoleGranted,
    RoleRevoked,
    SetRoles,
)
from tests.support.given_when_then import NOW, given

ANN = "ann"
REGISTERED = PersonRegistered(person=ANN)
ERASED = PersonalDataErased(person=ANN)
TODAY = NOW.date()
YESTERDAY = date(2026, 3, 1)


def test_somebody_unknown_is_registered() -> None:
    given().when(RegisterPerson(at=NOW, person=ANN)).then(REGISTERED)


def test_a_language_is_chosen_at_registration() -> None:
    given().when(RegisterPerson(at=NOW, person=ANN, language="nl")).then(
        REGISTERED, LanguageChosen(person=ANN, language="nl")
    )


def test_nobody_is_registered_twice() -> None:
    given(REGISTERED).when(RegisterPerson(at=NOW, person=ANN)).then_refused(PersonKnown, person=ANN)


def test_a_language_can_be_chosen() -> None:
    given(REGISTERED).when(ChooseLanguage(at=NOW, person=ANN, language="fr")).then(
        LanguageChosen(person=ANN, language="fr")
    )


def test_whoever_is_known_can_have_their_details_put_right() -> None:
    scenario = given(REGISTERED)
    scenario.when(CorrectDetails(at=NOW, person=ANN, language="nl", if_revision=1)).then(
        LanguageChosen(person=ANN, language="nl")
    )
    scenario.when(CorrectDetails(at=NOW, person=ANN, if_revision=1)).then_unchanged()
    scenario.when(CorrectDetails(at=NOW, person=ANN, if_revision=2)).then_refused(Stale, revision=1)
    given(REGISTERED, PersonalDataErased(person=ANN)).when(CorrectDetails(at=NOW, person=ANN)).then_refused(
        PersonErased
    )
    given().when(CorrectDetails(at=NOW, person=ANN)).then_refused(Unknown)


def test_a_sign_in_leaves_no_event() -> None:
    given(REGISTERED).when(ConnectSignIn(at=NOW, person=ANN)).then_unchanged()
    given().when(ConnectSignIn(at=NOW, person=ANN)).then_refused(Unknown)


def test_the_language_chosen_before_stays() -> None:
    scenario = given(REGISTERED, LanguageChosen(person=ANN, language="fr"))
    scenario.when(ChooseLanguage(at=NOW, person=ANN, language="fr")).then_unchanged()


def test_a_change_to_what_somebody_else_changed_meanwhile_is_stale() -> None:
    scenario = given(REGISTERED, LanguageChosen(person=ANN, language="fr"))
    scenario.when(ChooseLanguage(at=NOW, person=ANN, language="nl", if_revision=1)).then_refused(Stale, revision=2)
    scenario.when(ChooseLanguage(at=NOW, person=ANN, language="nl", if_revision=2)).then(
        LanguageChosen(person=ANN, language="nl")
    )


def test_a_role_holds_until_the_end_of_its_last_day() -> None:
    scenario = given(
        REGISTERED, RoleGranted(person=ANN, role="trainer", until=TODAY), RoleGranted(person=ANN, role="admin")
    )
    ann = scenario.folded(Person, ANN)
    assert ann.roles_on(TODAY) == {"trainer", "admin"}
    assert ann.roles_on(date(2026, 3, 3)) == {"admin"}


def test_a_role_is_granted_and_prolonged() -> None:
    granted = given(REGISTERED).when(GrantRole(at=NOW, person=ANN, role="trainer", until=TODAY))
    granted.then(RoleGranted(person=ANN, role="trainer", until=TODAY))
    granted.when(GrantRole(at=NOW, person=ANN, role="trainer")).then(RoleGranted(person=ANN, role="trainer"))
    granted.when(GrantRole(at=NOW, person=ANN, role="trainer", until=TODAY)).then_unchanged()


def test_a_role_is_not_granted_until_a_past_day() -> None:
    given(REGISTERED).when(GrantRole(at=NOW, person=ANN, role="trainer", until=YESTERDAY)).then_refused(
        RoleAlreadyOver, role="trainer", until=YESTERDAY
    )


def test_a_role_ends_on_a_day_that_calendars_hold() -> None:
    given(REGISTERED).when(GrantRole(at=NOW, person=ANN, role="trainer", until=date(9999, 1, 1))).then_refused(
        Invalid, field="until"
    )


def test_an_unknown_person_gets_no_role() -> None:
    given().when(GrantRole(at=NOW, person=ANN, role="trainer")).then_refused(Unknown, kind="person", id=ANN)


def test_a_role_is_taken_back() -> None:
    scenario = given(REGISTERED, RoleGranted(person=ANN, role="trainer"))
    scenario.when(RevokeRole(at=NOW, person=ANN, role="trainer")).then(RoleRevoked(person=ANN, role="trainer"))


def test_a_role_that_is_over_need_not_be_taken_back() -> None:
    scenario = given(REGISTERED, RoleGranted(person=ANN, role="trainer", until=YESTERDAY))
    scenario.when(RevokeRole(at=NOW, person=ANN, role="trainer")).then_unchanged()


def test_setting_roles_grants_and_revokes_what_differs() -> None:
    scenario = given(REGISTERED, RoleGranted(person=ANN, role="trainer"), RoleGranted(person=ANN, role="adviser"))
    scenario.when(SetRoles(at=NOW, person=ANN, roles={"trainer": None, "coordinator": TODAY})).then(
        RoleRevoked(person=ANN, role="adviser"), RoleGranted(person=ANN, role="coordinator", until=TODAY)
    )


def test_setting_the_roles_that_are_changes_nothing() -> None:
    scenario = given(REGISTERED, RoleGranted(person=ANN, role="trainer"))
    scenario.when(SetRoles(at=NOW, person=ANN, roles={"trainer": None})).then_unchanged()


def test_roles_set_by_somebody_who_read_others_are_stale() -> None:
    scenario = given(REGISTERED, RoleGranted(person=ANN, role="trainer"))
    scenario.when(SetRoles(at=NOW, person=ANN, roles={}, if_revision=1)).then_refused(Stale)


def test_a_legal_hold_is_placed_and_lifted_once() -> None:
    held = given(REGISTERED).when(PlaceLegalHold(at=NOW, person=ANN))
    held.then(LegalHoldPlaced(person=ANN))
    held.when(PlaceLegalHold(at=NOW, person=ANN)).then_unchanged()
    lifted = held.when(LiftLegalHold(at=NOW, person=ANN))
    lifted.then(LegalHoldLifted(person=ANN))
    lifted.when(LiftLegalHold(at=NOW, person=ANN)).then_unchanged()


@pytest.mark.parametrize(
    "command",
    [
        GrantRole(at=NOW, person=ANN, role="trainer"),
        SetRoles(at=NOW, person=ANN, roles={}),
        ChooseLanguage(at=NOW, person=ANN, language="fr"),
        PlaceLegalHold(at=NOW, person=ANN),
        ConnectSignIn(at=NOW, person=ANN),
    ],
    ids=lambda command: type(command).__name__,
)
def test_nothing_is_written_about_somebody_whose_data_were_erased(command: GrantRole) -> None:
    given(REGISTERED, ERASED).when(command).then_refused(PersonErased, person=ANN)


def test_erasure_ends_roles_and_forgets_the_language() -> None:
    ann = given(
        REGISTERED, RoleGranted(person=ANN, role="trainer"), LanguageChosen(person=ANN, language="fr"), ERASED
    ).folded(Person, ANN)
    assert (ann.erased, ann.roles_on(TODAY), ann.language) == (True, frozenset(), None)
    assert ann.revision == 4
