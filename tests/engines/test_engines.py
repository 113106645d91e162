"""The same report files on PostgreSQL, DuckDB and Spark: identical rows, at any two clocks."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.domain.errors import Invalid, Unknown
from coopschool.pseudonyms import Pseudonyms
from coopschool.settings import Settings
from projections import engines
from projections.engines.translating import translated
from projections.lake import Lake, LakeError
from projections.lake.export import key_of
from projections.reports import REPORTS, run
from tests.support.lakes import busy, fold, released

CLOCKS = (
    {},
    {"as_of": "2019-06-30"},
    {"as_of": "2020-05-17T14:30:00+02:00", "known_at": "2020-04-01"},
    {"as_of": "2021-12-31", "known_at": "2019-12-31"},
    {"as_of": "2021-12-31", "known_at": "2017-01-01"},
)
NAMED = ("session", "team")
OPEN = {about.name for about in REPORTS.values() if not about.gated}
Question = tuple[str, dict[str, str]]
GROUPS = ("", "module,period", "year,format,language", "category", "quarter,category", "session")
needs_spark = pytest.mark.skipif(
    find_spec("pyspark") is None or shutil.which("java") is None, reason="Spark needs Java: make test installs it then"
)


class Prepared(NamedTuple):
    """A school of four years in the database and in a lake."""

    conn: psycopg.Connection[Any]
    lake: Lake
    settings: Settings
    names: Pseudonyms
    members: list[str]
    teams: set[str]


@pytest.fixture
def prepared(projected: CoopSchool, database: Database, settings: Settings, tmp_path: Path) -> Iterator[Prepared]:
    lake = released(database, settings, tmp_path / "lake").lake
    with database.connect("owner") as conn:
        found = conn.execute(
            "select tag from event_tags where tag like 'member:%' group by tag order by count(*) desc, tag"
        )
        members = [tag.removeprefix("member:") for (tag,) in found.fetchmany(3)]
        found = conn.execute("select distinct tag from event_tags where tag like 'team:%'")
        teams = {tag.removeprefix("team:") for (tag,) in found}
    with database.connect("reader") as conn:
        yield Prepared(
            conn, lake, settings, Pseudonyms(key_of(settings, lake.manifest.release), settings.zone), members, teams
        )


def questions(prepared: Prepared) -> Iterator[Question]:
    """Every report, grouped and filtered in several ways."""
    for group_by in GROUPS:
        yield "progress", {"group_by": group_by}
    yield "progress", {"module": "M01", "period": "2020Q2"}
    yield "progress", {"category": "A", "group_by": "module"}
    for name in ("cohorts", "demand", "attendance"):
        yield name, {}
    yield "workshops", {}
    for member in prepared.members:
        yield "member_progress", {"member": member}


def fewer_questions(prepared: Prepared) -> Iterator[Question]:
    """Every report at three pairs of clocks, grouped otherwise at each: Spark takes seconds for each."""
    for clock, group_by in zip(CLOCKS[1:4], ("module,period", "quarter,category", "session"), strict=True):
        yield "progress", {"group_by": group_by, **clock}
        for name in ("cohorts", "demand", "attendance", "workshops"):
            yield name, {**clock}
        yield "member_progress", {"member": prepared.members[0], **clock}


def expected(prepared: Prepared, name: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """What PostgreSQL says, ids as in the lake."""
    found = run(
        prepared.conn, name, {"as_of": prepared.lake.manifest.made_at, **asked}, zone=prepared.settings.zone
    ).rows
    rows = [
        {key: prepared.names.of(value) if key in NAMED and value else value for key, value in row.items()}
        for row in found
    ]
    return in_order(rows)


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows under pseudonyms in an order of their own."""
    return sorted(rows, key=repr) if any(key in row for row in rows for key in NAMED) else rows


def compare(prepared: Prepared, engine: engines.Engine, asked: Iterable[Question]) -> int:
    """How many of the questions have rows as answer; all have the same on both engines."""
    compared = 0
    for name, parameters in asked:
        theirs = dict(parameters)
        if "member" in theirs:
            theirs["member"] = prepared.names.of(theirs["member"])
        rows = engines.run(engine, prepared.lake, name, theirs).rows
        assert in_order(rows) == expected(prepared, name, parameters), (name, parameters)
        compared += bool(rows)
    return compared


