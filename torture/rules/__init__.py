"""Rules under random use: people wish this and that of two processes, and a second, plain set of rules looks on.

A *life* is a small school of its own on the shared database. Hypothesis decides what is wished of it, alone or several
wishes at once from both processes; a *model* in plain Python (`learners`, `school_model`, `team_model`) says whether
each may be granted and what is then. After each step the log has grown by what was granted and by nothing else, and the
aggregates in both command buses are what the model says; at the end of a life the log, read as JSON by code of its own
(`school_invariants`, `team_invariants`), keeps each invariant by name, and the facts count what the model counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase
from hypothesis import seed as seeded
from hypothesis import settings as hypothesis_settings
from hypothesis.errors import HypothesisException
from hypothesis.stateful import run_state_machine_as_test

from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.database import Database
from coopschool.domain.instrument_versions import PublishInstrument
from coopschool.settings import Settings
from projections.runner import Runner
from torture import inspection
from torture.answering import AUTONOMY, FEEDBACK, id_of
from torture.rules.machine import Machine, Tally
from torture.rules.school_machine import SchoolMachine
from torture.rules.team_machine import TeamMachine
from torture.rules.two_processes import two_processes
from torture.rules.wishes import moment

STEPS = 60  # a life at most
MACHINES: tuple[type[Machine[Any]], ...] = (SchoolMachine, TeamMachine)


def campaign(settings: Settings, lives: int, seed: int) -> Tally:
    """So many lives of each machine in a new school; `Tally.wrong` tells the life in which something went wrong."""
    with Database.open(settings) as database:
        return live(database, settings, lives, seed)


def live(database: Database, settings: Settings, lives: int, seed: int, steps: int = STEPS) -> Tally:
    """The same on a school that is there."""
    tally = Tally()
    with CoopSchool(database, settings, FixedClock(moment("2026-01-05 09:00"))) as school:
        for instrument in (AUTONOMY, FEEDBACK):
            school.execute_now(
                PublishInstrument(at=school.now(), instrument=instrument, wording=id_of(instrument.code))
            )
    with two_processes(database, settings) as two:
        for machine in MACHINES:
            how = hypothesis_settings(
                max_examples=lives, stateful_step_count=steps, deadline=None, database=None, print_blob=False,
                phases=(Phase.generate,), report_multiple_bugs=False, suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            factory: Callable[[], Machine[Any]] = seeded(seed)(lambda machine=machine: machine(two, tally))
            try:
                run_state_machine_as_test(factory, settings=how)  # type: ignore[arg-type]
            except (AssertionError, HypothesisException) as error:
                tally.wrong = tally.wrong or [repr(error)]  # the life itself has told it better
                break
    tally.wrong += inspection.log_is_whole(database)
    Runner(database, settings.zone).catch_up()
    tally.wrong += inspection.facts_equal_a_replay(database, settings)
    tally.events = inspection.head(database)
    return tally
