"""The recorder: the library's own cases, and what we promise beyond them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from eventsourcing.dcb.api import DCBAppendCondition, DCBEvent, DCBQuery, DCBQueryItem
from eventsourcing.dcb.tests import DCBRecorderTestCase
from eventsourcing.persistence import IntegrityError, ProgrammingError

from coopschool.database import Database
from coopschool.eventstore import log
from coopschool.eventstore.recorder import PostgresRecorder
from coopschool.settings import Settings

MOMENT = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def recorder(database: Database) -> Iterator[PostgresRecorder]:
    recorder = PostgresRecorder(lambda: database.connect("app"))
    yield recorder
    recorder.close()


class LibraryCases(DCBRecorderTestCase):
    """The library's test cases, to be called from pytest's functions below."""

    __test__ = False

    def runTest(self) -> None: ...  # noqa: N802 - unittest wants one


def test_the_recorder_passes_the_librarys_append_and_read_cases(recorder: PostgresRecorder) -> None:
    LibraryCases()._test_append_read(recorder)


def test_the_recorder_passes_them_on_a_log_that_has_events(recorder: PostgresRecorder) -> None:
    recorder.append([DCBEvent("earlier", b"{}", ["tagQ"]) for _ in range(7)])
    LibraryCases()._test_append_subscribe(recorder, initial_position=7)


def test_the_recorder_passes_the_librarys_subscription_cases(recorder: PostgresRecorder) -> None:
    LibraryCases()._test_append_subscribe(recorder)


def test_appending_nothing_is_refused(recorder: PostgresRecorder) -> None:
    with pytest.raises(ProgrammingError):
        recorder.append([])


def test_a_refused_append_leaves_no_gap(recorder: PostgresRecorder) -> None:
    recorder.append([DCBEvent("t", b"{}", ["a"])])
    everything = DCBAppendCondition(DCBQuery([DCBQueryItem(tags=["a"])]))
    with pytest.raises(IntegrityError):
        recorder.append([DCBEvent("t", b"{}", ["b"])], everything)
    assert recorder.append([DCBEvent("t", b"{}", ["b"])]) == 2


def test_data_comes_back_byte_for_byte(recorder: PostgresRecorder) -> None:
    data = '{"b":1,  "a": 1.50, "é": "\\u00e9"}'.encode()
    recorder.append([DCBEvent("t", data, ["x", "x", "ü", 'q"\\{,}'])])
    [read] = recorder.read()
    assert (read.event.data, read.event.tags) == (data, ["x", "x", "ü", 'q"\\{,}'])


def test_recorded_at_never_runs_backwards(database: Database) -> None:
    times = iter([MOMENT, MOMENT - timedelta(days=1), MOMENT + timedelta(seconds=1)])
    recorder = PostgresRecorder(lambda: database.connect("app"), now=lambda: next(times))
    for _ in range(3):
        recorder.append([log.RecordedEvent("t", b"{}", [], occurred_at=MOMENT)])
    recorded = [e.event.recorded_at for e in recorder.read()]
    assert recorded == [MOMENT, MOMENT, MOMENT + timedelta(seconds=1)]
    recorder.close()


def test_each_hash_covers_the_row_before(recorder: PostgresRecorder) -> None:
    recorder.append([DCBEvent("t", b"{}", ["a"]), DCBEvent("t", b"{}", ["a"])])
    recorder.append([DCBEvent("t", b"{}", ["a"])])
    previous = log.GENESIS
    for read in recorder.read():
        assert read.event.hash == log.hash_of(read.event, previous)
        previous = read.event.hash


def test_positions_have_no_gaps_when_many_append_at_once_and_a_tailing_reader_misses_none(database: Database) -> None:
    writers, each = 4, 60
    failures: list[BaseException] = []

    def write() -> None:
        recorder = PostgresRecorder(lambda: database.connect("app"))
        try:
            for _ in range(each):
                recorder.append([DCBEvent("t", b"{}", ["a"]), DCBEvent("t", b"{}", ["b"])])
        except BaseException as error:  # noqa: BLE001 - reported by the test
            failures.append(error)
        recorder.close()

    reader = PostgresRecorder(lambda: database.connect("app"))
    threads = [threading.Thread(target=write) for _ in range(writers)]
    with reader.subscribe() as subscription:
        for thread in threads:
            thread.start()
        seen = [next(subscription).position for _ in range(writers * each * 2)]
    for thread in threads:
        thread.join()
    reader.close()
    assert not failures
    assert seen == list(range(1, writers * each * 2 + 1))


def test_a_subscription_goes_on_when_the_database_drops_its_connections(settings: Settings, database: Database) -> None:
    recorder = PostgresRecorder(lambda: database.connect("app"))
    with recorder.subscribe() as subscription:
        recorder.append([DCBEvent("t", b"{}", [])])
        assert next(subscription).position == 1
        with psycopg.connect(settings.database_url or "") as admin:
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
        other = PostgresRecorder(lambda: database.connect("app"))
        other.append([DCBEvent("t", b"{}", [])])
        assert next(subscription).position == 2
        other.close()
    recorder.close()


def test_the_application_cannot_change_the_log_through_its_own_connection(recorder: PostgresRecorder) -> None:
    recorder.append([DCBEvent("t", b"{}", [])])
    for statement in ("update events set data = '[]'", "delete from events", "truncate events", "drop table events"):
        with recorder.connect() as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(statement)
