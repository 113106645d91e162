"""`verify` finds whatever was done to the log behind its back."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest

from coopschool.database import Database
from coopschool.domain.base import Occurrence
from coopschool.domain.school.person import LanguageChosen, PersonRegistered, RoleGranted
from coopschool.eventstore.log import RecordedEvent
from coopschool.eventstore.mapper import encode
from coopschool.eventstore.recorder import PostgresRecorder
from coopschool.eventstore.verify import Finding, verify
from coopschool.settings import Settings


@pytest.fixture
def admin(settings: Settings, database: Database) -> psycopg.Connection:
    """A log of six events, and somebody with every right over it."""
    recorder = PostgresRecorder(lambda: database.connect("app"))
    moment = datetime(2026, 3, 2, 9, tzinfo=UTC)
    for n in range(2):
        events = [PersonRegistered(person=f"p{n}"), RoleGranted(person=f"p{n}", role="trainer")]
        events.append(LanguageChosen(person=f"p{n}", language="nl"))
        occurrences = [Occurrence(event, moment) for event in events]
        recorder.append([RecordedEvent(*encode(o.event), o.tags, moment) for o in occurrences])
    recorder.close()
    with psycopg.connect(settings.database_url or "", autocommit=True, options="-c search_path=coopschool") as conn:
        yield conn


def findings(database: Database) -> list[Finding]:
    with database.connect("app") as conn:
        return list(verify(conn))


def test_a_log_as_it_was_written_has_no_findings(admin: psycopg.Connection, database: Database) -> None:
    read: list[int] = []
    with database.connect("app") as conn:
        assert list(verify(conn, read.append)) == []
    assert sum(read) == 6


@pytest.mark.parametrize(
    "column",
    [
        "type = 'RoleRevoked.v1'",
        "tags = array['person:p1']",
        "tags = array['person:p0', 'person:p0']",
        "data = replace(data, 'trainer', 'admin')",
        "occurred_at = occurred_at + interval '1 microsecond'",
        "recorded_at = recorded_at + interval '1 microsecond'",
        "actor = 'somebody else'",
        "correlation = gen_random_uuid()",
        "causation = gen_random_uuid()",
        "hash = sha256('forged')",
    ],
)
def test_an_edit_of_any_column_is_found(admin: psycopg.Connection, database: Database, column: str) -> None:
    admin.execute(f"update events set {column} where position = 2")  # type: ignore[arg-type]
    assert any(finding.check == "hash chain" and finding.position in (2, 3) for finding in findings(database))


def test_a_deleted_row_is_found(admin: psycopg.Connection, database: Database) -> None:
    admin.execute("delete from events where position = 3")
    checks = {finding.check for finding in findings(database)}
    assert {"gapless", "hash chain", "tag index"} <= checks


def test_two_rows_swapped_are_found(admin: psycopg.Connection, database: Database) -> None:
    admin.execute("update events set position = case position when 2 then 1002 else 1001 end where position in (2, 5)")
    admin.execute("update events set position = case position when 1002 then 5 else 2 end where position > 1000")
    assert "hash chain" in {finding.check for finding in findings(database)}


def test_time_that_runs_backwards_is_found(admin: psycopg.Connection, database: Database) -> None:
    admin.execute("update events set recorded_at = recorded_at - interval '1 day' where position = 4")
    assert (4, "recorded_at") in {finding[:2] for finding in findings(database)}


def test_an_event_nobody_knows_is_found(admin: psycopg.Connection, database: Database) -> None:
    admin.execute("update events set type = 'Unheard.v9' where position = 1")
    assert (1, "decodes") in {finding[:2] for finding in findings(database)}


def test_data_that_do_not_decode_are_found(admin: psycopg.Connection, database: Database) -> None:
    admin.execute("update events set data = '{\"person\": 3}' where position = 1")
    assert (1, "decodes") in {finding[:2] for finding in findings(database)}


def test_a_tag_index_that_lacks_or_invents_an_entry_is_found(admin: psycopg.Connection, database: Database) -> None:
    admin.execute("delete from event_tags where position = 2")
    admin.execute("insert into event_tags values ('person:nobody', 'RoleGranted.v1', 5)")
    found = findings(database)
    assert found == [
        Finding(2, "tag index", "lacks person:p0"),
        Finding(5, "tag index", "has person:nobody, which the event does not carry"),
    ]
