"""Workshops: planned, held, noted, decided, reviewed, by the team and its facilitators."""

from datetime import date
from typing import Any

import pytest

from coopschool.domain.advisers.workshop import (
    Decision,
    DecisionDropped,
    DecisionExists,
    DecisionReviewed,
    DecisionTaken,
    HeldInFuture,
    ReviewDateMissing,
    ReviewDatePast,
    Workshop,
    WorkshopAlreadyHeld,
    WorkshopExists,
    WorkshopHeld,
    WorkshopNoteAdded,
    WorkshopNotHeld,
    WorkshopPlanned,
)
from coopschool.domain.advisers.workshop_log import (
    AddWorkshopNote,
    HoldWorkshop,
    PlanWorkshop,
    ReviewDecision,
    TakeDecision,
)
from coopschool.domain.base import SYSTEM, Actor, Command
from coopschool.domain.errors import Forbidden, Invalid, Unknown
from coopschool.domain.school.person import PersonalDataErased, PersonErased, PersonRegistered
from tests.support.advisers import adviser, left_team, team_of
from tests.support.given_when_then import NOW, given
from tests.support.school import COORDINATOR

TODAY = NOW.date()
YESTERDAY = date(2026, 3, 1)
TOMORROW = date(2026, 3, 3)
SUMMER = date(2026, 6, 1)
ANN = adviser("ann")
FAY = Actor("fay", frozenset({"trainer"}))  # facilitates, from outside

TEAM = (*team_of("north", "ann", "bob"), *team_of("south", "zoe"), PersonRegistered(person="fay"))
PLANNED = WorkshopPlanned(workshop="w1", team="north", planned_for=TODAY, facilitators=("fay",))
HELD = WorkshopHeld(workshop="w1", team="north", held_on=TODAY, participants=("ann", "bob"), themes=("rota",))
TAKEN = DecisionTaken(
    decision="d1",
    workshop="w1",
    team="north",
    theme="telework",
    decided_by="team",
    review_on=SUMMER,
    text="t1",
)


def plan(**other: Any) -> PlanWorkshop:
    given = {"at": NOW, "by": ANN, "workshop": "w1", "team": "north", "planned_for": TODAY, "facilitators": ("fay",)}
    return PlanWorkshop(**(given | other))


def hold(**other: Any) -> HoldWorkshop:
    given = {"at": NOW, "by": ANN, "workshop": "w1", "participants": ("ann", "bob"), "themes": ("rota",)}
    return HoldWorkshop(**(given | other))


def take(**other: Any) -> TakeDecision:
    given = {"at": NOW, "by": ANN, "workshop": "w1", "decision": "d1", "theme": "telework", "decided_by": "team"}
    return TakeDecision(**(given | {"review_on": SUMMER, "text": "t1"} | other))


def review(outcome: str = "kept", **other: Any) -> ReviewDecision:
    return ReviewDecision(**({"at": NOW, "by": ANN, "decision": "d1", "outcome": outcome} | other))


def note(**other: Any) -> AddWorkshopNote:
    return AddWorkshopNote(**({"at": NOW, "by": ANN, "workshop": "w1", "note": "n1"} | other))


def reviewed(outcome: str, **other: Any) -> DecisionReviewed:
    return DecisionReviewed(decision="d1", workshop="w1", team="north", outcome=outcome, **other)  # type: ignore[arg-type]


def test_a_workshop_is_planned_once() -> None:
    given(*TEAM).when(plan()).then(PLANNED)
    given(*TEAM, PLANNED).when(plan()).then_refused(WorkshopExists, workshop="w1")


def test_a_workshop_is_for_a_team_that_exists_on_a_day_that_calendars_hold() -> None:
    given(*TEAM).when(plan(team="east", by=COORDINATOR)).then_refused(Unknown, kind="team", id="east")
    given(*TEAM).when(plan(planned_for=date(9999, 1, 1))).then_refused(Invalid, field="planned_for")


def test_facilitators_are_people_the_cooperative_knows() -> None:
    given(*TEAM).when(plan(facilitators=("max",))).then_refused(Unknown, kind="person", id="max")
    given(*TEAM, PersonalDataErased(person="fay")).when(plan()).then_refused(PersonErased, person="fay")


def test_who_runs_the_school_may_plan_a_workshop_but_not_speak_for_the_team() -> None:
    given(*TEAM).when(plan(by=COORDINATOR)).then(PLANNED)
    for command in (hold(by=COORDINATOR), note(by=COORDINATOR), take(by=COORDINATOR)):
        given(*TEAM, PLANNED).when(command).then_refused(Forbidden, team="north")


@pytest.mark.parametrize("by", [ANN, FAY])
def test_a_workshop_is_logged_by_an_adviser_or_a_facilitator(by: Actor) -> None:
    given(*TEAM, PLANNED).when(hold(by=by)).then(HELD).when(note(by=by)).then(
        WorkshopNoteAdded(workshop="w1", team="north", note="n1")
    ).when(take(by=by)).then(TAKEN).when(review(by=by)).then(reviewed("kept"))


