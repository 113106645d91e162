"""The same enrolments on an empty log and on a long one: rate and memory."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import uvloop

from benchmarks.client import send, spread
from benchmarks.http import PORT, enrolments
from benchmarks.school import lengthen, small_school
from benchmarks.servers import running
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.settings import Settings

REQUESTS = 6_000
ROUNDS = 3


class Row(NamedTuple):
    """Enrolments a second at 64 connections on a log of so many events, and the server's memory after them."""

    events: int
    rate: float
    megabytes: float


def compare(data_dir: Path, events: int) -> list[Row]:
    """The best of some rounds on the empty log, then on a tenth and on the whole of `events`."""
    settings = Settings(data_dir=data_dir)
    rows = []
    with Database.open(settings) as database, CoopSchool(database, settings) as school:
        for length in (0, events // 10, events):
            with database.connect("app") as conn:
                lengthen(conn, length)
            rate, megabytes = 0.0, 0.0
            with running("ours", PORT, data_dir) as server:
                for _ in range(ROUNDS):
                    made = small_school(school, sessions=200, members=REQUESTS)
                    requests = enrolments(settings, made, made.members)
                    rate = max(rate, uvloop.run(send(PORT, spread(requests, 64))).rate)
                    megabytes = server.resident_megabytes()
            rows.append(Row(length, rate, megabytes))
    return rows
