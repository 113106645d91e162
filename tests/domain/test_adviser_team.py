"""Adviser teams: who is in which when, their telework, and sessions that a team takes together."""

from datetime import date
from typing import Any

import pytest

from coopschool.domain.advisers.adviser_team import (
    Adviser,
    AdviserTeam,
    NotInTeam,
    TeamFormed,
    TeamWithoutAdvisers,
    TeleworkRecorded,
)
from coopschool.domain.advisers.team_membership import (
    ONE_DAY,
    FormTeam,
    InAnotherTeam,
    JoinTeam,
    LeaveTeam,
    NotPermanentWorker,
    TeamExists,
)
from coopschool.domain.advisers.team_session import EnrolTeam, NotReservedForTeam
from coopschool.domain.advisers.telework import (
    MoreTeleworkedThanWorked,
    QuarterNotBegun,
    RecordTelework,
    TeleworkAlreadyRecorded,
)
from coopschool.domain.base import Command, Occurrence
from coopschool.domain.errors import Forbidden, Invalid, Unknown
from coopschool.domain.school.enrolment import OverlapsOwnSession, SessionFull, TrainsThisSession
from coopschool.domain.school.member import MembershipCategoryChanged, MembershipEnded
from coopschool.domain.school.membership import ChangeCategory
from coopschool.domain.school.person import PersonalDataErased
from coopschool.domain.school.scheduling import ScheduleSession
from coopschool.domain.school.session import SessionCancelled, SessionNotOpen
from coopschool.domain.school.withdrawal import EndMembership, ErasePersonalData
from tests.support.advisers import LONG_AGO, adviser, formed, in_team, left_team, team_of
from tests.support.given_when_then import NOW, given, local
from tests.support.school import (
    COORDINATOR,
    STRANGER,
    TRAINER,
    enrolled,
    joined,
    module,
    scheduled,
    slots,
    themselves,
)

FEBRUARY = date(2026, 2, 1)
MARCH = date(2026, 3, 1)
LAST_OF_MARCH = date(2026, 3, 31)
APRIL = date(2026, 4, 1)
NORTH = (formed("north"), formed("south"), *joined("ann", "bob", category="B"))


def join(person: str = "ann", from_: date = MARCH, to: date | None = None, **other: Any) -> JoinTeam:
    return JoinTeam(**({"at": NOW, "team": "north", "adviser": person, "from_": from_, "to": to} | other))


def leave(to: date, person: str = "ann", team: str = "north") -> LeaveTeam:
    return LeaveTeam(at=NOW, team=team, adviser=person, to=to)


# --- teams and who is in them


def test_a_team_is_formed_once() -> None:
    given().when(FormTeam(at=NOW, team="north", name="n1")).then(TeamFormed(team="north", name="n1"))
    given(formed("north")).when(FormTeam(at=NOW, team="north", name="n1")).then_refused(TeamExists, team="north")


def test_an_adviser_joins_at_the_start_of_the_day() -> None:
    given(*NORTH).when(join()).then(Occurrence(in_team("north", "ann", MARCH), local("2026-03-01")))


def test_a_stay_that_is_over_is_written_down_at_once() -> None:
    given(*NORTH).when(join(from_=FEBRUARY, to=MARCH)).then(
        Occurrence(in_team("north", "ann", FEBRUARY), local("2026-02-01")),
        Occurrence(left_team("north", "ann", MARCH, FEBRUARY), local("2026-03-01 23:59:59.999999")),
    )


def test_the_same_stay_again_changes_nothing() -> None:
    given(*NORTH, in_team("north", "ann", MARCH)).when(join()).then_unchanged()


@pytest.mark.parametrize(
    ("from_", "to"), [(FEBRUARY, None), (FEBRUARY, MARCH), (LAST_OF_MARCH, None), (LAST_OF_MARCH, APRIL)]
)
def test_an_adviser_is_in_one_team_at_a_time(from_: date, to: date | None) -> None:
    elsewhere = (in_team("south", "ann", MARCH), left_team("south", "ann", LAST_OF_MARCH, MARCH))
    given(*NORTH, *elsewhere).when(join(from_=from_, to=to)).then_refused(InAnotherTeam, adviser="ann", team="south")


@pytest.mark.parametrize(("from_", "to"), [(FEBRUARY, date(2026, 2, 28)), (APRIL, None), (APRIL, APRIL)])
def test_a_team_may_be_joined_before_or_after_another(from_: date, to: date | None) -> None:
    elsewhere = (in_team("south", "ann", MARCH), left_team("south", "ann", LAST_OF_MARCH, MARCH))
    outcome = given(*NORTH, *elsewhere).when(join(from_=from_, to=to))
    assert outcome.events[0] == in_team("north", "ann", from_)


