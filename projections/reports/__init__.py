"""Reports: a filter and a sum over facts, as of any moment, as known at any moment.

Each report is one `.sql` file that every engine runs alike, and a few lines that turn its integers into rates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import dict_row

from coopschool.domain.errors import Invalid, Unknown
from coopschool.sql import statements
from projections.calendar import Calendar
from projections.disclosure import MIN_GROUP, RESEARCHER, Gate, Viewer
from projections.generations import NotCaughtUp, ProjectionStopped, in_live_facts
from projections.registry import projections_version
from projections.reports import asked as asking
from projections.reports.asked import Asked, Parameter
from projections.reports.attendance import ATTENDANCE
from projections.reports.autonomy import AUTONOMY
from projections.reports.cohorts import COHORTS
from projections.reports.demand import DEMAND
from projections.reports.feedback import FEEDBACK
from projections.reports.member_progress import MEMBER_PROGRESS
from projections.reports.progress import PROGRESS
from projections.reports.report import Definition, Provenance, Report, Row, Rows, checksum
from projections.reports.workshops import WORKSHOPS

__all__ = [
    "REPORTS",
    "Asked",
    "Definition",
    "Parameter",
    "Provenance",
    "Report",
    "Row",
    "ask",
    "checksum",
    "definition",
    "in_facts",
    "refuse_future",
    "rows_of",
    "run",
    "values_of",
]

SQL = statements("projections.reports", "provenance.sql")

REPORTS: Mapping[str, Definition] = {
    definition.name: definition
    for definition in (MEMBER_PROGRESS, PROGRESS, COHORTS, DEMAND, ATTENDANCE, FEEDBACK, AUTONOMY, WORKSHOPS)
}

Connection = psycopg.Connection[Any]
BRUSSELS = ZoneInfo("Europe/Brussels")


def definition(name: str) -> Definition:
    """What is said of a report. Raises `Unknown`, which lists those there are."""
    if name not in REPORTS:
        unknown = Unknown("report", name[:40])
        unknown.details["known"] = sorted(REPORTS)
        raise unknown
    return REPORTS[name]


def run(
    conn: Connection,
    name: str,
    parameters: Mapping[str, Any],
    *,
    zone: ZoneInfo = BRUSSELS,
    min_group: int = MIN_GROUP,
    now: datetime | None = None,
    viewer: Viewer = RESEARCHER,
) -> Report:
    """The report, on a connection that is in no transaction, of the role that its definition names (`read_by`).

    `parameters`: as_of, known_at (dates, moments, or text in ISO 8601), group_by (``a,b`` or a list), and the filters
    of its definition. `now` stands for an `as_of` that is not given; `viewer` is who will see the rows. Raises
    `Unknown`, `Invalid`, `Forbidden`, `ProjectionStopped`, `NotCaughtUp` while there are no facts.
    """
    about = definition(name)
    asked = ask(about, parameters, zone, now or datetime.now(UTC), viewer)
    with in_facts(conn, about, asked, min_group) as (_, report):
        return report


@contextmanager
def in_facts(conn: Connection, about: Definition, asked: Asked, min_group: int) -> Iterator[tuple[Asked, Report]]:
    """The report, and the parameters with what it may know, while the transaction lasts that sees just that."""
    with in_live_facts(conn) as generation:
        asked = asked._replace(known=_known(conn, generation, about, asked.known_at))
        conn.execute(SQL["work_in_memory"])
        found = rows_of(conn, about, asked)
        gate = Gate(min_group, conn, known=asked.known, as_of=asked.as_of)
        yield asked, answer(about, asked, found, gate, projections_version())


def ask(
    about: Definition, parameters: Mapping[str, Any], zone: ZoneInfo, now: datetime, viewer: Viewer = RESEARCHER
) -> Asked:
    """The parameters, checked; `known` is still to be found. Raises `Invalid`."""
    wanted = dict(parameters)
    as_of = asking.moment("as_of", wanted.pop("as_of", None) or now, zone)
    known_at = wanted.pop("known_at", None)
    return Asked(
        as_of=as_of,
        known_at=None if known_at is None else asking.moment("known_at", known_at, zone),
        known=0,
        group_by=asking.several("group_by", wanted.pop("group_by", None), about.group_by),
        filters=asking.filters(wanted, about.parameters),
        zone=zone,
        now=now,
        viewer=viewer,
    )


def refuse_future(parameters: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> None:
    """Raises `Invalid` for an `as_of` after today: nothing has happened then."""
    if parameters.get("as_of") is None:
        return
    latest = Calendar(zone).end_of(now.astimezone(zone).date())
    if asking.moment("as_of", parameters["as_of"], zone) > latest:
        raise Invalid("as_of", latest=latest.date().isoformat())


def answer(about: Definition, asked: Asked, found: Rows, gate: Gate, version: str) -> Report:
    """The report that the rows of its statements make, by facts of that version of the projections."""
    rows = about.shape(found, asked, gate)
    provenance = Provenance(asked.known, version, checksum(rows))
    return Report(about.name, _told(asked), provenance, list(about.notes), rows)


def _known(conn: Connection, generation: int | None, about: Definition, known_at: datetime | None) -> int:
    """The last position that the report may know of: what all its projections have, or had by then."""
    if generation is None:
        raise NotCaughtUp(0, 0)
    reached = []
    for projection, position, *stopped in conn.execute(SQL["reached"], [generation, list(about.projections)]):
        if stopped[0] is not None:
            raise ProjectionStopped(projection, *stopped)
        reached.append(int(position))
    return min(reached) if known_at is None else _position_at(conn, known_at, min(reached))


def _position_at(conn: Connection, moment: datetime, upto: int) -> int:
    """The last position that had been recorded by then: `recorded_at` never runs backwards, so halve and halve."""
    low, high = 0, upto
    while low < high:
        middle = (low + high + 1) // 2
        row = conn.execute(SQL["recorded_at"], [middle]).fetchone()
        low, high = (middle, high) if row is not None and row[0] <= moment else (low, middle - 1)
    return low


def rows_of(conn: Connection, about: Definition, asked: Asked) -> dict[str, list[Row]]:
    """What the report's statements give, in the facts that the transaction is in."""
    values = values_of(about, asked)
    found = {}
    with conn.cursor(row_factory=dict_row) as cursor:
        for statement, text in _statements(about.name).items():
            found[statement] = cursor.execute(text, values, prepare=False).fetchall()
    return found


def values_of(about: Definition, asked: Asked) -> dict[str, Any]:
    """The values of every `:name` in the report's SQL, for any engine."""
    grouped = {"quarter" if column == "period" else column for column in asked.group_by}
    if asked.filters.get("category") is not None:
        grouped.add("category")  # what is hidden depends on all categories: the report leaves out the others later
    return {
        "known": asked.known,
        "as_of": asked.as_of,
        "today": asked.today,
        **{f"by_{column}": column in grouped for column in about.group_by},
        "with_category": "category" in grouped,
        **asked.filters,
        "category": None,
    }


@cache
def _statements(report: str) -> dict[str, LiteralString]:
    """The report's SQL as psycopg takes it."""
    return {
        name: re.sub(r":(\w+)", r"%(\1)s", text)
        for name, text in statements("projections.reports", f"{report}.sql").items()
    }


def _told(asked: Asked) -> dict[str, Any]:
    given = {name: value for name, value in asked.filters.items() if value is not None}
    told = {"as_of": _iso(asked.as_of, asked.zone), "known_at": asked.known_at and _iso(asked.known_at, asked.zone)}
    return told | {"group_by": list(asked.group_by)} | given


def _iso(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat()
