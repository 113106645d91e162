"""Any report at (as_of, known_at) is the report of a fresh database that was replayed only up to that point."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from coopschool.database import Database
from coopschool.domain.advisers.adviser_team import AdviserLeftTeam
from coopschool.domain.advisers.workshop import DecisionTaken
from coopschool.domain.base import Event
from coopschool.domain.school.enrolment import MemberEnrolled, ModuleCompleted, ModuleNotCompleted
from coopschool.domain.school.session import AttendanceCorrected, AttendanceLogged, Presence
from projections.replay import rebuild
from projections.reports import definition, run
from projections.runner import Runner
from tests.support.chantier import reviewed, school_and_chantier
from tests.support.made_log import BRUSSELS, Dated, record
from tests.support.postgres import TestServer

RECORDED = datetime(2025, 1, 6, 12, tzinfo=BRUSSELS)
AS_OF = "2015-01-20", "2015-02-10", "2015-02-20", "2015-03-01", "2015-04-01", "2016-01-01"


def told_late(happened: Sequence[Dated], random: Random) -> list[Dated]:
    """The same history as it came to be known: some of it weeks late, and here and there put right."""
    known = []
    for occurred_at, event in happened:
        known.append((occurred_at + timedelta(days=random.choice([0, 0, 0, 9, 40])), occurred_at, event))
        later = occurred_at + timedelta(days=random.randint(30, 60))
        known += [(later, occurred_at, corrected) for corrected in put_right(event, random)]
    return [(occurred_at, event) for _, occurred_at, event in sorted(known, key=lambda one: one[0])]


def put_right(event: Event, random: Random) -> list[Event]:
    """A correction of one event in five that can be corrected."""
    if random.random() > 0.2:
        return []
    if isinstance(event, AttendanceLogged):
        line = random.choice(event.records)
        return [
            AttendanceCorrected(
                session=event.session, module=event.module, slot=event.slot, member=line.member,
                from_=Presence(status=line.status, minutes=line.minutes), to=Presence(status="absent"),
                reason_code="typing_error",
            )
        ]  # fmt: skip
    if isinstance(event, AdviserLeftTeam):
        told = {name: getattr(event, name) for name in event.__struct_fields__}
        return [AdviserLeftTeam(**told | {"to": event.to - timedelta(days=3)})]
    if isinstance(event, DecisionTaken):
        return [reviewed(event.decision, event.workshop, event.team, "changed", "2015-12-01")]
    if isinstance(event, ModuleCompleted):
        told = {name: getattr(event, name) for name in event.__struct_fields__}
        return [ModuleNotCompleted(**told)]
    return []


def figures(database: Database, name: str, **asked: Any) -> Any:
    with database.connect(definition(name).read_by) as conn:
        return run(conn, name, asked).rows


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", [1, 2])
def test_a_report_at_two_clocks_is_that_of_a_database_that_knows_no_more(
    database: Database, test_server: TestServer, seed: int
) -> None:
    random = Random(seed)
    known = told_late(school_and_chantier(300, seed=seed), random)
    cut = random.randint(len(known) // 2, len(known) - 40)
    with database.connect("owner") as conn:
        record(conn, known[:cut], RECORDED)
        record(conn, known[cut:], RECORDED + timedelta(days=30))
    Runner(database, batch=60).catch_up()  # so that what is rolled up is added to many times
    assert rebuild(database, BRUSSELS, dry_run=True).differing == ()
    member = next(event.member for _, event in known if isinstance(event, MemberEnrolled))
    reports: list[tuple[str, dict[str, Any]]] = [
        ("progress", {"group_by": "module,period"}), ("progress", {"group_by": "category"}), ("progress", {}),
        ("cohorts", {}), ("demand", {}), ("attendance", {}), ("member_progress", {"member": member}),
        ("autonomy", {}), ("workshops", {}), ("feedback", {}),
    ]  # fmt: skip
    with test_server.database() as url:
        fresh = Database(url, database.schema)
        with fresh.connect("owner") as conn:
            record(conn, known[:cut], RECORDED)
        Runner(fresh).catch_up()
        for name, asked in reports:
            for as_of in AS_OF:
                then = figures(database, name, as_of=as_of, known_at=RECORDED + timedelta(days=1), **asked)
                assert then == figures(fresh, name, as_of=as_of, **asked), (name, asked, as_of)
        for name in ("progress", "autonomy", "workshops", "feedback"):
            assert figures(database, name, as_of=AS_OF[-1]) != figures(fresh, name, as_of=AS_OF[-1]), name
