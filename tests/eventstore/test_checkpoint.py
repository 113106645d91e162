"""A checkpoint kept elsewhere shows every change of the log up to it, even where the whole chain was written anew."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import msgspec
import psycopg
import pytest

from coopschool.database import Database
from coopschool.eventstore import log
from coopschool.eventstore.checkpoint import Checkpoint, NotACheckpoint, compare, read, take, write
from coopschool.eventstore.recorder import PostgresRecorder
from coopschool.eventstore.verify import Finding, _event, verify
from tests.eventstore.test_verify import admin as admin  # noqa: PLC0414 - the fixture

KEY = bytes(range(32))
MOMENT = datetime(2026, 3, 2, 9, tzinfo=UTC)
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


def taken(database: Database, key: bytes = KEY) -> Checkpoint:
    with database.connect("app") as conn:
        return read(write(take(conn, key, MOMENT)))


def findings(database: Database, checkpoint: Checkpoint) -> list[Finding]:
    with database.connect("app") as conn:
        return [*verify(conn), *compare(conn, checkpoint, KEY)]


def edit(admin: psycopg.Connection, draw: random.Random) -> str:
    """Does one random thing to the log behind its back; says what."""
    one, other = draw.sample(range(1, 7), 2)
    what = draw.choice(("edit", "swap", "delete", "insert", "cut"))
    if what == "edit":
        column, value = draw.choice(sorted(COLUMNS.items()))
        admin.execute(f"update events set {column} = {value} where position = {one}")
        return f"{column} at {one}"
    if what == "swap":
        admin.execute(f"update events set position = case position when {one} then 1000 + {other} else 1000 + {one} end"
                      f" where position in ({one}, {other})")  # fmt: skip
        admin.execute("update events set position = position - 1000 where position > 1000")
    elif what == "delete":
        admin.execute(f"delete from events where position = {one}")
    elif what == "insert":
        admin.execute(f"insert into events select position + 6, type, tags, data, occurred_at, recorded_at, actor,"
                      f" correlation, causation, hash from events where position = {one}")  # fmt: skip
    else:
        admin.execute(f"delete from events where position >= {one}")
    return f"{what} {one} {other}"


def test_whatever_is_done_to_a_log_is_found(admin: psycopg.Connection, database: Database) -> None:
    checkpoint, draw = taken(database), random.Random(2018)
    admin.execute("create table kept as table events")
    assert findings(database, checkpoint) == []
    for _ in range(100):
        done = edit(admin, draw)
        assert findings(database, checkpoint), done
        admin.execute("truncate events")
        admin.execute("insert into events table kept")
    assert findings(database, checkpoint) == []


def test_a_log_that_only_grew_is_the_one_that_was_seen(admin: psycopg.Connection, database: Database) -> None:
    checkpoint = taken(database)
    with database.connect("app") as conn:
        (row, *_) = conn.execute(log.SQL["read_all"], {"after": 0, "limit": 1}).fetchall()
    recorder = PostgresRecorder(lambda: database.connect("app"))
    recorder.append([_event(row)])
    recorder.close()
    assert findings(database, checkpoint) == []


def test_a_chain_written_anew_over_a_change_is_found_by_the_checkpoint_alone(
    admin: psycopg.Connection, database: Database
) -> None:
    checkpoint = taken(database)
    admin.execute("update events set actor = 'nobody' where position = 2")
    before = log.EMPTY
    for row in admin.execute(log.SQL["read_all"], {"after": 0, "limit": None}).fetchall():
        event = _event(row)
        event.hash = log.hash_of(event, before.hash)
        admin.execute("update events set hash = %s where position = %s", (event.hash, event.position))
        before = log.Head(event.position, event.hash, event.recorded_at)
    with database.connect("app") as conn:
        assert list(verify(conn)) == []
    assert [finding.check for finding in findings(database, checkpoint)] == ["checkpoint"]


def test_a_checkpoint_that_is_not_ours_proves_nothing(admin: psycopg.Connection, database: Database) -> None:
    ours = taken(database)
    moved = msgspec.structs.replace(ours, seen=msgspec.structs.replace(ours.seen, position=1))
    garbled = msgspec.structs.replace(ours, signature="not hexadecimal")
    for forged in (taken(database, bytes(32)), moved, garbled):
        (finding,) = findings(database, forged)
        assert "signature" in finding.detail


def test_an_empty_log_can_be_seen(database: Database) -> None:
    assert findings(database, taken(database)) == []


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"seen": 1}'])
def test_another_file_is_no_checkpoint(content: bytes) -> None:
    with pytest.raises(NotACheckpoint):
        read(content)
