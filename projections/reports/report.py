"""A report's answer, and what is said of each report in one place: for the API, the command line and the handbook."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from coopschool.domain.base import Role
from projections.disclosure import Gate
from projections.reports.asked import Asked, Parameter

Row = dict[str, Any]
Rows = Mapping[str, Sequence[Row]]  # the rows of each statement of the report's file


class Provenance(msgspec.Struct, frozen=True):
    """What the rows rest on: the log up to `position`, folded by that code; `checksum` is over the rows as shown."""

    position: int
    projection_version: str
    checksum: str


class Report(msgspec.Struct, frozen=True):
    """A report as it is shown."""

    report: str
    parameters: dict[str, Any]
    provenance: Provenance
    notes: list[str]
    rows: list[Row]


class Definition(NamedTuple):
    """What a report answers, who may ask, and how its rows come about.

    `roles` may ask for everything; `own` says who else may ask for what is theirs, and by which parameter. `group_by`
    and `figures` name the columns; `order` those by which rows are sorted where ids go by other names, unless it is all
    that are no figures. `shape` turns the rows of the SQL file into those shown. A report that is `gated`
    runs as the role that may read answers of people, which its `shape` sees only as figures that the gate gives.
    """

    name: str
    title: str
    roles: tuple[Role, ...]
    group_by: tuple[str, ...]
    columns: tuple[str, ...]
    figures: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    projections: tuple[str, ...]
    shape: Callable[[Rows, Asked, Gate], list[Row]]
    own: str | None = None
    notes: tuple[str, ...] = ()
    gated: bool = False
    order: tuple[str, ...] = ()

    def columns_of(self, report: Report) -> list[str]:
        """The columns that its rows have, also where there are none."""
        if report.rows:
            return list(report.rows[0])
        grouped = () if self.gated else report.parameters["group_by"]
        return [*grouped, *self.columns, *self.figures]

    def in_order(self, rows: Sequence[Row]) -> list[Row]:
        """The rows by what they show: where pseudonyms stand for ids, the order of the ids must not be told."""

        def key(row: Row) -> list[tuple[bool, Any]]:
            columns = self.order or [column for column in row if column not in self.figures]
            return [(row[column] is None, row[column]) for column in columns]

        return sorted(rows, key=key)

    @property
    def read_by(self) -> Literal["reader", "app"]:
        """The database role whose connection the report needs."""
        return "app" if self.gated else "reader"


def checksum(rows: Sequence[Row]) -> str:
    """sha256 over the rows as JSON, keys in order."""
    return hashlib.sha256(msgspec.json.encode(rows, order="sorted")).hexdigest()
