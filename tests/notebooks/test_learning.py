"""The notebook runs from top to bottom on the demo's school, and its figures are the reports' and the log's."""

from __future__ import annotations

import importlib.util
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from projections.reports import run
from tests.support.installation import Simulated
from tests.support.lakes import NOW, released

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "learning.py"
CHARTS = ("completion_chart", "autonomy_chart", "turn_chart", "waits_chart", "after_chart")
Defs = dict[str, Any]


@pytest.fixture(scope="module")
def defs(simulated: Simulated, tmp_path_factory: pytest.TempPathFactory) -> Defs:
    """What the notebook has defined once it ran on a lake of the demo's school."""
    directory = tmp_path_factory.mktemp("notebook") / "lake"
    released(simulated.database, simulated.settings, directory)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COOPSCHOOL_LAKE", str(directory))
        spec = importlib.util.spec_from_file_location("learning", NOTEBOOK)
        assert spec is not None
        assert spec.loader is not None
        notebook = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(notebook)
        _, found = notebook.app.run()
    return dict(found)


def rows(simulated: Simulated, name: str, **parameters: str) -> list[dict[str, Any]]:
    with simulated.database.connect("app") as conn:
        return run(conn, name, parameters, now=NOW).rows


def events(simulated: Simulated, topic: str) -> list[tuple[datetime, dict[str, Any]]]:
    with simulated.database.connect("app") as conn:
        found = conn.execute("select occurred_at, data from events where type = %s order by position", [topic])
        return [(at, msgspec.json.decode(data)) for at, data in found]


@pytest.mark.filterwarnings("default")
def test_completion_is_the_progress_report_and_fell_with_the_move_online(simulated: Simulated, defs: Defs) -> None:
    of_report = rows(simulated, "progress", group_by="quarter,format")
    assert defs["completion"] == [row for row in of_report if row["completion_rate"] is not None]
    assert "online" in {row["format"] for row in defs["completion"] if row["quarter"] == "2020Q2"}
    assert "online" not in {row["format"] for row in defs["completion"] if row["quarter"] < "2020"}
    by_quarter = {row["quarter"]: row["completion_rate"] for row in rows(simulated, "progress", group_by="quarter")}
    assert defs["turn"] == {quarter: by_quarter[quarter] for quarter in ("2019Q2", "2020Q2", "2021Q2")}
    assert defs["turn"]["2020Q2"] < defs["turn"]["2019Q2"]


def test_autonomy_is_what_the_gate_let_through(simulated: Simulated, defs: Defs) -> None:
    told = ("scope", "released_on", "dimension", "band", "n", "mean", "change", "telework_share", "series_broken")

    def counted(found: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
        return Counter(tuple(row[name] for name in told) for row in found if not row["suppressed"])

    of_report = rows(simulated, "autonomy")
    assert counted(defs["measured"]) == counted(of_report)
    assert not any(row["suppressed"] for row in defs["measured"]), "the hidden team is in no chart"
    assert len({row["team"] for row in defs["turned"]}) == 11
    [after] = {row["released_on"] for row in of_report if row["change"] and "2020-03" < row["released_on"] < "2021"}
    changes = Counter(
        (row["dimension"], row["change"])
        for row in of_report
        if row["scope"] == "team" and row["released_on"] == after and not row["suppressed"]
    )
    assert Counter((row["dimension"], row["change"]) for row in defs["turned"]) == changes


def test_the_notebook_says_that_autonomy_is_neither_caused_nor_validated(defs: Defs) -> None:
    said = " ".join(defs["autonomy"].notes)
    assert "not a cause" in said
    assert "not validated" in said


def test_waits_are_those_of_the_log(simulated: Simulated, defs: Defs) -> None:
    first_module: dict[str, datetime] = {}
    for at, completed in events(simulated, "ModuleCompleted.v1"):
        first_module.setdefault(completed["member"], at)
        first_module[completed["member"]] = min(first_module[completed["member"]], at)
    since: dict[tuple[str, str], datetime] = {}
    for at, waited in events(simulated, "MemberWaitlisted.v1"):
        since.setdefault((waited["session"], waited["member"]), at)
    promoted = {(got["session"], got["member"]) for _, got in events(simulated, "MemberPromoted.v1")}
    seats: Counter[str] = Counter()
    for (session, member), at in since.items():
        learnt = member in first_module and first_module[member] <= at
        seats["has learnt" if learnt else "newcomer"] += (session, member) in promoted
    found: Counter[str] = Counter()
    for row in defs["told"]:
        if row["outcome"] == "got a seat":
            found[row["who"]] += row["waits"]
    assert found == seats
    lapsed = len({(one["session"], one["member"]) for _, one in events(simulated, "WaitlistLapsed.v1")} - promoted)
    assert sum(row["waits"] for row in defs["told"] if row["outcome"] == "lapsed") == lapsed
    assert 0 < defs["soon"] < 1


def test_small_groups_of_waits_are_left_out(defs: Defs) -> None:
    assert {row["who"] for row in defs["waits"]} == {"newcomer", "has learnt"}
    assert all(row["waits"] >= 5 for row in (*defs["waits"], *defs["after_waits"]))


def test_every_chart_has_its_data(defs: Defs) -> None:
    for name in CHARTS:
        assert defs[name].to_dict(), name
        assert defs[name].data.values, name
