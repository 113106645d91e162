"""The machine of the adviser teams: who joins and leaves, what waves, workshops and seats taken together make of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import rule

from coopschool.domain.advisers.adviser_team import Adviser, AdviserTeam
from coopschool.domain.advisers.autonomy_survey import Wave
from coopschool.domain.advisers.survey_waves import OpenWave
from coopschool.domain.advisers.team_membership import FormTeam, JoinTeam, LeaveTeam
from coopschool.domain.advisers.team_session import EnrolTeam
from coopschool.domain.advisers.telework import RecordTelework
from coopschool.domain.advisers.workshop import Decision, Workshop
from coopschool.domain.advisers.workshop_log import HoldWorkshop, PlanWorkshop, ReviewDecision, TakeDecision
from coopschool.domain.base import Actor, Load
from coopschool.domain.school.enrolling import EnrolInSession
from coopschool.domain.school.learning_module import DraftModule, PublishModule
from coopschool.domain.school.member import Member
from coopschool.domain.school.membership import ChangeCategory, JoinAsMember
from coopschool.domain.school.scheduling import ScheduleSession
from coopschool.domain.school.session import Session, Slot
from coopschool.domain.school.withdrawal import EndMembership, WithdrawEnrolment
from projections.generations import in_live_facts
from torture.answering import AUTONOMY
from torture.rules import team_invariants
from torture.rules.history import Told, broken
from torture.rules.learners import COORDINATOR
from torture.rules.machine import Machine, about, named, wishes
from torture.rules.orders import AnswerWave, CloseWave, Erase, Execute, State
from torture.rules.team_model import HORIZON, TeamModel, Together
from torture.rules.two_processes import Order
from torture.rules.wishes import Wish, moment

BEGINS = moment("2026-03-02 10:00")
SINCE = date(2026, 1, 5)

ADVISERS = ("ann", "bob", "cyd", "dan", "eve", "fay")
PEOPLE = {**dict.fromkeys(ADVISERS, "B"), "gus": "A"}
TEAMS = ("north", "south")
TOGETHER = {"by lake": ("north", 3, moment("2026-03-20 09:00")), "by sea": ("south", 2, moment("2026-04-20 09:00"))}
WAVES = ("first", "second", "third")
WORKSHOPS = ("opening", "rota")
DECISIONS = ("earlier", "remote")

people = st.sampled_from(list(PEOPLE))
advisers = st.sampled_from(ADVISERS)
teams = st.sampled_from(TEAMS)
days = st.integers(-20, 60).map(lambda days: BEGINS.date() + timedelta(days=days))
askers = st.sampled_from((*ADVISERS, "gus", "gus", "ann", COORDINATOR))
workshops = st.sampled_from(WORKSHOPS)
decisions = st.sampled_from(DECISIONS)
waves = st.sampled_from(WAVES)

MOVING = wishes({
    "join": (6, about(team=teams, adviser=people, begins=days, ends=st.none() | days)),
    "leave": (4, about(team=teams, adviser=people, ends=days)),
    "change_category": (2, about(adviser=people, category=st.sampled_from("AB"), day=days)),
    "end_membership": (1, about(adviser=people, day=days)),
    "erase": (1, about(adviser=people)),
})  # fmt: skip
TOGETHER_IN = wishes({
    "enrol_team": (5, about(
        session=st.sampled_from(list(TOGETHER)),
        advisers=st.none() | st.lists(advisers, min_size=1, max_size=3, unique=True).map(tuple),
    )),
    "enrol_alone": (1, about(session=st.sampled_from(list(TOGETHER)), member=people)),
    "withdraw": (2, about(session=st.sampled_from(list(TOGETHER)), member=people)),
})  # fmt: skip
ASKING = wishes({
    "open_wave": (4, about(wave=waves, teams=st.lists(teams, min_size=1, max_size=2, unique=True))),
    "answer": (8, about(wave=waves, team=teams, number=st.integers(0, 6))),
    "close_wave": (2, about(wave=waves)),
    "record_telework": (3, about(
        team=teams, quarter=st.sampled_from(("2025Q4", "2026Q1", "2026Q2")),
        regime=st.sampled_from(("structural", "covid")), at_home=st.integers(0, 2), worked=st.integers(1, 2),
    )),
})  # fmt: skip
WORKING = wishes({
    "plan": (2, about(workshop=workshops, team=teams, by=askers, leads=st.just("gus"))),
    "hold": (3, about(workshop=workshops, by=askers, participants=st.tuples(advisers))),
    "decide": (5, about(workshop=workshops, decision=decisions, by=askers, review_on=st.none() | days)),
    "review": (4, about(
        decision=decisions, by=askers, outcome=st.sampled_from(("kept", "changed", "dropped")),
        review_on=st.none() | days,
    )),
})  # fmt: skip

STAYS = """
    select adviser, team, from_day, to_day from stays where adviser = any(%s)
    group by adviser, team, from_day, to_day having sum(sign) <> 0
