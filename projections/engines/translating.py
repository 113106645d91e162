"""The reports' SQL, written for PostgreSQL, in the dialect of another engine."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import sqlglot
from sqlglot import expressions

from coopschool.sql import statements
from projections import roll_ups


class Translation(NamedTuple):
    """A statement in another dialect, and the names of its parameters."""

    sql: str
    parameters: frozenset[str]


@cache
def translated(report: str, dialect: str) -> Mapping[str, Translation]:
    """The statements of a report's file, by name. Raises `sqlglot.errors.SqlglotError` for what has no translation."""
    return {
        name: _translated(text, dialect) for name, text in statements("projections.reports", f"{report}.sql").items()
    }


@cache
def views(dialect: str) -> Mapping[str, str]:
    """What reports read beside the lake's tables: views by name, each after those that it reads."""
    found = {view: _translated(roll_ups.SQL[view], dialect).sql for view in roll_ups.CHANGES}
    for of_projection in roll_ups.OF_PROJECTION.values():
        found |= {roll_up.table: f"select * from {roll_up.changes}" for roll_up in of_projection}  # noqa: S608
    return found


def _translated(text: str, dialect: str) -> Translation:
    parsed = sqlglot.parse_one(text, read="postgres")
    if dialect == "spark":  # which has no word for it
        for table_expression in parsed.find_all(expressions.CTE):
            table_expression.set("materialized", None)
    names = frozenset(placeholder.name for placeholder in parsed.find_all(expressions.Placeholder))
    return Translation(parsed.sql(dialect=dialect, comments=False, unsupported_level=sqlglot.ErrorLevel.RAISE), names)