def test_a_stay_that_was_called_off_stands_in_nobodys_way() -> None:
    called_off = (in_team("south", "ann", MARCH), left_team("south", "ann", date(2026, 2, 28), MARCH))
    rejoined = (
        given(*NORTH, *called_off).when(join()).then(Occurrence(in_team("north", "ann", MARCH), local("2026-03-01")))
    )
    assert rejoined.folded(Adviser, "ann").team_on(MARCH) == "north"
    assert rejoined.folded(AdviserTeam, "south").advisers_on(MARCH) == ()


@pytest.mark.parametrize(
    ("happened", "day"),
    [
        (MembershipCategoryChanged(member="ann", category="A", effective_on=FEBRUARY), MARCH),
        (MembershipCategoryChanged(member="ann", category="A", effective_on=APRIL), APRIL),
        (MembershipEnded(member="ann", ended_on=LAST_OF_MARCH), APRIL),
    ],
)
def test_advisers_are_permanent_workers_as_long_as_they_stay(happened: Any, day: date) -> None:
    given(*NORTH, happened).when(join()).then_refused(NotPermanentWorker, adviser="ann", day=day)


def test_a_stay_within_the_time_as_permanent_worker_is_welcome() -> None:
    given(*NORTH, MembershipEnded(member="ann", ended_on=LAST_OF_MARCH)).when(join(to=LAST_OF_MARCH)).then(
        in_team("north", "ann", MARCH), left_team("north", "ann", LAST_OF_MARCH, MARCH)
    )


def test_a_team_is_joined_by_members_known_to_a_team_known() -> None:
    given(*NORTH).when(join("zoe")).then_refused(Unknown, kind="member", id="zoe")
    given(*NORTH).when(join(team="east")).then_refused(Unknown, kind="team", id="east")


def test_a_stay_has_days_in_order_that_calendars_hold() -> None:
    given(*NORTH).when(join(from_=MARCH, to=FEBRUARY)).then_refused(Invalid, field="to")
    given(*NORTH).when(join(from_=date(1, 1, 1))).then_refused(Invalid, field="from")
    given(*NORTH).when(join(to=date(9999, 1, 1))).then_refused(Invalid, field="to")
    given(*NORTH, in_team("north", "ann")).when(leave(date(9999, 1, 1))).then_refused(Invalid, field="to")


@pytest.mark.parametrize(
    "command",
    [
        FormTeam(at=NOW, by=STRANGER, team="east", name="n"),
        join(by=STRANGER),
        LeaveTeam(at=NOW, by=STRANGER, team="north", adviser="ann", to=MARCH),
    ],
)
def test_teams_are_made_up_by_who_runs_the_school(command: Command) -> None:
    given(*NORTH, in_team("north", "ann")).when(command).then_refused(Forbidden)


def test_an_adviser_leaves_at_the_end_of_the_day() -> None:
    stays = given(*NORTH, in_team("north", "ann"))
    left = stays.when(leave(LAST_OF_MARCH))
    left.then(Occurrence(left_team("north", "ann", LAST_OF_MARCH), local("2026-03-31 23:59:59.999999")))
    left.when(leave(LAST_OF_MARCH)).then_unchanged()
    left.when(leave(MARCH)).then(left_team("north", "ann", MARCH))
    left.when(leave(APRIL)).then_refused(NotInTeam, adviser="ann", team="north", day=APRIL)
    stays.when(leave(MARCH, team="south")).then_refused(NotInTeam)
    stays.when(leave(MARCH, team="east")).then_refused(Unknown, kind="team", id="east")


def test_who_was_in_which_team_on_a_day_is_always_known() -> None:
    moved = given(
        *NORTH,
        in_team("north", "ann", FEBRUARY),
        in_team("south", "ann", APRIL),
        left_team("north", "ann", LAST_OF_MARCH, FEBRUARY),
        in_team("north", "bob", MARCH),
    )
    ann, north = moved.folded(Adviser, "ann"), moved.folded(AdviserTeam, "north")
    days = [date(2026, 1, 31), FEBRUARY, LAST_OF_MARCH, APRIL]
    assert [ann.team_on(day) for day in days] == [None, "north", "north", "south"]
    assert [north.advisers_on(day) for day in days] == [(), ("ann",), ("ann", "bob"), ("bob",)]
    assert ann.exists
    assert not moved.folded(Adviser, "zoe").exists


