"""The main job, from a request to a figure in a report."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from coopschool.clock import FixedClock
from tests.api.callers import Callers


def test_an_enrolment_over_http_becomes_an_event_and_the_event_a_figure_in_the_progress_report(
    callers: Callers, clock: FixedClock, catch_up: Callable[[], int]
) -> None:
    trainer, coordinator = callers.trainer(name="Ines"), callers.coordinator
    session = callers.session(callers.module(), clock.now() + timedelta(days=10), seats=1, trainers=[trainer.person])
    ada, bo = callers.member(name="Ada"), callers.member(name="Bo")

    assert ada.made(f"/api/sessions/{session}/enrolments", {})["status"] == "confirmed"
    waits = bo.made(f"/api/sessions/{session}/enrolments", {"person_id": "me"})
    assert (waits["status"], waits["rank"]) == ("waitlisted", 1)

    clock.advance(timedelta(days=11))
    sheet: dict[str, Any] = {"records": [{"person_id": ada.person, "status": "present", "mode": "on_site"}]}
    trainer.done("PUT", f"/api/sessions/{session}/slots/1/attendance", sheet)
    clock.advance(timedelta(days=7))
    sheet = {"records": [{"person_id": ada.person, "status": "partial", "minutes": 90}]}
    trainer.done("PUT", f"/api/sessions/{session}/slots/2/attendance", sheet)
    closed = trainer.done("POST", f"/api/sessions/{session}/close")
    assert (closed["completed"], closed["not_completed"]) == (1, 0)
    catch_up()

    answer = coordinator.done("GET", f"/api/reports/progress?group_by=module&min_position={closed['position']}")
    (row,) = answer["rows"]
    assert row["module"] == "M01"
    assert (row["enrolled"], row["waitlisted"], row["completed"], row["seats"]) == (1, 1, 1, 1)
    assert answer["provenance"]["position"] >= closed["position"]
    progress = ada.done("GET", "/api/members/me/progress")
    assert [(row["module"], row["status"]) for row in progress["rows"]] == [("M01", "completed")]


def test_a_withdrawal_gives_the_seat_to_the_first_who_waits_in_the_same_answer(
    callers: Callers, clock: FixedClock
) -> None:
    session = callers.session(callers.module(), clock.now() + timedelta(days=10), seats=1)
    ada, bo = callers.member(), callers.member()
    ada.made(f"/api/sessions/{session}/enrolments", {})
    bo.made(f"/api/sessions/{session}/enrolments", {})

    ada.done("DELETE", f"/api/sessions/{session}/enrolments/me?reason_code=illness")

    seen = bo.done("GET", f"/api/sessions/{session}")
    assert seen["own"] == {"status": "confirmed"}
    assert (seen["free"], seen["waiting"]) == (0, 0)
    (promotion,) = callers.coordinator.done("GET", f"/api/sessions/{session}/waitlist")["promotions"]
    assert (promotion["rank"], promotion["rule"], promotion["freed_by"]) == (1, "first_eligible", ada.person)
    (own,) = bo.done("GET", f"/api/sessions/{session}/waitlist")["promotions"]
    assert "freed_by" not in own
