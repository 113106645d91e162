"""kill -9 at every step of answering, closing and releasing: of the process that does it, and of PostgreSQL.

A process of its own does one thing and, at a chosen step, dies or takes PostgreSQL down with its neighbours. Steps are
the calls and returns of the answer box's own functions and of what commits, so that none is left out. Afterwards: no
answer is lost, none is counted twice, and no token is spent without its answer.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any, Literal

import msgspec
import psutil
from rich.table import Table

from coopschool.answer_box import AnswerBox, Sheet
from coopschool.answer_box.survey import SurveyContent
from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.database import Database
from coopschool.domain.errors import DomainError
from coopschool.settings import Settings
from torture import answering
from torture.answering import MOMENT, answer_of, feedback_of, prepare, released

PATIENCE = 60.0  # seconds: longer than anything may take
PEOPLE = 6  # who may answer
DONE, REFUSED, UNKNOWN = 0, 10, 11

What = Literal["answer", "close", "give", "release"]
Victim = Literal["process", "PostgreSQL"]
VICTIMS: tuple[Victim, ...] = ("process", "PostgreSQL")
# Where steps are counted: the answer box, what it stands on, and where a transaction is opened and committed.
WATCHED = ("coopschool/answer_box/", "coopschool/command_bus.py", "psycopg/transaction.py")

STEPS_GUESSED = 150  # until one has been done to its end
# Processes that begin without the threads and connections of this one.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["torture.answer_box"])


@dataclass
class Report:
    """What a campaign did and what it found wrong."""

    rounds: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def table(self) -> Table:
        table = Table("rounds", "killed", "calls and returns to be killed at")
        table.add_row(
            f"{self.rounds:,}",
            "\n".join(f"{victim}: {times}" for victim, times in self.killed.items()),
            "\n".join(f"{what}: {times:,}" for what, times in self.steps.items()),
        )
        return table


def campaign(
    settings: Settings, rounds: int, seed: int, progress: Callable[[str], None] = lambda _line: None
) -> Report:
    """Runs so many rounds on a new school: each answers, closes, gives and releases, and dies at it."""
    random, report = Random(seed), Report()
    with Database.open(settings) as database:
        for number in range(rounds):
            victim = VICTIMS[number % len(VICTIMS)]
            report.wrong += _round(database, settings, number, victim, random, report)
            report.rounds += 1
            progress(f"round {number + 1}: {victim}, {dict(report.killed)}")
            if report.wrong:
                break
    return report


def _round(
    database: Database, settings: Settings, number: int, victim: Victim, random: Random, report: Report
) -> list[str]:
    at = prepare(database, settings, number, PEOPLE)
    tried = _Tried(database, settings, at.now, number, victim, random, report)
    wrong = tried.survey(at.tokens) + tried.feedback()
    return [f"round {number}, {victim}: {line}" for line in wrong]


class _Tried:
    """One round on one school: what is tried, killed, tried again until it is done, and looked at."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        now: datetime,
        number: int,
        victim: Victim,
        random: Random,
        report: Report,
    ) -> None:
        self._database, self._settings, self._now = database, settings, now
        self._number, self._victim, self._random, self._report = number, victim, random, report

    def survey(self, tokens: list[str]) -> list[str]:
        wrong: list[str] = []
        for person, token in enumerate(tokens):
            status = self._do("answer", person, token, kill=person % 2 == 0)
            wrong += self._box_is_whole(person, status)
            # Sent again, as the page says: refused means that it had arrived.
            if status != DONE and self._do("answer", person, token) not in {DONE, REFUSED}:
                wrong.append(f"answer {person} could not be sent again")
        if self._do("close", kill=True) != DONE:
            self._do("close")
        expected = sorted(answer_of(person)["s1"] for person in range(len(tokens)))
        found = [released(self._database, "WaveResponsesReleased", answering.wave(self._number))]
        if found != [[expected]]:
            wrong.append(f"a wave gave {found} instead of {expected}, once")
        return wrong + self._nothing_is_left(f"wave:{answering.wave(self._number)}")

    def feedback(self) -> list[str]:
        wrong: list[str] = []
        for person in range(PEOPLE):
            status = self._do("give", person, kill=person % 2 == 0)
            if status != DONE and self._do("give", person) not in {DONE, REFUSED}:
                wrong.append(f"feedback {person} could not be given again")
        self._now += timedelta(days=10)
        if self._do("release", kill=True) != DONE:
            self._do("release")
        expected = sorted(feedback_of(person)["clarity"] for person in range(PEOPLE))
        found = [released(self._database, "FeedbackReleased", answering.session(self._number))]
        if found != [[expected]]:
            wrong.append(f"a session gave {found} instead of {expected}, once")
        return wrong + self._nothing_is_left(f"feedback:{MOMENT}:{answering.session(self._number)}")

    def _do(self, what: What, person: int = 0, token: str = "", *, kill: bool = False) -> int:
        """Has a process do it; the exit status, negative where it was killed."""
        self._database.revive()
        self._until_there()
        steps = self._report.steps[what] or STEPS_GUESSED
        step = self._random.randrange(1, steps + 1) if kill else 0
        taken = PROCESSES.Value("q", 0)
        asked = (self._settings, self._now, what, self._number, person, token, step, self._victim, taken)
        process = PROCESSES.Process(target=_act, args=asked)
        process.start()
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            raise AssertionError(f"{what} did not end")
        if kill:
            self._report.killed[what if taken.value >= step else f"{what}, which was over before"] += 1
        if process.exitcode == DONE:
            self._report.steps[what] = max(self._report.steps[what], taken.value)
        self._database.revive()
        self._until_there()
        return process.exitcode

    def _box_is_whole(self, person: int, status: int) -> list[str]:
        """Each token is unspent, or its answer is in the box, never both nor neither."""
        with CoopSchool(self._database, self._settings, FixedClock(self._now)) as school:
            opened = AnswerBox(school).boxes.read(f"wave:{answering.wave(self._number)}")
        assert opened is not None
        content = msgspec.msgpack.decode(opened.content, type=SurveyContent)
        values = Counter(answers["s1"] for _, answers in content.answers)
        expected = Counter(answer_of(before)["s1"] for before in range(person))
        here = answer_of(person)["s1"]
        wrong = []
        if len(content.unspent) + len(content.answers) != PEOPLE:
            wrong.append(f"{len(content.unspent)} tokens and {len(content.answers)} answers of {PEOPLE} people")
        if values not in (expected, expected + Counter([here])):
            wrong.append(f"answers {dict(values)} after {dict(expected)} and {here}")
        if status == DONE and values == expected:
            wrong.append(f"answer {person} was acknowledged and is lost")
        return wrong

    def _nothing_is_left(self, about: str) -> list[str]:
        with CoopSchool(self._database, self._settings, FixedClock(self._now)) as school:
            boxes = AnswerBox(school).boxes
            boxes.sweep(older_than=-PATIENCE)
            left = [*(box for box in boxes.all() if box == about), *map(str, boxes.keys.older_than(-PATIENCE))]
        return [f"boxes or keys are left: {left}"] if left else []

    def _until_there(self) -> None:
        for _ in range(600):
            with suppress(Exception), self._database.connect("app") as conn:
                conn.execute("select 1")
                return
            with suppress(Exception):
                self._database.revive()
        raise AssertionError("PostgreSQL did not come back")