# --- what ends a stay from outside


def test_who_ends_the_membership_leaves_the_team() -> None:
    ended = given(*team_of("north", "ann")).when(EndMembership(at=NOW, member="ann", ended_on=MARCH))
    ended.then(
        MembershipEnded(member="ann", ended_on=MARCH),
        Occurrence(left_team("north", "ann", MARCH), local("2026-03-01 23:59:59.999999")),
    )


def test_a_stay_to_come_is_called_off_when_the_membership_ends_before() -> None:
    planned = (*NORTH, in_team("north", "ann", APRIL))
    given(*planned).when(EndMembership(at=NOW, member="ann", ended_on=MARCH)).then(
        MembershipEnded(member="ann", ended_on=MARCH), left_team("north", "ann", LAST_OF_MARCH, APRIL)
    )


def test_a_stay_that_is_over_stays_as_it_was() -> None:
    over = (*team_of("north", "ann"), left_team("north", "ann", FEBRUARY))
    given(*over).when(EndMembership(at=NOW, member="ann", ended_on=MARCH)).then(
        MembershipEnded(member="ann", ended_on=MARCH)
    )


def test_who_is_erased_leaves_the_team_the_day_before_so_that_no_wave_of_today_asks_them() -> None:
    given(*team_of("north", "ann")).when(ErasePersonalData(at=NOW, person="ann")).then(
        left_team("north", "ann", NOW.date() - ONE_DAY),
        MembershipEnded(member="ann", ended_on=NOW.date()),
        PersonalDataErased(person="ann", member="ann"),
    )


def test_who_is_erased_joins_no_team_not_even_for_the_past() -> None:
    past = JoinTeam(at=NOW, team="north", adviser="ann", from_=LONG_AGO, to=date(2026, 2, 1))
    erased = PersonalDataErased(person="ann", member="ann")
    given(formed("north"), *joined("ann", category="B"), erased).when(past).then_refused(NotPermanentWorker)


def test_who_is_no_permanent_worker_any_more_leaves_the_team_the_day_before() -> None:
    team = given(*team_of("north", "ann"))
    team.when(ChangeCategory(at=NOW, member="ann", category="A", effective_on=APRIL)).then(
        MembershipCategoryChanged(member="ann", category="A", effective_on=APRIL),
        Occurrence(left_team("north", "ann", LAST_OF_MARCH), local("2026-03-31 23:59:59.999999")),
    )


def test_a_stay_that_begins_when_somebody_is_a_permanent_worker_again_is_left_alone() -> None:
    back = date(2026, 6, 1)
    away_and_back = (
        *team_of("north", "ann"),
        MembershipCategoryChanged(member="ann", category="A", effective_on=date(2026, 4, 15)),
        MembershipCategoryChanged(member="ann", category="B", effective_on=back),
        left_team("north", "ann", date(2026, 4, 14)),
        in_team("north", "ann", back),
    )
    given(*away_and_back).when(ChangeCategory(at=NOW, member="ann", category="C", effective_on=APRIL)).then(
        MembershipCategoryChanged(member="ann", category="C", effective_on=APRIL),
        left_team("north", "ann", LAST_OF_MARCH),
    )


# --- telework


def record(worked: int = 60, teleworked: int = 12, quarter: str = "2026Q1", **other: Any) -> RecordTelework:
    return RecordTelework(
        **(
            {"at": NOW, "team": "north", "quarter": quarter, "regime": "structural"}
            | {"days_teleworked": teleworked, "days_worked": worked}
            | other
        )
    )


RECORDED = TeleworkRecorded(team="north", quarter="2026Q1", regime="structural", days_teleworked=12, days_worked=60)


def test_telework_is_recorded_by_the_team_and_by_who_runs_the_school() -> None:
    team = given(*team_of("north", "ann"), *team_of("south", "bob"))
    team.when(record(by=adviser("ann"))).then(RECORDED)
    team.when(record(by=COORDINATOR)).then(RECORDED)
    team.when(record(by=adviser("bob"))).then_refused(Forbidden, team="north")


def test_telework_is_recorded_once_a_quarter_and_regime() -> None:
    recorded = given(formed("north"), RECORDED)
    recorded.when(record()).then_unchanged()
    recorded.when(record(teleworked=13)).then_refused(TeleworkAlreadyRecorded, quarter="2026Q1", regime="structural")
    assert len(recorded.when(record(regime="covid")).events) == 1
    assert len(recorded.when(record(quarter="2025Q4")).events) == 1


