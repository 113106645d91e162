"""What is wrong with the files of an import, said so that somebody can put it right."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

# What to do about a rule that a row breaks, where the rule's title does not say it.
ADVICE = {
    "unknown": "Check the spelling, or add what is missing to its file.",
    "already-enrolled": "Remove one of the two rows.",
    "already-member": "Give each member one row.",
    "membership-inactive": "Check the dates of joining and leaving in members.csv.",
    "module-not-published": "Check published_on in modules.csv.",
    "prerequisite-unknown": "Give the prerequisite a row in modules.csv, published no later.",
}
BY_EXCEPTION = "Correct the row or those it depends on; if it did happen so, say why in the column exception."
BY_CORRECTION = "Correct the row, or those it depends on."


class Problem(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One thing to put right. `line` counts the file's lines from 1, `column` is None where the whole row is meant."""

    file: str
    line: int
    column: str | None = None
    rule: str
    message: str
    advice: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" + (f", {self.column}" if self.column else "")
        return f"{where}: {self.message} [{self.rule}] {self.advice}"


class Problems:
    """Everything wrong that was found so far, and what it spoils: what depends on that is not looked at.

    So each mistake is reported once, where it was made. What is spoilt is named by a kind and its references; a kind
    alone stands for all of it.
    """

    def __init__(self) -> None:
        self._found: list[Problem] = []
        self._spoilt: set[tuple[str, ...]] = set()

    def __iter__(self) -> Iterator[Problem]:
        return iter(sorted(self._found, key=lambda one: (one.file, one.line, one.column or "")))

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, problem: Problem) -> None:
        self._found.append(problem)

    def copy(self) -> Problems:
        """What was found so far, to go on from more than once."""
        copy = Problems()
        copy._found, copy._spoilt = list(self._found), set(self._spoilt)
        return copy

    def spoil(self, *thing: str) -> None:
        if thing:
            self._spoilt.add(thing)

    def is_spoilt(self, *thing: str) -> bool:
        return thing in self._spoilt or thing[:1] in self._spoilt
