"""Pieces of work in a process of their own, so that its memory is theirs: `python -m benchmarks.alone WORK DATA_DIR …`.

Each imports only what it needs. Prints events a second and megabytes.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from coopschool.database import Database
from coopschool.settings import Settings


class Done(NamedTuple):
    """Events a second, and the most memory the process had."""

    rate: float
    megabytes: float


def alone(work: str, *arguments: Path) -> Done:
    """Has the work done by a new process."""
    command = [sys.executable, "-m", "benchmarks.alone", work, *map(str, arguments)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rate, megabytes = told.split()[-2:]
    return Done(float(rate), float(megabytes))


def replay(data_dir: Path) -> float:
    """All projections."""
    from projections.generations import drop_retired  # noqa: PLC0415 - what one work imports is not the others' memory
    from projections.replay import rebuild  # noqa: PLC0415

    settings = Settings(data_dir=data_dir)
    with Database.open(settings) as database:
        done = rebuild(database, settings.zone)
        with database.connect("projector") as conn:
            drop_retired(conn, database.schema, after=0)
    return done.events_per_second


def export(data_dir: Path, directory: Path) -> float:
    """A lake, whole."""
    from projections import lake  # noqa: PLC0415

    settings = Settings(data_dir=data_dir)
    with Database.open(settings) as database:
        started = time.perf_counter()
        done = lake.export(database, settings, directory)
        return done.lake.manifest.position / (time.perf_counter() - started)


WORKS: Mapping[str, Callable[..., float]] = {"replay": replay, "export": export}


def most_megabytes(process: int | str = "self") -> float:
    """The most memory that a process had. (`getrusage` would count what its parent had when it was forked.)"""
    status = Path(f"/proc/{process}/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line[:6] == "VmHWM:") / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    rate = WORKS[sys.argv[1]](*map(Path, sys.argv[2:]))
    print(rate, most_megabytes())
