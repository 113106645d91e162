"""The simulated school: the same every time, whole or not at all, and a story that one can read in the figures."""

from __future__ import annotations

from collections import Counter

import pytest

from coopschool import demo
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.demo import PERSONAS
from coopschool.demo.calendar import LAST_DAY
from coopschool.demo.school import SIZES, SchoolLife
from coopschool.demo.simulation import Simulation
from coopschool.domain.school.member import Member
from coopschool.domain.school.session import Session
from coopschool.eventstore.verify import verify
from tests.support.installation import Simulated


def history(database: Database) -> list[tuple[str, str]]:
    with database.connect("app") as conn:
        query = "select type, data from events where recorded_at <= %s order by position"
        return conn.execute(query, [LAST_DAY]).fetchall()


def test_the_log_is_whole(simulated: Simulated) -> None:
    with simulated.database.connect("app") as conn:
        assert list(verify(conn)) == []


def test_a_log_that_has_events_is_left_alone(simulated: Simulated) -> None:
    before = history(simulated.database)
    assert demo.seed(simulated.school) == 0
    assert history(simulated.database) == before


def test_every_event_of_the_schools_history_occurs(simulated: Simulated) -> None:
    kinds = Counter(kind for kind, _ in history(simulated.database))
    assert kinds["MemberEnrolled.v1"] > 1_000
    for kind in ("MemberPromoted", "WaitlistLapsed", "AttendanceCorrected", "MembershipCategoryChanged"):
        assert kinds[f"{kind}.v1"] > 5, kind
    assert kinds["SessionCancelled.v1"] > 1, "March 2020"


@pytest.mark.no_cover
def test_the_same_seed_makes_the_same_history(school: CoopSchool) -> None:
    def simulated() -> list[object]:
        simulation = Simulation(7)
        life = SchoolLife(simulation, school.vault, school.settings.zone, SIZES["small"])
        life.found()
        simulation.run(life.at(LAST_DAY, 23))
        return [(e.type, e.data, e.tags, e.occurred_at, e.actor) for e in simulation.events]

    assert simulated() == simulated()


def test_fewer_complete_when_the_school_moves_online(simulated: Simulated) -> None:
    def rate(start: str, end: str) -> float:
        query = (
            "select type, count(*) from events where type in ('ModuleCompleted.v1', 'ModuleNotCompleted.v1')"
            " and occurred_at >= %s and occurred_at < %s group by type"
        )
        with simulated.database.connect("app") as conn:
            counts = dict(conn.execute(query, [start, end]).fetchall())
        return counts["ModuleCompleted.v1"] / sum(counts.values())

    assert rate("2020-04-01", "2020-08-01") < rate("2019-04-01", "2019-08-01") - 0.05


def test_the_demos_people_exist_and_there_is_a_session_to_enrol_in(simulated: Simulated) -> None:
    now = simulated.school.now()
    assert simulated.school.read_now(lambda load: load(Member, PERSONAS["member"]).active_on(now.date()))
    with simulated.database.connect("app") as conn:
        query = "select data::json->>'session' from events where type = 'SessionScheduled.v1'"
        sessions = [id for (id,) in conn.execute(query + " order by position desc limit 5")]
    upcoming = simulated.school.read_now(
        lambda load: [(load(Session, s).seats, len(load(Session, s).confirmed)) for s in sessions]
    )
    assert any(taken < seats for seats, taken in upcoming)
    assert any(taken == seats for seats, taken in upcoming)
