"""Lists, page by page, as JSON and as CSV; and the log's feed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta

import pytest

from coopschool.api.answers import csv_text, prefers_csv
from coopschool.clock import FixedClock
from coopschool.database import Database
from tests.api.callers import Caller, Callers


def pages(caller: Caller, path: str) -> list[list[str]]:
    """The ids on each page, going on by `Link`."""
    found: list[list[str]] = []
    to: str | None = path
    while to:
        response = caller.get(to)
        assert response.status_code == 200, response.text
        found.append([next(iter(item.values())) for item in response.json()["items"]])
        link = response.headers.get("link")
        assert (link is None) == (response.json()["next"] is None)
        to = link and link.removeprefix("<").removesuffix('>; rel="next"')
    return found


def test_sessions_come_in_pages_each_once_in_the_order_of_their_first_slot(
    callers: Callers, clock: FixedClock, catch_up: Callable[[], int]
) -> None:
    module = callers.module()
    days = [20, 10, 10, 30, 10]
    made = [(day, callers.session(module, clock.now() + timedelta(days=day))) for day in days]
    catch_up()
    expected = [session for _, session in sorted(made)]
    found = pages(callers.member(), "/api/sessions?limit=2&status=open")
    assert [len(page) for page in found] == [2, 2, 1]
    assert [session for page in found for session in page] == expected


def test_sessions_are_chosen_by_what_they_are(callers: Callers, clock: FixedClock, catch_up: Callable[[], int]) -> None:
    trainer, begins = callers.trainer(), clock.now() + timedelta(days=10)
    callers.module("M01")
    ours = callers.session("M01", begins, trainers=[trainer.person], languages=["nl"], place="Chez nous")
    other = callers.session(callers.module("M02"), begins + timedelta(days=7))
    callers.coordinator.done("POST", f"/api/sessions/{other}/cancel", {"reason_code": "too_few"})
    catch_up()

    def found(query: str) -> list[str]:
        return [item["session_id"] for item in trainer.done("GET", f"/api/sessions?{query}")["items"]]

    for query in ("module=M01", "status=open", "trainer=me", f"trainer={trainer.person}", "language=nl"):
        assert found(query) == [ours], query
    day = begins.date()
    assert found(f"from={day}&until={day}") == [ours]
    assert found(f"from={day + timedelta(days=1)}") == [other]
    assert found(f"until={day - timedelta(days=1)}") == []
    (card,) = trainer.done("GET", "/api/sessions?module=M01")["items"]
    assert (card["place"], card["free"], card["waiting"]) == ("Chez nous", 2, 0)


def test_members_and_people_come_in_pages(callers: Callers, catch_up: Callable[[], int]) -> None:
    members = {callers.member().person or "" for _ in range(5)}
    trainer = callers.trainer(name="Ines").person or ""
    catch_up()
    found = pages(callers.coordinator, "/api/members?limit=2")
    assert [len(page) for page in found] == [2, 2, 1]
    assert {person for page in found for person in page} == members
    found = pages(callers.admin, "/api/people?limit=4")
    assert [person for page in found for person in page] == sorted({*members, trainer})
    (card,) = callers.admin.done("GET", "/api/people?q=Ines")["items"]
    assert (card["person_id"], card["roles"]) == (trainer, ["trainer"])


def test_a_list_is_csv_for_who_prefers_it_and_no_formula(callers: Callers, catch_up: Callable[[], int]) -> None:
    callers.member(name="=HYPERLINK(1)", email="a@example.org")
    callers.member(name='Bo "B", the 2nd')
    catch_up()
    response = callers.coordinator.get("/api/members", headers={"Accept": "text/csv"})
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert {row["name"] for row in rows} == {"'=HYPERLINK(1)", 'Bo "B", the 2nd'}
    assert rows[0]["joined_on"] == "2026-01-05"


def test_csv_links_on_as_well(callers: Callers, catch_up: Callable[[], int]) -> None:
    for _ in range(3):
        callers.member()
    catch_up()
    response = callers.coordinator.get("/api/members?limit=2", headers={"Accept": "text/csv"})
    assert response.headers["link"].endswith('rel="next"')


def test_a_report_is_csv_for_who_prefers_it(callers: Callers, clock: FixedClock, catch_up: Callable[[], int]) -> None:
    callers.session(callers.module(), clock.now() + timedelta(days=10))
    catch_up()
    path = "/api/reports/progress?group_by=module"
    response = callers.coordinator.get(path, headers={"Accept": "text/csv"})
    (row,) = csv.DictReader(io.StringIO(response.text))
    (same,) = callers.coordinator.done("GET", path)["rows"]
    assert row == {name: "" if value is None else str(value) for name, value in same.items()}
    assert len(response.headers["x-report-checksum"]) == 64
    empty = callers.coordinator.get("/api/reports/demand", headers={"Accept": "text/csv"})
    assert empty.text.startswith("module,language,place,waiting,interested,since")


@pytest.mark.parametrize("name", ["as_of", "known_at", "group_by", "module", "min_position", "colour"])
def test_a_report_names_the_parameter_that_is_wrong(callers: Callers, catch_up: Callable[[], int], name: str) -> None:
    catch_up()
    response = callers.coordinator.get(f"/api/reports/progress?{name}=%00")
    assert (response.status_code, response.json()["errors"][0]["parameter"]) == (422, name)
    if name in ("as_of", "known_at", "group_by", "min_position"):
        response = callers.coordinator.get(f"/api/reports/progress?{name}=often")
        assert response.status_code == 422
        assert response.json()["errors"][0]["parameter"] == name


def test_a_report_shows_the_words_behind_place_codes(
    callers: Callers, clock: FixedClock, catch_up: Callable[[], int]
) -> None:
    callers.module()
    wish = {"person_id": callers.member().person, "places": ["Chez nous"], "languages": ["fr"]}
    callers.coordinator.made("/api/modules/M01/enrolments", wish)
    catch_up()
    report = callers.coordinator.done("GET", "/api/reports/demand")
    (row,) = report["rows"]
    assert (row["module"], row["language"], row["interested"]) == ("M01", "fr", 1)
    assert report["places"] == {row["place"]: "Chez nous"}


def test_trainers_see_the_attendance_of_their_sessions(
    callers: Callers, clock: FixedClock, catch_up: Callable[[], int]
) -> None:
    trainer = callers.trainer()
    session = callers.session(callers.module(), clock.now() + timedelta(days=10), trainers=[trainer.person])
    catch_up()
    assert trainer.done("GET", f"/api/reports/attendance?session={session}")["report"] == "attendance"
    response = trainer.get("/api/reports/attendance")
    assert (response.status_code, response.json()["errors"][0]["parameter"]) == (422, "session")


def test_a_read_waits_for_no_position_that_was_never_written(
    callers: Callers, catch_up: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coopschool.api.reads.SECONDS_FOR_FACTS", 0.05)
    catch_up()
    for path in ("/api/sessions", "/api/reports/progress"):
        response = callers.coordinator.get(f"{path}?min_position=999999")
        assert (response.status_code, response.json()["type"]) == (503, "/problems/not-yet")
        assert int(response.headers["retry-after"]) > 0


def test_before_the_first_facts_lists_and_reports_are_not_there_yet(
    callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coopschool.api.reads.SECONDS_FOR_FACTS", 0.05)
    for path in ("/api/sessions", "/api/members", "/api/reports/progress"):
        assert callers.coordinator.get(path).status_code == 503


def test_a_projection_that_stopped_stops_its_own_reports_only(
    callers: Callers, catch_up: Callable[[], int], database: Database
) -> None:
    callers.member()
    catch_up()
    with database.connect("projector") as conn:
        conn.execute(
            "update projection_checkpoints set stopped_position = 2, stopped_type = 'MemberJoined.v1', "
            "stopped_cause = 'ValueError: odd', stopped_at = now() where projection = 'membership'"
        )
    response = callers.coordinator.get("/api/members")
    assert (response.status_code, response.json()["type"]) == (503, "/problems/projection-stopped")
    assert callers.coordinator.get("/api/reports/cohorts").status_code == 503
    assert callers.coordinator.get("/api/sessions").status_code == 200
    assert callers.coordinator.get("/api/reports/demand").status_code == 200
    assert callers.member().get("/api/members/me").status_code == 200
    ready = callers.client.get("/health/ready")
    assert ready.status_code == 200
    stopped = [one["stopped"] for one in ready.json()["projections"] if one["name"] == "membership"]
    assert stopped == [{"position": 2, "type": "MemberJoined.v1", "cause": "ValueError"}]
    assert 'coopschool_projection_stopped{projection="membership"} 1.0' in callers.client.get("/metrics").text


@pytest.mark.parametrize(
    ("accept", "csv_wanted"),
    [
        (None, False),
        ("*/*", False),
        ("text/csv", True),
        ("application/json, text/csv", False),
        ("application/json;q=0.5, text/csv;q=0.9", True),
        ("text/csv;q=0", False),
        ("text/csv;q=high", False),
    ],
)
def test_csv_is_for_who_ranks_it_above_json(accept: str | None, csv_wanted: bool) -> None:
    assert prefers_csv(accept) is csv_wanted


def test_numbers_stay_numbers_in_csv_and_texts_that_would_be_run_are_quoted() -> None:
    row = {"a": -1, "b": "-1", "c": None, "d": ["x", "+y"], "e": True, "f": {"n": 1}, "g": "@SUM(1)", "h": "\tx"}
    assert csv_text(list(row), [row]).splitlines()[1] == '-1,\'-1,,x|+y,true,"{""n"":1}",\'@SUM(1),\'\tx'


def test_the_feed_pages_through_the_log_by_type_and_tag(callers: Callers) -> None:
    ada = callers.member()
    callers.member()
    admin = callers.admin
    everything = admin.done("GET", "/api/events")
    assert everything["at_end"] is True
    assert [event["position"] for event in everything["events"]] == [1, 2, 3, 4]
    first = admin.done("GET", "/api/events?limit=3")
    assert (first["next"], first["at_end"]) == (3, False)
    rest = admin.done("GET", f"/api/events?after={first['next']}")
    assert [event["position"] for event in rest["events"]] == [4]
    for name in ("MemberJoined", "MemberJoined.v1"):
        found = admin.done("GET", f"/api/events?type={name}&tag=member:{ada.person}")["events"]
        assert [event["data"] for event in found] == [
            {"member": ada.person, "category": "A", "joined_on": "2026-01-05"}
        ]
    unknown = admin.get("/api/events?type=MemberVanished")
    assert (unknown.status_code, unknown.json()["errors"][0]["parameter"]) == (422, "type")


def test_the_form_of_a_report_may_be_asked_for_in_its_address(
    callers: Callers, clock: FixedClock, catch_up: Callable[[], int]
) -> None:
    callers.session(callers.module(), clock.now() + timedelta(days=10))
    catch_up()
    csv_wanted = callers.coordinator.get("/api/reports/progress?format=csv&group_by=module")
    assert csv_wanted.headers["content-type"] == "text/csv; charset=utf-8"
    assert csv_wanted.text.splitlines()[1].startswith("M01,1,")
    as_json = callers.coordinator.get("/api/reports/demand?format=json", headers={"Accept": "text/csv"})
    assert as_json.json()["report"] == "demand"
    (row,) = callers.coordinator.done("GET", "/api/reports/progress?format=in_person")["rows"]
    assert row["sessions"] == 1
    assert callers.coordinator.get("/api/reports/demand?format=xml").status_code == 422


def test_the_progress_of_nobody_is_not_there(callers: Callers, catch_up: Callable[[], int]) -> None:
    catch_up()
    nobody = "00000000-0000-4000-8000-000000000000"
    for path in (f"/api/members/{nobody}/progress", f"/api/reports/member_progress?member={nobody}"):
        assert callers.coordinator.get(path).status_code == 404


def test_every_read_takes_the_position_of_a_write(
    callers: Callers, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coopschool.api.reads.SECONDS_FOR_FACTS", 0.05)
    session = callers.session(callers.module(), clock.now() + timedelta(days=10))
    ada = callers.member()
    position = ada.made(f"/api/sessions/{session}/enrolments", {})["position"]
    paths = f"/api/sessions/{session}", f"/api/sessions/{session}/waitlist", "/api/members/me", "/api/modules/M01"
    for path in (*paths, "/api/modules", "/api/members/me/enrolments", "/api/people/me/personal-data"):
        assert ada.get(f"{path}?min_position={position}").status_code == 200, path
        early = ada.get(f"{path}?min_position={position + 1}")
        assert (early.status_code, early.json()["type"]) == (503, "/problems/not-yet"), path
    odd = ada.get(f"/api/sessions/{session}?min_position=-1")
    assert (odd.status_code, odd.json()["errors"][0]["parameter"]) == (422, "min_position")
