"""What an import keeps in the vault: sent to the server before the lock, kept under it beside the events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, LiteralString

import psycopg

from coopschool.eventstore.bulk import Overtaken
from coopschool.importing.context import Personal
from coopschool.importing.references import References
from coopschool.sql import statements
from coopschool.vault import PutPerson

SQL = statements("coopschool.importing", "writing.sql")

Connection = psycopg.Connection[Any]


def stage(conn: Connection, personal: Personal, references: References) -> None:
    """Sends names, addresses and references. Needs no lock; `conn` commits each statement by itself."""
    for statement in ("end_staging", "begin_staging_references", "begin_staging_people"):
        conn.execute(SQL[statement])
    _copy(conn, SQL["stage_references"], references.new.items())
    people = ((one.person, one.name, one.email, one.email_hash) for _, one in personal.people)
    _copy(conn, SQL["stage_people"], people)


def keep(conn: Connection, personal: Personal) -> None:
    """Moves them into the vault, and writes titles and places. Raises `Overtaken` where somebody was faster."""
    for taken, what in (("references_taken", "another import"), ("emails_taken", "an e-mail address")):
        row = conn.execute(SQL[taken]).fetchone()
        if row and row[0]:
            raise Overtaken(what)
    conn.execute(SQL["put_references"])
    conn.execute(SQL["put_people"])
    for text in personal.texts:
        text.write(conn)
    for place in personal.places.values():
        place.write(conn)


def email_owners(conn: Connection, people: Sequence[PutPerson]) -> dict[bytes, str]:
    """Who else than the person named has an address that is about to be kept, by the address's keyed hash."""
    wanted = {one.email_hash: one.person for one in people if one.email_hash}
    rows = conn.execute(SQL["email_owners"], (list(wanted),))
    return {bytes(hash): str(owner) for hash, owner in rows if wanted[bytes(hash)] != str(owner)}


def _copy(conn: Connection, statement: LiteralString, rows: Iterable[Sequence[Any]]) -> None:
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