def test_no_more_days_are_teleworked_than_worked() -> None:
    given(formed("north")).when(record(worked=11)).then_refused(MoreTeleworkedThanWorked)
    assert len(given(formed("north")).when(record(worked=12)).events) == 1


def test_telework_is_not_recorded_ahead() -> None:
    given(formed("north")).when(record(quarter="2026Q2")).then_refused(QuarterNotBegun, quarter="2026Q2")


@pytest.mark.parametrize("quarter", ["2026Q5", "2026-Q1", "26Q1", "2026q1", "9999Q1", "٢٠٢٦Q1"])
def test_a_quarter_is_written_with_its_year(quarter: str) -> None:
    given(formed("north")).when(record(quarter=quarter)).then_refused(Invalid, field="quarter")


# --- sessions of a team

TEAM_SESSION = scheduled("spring", seats=2, team="north", audience=("B",))
READY = (*module(), TEAM_SESSION, *team_of("north", "ann", "bob"))


def test_a_team_takes_its_seats_together() -> None:
    given(*READY).when(EnrolTeam(at=NOW, session="spring")).then(*enrolled("spring", "ann", "bob"))


def test_who_has_a_seat_keeps_it_and_the_others_follow() -> None:
    scenario = given(*READY, *enrolled("spring", "ann"))
    scenario.when(EnrolTeam(at=NOW, session="spring")).then(*enrolled("spring", "bob"))
    scenario.when(EnrolTeam(at=NOW, session="spring", advisers=("ann",))).then_unchanged()


def test_some_of_a_team_may_be_named() -> None:
    given(*READY).when(EnrolTeam(at=NOW, session="spring", advisers=("bob", "bob"))).then(*enrolled("spring", "bob"))


def test_all_of_a_team_get_a_seat_or_none_does() -> None:
    crowded = given(*READY, *joined("cyd", category="B"), in_team("north", "cyd"))
    crowded.when(EnrolTeam(at=NOW, session="spring")).then_refused(SessionFull, seats=2, asked=3)
    busy = given(*READY, scheduled("other", "2026-03-16 10:00", module="M02"), *enrolled("other", "bob", module="M02"))
    busy.when(EnrolTeam(at=NOW, session="spring")).then_refused(OverlapsOwnSession, member="bob")


def test_only_who_is_in_the_team_on_the_first_day_is_enrolled() -> None:
    before, after = date(2026, 3, 15), date(2026, 3, 17)
    moving = given(
        *READY, left_team("north", "ann", before), *joined("cyd", category="B"), in_team("north", "cyd", after)
    )
    moving.when(EnrolTeam(at=NOW, session="spring")).then(*enrolled("spring", "bob"))
    for absent in ("ann", "cyd"):
        moving.when(EnrolTeam(at=NOW, session="spring", advisers=(absent, "bob"))).then_refused(
            NotInTeam, adviser=absent, team="north", day=date(2026, 3, 16)
        )


def test_a_team_without_advisers_takes_no_seats() -> None:
    given(*module(), TEAM_SESSION, formed("north")).when(EnrolTeam(at=NOW, session="spring")).then_refused(
        TeamWithoutAdvisers, team="north"
    )


def test_a_team_takes_seats_only_where_it_is_expected() -> None:
    given(*module(), scheduled("spring")).when(EnrolTeam(at=NOW, session="spring")).then_refused(NotReservedForTeam)
    cancelled = SessionCancelled(session="spring", module="M01", reason_code="too_few")
    given(*READY, cancelled).when(EnrolTeam(at=NOW, session="spring")).then_refused(SessionNotOpen)


def test_a_trainer_has_no_seat_in_the_own_session_with_a_team_either() -> None:
    own = given(*READY, *joined(TRAINER, category="B"), in_team("north", TRAINER))
    own.when(EnrolTeam(at=NOW, session="spring", advisers=(TRAINER,))).then_refused(TrainsThisSession, member=TRAINER)


def test_who_runs_the_school_enrols_a_team() -> None:
    given(*READY).when(EnrolTeam(at=NOW, by=themselves("ann"), session="spring")).then_refused(Forbidden)


def test_a_session_is_reserved_for_a_team_that_exists() -> None:
    schedule = ScheduleSession(
        at=NOW,
        session="spring",
        module="M01",
        seats=2,
        slots=slots("2026-03-16 09:00"),
        languages=("fr",),
        place="liege",
        format="in_person",
        team="north",
    )
    given(*module()).when(schedule).then_refused(Unknown, kind="team", id="north")
    assert len(given(*module(), formed("north")).when(schedule).events) == 1