"""
OUTCOMES = """
    select decision, outcome from decisions where decision = any(%s)
    group by decision, outcome, review_on having sum(sign) <> 0
"""
ELIGIBLE = "select wave, team, sum(eligible) from eligible where wave = any(%s) group by wave, team"


class Ids(msgspec.Struct, frozen=True):
    """What a life's things are called in the log."""

    people: dict[str, str]
    teams: dict[str, str]
    sessions: dict[str, str]
    waves: dict[str, str]
    workshops: dict[str, str]
    decisions: dict[str, str]
    module: str


def new_ids() -> Ids:
    things = (PEOPLE, TEAMS, TOGETHER, WAVES, WORKSHOPS, DECISIONS)
    return Ids(*({name: str(uuid4()) for name in names} for names in things), f"T{uuid4().hex[:12]}")


class TeamLook(msgspec.Struct, frozen=True):
    """What the aggregates say, in the names of the model."""

    ids: Ids

    def __call__(self, load: Load) -> State:
        ids, people, team_names = self.ids, named(self.ids.people), named(self.ids.teams)
        found = {name: load(AdviserTeam, id) for name, id in ids.teams.items()}
        waves = {name: load(Wave, id) for name, id in ids.waves.items()}
        workshops = {name: load(Workshop, id) for name, id in ids.workshops.items()}
        decided = {name: load(Decision, id) for name, id in ids.decisions.items()}
        return {
            "stays": {
                name: {
                    (team_names[stay.team], stay.from_, stay.to) for stay in load(Adviser, id).stays if stay.took_place
                }
                for name, id in ids.people.items()
            },
            "of teams": {
                name: {(people[stay.adviser], stay.from_, stay.to) for stay in team.stays if stay.took_place}
                for name, team in found.items()
            },
            "ended": {name: load(Member, id).ended_on for name, id in ids.people.items()},
            "telework": {(name, *key): days for name, team in found.items() for key, days in team.telework.items()},
            "waves": {
                name: (
                    wave.is_open,
                    {team_names[team]: sorted(people[one] for one in those) for team, those in wave.eligible.items()},
                )
                for name, wave in waves.items()
                if wave.exists
            },
            "workshops": {name: (team_names[it.team], it.held_on) for name, it in workshops.items() if it.exists},
            "decisions": {name: it.outcome for name, it in decided.items() if it.exists},
            "seated": {name: {people[one] for one in load(Session, id).confirmed} for name, id in ids.sessions.items()},
        }


