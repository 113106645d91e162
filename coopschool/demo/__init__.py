"""A simulated but plausible school, the same from the same seed, for whoever wants to look around."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from coopschool.application import CoopSchool
from coopschool.demo.calendar import SETTLED
from coopschool.demo.school import PERSONAS, SIZES, SchoolLife
from coopschool.demo.simulation import Simulation

__all__ = ["PERSONAS", "seed"]

SEED = 2018


def seed(
    school: CoopSchool, size: Literal["small", "large"] = "small", progress: Callable[[int], None] = lambda _rows: None
) -> int:
    """Fills an empty log; the number of events written, 0 if the log has any already.

    History is the same every time; the sessions that are open to enrol in are dated from today.
    """
    with school.database.connect("app") as conn:
        if conn.execute("select exists (select from events)").fetchone() == (True,):
            return 0
        simulation = Simulation(SEED)
        life = SchoolLife(simulation, school.vault, school.settings.zone, SIZES[size])
        life.found()
        simulation.run(life.at(SETTLED, 23))
        life.open_sessions(school.now().date())
        return simulation.write(conn, progress)
