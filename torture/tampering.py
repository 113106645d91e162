"""Somebody with every right over the database changes the log behind its back; `verify` must find each change.

The log is a copy, made anew for each try. What is tried: another value in any column, two rows swapped, a row taken
out or put in, the tail cut off, an entry of the tag index changed, and an edit with the whole chain written anew over
it, which only the checkpoint can show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from random import Random

import psycopg
from rich.table import Table

from benchmarks.school import append
from coopschool.database import Database
from coopschool.eventstore import log
from coopschool.eventstore.checkpoint import Checkpoint, compare, read, take, write
from coopschool.eventstore.verify import Finding, event_of, verify
from coopschool.settings import Settings
from tests.support.made_log import busy_school
from torture.admin import superuser
from torture.growing import recorded

EVENTS = 200
COLUMNS = {
    "type": "type || 'x'",
    "tags": "tags || array['member:x']",
    "data": "data || ' '",
    "occurred_at": "occurred_at + interval '1 microsecond'",
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "actor": "actor || 'x'",
    "correlation": "gen_random_uuid()",
    "causation": "gen_random_uuid()",
    "hash": "sha256(hash)",
}
ASIDE = 1_000_000  # added to positions that are on their way

Admin = psycopg.Connection


def edit(admin: Admin, random: Random, head: int) -> str:
    """Another value in one column."""
    column, value, position = *random.choice(sorted(COLUMNS.items())), random.randint(1, head)
    admin.execute(f"update events set {column} = {value} where position = {position}")
    return f"edit {column}"


def swap(admin: Admin, random: Random, head: int) -> str:
    """Two rows change places."""
    one, other = random.sample(range(1, head + 1), 2)
    admin.execute(
        f"update events set position = {ASIDE} + case position when {one} then {other} else {one} end"
        f" where position in ({one}, {other})"
    )
    admin.execute(f"update events set position = position - {ASIDE} where position > {ASIDE}")
    return "swap"


def delete(admin: Admin, random: Random, head: int) -> str:
    """A row is taken out; every other time those after it close the gap."""
    position = random.randint(1, head)
    admin.execute(f"delete from events where position = {position}")
    if position < head and random.random() < 0.5:
        admin.execute(f"update events set position = position - 1 + {ASIDE} where position > {position}")
        admin.execute(f"update events set position = position - {ASIDE} where position > {ASIDE}")
    return "delete"


def insert(admin: Admin, random: Random, head: int) -> str:
    """A row is put in: at the end, or in the middle with those after it moved on."""
    after = random.randint(0, head)
    admin.execute(f"update events set position = position + 1 + {ASIDE} where position > {after}")
    admin.execute(f"update events set position = position - {ASIDE} where position > {ASIDE}")
    admin.execute(
        f"insert into events select {after + 1}, type, tags, data, occurred_at, recorded_at, actor, correlation,"
        " causation, hash from events order by random() limit 1"
    )
    return "insert"


def cut(admin: Admin, random: Random, head: int) -> str:
    """The tail is cut off, with its entries in the tag index."""
    position = random.randint(1, head)
    for table in ("events", "event_tags"):
        admin.execute(f"delete from {table} where position >= {position}")
    return "cut tail"


def misfile(admin: Admin, random: Random, _head: int) -> str:
    """An entry of the tag index is taken out, or names another event."""
    position = random.choice([row[0] for row in admin.execute("select distinct position from event_tags").fetchall()])
    if random.random() < 0.5:
        admin.execute(f"delete from event_tags where position = {position}")
    else:
        admin.execute(f"update event_tags set tag = tag || 'x' where position = {position}")
    return "tag index"


def forge(admin: Admin, random: Random, head: int) -> str:
    """An edit, and the chain written anew from there on: the log is whole, and another."""
    position = random.randint(1, head)
    admin.execute(f"update events set actor = actor || 'x' where position = {position}")
    rewrite_chain(admin)
    return "edit, chain written anew"


def rewrite_chain(admin: Admin) -> None:
    """Gives every row the hash that it would have had."""
    before = log.EMPTY
    for row in admin.execute(log.SQL["read_all"], {"after": 0, "limit": None}).fetchall():
        event = event_of(row)
        event.hash = log.hash_of(event, before.hash)
        admin.execute("update events set hash = %s where position = %s", (event.hash, event.position))
        before = log.Head(event.position, event.hash, event.recorded_at)


WAYS: tuple[Callable[[Admin, Random, int], str], ...] = (edit, edit, swap, delete, insert, cut, misfile, forge)


@dataclass
class Report:
    """What was tried, by kind, and what of it was not found."""

    events: int = 0
    tried: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def table(self) -> Table:
        table = Table(f"what was done to {self.events:,} events", "times", "found", show_footer=True)
        for kind, times in sorted(self.tried.items()):
            table.add_row(kind, f"{times:,}", f"{times - self.missed[kind]:,}")
        total = self.tried.total()
        table.columns[0].footer = "all"
        table.columns[1].footer, table.columns[2].footer = f"{total:,}", f"{total - self.missed.total():,}"
        return table


def campaign(settings: Settings, tries: int, seed: int, progress: Callable[[str], None] = lambda _line: None) -> Report:
    """Tampers so many times with a log that was signed before."""
    random, report = Random(seed), Report()
    key = random.randbytes(32)
    with Database.open(settings) as database, superuser(database) as admin, database.connect("app") as conn:
        append(conn, recorded(islice(busy_school(10 * EVENTS, seed=seed), EVENTS)))
        checkpoint = read(write(take(conn, key, datetime.now(UTC))))
        report.events = checkpoint.seen.position
        admin.execute("create table kept_events as table events")
        admin.execute("create table kept_tags as table event_tags")
        report.wrong += [f"untouched, but: {finding}" for finding in _findings(conn, checkpoint, key)]
        for number in range(tries):
            kind = random.choice(WAYS)(admin, random, report.events)
            report.tried[kind] += 1
            if not _findings(conn, checkpoint, key):
                report.missed[kind] += 1
                report.wrong.append(f"try {number + 1}, {kind}: not found")
            _restore(admin)
            if number % 100 == 99:
                progress(f"{number + 1:,} tries")
        report.wrong += [f"restored, but: {finding}" for finding in _findings(conn, checkpoint, key)]
    return report


def _findings(conn: psycopg.Connection, checkpoint: Checkpoint, key: bytes) -> list[Finding]:
    return [*verify(conn), *compare(conn, checkpoint, key)]


def _restore(admin: Admin) -> None:
    admin.execute("truncate events, event_tags")
    admin.execute("insert into events table kept_events")
    admin.execute("insert into event_tags table kept_tags")