class TeamMachine(Machine[TeamModel]):
    """Six advisers, one who is none, two teams with a session each, the north with fewer seats than advisers."""

    BEGINS = BEGINS
    ids: Ids

    def prepare(self) -> TeamModel:
        self.ids = new_ids()
        module: dict[str, Any] = {"module": self.ids.module, "text": str(uuid4()), "min_attendance": Decimal("0.8")}
        described: dict[str, Any] = {"half_days": 1, "minutes": 180, "format": "in_person", "prerequisites": ()}
        self.say(Execute(DraftModule(at=self.at, audience=("A", "B"), **module, **described)))
        self.say(Execute(PublishModule(at=self.at, module=self.ids.module)))
        for name, category in PEOPLE.items():
            joining: dict[str, Any] = {"person": self.ids.people[name], "category": category, "joined_on": SINCE}
            self.say(Execute(JoinAsMember(at=self.at, **joining)))
        for team in self.ids.teams.values():
            self.say(Execute(FormTeam(at=self.at, team=team, name=str(uuid4()))))
        for name, (team, seats, starts) in TOGETHER.items():
            slot = Slot(number=1, starts_at=starts, ends_at=starts + timedelta(hours=3))
            scheduled = ScheduleSession(
                at=self.at, session=self.ids.sessions[name], module=self.ids.module, seats=seats, slots=(slot,),
                languages=("fr",), place="liege", format="in_person", team=self.ids.teams[team],
            )  # fmt: skip
            self.say(Execute(scheduled))
        model = TeamModel(dict(PEOPLE), TEAMS, {name: Together(*it) for name, it in TOGETHER.items()}, SINCE)
        for name in ADVISERS[:5]:
            team = "north" if name != "eve" else "south"
            self.agree(model, Wish("join", {"team": team, "adviser": name, "begins": SINCE, "ends": None}))
        return model

    # --- steps

    @rule(wish=MOVING, there=st.booleans())
    def somebody_moves(self, wish: Wish, there: bool) -> None:
        self.take([wish], there)

    @rule(asked=st.lists(ASKING | TOGETHER_IN, min_size=1, max_size=4), there=st.booleans())
    def the_office_wishes(self, asked: list[Wish], there: bool) -> None:
        self.take(asked, there)

    @rule(wish=WORKING, there=st.booleans())
    def a_team_works(self, wish: Wish, there: bool) -> None:
        self.take([wish], there)

    @rule(asked=st.lists(MOVING | ASKING | WORKING | TOGETHER_IN, min_size=2, max_size=4), there=st.booleans())
    def all_at_once(self, asked: list[Wish], there: bool) -> None:
        self.take(asked, there)

    @rule(numbers=st.lists(st.integers(0, 5), min_size=2, max_size=4), there=st.booleans())
    def the_north_answers(self, numbers: list[int], there: bool) -> None:
        """Several advisers answer at once, some with a token that another has used."""
        for wave in [name for name, it in self.model.waves.items() if it.is_open][:1]:
            self.take([Wish("answer", {"wave": wave, "team": "north", "number": number}) for number in numbers], there)

    @rule(days=st.sampled_from((1, 7, 25, 95)))
    def wait(self, days: int) -> None:
        """Time passes, until it would come near what the model takes for ever."""
        if self.at.date() + timedelta(days=400) < HORIZON:
            self.later(24 * days)

    # --- the school's side

    def _by(self, by: str) -> Actor:
        if by == COORDINATOR:
            return Actor(None, frozenset({"coordinator"}))
        return Actor(self.ids.people[by], frozenset({"adviser"}))

    def order(self, wish: Wish) -> Order:
        ids = self.ids
        known = {
            "adviser": ids.people, "member": ids.people, "leads": ids.people, "team": ids.teams,
            "session": ids.sessions, "wave": ids.waves, "workshop": ids.workshops, "decision": ids.decisions,
        }  # fmt: skip
        given: dict[str, Any] = {key: known[key][of] if key in known else of for key, of in wish.about.items()}
        if "by" in given:
            given["by"] = self._by(given["by"])
        making: Callable[..., Order] = getattr(self, f"_order_{wish.what}")
        return making(**given)

    def _order_join(self, team: str, adviser: str, begins: date, ends: date | None) -> Order:
        return Execute(JoinTeam(at=self.at, team=team, adviser=adviser, from_=begins, to=ends))

    def _order_leave(self, team: str, adviser: str, ends: date) -> Order:
        return Execute(LeaveTeam(at=self.at, team=team, adviser=adviser, to=ends))

    def _order_change_category(self, adviser: str, category: Any, day: date) -> Order:
        return Execute(ChangeCategory(at=self.at, member=adviser, category=category, effective_on=day))

    def _order_end_membership(self, adviser: str, day: date) -> Order:
        return Execute(EndMembership(at=self.at, member=adviser, ended_on=day))

    def _order_erase(self, adviser: str) -> Order:
        return Erase(adviser)

    def _order_enrol_team(self, session: str, advisers: tuple[str, ...] | None) -> Order:
        those = None if advisers is None else tuple(self.ids.people[one] for one in advisers)
        return Execute(EnrolTeam(at=self.at, session=session, advisers=those))

    def _order_enrol_alone(self, session: str, member: str) -> Order:
        return Execute(EnrolInSession(at=self.at, session=session, member=member))

    def _order_withdraw(self, session: str, member: str) -> Order:
        return Execute(WithdrawEnrolment(at=self.at, session=session, member=member))

    def _order_open_wave(self, wave: str, teams: list[str]) -> Order:
        asked = tuple(self.ids.teams[team] for team in teams)
        closes_on = self.at.date() + timedelta(days=30)
        instrument: dict[str, Any] = {"instrument": AUTONOMY.code, "version": AUTONOMY.version}
        return Execute(OpenWave(at=self.at, wave=wave, teams=asked, closes_on=closes_on, **instrument))

    def _order_answer(self, wave: str, team: str, number: int) -> Order:
        return AnswerWave(wave, team, number)

    def _order_close_wave(self, wave: str) -> Order:
        return CloseWave(wave)

    def _order_record_telework(self, team: str, quarter: str, regime: Any, at_home: int, worked: int) -> Order:
        days = {"days_teleworked": at_home, "days_worked": worked}
        return Execute(RecordTelework(at=self.at, team=team, quarter=quarter, regime=regime, **days))

    def _order_plan(self, workshop: str, team: str, by: Actor, leads: str) -> Order:
        day = self.at.date()
        return Execute(
            PlanWorkshop(at=self.at, by=by, workshop=workshop, team=team, planned_for=day, facilitators=(leads,))
        )

    def _order_hold(self, workshop: str, by: Actor, participants: Sequence[str]) -> Order:
        present = tuple(self.ids.people[one] for one in participants)
        return Execute(HoldWorkshop(at=self.at, by=by, workshop=workshop, participants=present, themes=("rota",)))

    def _order_decide(self, workshop: str, decision: str, by: Actor, review_on: date | None) -> Order:
        about: dict[str, Any] = {"workshop": workshop, "decision": decision, "theme": "rota", "decided_by": "team"}
        return Execute(TakeDecision(at=self.at, by=by, text=str(uuid4()), review_on=review_on, **about))

    def _order_review(self, decision: str, by: Actor, outcome: Any, review_on: date | None) -> Order:
        return Execute(ReviewDecision(at=self.at, by=by, decision=decision, outcome=outcome, review_on=review_on))

    def look(self) -> TeamLook:
        return TeamLook(self.ids)

    # --- afterwards

    def tags(self) -> list[str]:
        kinds = {
            "session": self.ids.sessions, "team": self.ids.teams, "wave": self.ids.waves,
            "workshop": self.ids.workshops,
        }  # fmt: skip
        found = [f"{kind}:{id}" for kind, ids in kinds.items() for id in ids.values()]
        return found + [f"{kind}:{id}" for id in self.ids.people.values() for kind in ("person", "member", "adviser")]

    def check_history(self, told: Sequence[Told]) -> None:
        known = team_invariants.Known()
        assert not list(broken(told, known, team_invariants.FORBIDDEN, team_invariants.DEMANDED))
        released = {
            (one.data["wave"], team["team"]): team["n"]
            for one in told
            if one.what == "WaveResponsesReleased"
            for team in one.data["responses"]
        }
        answered = {
            (self.ids.waves[name], self.ids.teams[team]): len(it.spent.get(team, ()))
            for name, it in self.model.waves.items()
            if not it.is_open
            for team in it.eligible
        }
        assert released == answered, "every answer is released, once"

    def check_facts(self) -> int:
        """Stays, decisions and who was asked, as the projections count them."""
        people, teams = named(self.ids.people), named(self.ids.teams)
        waves, decided = named(self.ids.waves), named(self.ids.decisions)
        with self.two.database.connect("reader") as conn, in_live_facts(conn):
            stays = conn.execute(STAYS, [list(people)]).fetchall()
            outcomes = conn.execute(OUTCOMES, [list(decided)]).fetchall()
            eligible = conn.execute(ELIGIBLE, [list(waves)]).fetchall()
        found = {(people[who], teams[team], begins, ends) for who, team, begins, ends in stays}
        assert found == {(who, *stay) for who in PEOPLE for stay in self.model.stays_of(who)}
        expected = {name: outcome or "open" for name, (_, outcome) in self.model.decisions.items()}
        assert {decided[id]: outcome for id, outcome in outcomes} == expected
        asked = {(waves[wave], teams[team]): count for wave, team, count in eligible}
        assert asked == {
            (name, team): len(those) for name, it in self.model.waves.items() for team, those in it.eligible.items()
        }
        return len(found) + len(outcomes) + len(asked)
