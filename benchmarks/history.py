"""A large directory of history: how long its import takes, and how long live commands wait meanwhile."""

from __future__ import annotations

import csv
import random
import resource
import threading
import time
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.domain.school.person import RegisterPerson
from coopschool.importing import import_history
from coopschool.settings import Settings

MODULES = [f"M{number:02}" for number in range(1, 8)]
SLOTS = 10


class Imported(NamedTuple):
    """What one import took, in seconds and megabytes (the whole process), and the longest wait of a live command."""

    enrolments: int
    attendances: int
    events: int
    seconds: float
    longest_wait: float
    megabytes: float


def measure(data_dir: Path, sessions: int = 22, members_each: int = 1_500) -> Imported:
    """Imports made-up presentations of seven modules while live commands go on in the same process."""
    directory = data_dir / "history"
    enrolments, attendances = write_files(directory, sessions, members_each)
    settings = Settings(data_dir=data_dir)
    with Database.open(settings) as database, CoopSchool(database, settings) as school:
        done, waits = threading.Event(), [0.0]
        live = threading.Thread(target=_live, args=(school, done, waits))
        live.start()
        started = time.perf_counter()
        imported = import_history(school, directory)
        seconds = time.perf_counter() - started
        done.set()
        live.join()
    if imported.problems:
        raise RuntimeError(f"the files break rules: {imported.problems[0]}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Imported(enrolments, attendances, imported.events, seconds, max(waits), peak)


def _live(school: CoopSchool, done: threading.Event, waits: list[float]) -> None:
    while not done.wait(0.02):
        started = time.perf_counter()
        school.execute_now(RegisterPerson(person=str(uuid4()), at=school.now()))
        waits.append(time.perf_counter() - started)


def write_files(directory: Path, sessions: int, members_each: int) -> tuple[int, int]:
    """Writes the school's CSV files; how many enrolments and attendances they hold."""
    chance = random.Random(7)
    directory.mkdir()
    made: dict[str, list[tuple[Any, ...]]] = {name: [] for name in HEADERS}
    made["modules"] = [(module, module, SLOTS, "2012-01-01") for module in MODULES]
    for number in range(sessions):
        begins = date(2013 + number % 4 // 2, 2 if number % 2 else 10, 1)
        _session(made, f"S{number}", number % len(MODULES), begins, members_each, chance)
    for name, rows in made.items():
        _write(directory / f"{name}.csv", HEADERS[name], rows)
    return len(made["enrolments"]), len(made["attendance"])


HEADERS = {
    "members": ("member_ref", "category", "joined_on", "name", "email"),
    "modules": ("module", "title_fr", "half_days", "published_on"),
    "sessions": ("session_ref", "module", "seats", "scheduled_on", "closed_on"),
    "slots": ("session_ref", "slot", "starts_at", "ends_at"),
    "enrolments": ("session_ref", "member_ref", "enrolled_at", "exception"),
    "withdrawals": ("session_ref", "member_ref", "withdrawn_at", "reason_code"),
    "attendance": ("session_ref", "slot", "member_ref", "status", "minutes", "exception"),
}


def _session(
    made: dict[str, list[tuple[Any, ...]]], session: str, module: int, begins: date, members: int, chance: random.Random
) -> None:
    days = [begins + timedelta(days=14 * n) for n in range(1, SLOTS + 1)]
    made["sessions"].append(
        (session, MODULES[module], members, begins - timedelta(days=160), begins + timedelta(days=240))
    )
    made["slots"] += [
        (session, n, f"{day}T{8 + module:02}:00", f"{day}T{9 + module:02}:00") for n, day in enumerate(days, 1)
    ]
    for number in range(members):
        member = f"{session}-{number}"
        enrolled = begins - timedelta(days=chance.randint(1, 150))
        made["members"].append((member, "A", begins - timedelta(days=200), f"Name {member}", f"{member}@example.org"))
        made["enrolments"].append((session, member, enrolled, ""))
        gone = max(enrolled, begins + timedelta(days=chance.randint(-1, 150))) if chance.random() < 0.3 else None
        if gone:
            made["withdrawals"].append((session, member, gone, "work"))
        for n, day in enumerate(days, 1):
            if gone and day > gone:
                if chance.random() < 0.01:
                    made["attendance"].append((session, n, member, "present", "", "late paperwork"))
            elif chance.random() < 0.6:
                made["attendance"].append((session, n, member, "present", "", ""))


def _write(file: Path, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(header)
        writer.writerows(rows)