@pytest.mark.parametrize("command", [hold(by=adviser("zoe")), note(by=adviser("zoe")), take(by=adviser("zoe"))])
def test_another_team_logs_nothing(command: Command) -> None:
    given(*TEAM, PLANNED, HELD).when(command).then_refused(Forbidden, team="north")
    given(*TEAM, PLANNED, HELD, TAKEN).when(review(by=adviser("zoe"))).then_refused(Forbidden, team="north")


def test_who_left_the_team_logs_nothing_any_more() -> None:
    given(*TEAM, PLANNED, left_team("north", "ann", YESTERDAY)).when(hold()).then_refused(Forbidden, team="north")


def test_a_workshop_is_held_once_today_or_before() -> None:
    planned = given(*TEAM, PLANNED)
    planned.when(hold(held_on=YESTERDAY)).then(
        WorkshopHeld(workshop="w1", team="north", held_on=YESTERDAY, participants=("ann", "bob"), themes=("rota",))
    )
    planned.when(hold(held_on=TOMORROW)).then_refused(HeldInFuture, held_on=TOMORROW)
    given(*TEAM, PLANNED, HELD).when(hold()).then_refused(WorkshopAlreadyHeld, workshop="w1")
    given(*TEAM).when(hold()).then_refused(Unknown, kind="workshop", id="w1")


@pytest.mark.parametrize("field", ["participants", "themes"])
def test_a_workshop_was_held_by_somebody_about_something(field: str) -> None:
    given(*TEAM, PLANNED).when(hold(**{field: ()})).then_refused(Invalid, field=field)


def test_participants_are_known_and_named_once() -> None:
    given(*TEAM, PLANNED).when(hold(participants=("ann", "bob", "ann"), themes=("rota", "rota"))).then(HELD)
    given(*TEAM, PLANNED).when(hold(participants=("max",))).then_refused(Unknown, kind="person", id="max")


def test_notes_and_decisions_come_from_a_workshop_that_was_held() -> None:
    given(*TEAM, PLANNED).when(note()).then_refused(WorkshopNotHeld, workshop="w1")
    given(*TEAM, PLANNED).when(take()).then_refused(WorkshopNotHeld, workshop="w1")


def test_a_decision_has_a_date_of_review_after_the_workshop() -> None:
    held = given(*TEAM, PLANNED, HELD)
    held.when(take()).then(TAKEN)
    held.when(take(review_on=None)).then_refused(ReviewDateMissing)
    held.when(take(review_on=TODAY)).then_refused(ReviewDatePast, review_on=TODAY)
    held.when(take(review_on=date(9999, 1, 1))).then_refused(Invalid, field="review_on")
    assert len(held.when(take(review_on=TOMORROW)).events) == 1


def test_a_decision_is_logged_once() -> None:
    given(*TEAM, PLANNED, HELD, TAKEN).when(take()).then_refused(DecisionExists, decision="d1")


def test_a_decision_is_kept_changed_or_dropped() -> None:
    taken = given(*TEAM, PLANNED, HELD, TAKEN)
    kept = taken.when(review("kept", review_on=TOMORROW)).then(reviewed("kept", review_on=TOMORROW))
    assert kept.folded(Decision, "d1").review_on == TOMORROW
    changed = kept.when(review("changed", text="t2")).then(reviewed("changed", text="t2"))
    assert (changed.folded(Decision, "d1").review_on, changed.folded(Decision, "d1").text) == (None, "t2")
    dropped = changed.when(review("dropped")).then(reviewed("dropped"))
    assert (dropped.folded(Decision, "d1").outcome, dropped.folded(Decision, "d1").text) == ("dropped", "t2")
    dropped.when(review("kept")).then_refused(DecisionDropped, decision="d1")


def test_the_next_review_lies_ahead_and_not_after_the_end() -> None:
    taken = given(*TEAM, PLANNED, HELD, TAKEN)
    taken.when(review(review_on=TODAY)).then_refused(ReviewDatePast, review_on=TODAY)
    taken.when(review("dropped", review_on=SUMMER)).then_refused(Invalid, field="review_on")
    given(*TEAM).when(review()).then_refused(Unknown, kind="decision", id="d1")


def test_history_is_imported_for_the_team() -> None:
    given(*TEAM).when(plan(by=SYSTEM)).then(PLANNED).when(hold(by=SYSTEM)).then(HELD)


def test_a_workshop_remembers_what_came_of_it() -> None:
    log = given(*TEAM, PLANNED, HELD, WorkshopNoteAdded(workshop="w1", team="north", note="n1"), TAKEN)
    workshop = log.folded(Workshop, "w1")
    assert (workshop.held_on, workshop.participants, workshop.themes) == (TODAY, ("ann", "bob"), ("rota",))
    assert (workshop.notes, workshop.decisions, workshop.planned_for) == (("n1",), ("d1",), TODAY)
    decision = log.folded(Decision, "d1")
    assert (decision.theme, decision.decided_by, decision.outcome) == ("telework", "team", None)
