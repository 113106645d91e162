"""What making steps from rows needs to know, and what it collects for the vault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

from coopschool.domain.base import Load
from coopschool.importing.files import Files
from coopschool.importing.problems import Problem, Problems
from coopschool.importing.references import Key, References, person
from coopschool.importing.steps import Step
from coopschool.importing.tables import Row, RowOfMember, Table
from coopschool.vault import PutPerson, PutPlace, PutText, Vault

M = TypeVar("M", bound=RowOfMember)


@dataclass(slots=True)
class Personal:
    """What goes to the vault beside the events; people with the line they come from."""

    people: list[tuple[int, PutPerson]] = field(default_factory=list)
    texts: list[PutText] = field(default_factory=list)
    places: dict[str, PutPlace] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Context:
    """The files, what their references stand for, and the school as it is. `now` is in the school's zone."""

    files: Files
    references: References
    vault: Vault
    problems: Problems
    load: Load
    now: datetime
    personal: Personal = field(default_factory=Personal)
    left_out: list[str] = field(default_factory=list)

    def rows_of(self, table: Table[M]) -> Iterator[M]:
        """The rows of a file, each about a member, but for those of people who were erased: they stay away."""
        return (row for row in self.files.rows(table) if not self.is_erased(table, row, row.member_ref))

    def is_erased(self, table: Table[Any], row: Row, reference: str) -> bool:
        """Whether the reference is that of somebody who was erased; says so of the row."""
        erased = self.references.was_erased(person(reference))
        if erased:
            self.leave_out(table, row, "this person's data were erased; they stay away")
        return erased

    def names_erased(self, rows: Iterable[RowOfMember]) -> bool:
        """Whether one of the rows is about somebody who was erased, so that others may have been counted with them."""
        return any(self.references.was_erased(person(row.member_ref)) for row in rows)

    def leave_out(self, table: Table[Any], row: Row, why: str) -> None:
        """Says of a row that it is not brought, and is no problem."""
        self.left_out.append(f"{table.file}, line {row.line}: {why}.")

    def is_new(self, key: Key) -> bool:
        """Whether no earlier import has brought the row."""
        return not self.references.was_imported(key)

    def find(self, table: Table[Any], row: Row, column: str, key: Key, *, spoils: Key) -> str | None:
        """The id of what a row refers to; where there is none, the problem is noted and the row's own thing spoilt."""
        found = self.references.find(key)
        kind, reference = ("member" if key[0] == "person" else key[0]), key[-1]
        spoilt = self.problems.is_spoilt(kind, reference)
        if found is not None and not spoilt:
            return found
        self.problems.spoil(*spoils)
        if not spoilt:
            self.problem(
                table,
                row,
                column,
                "unknown",
                f"There is no {kind} {reference!r}.",
                f"Correct the reference, or give the {kind} a row in {kind}s.csv.",
            )
        return None

    def problem(self, table: Table[Any], row: Row, column: str, rule: str, message: str, advice: str) -> None:
        self.problems.add(
            Problem(file=table.file, line=row.line, column=column, rule=rule, message=message, advice=advice)
        )

    def step(
        self, table: Table[Any], row: Row, *, at: datetime, dated: str, column: str | None = None, **what: Any
    ) -> Iterator[Step]:
        """The step, unless it is still to come: then that is a problem of the column that says when (`dated`).

        `column` is the one that a rule is about, if not that.
        """
        if at <= self.now:
            yield Step(at=at, file=table.file, line=row.line, column=column or dated, **what)
            return
        self.problem(table, row, dated, "still-to-come", "This has not happened yet.", "Leave it out until it has.")
        if what.get("gives"):
            self.problems.spoil(*what["gives"])

    def by_now(self, moment: datetime) -> datetime:
        """That moment, or now for one that is still to come: what is announced, is announced by now."""
        return min(moment, self.now)

    def start_of(self, day: date) -> datetime:
        return datetime.combine(day, time.min, self.now.tzinfo)

    def end_of(self, day: date) -> datetime:
        return self.start_of(day + timedelta(days=1)) - timedelta(microseconds=1)
