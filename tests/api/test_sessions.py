"""Sessions, seats, attendance and modules over HTTP. (Their rules are tested in tests/domain.)"""

from __future__ import annotations

from datetime import timedelta

from coopschool.clock import FixedClock
from tests.api.callers import Callers


def test_a_session_is_announced_and_seen(callers: Callers, clock: FixedClock) -> None:
    trainer, begins = callers.trainer(), clock.now() + timedelta(days=10)
    session = callers.session(callers.module(), begins, seats=3, trainers=[trainer.person], place="Chez nous")
    seen = callers.member().done("GET", f"/api/sessions/{session}")
    assert (seen["module"], seen["status"], seen["seats"], seen["free"], seen["waiting"]) == (
        "M01",
        "open",
        3,
        3,
        0,
    )
    assert seen["place"] == "Chez nous"
    assert seen["trainers"] == [trainer.person]
    assert [slot["number"] for slot in seen["slots"]] == [1, 2]
    (next_one,) = callers.member().done("GET", "/api/modules/M01")["next_sessions"]
    assert (next_one["session_id"], next_one["free"], next_one["place"]) == (session, 3, "Chez nous")


def test_slots_are_moved_and_cancelled_and_the_session_called_off(callers: Callers, clock: FixedClock) -> None:
    begins = clock.now() + timedelta(days=10)
    session = callers.session(callers.module(), begins)
    ada = callers.member()
    ada.made(f"/api/sessions/{session}/enrolments", {})
    clashing = callers.session(callers.module("M02"), begins + timedelta(days=3), slots=1)
    ada.made(f"/api/sessions/{clashing}/enrolments", {})
    times = {
        "starts_at": (begins + timedelta(days=3)).isoformat(),
        "ends_at": (begins + timedelta(days=3, hours=2)).isoformat(),
    }
    path = f"/api/sessions/{session}"
    refused = callers.coordinator.post(f"{path}/slots/1/move", times)
    assert (refused.status_code, refused.json()["details"]["people"]) == (409, [ada.person])
    moved = callers.coordinator.done("POST", f"{path}/slots/1/move", {**times, "accept_clashes": True})
    assert moved["clashes"] == [ada.person]
    callers.coordinator.done("POST", f"{path}/slots/2/cancel")
    assert [slot["cancelled"] for slot in ada.done("GET", path)["slots"]] == [False, True]

    callers.coordinator.done("POST", f"{path}/cancel", {"reason_code": "too_few"})
    assert ada.done("GET", path)["status"] == "cancelled"
    (interest,) = ada.done("GET", "/api/members/me/enrolments")["interests"]
    assert interest["module"] == "M01"


def test_a_seat_is_given_by_hand_after_the_cutoff(callers: Callers, clock: FixedClock) -> None:
    trainer = callers.trainer()
    session = callers.session(callers.module(), clock.now() + timedelta(days=1), seats=1, trainers=[trainer.person])
    ada, bo = callers.member(), callers.member()
    ada.made(f"/api/sessions/{session}/enrolments", {})
    bo.made(f"/api/sessions/{session}/enrolments", {})
    ada.done("DELETE", f"/api/sessions/{session}/enrolments/me")
    promoted = trainer.done("POST", f"/api/sessions/{session}/promote", {"rank": 1})
    assert (promoted["person_id"], promoted["rank"], promoted["passed_over"]) == (bo.person, 1, [])
    (promotion,) = trainer.done("GET", f"/api/sessions/{session}/waitlist")["promotions"]
    assert promotion["rule"] == "by_hand"
    assert "freed_by" not in promotion


def test_a_trainer_enrols_who_walks_in_on_the_day(callers: Callers, clock: FixedClock) -> None:
    trainer = callers.trainer()
    session = callers.session(callers.module(), clock.now() + timedelta(hours=2), trainers=[trainer.person])
    ada = callers.member()
    made = trainer.post(f"/api/sessions/{session}/enrolments", {"person_id": ada.person})
    assert (made.status_code, made.json()["status"]) == (201, "confirmed")
    assert made.headers["location"] == f"/api/sessions/{session}/enrolments/{ada.person}"
    (learner,) = trainer.done("GET", f"/api/sessions/{session}")["people"]
    assert learner["walk_in"] is True


