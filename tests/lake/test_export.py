"""Releases: what goes in, under which names, and that nothing interrupts them half-way."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import re
import signal
from collections import Counter
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pyarrow as pa
import pytest

from coopschool.database import Database
from coopschool.domain.school.enrolment import MemberEnrolled, ModuleCompleted
from coopschool.domain.school.session import AttendanceLogged, AttendanceRecord, SessionClosed
from coopschool.pseudonyms import Pseudonyms
from coopschool.settings import Settings
from projections.lake import Lake, LakeError, export, open_lake
from projections.lake.columns import EXPORTED, described
from projections.lake.export import key_of
from projections.lake.manifest import MANIFEST, alone_in, save
from projections.lake.writing import CsvPart
from tests.support.lakes import busy, fold, log_of, released, rows_of
from tests.support.made_log import BRUSSELS, Dated, busy_school

UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
START = datetime(2020, 5, 4, 9, tzinfo=BRUSSELS)


class Interrupted(Exception):
    """As if somebody had pulled the plug."""


def session_of(people: int, *, closed: bool) -> tuple[str, list[Dated]]:
    """Events of a session with so many people, ended or not."""
    session, key = str(uuid4()), {"module": "M01"}
    members = [str(uuid4()) for _ in range(people)]
    records = tuple(AttendanceRecord(member=member, status="present") for member in members)
    happened: list[Dated] = [(START, MemberEnrolled(member=member, session=session, **key)) for member in members]
    happened.append((START, AttendanceLogged(session=session, slot=1, records=records, **key)))
    return session, happened + (ending(session, members) if closed else [])


def ending(session: str, members: list[str]) -> list[Dated]:
    at, key = START + timedelta(days=1), {"session": session, "module": "M01"}
    completed = [(at, ModuleCompleted(member=member, attended=(1, 1), expected=1, **key)) for member in members]
    return [(at, SessionClosed(**key)), *completed]


def count(database: Database, table: str) -> int:
    with database.connect("app") as conn:
        row = conn.execute("select generation from live_facts").fetchone()
        assert row is not None
        found = conn.execute(f"select count(*) from {database.schema}_facts_{row[0]}.{table}").fetchone()  # type: ignore[arg-type]
        assert found is not None
        return int(found[0])


def test_a_release_holds_every_fact_and_every_event_that_may_be_seen(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    busy(database, settings)
    done = released(database, settings, tmp_path / "lake")
    lake = open_lake(tmp_path / "lake")
    assert lake.manifest == done.lake.manifest
    assert lake.damage() == []
    for table in EXPORTED:
        assert lake.manifest.tables[table].rows == count(database, table) == len(rows_of(lake, table))
    positions = [row["position"] for row in rows_of(lake, "events")]
    assert len(set(positions)) == len(positions) == lake.manifest.tables["events"].rows
    counted = sum(row["events"] for row in rows_of(lake, "small_sessions"))
    assert len(positions) + counted == lake.manifest.position
    assert {path.parent.name for path in map(Path, lake.paths("events"))} == {"in_year=2015"}


def test_nothing_in_a_release_names_anybody(database: Database, settings: Settings, tmp_path: Path) -> None:
    busy(database, settings)
    lake = released(database, settings, tmp_path / "lake", as_csv=True).lake
    with database.connect("owner") as conn:
        rows = conn.execute("select data || array_to_string(tags, ' ') from events").fetchall()
    ids = set(chain.from_iterable(UUID.findall(text.encode()) for (text,) in rows))
    assert len(ids) > 100
    shown = [msgspec.json.encode([rows_of(lake, table) for table in lake.manifest.tables], enc_hook=str)]
    shown += [path.read_bytes() for path in lake.directory.rglob("*") if path.suffix in (".json", ".md", ".csv")]
    for text in shown:
        for id in set(UUID.findall(text)):
            assert id.decode() == str(lake.manifest.epoch)
        assert not ids & {id for id in ids if id.replace(b"-", b"") in text}


def test_the_same_person_has_the_same_name_in_facts_and_events(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    busy(database, settings)
    lake = released(database, settings, tmp_path / "lake").lake
    named = {row["member"] for row in rows_of(lake, "enrolments")}
    tagged = {
        tag.partition(":")[2] for row in rows_of(lake, "events") for tag in row["tags"] if tag.startswith("member")
    }
    assert named
    assert named <= tagged
    with database.connect("owner") as conn:
        real = {tag for (tag,) in conn.execute("select distinct tag from event_tags where tag like 'member:%'")}
    names = Pseudonyms(key_of(settings, lake.manifest.release), settings.zone)
    assert {names.tag(tag).partition(":")[2] for tag in real} == tagged


def test_a_later_run_adds_what_has_come_since_and_no_more(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    happened = list(busy_school(900))
    log_of(database, happened[:500])
    fold(database, settings)
    first = released(database, settings, tmp_path / "lake").lake
    log_of(database, happened[500:])
    fold(database, settings)
    done = released(database, settings, tmp_path / "lake")
    assert done.lake.manifest.release == first.manifest.release
    assert set(first.manifest.tables["enrolments"].files) < set(done.lake.manifest.tables["enrolments"].files)
    whole = released(database, settings, tmp_path / "other").lake

    def real(lake: Any) -> dict[str, Counter[str]]:
        back = Pseudonyms(key_of(settings, lake.manifest.release), settings.zone)

        def renamed(text: str) -> str:
            return re.sub("[0-9a-f]{32}", lambda found: back.id_of(found[0]) or "?", text)

        tables = {
            table: rows_of(lake, table) for table in lake.manifest.tables if table not in ("small_sessions", "recorded")
        }
        return {table: Counter(renamed(str(row)) for row in rows) for table, rows in tables.items()}

    assert real(done.lake) == real(whole)
    assert open_lake(tmp_path / "lake").damage() == []


def test_events_of_a_session_appear_when_it_has_ended(database: Database, settings: Settings, tmp_path: Path) -> None:
    session, happened = session_of(6, closed=False)
    log_of(database, happened)
    fold(database, settings)
    before = released(database, settings, tmp_path / "lake").lake
    assert rows_of(before, "events") == []
    assert len(rows_of(before, "enrolments")) > 0
    log_of(database, ending(session, [str(uuid4())]))
    fold(database, settings)
    after = released(database, settings, tmp_path / "lake").lake
    assert sorted(row["position"] for row in rows_of(after, "events")) == list(range(1, len(happened) + 3))
    released(database, settings, tmp_path / "lake")
    assert len(rows_of(open_lake(tmp_path / "lake"), "events")) == len(happened) + 2


def test_a_session_of_four_people_is_shown_in_counts_only(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    log_of(database, session_of(4, closed=True)[1])
    log_of(database, session_of(5, closed=True)[1])
    fold(database, settings)
    lake = released(database, settings, tmp_path / "lake").lake
    assert len(rows_of(lake, "events")) == 5 + 1 + 1 + 5
    assert {row["type"]: row["events"] for row in rows_of(lake, "small_sessions")} == {
        "MemberEnrolled.v1": 4,
        "AttendanceLogged.v1": 1,
        "SessionClosed.v1": 1,
        "ModuleCompleted.v1": 4,
    }


@pytest.mark.parametrize("at", ["sessions", "enrolments", "events"])
def test_an_interrupted_run_leaves_the_old_release_whole_and_the_next_one_finishes(
    database: Database, settings: Settings, tmp_path: Path, at: str
) -> None:
    happened = list(busy_school(900))
    log_of(database, happened[:500])
    fold(database, settings)
    before = released(database, settings, tmp_path / "lake", as_csv=True).lake
    log_of(database, happened[500:])
    fold(database, settings)

    def unplug(table: str, _done: int, _total: int | None) -> None:
        if table == at:
            raise Interrupted

    with pytest.raises(Interrupted):
        export(database, settings, tmp_path / "lake", as_csv=True, progress=unplug)
    assert open_lake(tmp_path / "lake") == before
    assert before.damage() == []
    assert bool(list(before.directory.rglob("*.part"))) is (at != "sessions")
    after = released(database, settings, tmp_path / "lake", as_csv=True).lake
    assert after.manifest.position > before.manifest.position
    assert after.damage() == []
    named = {after.directory / file.path for file in after.manifest.files()} | {after.directory / MANIFEST}
    left = {path for path in after.directory.rglob("*") if path.is_file()} - named
    assert left <= {before.directory / file.path for file in before.manifest.documents}


def _export_and_be_killed(settings: Settings, directory: Path, at: str) -> None:
    def kill(table: str, _done: int, _total: int | None) -> None:
        if table == at:
            os.kill(os.getpid(), signal.SIGKILL)

    with Database.open(settings) as database:
        export(database, settings, directory, progress=kill)


@pytest.mark.parametrize("new_release", [False, True])
def test_a_run_that_is_killed_leaves_the_old_release_whole_and_the_next_one_finishes(
    database: Database, settings: Settings, tmp_path: Path, new_release: bool
) -> None:
    before = busy_lake(database, settings, tmp_path / "lake")
    process = multiprocessing.get_context("spawn").Process(
        target=_export_and_be_killed, args=(settings, tmp_path / "lake", "events")
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert open_lake(tmp_path / "lake") == before
    assert before.damage() == []
    after = released(database, settings, tmp_path / "lake", new_release=new_release).lake
    assert after.manifest.position > before.manifest.position
    assert (before.directory == after.directory) is not new_release
    assert after.damage() == []


def test_an_interrupted_first_run_leaves_no_lake_and_the_next_one_makes_it(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    busy(database, settings)

    def unplug(*_: object) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        export(database, settings, tmp_path / "lake", progress=unplug)
    with pytest.raises(LakeError, match="coopschool export"):
        open_lake(tmp_path / "lake")
    released(database, settings, tmp_path / "lake")
    assert open_lake(tmp_path / "lake").damage() == []
    assert len(list((tmp_path / "lake").glob("release-*"))) == 1


def test_when_postgresql_goes_away_the_old_release_is_whole_and_the_next_run_finishes(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    before = busy_lake(database, settings, tmp_path / "lake")

    def end_connections(*_: object) -> None:
        with psycopg.connect(settings.database_url or "", autocommit=True) as admin:
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )

    with pytest.raises(psycopg.OperationalError):
        export(database, settings, tmp_path / "lake", progress=end_connections)
    assert open_lake(tmp_path / "lake") == before
    assert released(database, settings, tmp_path / "lake").lake.manifest.position > before.manifest.position


@pytest.mark.parametrize("error", [OSError(28, "No space left on device", "lake"), KeyboardInterrupt()])
def test_who_stops_an_export_half_way_leaves_no_connection(
    database: Database, settings: Settings, tmp_path: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.lake.bulk.BYTES_AT_ONCE", 1_000)
    before = busy_lake(database, settings, tmp_path / "lake")

    def stop(table: str, *_: object) -> None:
        if table == "events":
            raise error

    with pytest.raises(type(error)):
        export(database, settings, tmp_path / "lake", progress=stop)
    with psycopg.connect(settings.database_url or "", autocommit=True) as admin:
        left = admin.execute(
            "select count(*) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend' "
            "and state like 'idle in transaction%'"
        ).fetchone()
    assert left == (0,)
    assert open_lake(tmp_path / "lake") == before


def busy_lake(database: Database, settings: Settings, directory: Path) -> Lake:
    """A release of a part of what the log holds."""
    happened = list(busy_school(300))
    log_of(database, happened[:200])
    fold(database, settings)
    lake = released(database, settings, directory).lake
    log_of(database, happened[200:])
    fold(database, settings)
    return lake


def test_another_release_has_other_names_and_leaves_the_old_one_whole(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    busy(database, settings)
    old = released(database, settings, tmp_path / "lake").lake
    new = released(database, settings, tmp_path / "lake", new_release=True).lake
    assert open_lake(tmp_path / "lake") == new
    assert open_lake(old.directory) == old
    assert old.damage() == []
    assert not {row["member"] for row in rows_of(old, "enrolments")} & {
        row["member"] for row in rows_of(new, "enrolments")
    }


def test_facts_of_another_version_of_the_projections_are_exported_anew(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    busy(database, settings)
    lake = released(database, settings, tmp_path / "lake").lake
    save(lake.directory, msgspec.structs.replace(lake.manifest, projections="of old"))
    after = released(database, settings, tmp_path / "lake").lake
    assert after.manifest.tables["enrolments"].rows == lake.manifest.tables["enrolments"].rows
    assert after.manifest.tables["events"].rows == lake.manifest.tables["events"].rows
    assert after.damage() == []


def test_a_release_of_another_life_of_the_log_is_not_extended(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    busy(database, settings)
    lake = released(database, settings, tmp_path / "lake").lake
    with database.connect("owner") as conn:
        conn.execute("insert into log_epochs (begun_after) values (10)")
    with pytest.raises(LakeError, match="--new-release"):
        released(database, settings, tmp_path / "lake")
    assert open_lake(tmp_path / "lake") == lake
    assert released(database, settings, tmp_path / "lake", new_release=True).lake.manifest.epoch != lake.manifest.epoch


def test_a_release_is_not_extended_from_a_shorter_log_or_under_other_rules(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    busy(database, settings)
    lake = released(database, settings, tmp_path / "lake").lake
    with pytest.raises(LakeError, match="groups of 5"):
        released(database, msgspec.structs.replace(settings, min_group=8), tmp_path / "lake")
    save(lake.directory, msgspec.structs.replace(lake.manifest, position=lake.manifest.position + 1))
    with pytest.raises(LakeError, match="beyond what there is"):
        released(database, settings, tmp_path / "lake")


def test_two_exports_do_not_write_at_once(database: Database, settings: Settings, tmp_path: Path) -> None:
    busy(database, settings, 100)
    with alone_in(tmp_path / "lake"), pytest.raises(LakeError, match="another export"):
        released(database, settings, tmp_path / "lake")


def test_a_lake_that_cannot_be_read_says_why(database: Database, settings: Settings, tmp_path: Path) -> None:
    busy(database, settings, 100)
    lake = released(database, settings, tmp_path / "lake").lake
    with pytest.raises(LakeError, match="attendance"):
        lake.paths("names")
    save(lake.directory, msgspec.structs.replace(lake.manifest, format=99))
    with pytest.raises(LakeError, match="format 99"):
        open_lake(tmp_path / "lake")
    (lake.directory / MANIFEST).write_text("{")
    with pytest.raises(LakeError, match="cannot be read"):
        open_lake(tmp_path / "lake")
    with pytest.raises(LakeError, match="cannot be read"):
        released(database, settings, tmp_path / "lake")


def test_damage_is_found(database: Database, settings: Settings, tmp_path: Path) -> None:
    busy(database, settings, 300)
    lake = released(database, settings, tmp_path / "lake").lake
    changed, missing = (Path(lake.paths(table)[0]) for table in ("enrolments", "sessions"))
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")
    missing.unlink()
    assert sorted(found.partition("/")[0] for found in lake.damage()) == ["enrolments", "sessions"]


def test_the_dictionary_describes_every_column_and_every_event(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    busy(database, settings, 100)
    lake = released(database, settings, tmp_path / "lake").lake
    (path,) = [
        file.path
        for file in lake.manifest.documents
        if file.path.startswith("dictionary-") and file.path.endswith(".json")
    ]
    told = json.loads((lake.directory / path).read_text())
    assert {table["table"] for table in told["tables"]} == lake.manifest.tables.keys()
    for table in told["tables"]:
        assert table["description"], table["table"]
        assert [column["column"] for column in table["columns"]] == list(lake.manifest.tables[table["table"]].columns)
        assert all(len(column["description"]) > 5 for column in table["columns"]), table
    assert {"field": "member", "type": "str", "holds": "pseudonym of a member"} in next(
        event["fields"] for event in told["events"] if event["type"] == "MemberEnrolled.v1"
    )
    (path,) = [file.path for file in lake.manifest.documents if file.path.endswith(".md")]
    assert "## enrolments" in (lake.directory / path).read_text()


def test_a_column_or_table_that_nobody_decided_on_stops_the_export(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    busy(database, settings, 100)
    with database.connect("projector") as conn:
        row = conn.execute("select generation from live_facts").fetchone()
        assert row is not None
        conn.execute(f"set search_path to {database.schema}_facts_{row[0]}, {database.schema}")  # type: ignore[arg-type]
        conn.execute("alter table enrolments add nickname text")
        with pytest.raises(LakeError, match=r"enrolments\.nickname"):
            described(conn)
        conn.execute("create table secrets (position bigint)")
        with pytest.raises(LakeError, match="secrets"):
            described(conn)


def test_in_csv_nothing_looks_like_a_formula_and_lists_are_joined(tmp_path: Path) -> None:
    schema = pa.schema([("text", pa.string()), ("tags", pa.list_(pa.string())), ("n", pa.int64())])
    part = CsvPart(tmp_path, "a/b.csv", schema)
    values = ["=1+1", "+1", "-1", "@x", "\tx", 'plain, "quoted"', None]
    part.write(pa.table({"text": values, "tags": [["=a", "b"]] * 7, "n": list(range(7))}, schema=schema))
    part.close()
    file = part.name()
    with (tmp_path / file.path).open(newline="") as lines:
        rows = list(csv.reader(lines))
    assert [row[0] for row in rows[1:]] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", 'plain, "quoted"', ""]
    assert rows[1][1] == "'=a b"
    assert file.rows == 7


def test_the_csv_files_hold_the_same_rows(database: Database, settings: Settings, tmp_path: Path) -> None:
    busy(database, settings, 300)
    lake = released(database, settings, tmp_path / "lake", as_csv=True).lake
    found = [file for file in lake.manifest.tables["enrolments"].files if file.path.startswith("csv/")]
    lines = sum(len((lake.directory / file.path).read_text().splitlines()) - 1 for file in found)
    assert lines == lake.manifest.tables["enrolments"].rows == sum(file.rows for file in found)
