"""A checkpoint kept elsewhere shows every change of the log up to it, even where the whole chain was written anew."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import psycopg
import pytest

from coopschool.database import Database
from coopschool.eventstore import log
from coopschool.eventstore.checkpoint import Checkpoint, NotACheckpoint, compare, read, take, write
from coopschool.eventstore.recorder import PostgresRecorder
from coopschool.eventstore.verify import Finding, event_of, verify
from tests.eventstore.test_verify import admin as admin  # noqa: PLC0414 - the fixture
from torture.tampering import rewrite_chain

KEY = bytes(range(32))
MOMENT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def taken(database: Database, key: bytes = KEY) -> Checkpoint:
    with database.connect("app") as conn:
        return read(write(take(conn, key, MOMENT)))


def findings(database: Database, checkpoint: Checkpoint) -> list[Finding]:
    with database.connect("app") as conn:
        return [*verify(conn), *compare(conn, checkpoint, KEY)]


def test_a_log_that_only_grew_is_the_one_that_was_seen(admin: psycopg.Connection, database: Database) -> None:
    checkpoint = taken(database)
    with database.connect("app") as conn:
        (row, *_) = conn.execute(log.SQL["read_all"], {"after": 0, "limit": 1}).fetchall()
    recorder = PostgresRecorder(lambda: database.connect("app"))
    recorder.append([event_of(row)])
    recorder.close()
    assert findings(database, checkpoint) == []


def test_a_chain_written_anew_over_a_change_is_found_by_the_checkpoint_alone(
    admin: psycopg.Connection, database: Database
) -> None:
    checkpoint = taken(database)
    admin.execute("update events set actor = 'nobody' where position = 2")
    rewrite_chain(admin)
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
