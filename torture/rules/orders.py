"""What the machines ask of a process: a command, an erasure, answers for the box, a look at what decisions look at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from coopschool.answer_box import AnswerBox, Sheet
from coopschool.application import CoopSchool
from coopschool.domain.base import SYSTEM, Actor, Command, Decided, Load, Unchanged
from coopschool.erasing import erasure, finish
from torture.answering import FEEDBACK, MOMENT, answer_of, feedback_of
from torture.rules.two_processes import Came

State = dict[str, Any]
SHEET = Sheet(feedback_of(4))


class Execute(msgspec.Struct, frozen=True):
    """A command; `email` goes to the vault with it, for the person who is named first."""

    command: Command
    email: tuple[str, str] | None = None

    def __call__(self, school: CoopSchool, _box: AnswerBox) -> Came:
        vault = [] if self.email is None else [school.vault.put_person(self.email[0], email=self.email[1])]
        return Came(None, len(school.execute_now(self.command, vault=vault).events))


class Erase(msgspec.Struct, frozen=True):
    """Everything of a person: log, vault, ledger and what waits in the answer box."""

    person: str

    def __call__(self, school: CoopSchool, _box: AnswerBox) -> Came:
        command, write = erasure(school, self.person, SYSTEM)
        outcome = school.execute_now(command, vault=[write])
        finish(school, outcome, write)
        return Came(None, len(outcome.events))


class Answer(msgspec.Struct, frozen=True):
    """A member's own answer on a session, just after it."""

    session: str
    person: str

    def __call__(self, _school: CoopSchool, box: AnswerBox) -> Came:
        box.feedback.submit(self.session, MOMENT, self.person, FEEDBACK.code, FEEDBACK.version, SHEET)
        return Came(None)


class TypeIn(msgspec.Struct, frozen=True):
    """Paper sheets that a trainer types in."""

    session: str
    by: str
    sheets: int

    def __call__(self, _school: CoopSchool, box: AnswerBox) -> Came:
        by = Actor(self.by, frozenset({"trainer"}))
        box.feedback.add_sheets(self.session, MOMENT, by, FEEDBACK.code, FEEDBACK.version, [SHEET] * self.sheets)
        return Came(None)


class Release(msgspec.Struct, frozen=True):
    """The end of a session's feedback."""

    session: str

    def __call__(self, _school: CoopSchool, box: AnswerBox) -> Came:
        return Came(None, int(box.feedback.release(self.session, MOMENT)))


class Look(Command, frozen=True, kw_only=True):
    """Sees, under the log's lock, the very aggregates that decisions look at. Changes nothing."""

    look: Callable[[Load], State]
    seen: State

    def decide(self, load: Load) -> Decided:
        self.seen.update(self.look(load))
        return Unchanged(0)


class See(msgspec.Struct, frozen=True):
    """A look, at a moment, in a process's cache."""

    look: Callable[[Load], State]
    at: datetime

    def __call__(self, school: CoopSchool, _box: AnswerBox) -> Came:
        seen: State = {}
        school.execute_now(Look(at=self.at, look=self.look, seen=seen), preview=True)
        return Came(None, 0, seen)


class AnswerWave(msgspec.Struct, frozen=True):
    """An adviser's answer with the token of that number in the printed list of a team."""

    wave: str
    team: str
    number: int

    def __call__(self, _school: CoopSchool, box: AnswerBox) -> Came:
        printed = box.surveys.tokens(self.wave).get(self.team, [])
        token = printed[self.number] if self.number < len(printed) else "no such token"
        box.surveys.submit(self.wave, token, answer_of(self.number))
        return Came(None)


class CloseWave(msgspec.Struct, frozen=True):
    """The end of a wave."""

    wave: str

    def __call__(self, _school: CoopSchool, box: AnswerBox) -> Came:
        return Came(None, len(box.surveys.close(self.wave).events))
