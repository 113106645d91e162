"""Rules that history broke: the column `exception` of a row lets it pass, and the log says so.

The cell may name rules by their codes, with | between them: then only those are set aside. Any other words say why in
the school's own terms, and set aside whatever rule the row breaks; the words stay in the file.
"""

from __future__ import annotations

from functools import cache

from coopschool.domain.errors import RuleBroken


def may_set_aside(exception: str | None, rule: str) -> bool:
    """Whether the cell lets a row break the rule."""
    if exception is None:
        return False
    named = frozenset(part.strip() for part in exception.split("|"))
    return rule in named or not named <= _rules()


@cache
def _rules() -> frozenset[str]:
    return frozenset(_codes(RuleBroken))


def _codes(rule: type[RuleBroken]) -> set[str]:
    return {rule.code}.union(*(_codes(narrower) for narrower in rule.__subclasses__()))
