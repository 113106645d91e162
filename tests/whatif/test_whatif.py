"""What if: the same requests under another rule, and nothing written."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.domain.errors import Invalid
from coopschool.settings import Settings
from projections.reports import run
from projections.whatif import Answer, Rule, parse, whatif
from projections.whatif.answer import answer
from tests.support.lakes import fold
from tests.support.made_log import busy_school

BRUSSELS = ZoneInfo("Europe/Brussels")


def asked(school: CoopSchool, rule: Rule, group_by: str = "") -> Answer:
    with school.database.connect("app") as conn:
        return whatif(conn, rule, zone=BRUSSELS, group_by=group_by)


def differences(found: Answer) -> dict[str, int]:
    return {row["figure"]: row["difference"] for row in found.rows}


def test_under_the_same_rule_everything_happens_again_exactly(seeded: CoopSchool) -> None:
    found = asked(seeded, Rule(), "module,year,newcomer")
    assert found.requests > 4_000
    assert found.refused == 0
    assert {row["difference"] for row in found.rows} <= {0, None}
    assert sum(row["happened"] or 0 for row in found.rows) > 4_000


def test_what_happened_is_what_the_progress_report_says(
    seeded: CoopSchool, database: Database, settings: Settings
) -> None:
    fold(database, settings)
    with database.connect("reader") as conn:
        progress = run(conn, "progress", {"as_of": datetime(2030, 1, 1, tzinfo=BRUSSELS)}, zone=BRUSSELS).rows[0]
    happened = {row["figure"]: row["happened"] for row in asked(seeded, Rule()).rows}
    for figure in ("enrolled", "waitlisted", "promoted", "completed", "not_completed"):
        assert happened[figure] == progress[figure], figure


def test_a_lower_attendance_asked_for_lets_more_people_complete(seeded: CoopSchool) -> None:
    found = differences(asked(seeded, parse("0.6", None, None)))
    assert found["completed"] > 0
    assert found["completed"] == -found["not_completed"]
    assert found["enrolled"] == 0


def test_more_seats_shorten_the_lists_and_nobody_invents_how_the_others_would_have_attended(seeded: CoopSchool) -> None:
    found = asked(seeded, parse(None, "x1.5", None))
    changed = differences(found)
    assert changed["enrolled"] > 0 > changed["waitlisted"]
    assert changed["unknown"] > 0
    assert changed["lapsed"] < 0
    assert found.rule == {"seats": "x1.5", "waitlist": "by-rank"}
    assert any("refused are not in the log" in note for note in found.notes)


def test_fewer_seats_turn_people_away(seeded: CoopSchool) -> None:
    changed = differences(asked(seeded, parse(None, "x0.5", None)))
    assert changed["enrolled"] < 0 < changed["waitlisted"]
    assert changed["completed"] < 0


def test_newcomers_first_promotes_newcomers_instead_of_others(seeded: CoopSchool) -> None:
    found = asked(seeded, parse(None, None, "newcomers-first"), "newcomer")
    promoted = {row["newcomer"]: row["difference"] for row in found.rows if row["figure"] == "promoted"}
    assert promoted["yes"] > 0 > promoted["no"]


def test_the_live_log_is_only_read(seeded: CoopSchool) -> None:
    def state(conn: Any) -> Any:
        return conn.execute("select count(*), max(position), max(hash::text) from events").fetchall()

    with seeded.database.connect("owner") as conn:
        before = state(conn)
        asked(seeded, parse("0.5", "x2", "newcomers-first"))
        assert state(conn) == before


def test_small_groups_by_what_people_are_stay_hidden() -> None:
    happened = [(event, occurred_at) for occurred_at, event in busy_school(900)]
    found = answer(happened, parse("0.5", None, None), BRUSSELS, ("module", "category"))
    hidden = [row for row in found.rows if row.get("suppressed")]
    assert hidden
    assert all(row["happened"] is row["what_if"] is row["difference"] is None for row in hidden)
    assert any(row["happened"] for row in found.rows)


def test_an_empty_log_answers_with_zeros(school: CoopSchool) -> None:
    assert set(differences(asked(school, parse("0.6", None, None))).values()) == {0}


@pytest.mark.parametrize(
    ("given", "field", "known"),
    [
        (("0.61", None, None), "min_attendance", "0.6"),
        ((None, "x1.51", None), "seats", "x1.5"),
        ((None, None, "by-charm"), "waitlist", "newcomers-first"),
    ],
)
def test_parameters_outside_the_published_grid_are_refused_with_the_grid(
    given: tuple[str | None, str | None, str | None], field: str, known: str
) -> None:
    with pytest.raises(Invalid) as refused:
        parse(*given)
    assert refused.value.details["field"] == field
    assert known in refused.value.details["known"]


def test_an_unknown_group_is_refused_with_those_there_are(school: CoopSchool) -> None:
    with pytest.raises(Invalid) as refused:
        asked(school, parse("0.6", None, None), "mood")
    assert "newcomer" in refused.value.details["known"]
