"""Roll-ups: facts that are summed already, for reports that would read too many of them (`roll_ups.sql`).

The projection that adds the facts keeps them, in the same transactions. Engines over a lake have none and need none: to
them the changes are what a roll-up is, each a sum of one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from coopschool.sql import statements

SQL = statements("projections", "roll_ups.sql")

Connection = psycopg.Connection[Any]

SPANS = ("first_position", "last_position", "first_occurred_at", "last_occurred_at")
FIGURES = (
    "enrolled", "waitlisted", "promoted", "withdrawn", "cancelled", "no_show", "completed", "not_completed", "present",
    "absent",
)  # fmt: skip


class RollUp(NamedTuple):
    """A table that sums the rows of the view `changes` by `keys`; `columns` are what it sums."""

    table: str
    changes: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]


CHANGES = ("participation_changes", "completion_changes")
OF_PROJECTION = {
    "learning": (
        RollUp("session_totals", "participation_changes", ("session",), ("last_seat_at", "seat", *FIGURES)),
        RollUp("participations", "participation_changes", ("member", "session"), (*FIGURES, "days")),
        RollUp("completions", "completion_changes", ("session", "days"), ("completed",)),
    )
}


def tables_of(projection: str) -> tuple[str, ...]:
    """The roll-ups that a projection keeps."""
    return tuple(roll_up.table for roll_up in OF_PROJECTION.get(projection, ()))


def make(conn: Connection) -> None:
    """Empty ones, in the generation that the transaction is in."""
    conn.execute(SQL["tables"])
    for view in CHANGES:
        conn.execute(sql.SQL("create view {} as {}").format(sql.Identifier(view), sql.SQL(SQL[view])))


def fill(conn: Connection, projection: str) -> None:
    """Fills the empty ones, which need no keys yet, with all the facts that the projection has written."""
    for roll_up in OF_PROJECTION.get(projection, ()):
        statement = sql.SQL("insert into {} ({}) {}").format(
            sql.Identifier(roll_up.table),
            _listed((*roll_up.keys, *SPANS, *roll_up.columns)),
            _sums(roll_up, sql.Identifier(roll_up.changes)),
        )
        conn.execute(statement, [0])


def add(conn: Connection, projection: str, after: int) -> None:
    """Adds the facts that the projection has written of events after a position."""
    for roll_up in OF_PROJECTION.get(projection, ()):
        statement = "insert into {table} as known ({columns}) {sums} on conflict ({keys}) do update set {added}"
        columns = (*SPANS, *roll_up.columns)
        conn.execute(
            sql.SQL(statement).format(
                table=sql.Identifier(roll_up.table),
                columns=_listed((*roll_up.keys, *columns)),
                keys=_listed(roll_up.keys),
                sums=_sums(roll_up, sql.Identifier(roll_up.changes)),
                added=sql.SQL(", ").join(_added(column) for column in columns),
            ),
            [after],
        )


def differing(conn: Connection, schema: str, projection: str) -> list[str]:
    """The projection's roll-ups, in the generation of that schema, whose rows are not the sums of its facts."""
    return [
        roll_up.table
        for roll_up in OF_PROJECTION.get(projection, ())
        if not _is_sum_of_its_changes(conn, schema, roll_up)
    ]


def _is_sum_of_its_changes(conn: Connection, schema: str, roll_up: RollUp) -> bool:
    query = sql.SQL(SQL["compare"]).format(
        columns=_listed((*roll_up.keys, *SPANS, *roll_up.columns)),
        table=sql.Identifier(schema, roll_up.table),
        sums=_sums(roll_up, sql.Identifier(schema, roll_up.changes)),
    )
    row = conn.execute(query, [0]).fetchone()
    return bool(row and row[0])


def _sums(roll_up: RollUp, changes: sql.Identifier) -> sql.Composed:
    """In the order of the keys: rows of one key lie together, and the index grows at its end."""
    statement = "select {keys}, {sums} from {changes} where last_position > %s group by {keys} order by {keys}"
    sums = sql.SQL(", ").join(_summed(column) for column in (*SPANS, *roll_up.columns))
    return sql.SQL(statement).format(keys=_listed(roll_up.keys), sums=sums, changes=changes)


def _listed(columns: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _summed(column: str) -> sql.Composed:
    how = "min({})" if column.startswith("first_") else "max({})" if column.startswith("last_") else "sum({})"
    return sql.SQL(how).format(sql.Identifier(column))


def _added(column: str) -> sql.Composed:
    if column.startswith("first_"):
        how = "{0} = least(known.{0}, excluded.{0})"
    elif column.startswith("last_"):
        how = "{0} = greatest(known.{0}, excluded.{0})"
    else:
        how = "{0} = known.{0} + excluded.{0}"
    return sql.SQL(how).format(sql.Identifier(column))
