"""The reports' SQL, written for PostgreSQL, in the dialect of another engine."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import sqlglot
from sqlglot import expressions

from coopschool.sql import statements


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


def _translated(text: str, dialect: str) -> Translation:
    parsed = sqlglot.parse_one(text, read="postgres")
    names = frozenset(placeholder.name for placeholder in parsed.find_all(expressions.Placeholder))
    return Translation(parsed.sql(dialect=dialect, comments=False, unsupported_level=sqlglot.ErrorLevel.RAISE), names)