def test_duckdb_gives_the_rows_of_postgresql_for_every_report_at_every_clock(prepared: Prepared) -> None:
    asked = [(name, {**parameters, **clock}) for name, parameters in questions(prepared) for clock in CLOCKS]
    assert {name for name, _ in asked} == OPEN
    with engines.engine("duckdb", prepared.lake) as duckdb:
        assert compare(prepared, duckdb, asked) > 40


@pytest.mark.no_cover
@needs_spark
@pytest.mark.filterwarnings("default")
def test_spark_gives_the_rows_of_postgresql_for_every_report_at_several_clocks(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_CONF_DIR", str(Path(__file__).parent / "spark"))
    asked = list(fewer_questions(prepared))
    assert {name for name, _ in asked} == OPEN
    with engines.engine("spark", prepared.lake) as spark:
        assert compare(prepared, spark, asked) > 12


def test_a_lake_with_empty_tables_answers_with_no_rows(database: Database, settings: Settings, tmp_path: Path) -> None:
    fold(database, settings)
    lake = released(database, settings, tmp_path / "lake").lake
    assert lake.manifest.position == 0
    with engines.engine("duckdb", lake) as duckdb:
        assert engines.run(duckdb, lake, "demand", {}).rows == []
        assert engines.run(duckdb, lake, "demand", {"known_at": "2020-01-01"}).rows == []
        assert engines.run(duckdb, lake, "progress", {}).rows[0]["enrolled"] == 0


@pytest.mark.parametrize("report", sorted(OPEN))
@pytest.mark.parametrize("dialect", ["duckdb", "spark"])
def test_every_report_file_can_be_translated(report: str, dialect: str) -> None:
    for translation in translated(report, dialect).values():
        assert "known" in translation.parameters


def test_what_cannot_be_asked_of_a_lake_is_answered_with_what_can(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    busy(database, settings, 300)
    lake = released(database, settings, tmp_path / "lake").lake
    with engines.engine("duckdb", lake) as duckdb:
        with pytest.raises(Unknown) as unknown:
            engines.run(duckdb, lake, "gossip", {})
        assert "progress" in unknown.value.details["known"]
        with pytest.raises(Invalid) as group:
            engines.run(duckdb, lake, "progress", {"group_by": "mood"})
        assert "module" in group.value.details["known"]
        with pytest.raises(Invalid) as future:
            engines.run(duckdb, lake, "progress", {"as_of": "2030-01-01"})
        assert datetime.fromisoformat(future.value.details["latest"]) == lake.manifest.made_at
        with pytest.raises(Invalid) as moment:
            engines.run(duckdb, lake, "progress", {"known_at": "2026-02-01T10:00:00Z"})
        assert moment.value.details["field"] == "known_at"
    with pytest.raises(LakeError, match="duckdb, spark"), engines.engine("excel", lake):
        pass


@pytest.mark.skipif(find_spec("pyspark") is None, reason="make test installs Spark where there is a Java")
def test_spark_without_java_says_so(
    database: Database, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold(database, settings)
    lake = released(database, settings, tmp_path / "lake").lake
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LakeError, match="Java"), engines.engine("spark", lake):
        pass


def test_a_lake_answers_reports_on_ratings_as_they_stood_at_the_export(prepared: Prepared) -> None:
    with engines.engine("duckdb", prepared.lake) as duckdb:
        whole = engines.run(duckdb, prepared.lake, "autonomy", {}).rows
        (dimension, *_) = {row["dimension"] for row in whole}
        bands = engines.run(duckdb, prepared.lake, "autonomy", {"dimension": dimension, "group_by": "band"}).rows
        assert bands == [row for row in whole if (row["scope"], row["dimension"]) == ("band", dimension)]
        with pytest.raises(Invalid) as earlier:
            engines.run(duckdb, prepared.lake, "autonomy", {"as_of": "2020-01-01"})
        assert earlier.value.details["field"] == "as_of"
    assert {row["team"] for row in whole if row["team"]}.isdisjoint(prepared.teams)
