"""Carries steps out in the ledger, in the order in which they happened."""

from __future__ import annotations

import msgspec

from coopschool.domain.base import Command, Occurrence, Unchanged
from coopschool.domain.errors import DomainError, Invalid, RuleBroken, Unknown
from coopschool.domain.school.attendance import NotEnrolled
from coopschool.domain.school.enrolment import HistoricalException, MemberWaitlisted, SessionFull
from coopschool.domain.school.member import MembershipInactive
from coopschool.domain.school.session import Session
from coopschool.importing.exceptions import may_set_aside
from coopschool.importing.ledger import Ledger
from coopschool.importing.problems import ADVICE, BY_CORRECTION, BY_EXCEPTION, Problem, Problems
from coopschool.importing.references import References
from coopschool.importing.steps import Step

# Where a rule points to another cell than the one that its row is about.
COLUMNS = {
    "prerequisite-unknown": "prerequisites",
    "prerequisite-cycle": "prerequisites",
    "trainer-busy": "trainers",
    "module-not-published": "module",
}
MAY_BE_EXCUSED = ("enrolments.csv", "attendance.csv")


class Deciding:
    """Decides each step on what those before it led to; a step that breaks a rule is noted and changes nothing."""

    def __init__(self, ledger: Ledger, references: References, problems: Problems) -> None:
        self._ledger = ledger
        self._references = references
        self._problems = problems

    def carry_out(self, step: Step) -> bool:
        """Whether the step was carried out; not where it depends on something spoilt, or broke a rule."""
        if any(self._problems.is_spoilt(*need) for need in step.needs):
            self._spoil(step)
            return False
        try:
            for command in step.commands(self._ledger.load):
                self._ledger.record(self._decide(step, command))
        except DomainError as error:
            self._problems.add(_problem(step, error))
            self._spoil(step)
            return False
        if step.key is not None:
            self._references.add(step.key, step.id)
        return True

    def _spoil(self, step: Step) -> None:
        if step.gives is not None:
            self._problems.spoil(*step.gives)

    def _decide(self, step: Step, command: Command) -> list[Occurrence]:
        """What follows, with the rules that the row may break set aside, and a note of each that it did break."""
        broken: dict[str, RuleBroken] = {}
        while True:
            excused = msgspec.structs.replace(command, exceptions=frozenset(broken)) if broken else command
            try:
                decided = excused.decide(self._ledger.load)
            except RuleBroken as error:
                if error.code in broken or not may_set_aside(step.exception, error.code):
                    raise
                broken[error.code] = error
                continue
            occurrences = [] if isinstance(decided, Unchanged) else list(decided)
            if SessionFull.code not in broken and _waits(step, occurrences):
                broken[SessionFull.code] = SessionFull(session=step.session)
                continue
            return [*self._notes(step, excused, broken), *occurrences]

    def _notes(self, step: Step, command: Command, broken: dict[str, RuleBroken]) -> list[Occurrence]:
        """One note for each rule, or for each person that a sheet names against it."""
        if not broken:
            return []
        module = step.module or self._ledger.load(Session, step.session or "").module
        return [
            Occurrence(HistoricalException(rule=rule, module=module, session=step.session, member=member), command.at)
            for rule, error in broken.items()
            for member in error.details.get("unknown") or [step.member]
        ]


def _waits(step: Step, occurrences: list[Occurrence]) -> bool:
    """Whether the row says that the member had a seat, full or not, and they would only wait for one."""
    return may_set_aside(step.exception, SessionFull.code) and any(
        isinstance(one.event, MemberWaitlisted) and one.event.member == step.member for one in occurrences
    )


def _problem(step: Step, error: DomainError) -> Problem:
    rule, message = error.code, f"{error.args[0]}{_said(error)}."
    column = COLUMNS.get(rule, step.column)
    if isinstance(error, Invalid):
        column = str(error.details["field"])
    if isinstance(error, Unknown):
        rule, message = _unknown(error.details["kind"], error.details["id"])
        column = "module" if error.details["kind"] == "module" else step.column
    return Problem(
        file=step.file,
        line=step.line,
        column=column,
        rule=rule,
        message=message,
        advice=ADVICE.get(rule) or (BY_EXCEPTION if step.file in MAY_BE_EXCUSED else BY_CORRECTION),
    )


def _unknown(kind: str, id: str) -> tuple[str, str]:
    """The rule and the message for something that is not there when a step needs it."""
    if kind == "member":
        return MembershipInactive.code, "This person is no member at that time."
    if kind == "enrolment":
        return NotEnrolled.code, "This member has no seat and does not wait at that time."
    named = f" {id!r}" if kind == "module" else ""  # other ids mean nothing to who keeps the files
    return Unknown.code, f"There is no {kind}{named} at that time."


# Details that mean something to who keeps the files; ids do not.
_SAYING = ("day", "category", "audience", "missing", "prerequisite", "seats", "slots", "starts_at", "ends_at", "status")


def _said(error: DomainError) -> str:
    said = [f"{name} {_words(error.details[name])}" for name in _SAYING if error.details.get(name)]
    return f" ({', '.join(said)})" if said and error.code != "sheet-incomplete" else ""


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
