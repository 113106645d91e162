"""Imports a directory: all of it or nothing, decided without the lock, written under it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from coopschool.application import CoopSchool
from coopschool.domain.school.member import Member
from coopschool.domain.school.session import Session
from coopschool.eventstore import bulk, log
from coopschool.eventstore.bulk import Overtaken
from coopschool.importing import answers, files, keeping, learners, people, sessions, teams, workshops
from coopschool.importing.context import Context
from coopschool.importing.deciding import Deciding
from coopschool.importing.files import MEMBERS, TABLES, Files
from coopschool.importing.ledger import Ledger
from coopschool.importing.problems import Problem, Problems
from coopschool.importing.references import References
from coopschool.importing.steps import Step, in_order

ATTEMPTS = 5
EVERY = 1_000

STEPS = (
    people.members,
    people.categories,
    sessions.modules,
    people.waivers,
    sessions.sessions,
    learners.enrolments,
    learners.withdrawals,
    learners.attendance,
    teams.teams,
    teams.stays,
    teams.telework,
    workshops.workshops,
    workshops.decisions,
    answers.feedback,
    answers.waves,
)
"""What makes steps from which rows; those that make ids come before those that refer to them."""

Progress = Callable[[str, int, int], None]
"""Told the stage ("reading", "deciding", "writing"), how much of it is done, and how much there is."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an import.

    `rows` counts the good rows of each file, `carried_out` the steps they led to that no earlier import had brought.
    With problems nothing is written, and in a dry run neither: then `position` is None.
    """

    rows: dict[str, int]
    carried_out: int
    events: int
    position: int | None
    problems: list[Problem]
    left_out: list[str]
    dry_run: bool


def _unheard(_stage: str, _done: int, _all: int) -> None: ...


def import_history(
    school: CoopSchool, directory: Path, *, dry_run: bool = False, progress: Progress = _unheard
) -> Imported:
    """Imports the CSV files of a directory.

    If something that the decisions stand on changes before they are written, they are made again, a few times. Raises
    `Overtaken` if it changes each time, `FileNotFoundError` where there are no files, and psycopg's errors.
    """
    problems = Problems()
    read = files.read(directory, school.settings.zone, problems)
    progress("reading", len(TABLES), len(TABLES))
    with school.database.connect("app") as conn:
        for _ in range(ATTEMPTS - 1):
            with suppress(Overtaken):
                return _Attempt(school, conn, read, problems.copy(), progress).make(dry_run)
        return _Attempt(school, conn, read, problems, progress).make(dry_run)


class _Attempt:
    """Decides everything against one head of the log, and writes it if nothing got in between."""

    def __init__(
        self,
        school: CoopSchool,
        conn: psycopg.Connection[Any],
        read: Files,
        problems: Problems,
        progress: Progress,
    ) -> None:
        self._school = school
        self._conn = conn
        self._files = read
        self._problems = problems
        self._progress = progress
        self._head = log.head(conn).position
        self._references = References(school.vault, school.erasures.references())
        self._ledger = Ledger(conn, self._head, self._references.made)
        self._context = Context(
            files=read,
            references=self._references,
            vault=school.vault,
            problems=problems,
            load=self._ledger.load,
            now=school.now(),
        )

    def make(self, dry_run: bool) -> Imported:
        carried_out = self._decide(self._plan())
        position = None if self._problems or dry_run else self._write()
        return Imported(
            rows=dict(self._files),
            carried_out=carried_out,
            events=len(self._ledger.events),
            position=position,
            problems=list(self._problems),
            left_out=[*self._files.left_out, *self._context.left_out],
            dry_run=dry_run,
        )

    def _plan(self) -> list[Step]:
        keys = (key for table in TABLES for row in self._files.rows(table) for key in row.keys)
        self._references.look_up(self._conn, keys)
        self._references.look_up(self._conn, learners.sheet_keys(self._files))
        self._references.look_up(self._conn, answers.release_keys(self._files))
        steps = [step for steps_of in STEPS for step in steps_of(self._context)]
        self._ledger.prepare(Member, {step.member for step in steps if step.member})
        self._ledger.prepare(Session, {step.session for step in steps if step.session})
        return in_order(steps)

    def _decide(self, steps: list[Step]) -> int:
        deciding = Deciding(self._ledger, self._references, self._problems)
        carried_out = 0
        for number, step in enumerate(steps):
            if number % EVERY == 0:
                self._progress("deciding", number, len(steps))
            carried_out += deciding.carry_out(step)
        self._progress("deciding", len(steps), len(steps))
        self._check_emails()
        return carried_out

    def _write(self) -> int:
        events = self._ledger.events
        self._progress("writing", 0, len(events))
        if not events and not self._references.new:
            return self._head
        bulk.stage(self._conn, events)
        keeping.stage(self._conn, self._context.personal, self._references)
        head = bulk.append(
            self._conn,
            events,
            decided_at=self._head,
            relied_on=self._ledger.relied_on,
            now=self._school.clock.now,
            beside=partial(keeping.keep, personal=self._context.personal),
        )
        self._progress("writing", len(events), len(events))
        return head.position

    def _check_emails(self) -> None:
        """One e-mail address, one person."""
        people = self._context.personal.people
        owners = keeping.email_owners(self._conn, [one for _, one in people])
        seen: dict[bytes, int] = {}
        for line, one in people:
            if one.email_hash is None:
                continue
            if one.email_hash in seen:
                self._email_taken(line, f"Line {seen[one.email_hash]} has this e-mail address.")
            elif one.email_hash in owners:
                self._email_taken(line, "Another person has this e-mail address.")
            seen[one.email_hash] = line

    def _email_taken(self, line: int, message: str) -> None:
        self._problems.add(
            Problem(
                file=MEMBERS.file,
                line=line,
                column="email",
                rule="email-taken",
                message=message,
                advice="Give each person an address of their own, or none.",
            )
        )