def test_a_sheet_is_handed_in_once_and_put_right_by_corrections(callers: Callers, clock: FixedClock) -> None:
    trainer = callers.trainer()
    session = callers.session(callers.module(), clock.now() + timedelta(days=5), slots=1, trainers=[trainer.person])
    ada, bo = callers.member(), callers.member()
    for member in (ada, bo):
        member.made(f"/api/sessions/{session}/enrolments", {})
    clock.advance(timedelta(days=6))
    path = f"/api/sessions/{session}/slots/1"
    line = {"person_id": ada.person, "status": "present", "mode": "online"}
    incomplete = trainer.put(f"{path}/attendance", {"records": [line]})
    assert (incomplete.status_code, incomplete.json()["details"]["missing"]) == (409, [bo.person])
    sheet = {"records": [line, {"person_id": bo.person, "status": "absent"}]}
    first = trainer.done("PUT", f"{path}/attendance", sheet)
    again = trainer.done("PUT", f"{path}/attendance", {"records": sheet["records"][::-1]})
    assert again == first
    other = {"records": [line, {"person_id": bo.person, "status": "excused"}]}
    refused = trainer.put(f"{path}/attendance", other)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/slot-already-logged")

    correction = {"person_id": bo.person, "status": "partial", "minutes": 90, "reason_code": "arrived_late"}
    trainer.done("POST", f"{path}/corrections", correction)
    people = trainer.done("GET", f"/api/sessions/{session}")["people"]
    assert {one["person_id"]: one["attendance"] for one in people} == {
        ada.person: [{"slot": 1, "status": "present", "mode": "online"}],
        bo.person: [{"slot": 1, "status": "partial", "minutes": 90}],
    }
    wrong = trainer.put(f"{path}/attendance", {"records": [{**line, "minutes": 9}]})
    assert wrong.status_code == 409
    assert trainer.done("POST", f"/api/sessions/{session}/close")["completed"] == 2


def test_minutes_that_do_not_fit_are_named_by_line(callers: Callers, clock: FixedClock) -> None:
    trainer = callers.trainer()
    session = callers.session(callers.module(), clock.now() + timedelta(days=5), slots=1, trainers=[trainer.person])
    ada = callers.member()
    ada.made(f"/api/sessions/{session}/enrolments", {})
    clock.advance(timedelta(days=6))
    sheet = {"records": [{"person_id": ada.person, "status": "partial", "minutes": 500}]}
    response = trainer.put(f"/api/sessions/{session}/slots/1/attendance", sheet)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "#/records/0/minutes")


def test_enrolling_in_a_module_takes_what_fits_or_waits_or_is_remembered(callers: Callers, clock: FixedClock) -> None:
    begins = clock.now() + timedelta(days=10)
    session = callers.session(callers.module(), begins, seats=1)
    path = "/api/modules/M01/enrolments"
    ada, bo, cy = callers.member(), callers.member(), callers.member()

    foreseen = ada.post(f"{path}?preview=true", {})
    assert (foreseen.status_code, foreseen.json()["status"]) == (200, "confirmed")
    assert ada.done("GET", f"/api/sessions/{session}").get("own") is None
    placed = ada.made(path, {"languages": ["fr"], "until": begins.date().isoformat()})
    assert (placed["status"], placed["session_id"]) == ("confirmed", session)
    placed = bo.made(path, {"waitlist": True})
    assert (placed["status"], placed["session_id"], placed["rank"]) == ("waitlisted", session, 1)
    wish = {"languages": ["nl"], "places": ["Chez nous", "namur"], "from": "2026-09-01"}
    first = cy.made(path, wish)
    assert first["status"] == "interested"
    assert cy.made(path, wish)["position"] == first["position"]
    (interest,) = cy.done("GET", "/api/members/me/enrolments")["interests"]
    assert interest["places"] == ["Chez nous", "namur"]
    cy.done("DELETE", "/api/modules/M01/interests/me")
    assert cy.delete("/api/modules/M01/interests/me").status_code == 404


def test_drafts_are_for_coordinators_and_retired_modules_as_well(callers: Callers) -> None:
    callers.module("M01")
    callers.module("M02")
    callers.coordinator.made(
        "/api/modules",
        {
            "code": "M03",
            "title": {"fr": "Brouillon"},
            "half_days": 1,
            "hours": 2.5,
            "format": "online",
            "min_attendance": 0.8,
            "audience": ["A"],
        },
    )
    callers.coordinator.done("POST", "/api/modules/M02/retire")

    def codes(items: list[dict[str, str]]) -> list[tuple[str, str]]:
        return [(item["code"], item["status"]) for item in items]

    assert codes(callers.member().done("GET", "/api/modules")["items"]) == [("M01", "published")]
    everything = callers.coordinator.done("GET", "/api/modules")["items"]
    assert codes(everything) == [("M01", "published"), ("M02", "retired"), ("M03", "draft")]
    assert everything[2]["hours"] == 2.5
    assert everything[2]["title"] == {"fr": "Brouillon"}


def test_a_revision_keeps_the_words_that_are_not_given(callers: Callers) -> None:
    callers.module(aim="To learn")
    read = callers.coordinator.get("/api/modules/M01")
    changes = {"title": {"fr": "Autrement"}, "min_attendance": 0.75}
    callers.coordinator.done("PATCH", "/api/modules/M01", changes, headers={"If-Match": read.headers["etag"]})
    read = callers.coordinator.get("/api/modules/M01")
    seen = read.json()
    assert (seen["title"], seen["aim"], seen["min_attendance"], seen["half_days"]) == (
        {"fr": "Autrement"},
        "To learn",
        0.75,
        2,
    )
    same = callers.coordinator.done(
        "PATCH", "/api/modules/M01", {"aim": "To learn"}, headers={"If-Match": read.headers["etag"]}
    )
    assert callers.coordinator.get("/api/modules/M01").headers["etag"] == read.headers["etag"]
    assert same["position"] > 0