def _act(
    settings: Settings,
    now: datetime,
    what: What,
    number: int,
    person: int,
    token: str,
    step: int,
    victim: Victim,
    taken: Any,
) -> None:
    """Does one thing, in a process of its own, and kills at a step; says how it ended and how many steps that took."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what dies has nothing to say
    steps = _Steps(settings, step, victim, taken)
    threading.setprofile(steps)  # the command bus commits in a thread of its own
    try:
        with Database.open(settings) as database, CoopSchool(database, settings, FixedClock(now)) as school:
            box, session = AnswerBox(school), answering.session(number)
            sys.setprofile(steps)
            steps.counting = True
            if what == "answer":
                box.surveys.submit(answering.wave(number), token, answer_of(person))
            elif what == "close":
                box.surveys.close(answering.wave(number))
            elif what == "give":
                sheet = Sheet(feedback_of(person))
                box.feedback.submit(session, MOMENT, answering.person(number, person), "feedback", 1, sheet)
            else:
                box.feedback.release(session, MOMENT)
            steps.counting = False
    except DomainError:
        os._exit(REFUSED)
    except Exception:  # noqa: BLE001 - whatever a PostgreSQL that dies leads to: nothing is known
        os._exit(DONE if not steps.counting else UNKNOWN)
    os._exit(DONE)


class _Steps:
    """Counts calls and returns, in every thread, and kills at one of them."""

    def __init__(self, settings: Settings, step: int, victim: Victim, taken: Any) -> None:
        self._settings, self._step, self._victim, self._taken = settings, step, victim, taken
        self.counting = False

    def __call__(self, frame: FrameType, _event: str, _argument: object) -> None:
        if not self.counting or not any(part in frame.f_code.co_filename for part in WATCHED):
            return
        with self._taken.get_lock():
            self._taken.value += 1
            now = self._taken.value == self._step
        if now and self._victim == "process":
            os.kill(os.getpid(), signal.SIGKILL)
        elif now:
            _kill_postgres(self._settings.data_dir)


def _kill_postgres(data_dir: Path) -> None:
    """SIGKILL for the PostgreSQL of this data directory, its backends first: no time to say anything."""
    pid = int((data_dir / "pgdata" / "postmaster.pid").read_text("ascii").split("\n", 1)[0])
    postmaster = psutil.Process(pid)
    family = [postmaster, *postmaster.children()]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=PATIENCE)
