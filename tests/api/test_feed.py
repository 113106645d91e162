"""The feed: who sees what of the log, in pages, as lines and as a stream; nothing lost, nothing doubled."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from coopschool import feed
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.domain import tags
from coopschool.domain.advisers.autonomy_survey import TeamResponses, WaveClosed, WaveResponsesReleased
from coopschool.domain.base import Event
from coopschool.domain.school.enrolment import MemberEnrolled
from coopschool.domain.school.feedback import FeedbackReleased, TrainerReportLogged
from coopschool.domain.school.person import PersonRegistered
from coopschool.domain.school.session import SessionClosed, SessionScheduled, Slot
from coopschool.pseudonyms import Pseudonyms
from coopschool.researcher_feed import HELD, SMALL, Pseudonymised, names_of_grant
from coopschool.settings import Settings
from tests.api.callers import Caller, Callers
from tests.support.made_log import BRUSSELS, Dated, busy_school, record

START = datetime(2020, 3, 2, 9, 30, tzinfo=BRUSSELS)
ANSWERS = {"q1": 1, "q2": 5}

Record = Callable[..., int]


@pytest.fixture
def recorded(school: CoopSchool) -> Record:
    """Puts events at the end of the log, an hour apart."""

    def put(*events: Event, at: datetime = START) -> int:
        with school.database.connect("owner") as conn:
            return record(conn, [(at + timedelta(hours=n), event) for n, event in enumerate(events)])

    return put


@pytest.fixture
def researcher(callers: Callers) -> Caller:
    return callers.caller("researcher", person=str(uuid4()))


def scheduled(session: str) -> SessionScheduled:
    return SessionScheduled(
        session=session, module="M01", revision=1, audience=("A",), prerequisites=(), min_attendance=Decimal("0.5"),
        seats=20,
        slots=(Slot(number=1, starts_at=START, ends_at=START + timedelta(hours=3)),), trainers=(str(uuid4()),),
        languages=("fr",), place="LIE", format="in_person", promotion_cutoff=START,
    )  # fmt: skip


def enrolled(session: str, count: int) -> list[MemberEnrolled]:
    return [MemberEnrolled(member=str(uuid4()), session=session, module="M01") for _ in range(count)]


def events(caller: Caller, **asked: Any) -> list[dict[str, Any]]:
    response = caller.get("/api/events", params=asked)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["events"]
    return found


# --- the view of admins and integrations


def test_events_are_chosen_by_type_tag_and_when_they_happened(callers: Callers, recorded: Record) -> None:
    session = str(uuid4())
    recorded(scheduled(session), *enrolled(session, 2))
    admin = callers.admin
    assert [event["position"] for event in events(admin, type="MemberEnrolled")] == [2, 3]
    assert [event["position"] for event in events(admin, tag=f"session:{session}", after=2)] == [3]
    assert [event["position"] for event in events(admin, occurred_from="2020-03-02T10:30:00+01:00")] == [2, 3]
    assert [event["position"] for event in events(admin, occurred_to="2020-03-02T09:30:00Z", limit=1)] == [1]
    assert events(admin, occurred_from="2020-03-03") == []
    assert len(events(admin, occurred_from="2020-03-02", occurred_to="2020-03-02")) == 3


@pytest.mark.parametrize("parameter", ["occurred_from", "occurred_to"])
@pytest.mark.parametrize("value", ["soon", "2020-03-02T09:30:00", "1066-10-14"])
def test_a_time_that_is_none_is_refused_by_name(callers: Callers, parameter: str, value: str) -> None:
    response = callers.admin.get("/api/events", params={parameter: value})
    assert (response.status_code, response.json()["errors"][0]["parameter"]) == (422, parameter)


def test_no_view_carries_what_people_answered(callers: Callers, researcher: Caller, recorded: Record) -> None:
    session, team = str(uuid4()), str(uuid4())
    wave = str(uuid4())
    about: dict[str, Any] = {"session": session, "module": "M01", "instrument": "feedback", "version": 1}
    recorded(
        scheduled(session),
        *enrolled(session, 5),
        SessionClosed(session=session, module="M01"),
        FeedbackReleased(moment="hot", online=(ANSWERS,) * 5, paper=(), **about),
        TrainerReportLogged(trainer=str(uuid4()), items=ANSWERS, **about),
        WaveClosed(wave=wave, teams=(team,)),
        WaveResponsesReleased(
            wave=wave, instrument="autonomy", version=1,
            responses=(TeamResponses(team=team, n=5, answers=(ANSWERS,) * 5),),
        ),
    )  # fmt: skip
    for caller in (callers.admin, researcher):
        lines = caller.get("/api/events", headers={"Accept": "application/x-ndjson"}).text
        assert [json.loads(line)["position"] for line in lines.splitlines()] == list(range(1, 12))
        assert "FeedbackReleased" in lines
        assert not re.search(r'"(q1|online|paper|items|responses|comments)"', lines)


def test_lines_are_the_events_of_the_pages_and_have_no_end_but_the_logs(callers: Callers, recorded: Record) -> None:
    recorded(*(PersonRegistered(person=str(uuid4())) for _ in range(30)))
    lines = callers.admin.get("/api/events?after=2", headers={"Accept": "application/x-ndjson"})
    assert lines.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line) for line in lines.text.splitlines()] == events(callers.admin, after=2, limit=100)
    few = callers.admin.get("/api/events?limit=7", headers={"Accept": "application/x-ndjson, application/json;q=0.5"})
    assert len(few.text.splitlines()) == 7


def test_lines_go_on_over_many_reads(callers: Callers, recorded: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coopschool.feed.AT_ONCE", 4)
    recorded(*(PersonRegistered(person=str(uuid4())) for _ in range(30)))
    lines = callers.admin.get("/api/events", headers={"Accept": "application/x-ndjson"}).text.splitlines()
    assert [json.loads(line)["position"] for line in lines] == list(range(1, 31))


# --- the researcher's view


def test_a_session_appears_to_researchers_when_it_has_ended(researcher: Caller, recorded: Record) -> None:
    session = str(uuid4())
    recorded(scheduled(session), *enrolled(session, 5), PersonRegistered(person=str(uuid4())))
    page = researcher.get("/api/events").json()
    assert [event["type"] for event in page["events"]] == ["PersonRegistered.v1"]
    recorded(PersonRegistered(person=str(uuid4())), SessionClosed(session=session, module="M01"))
    later = researcher.get("/api/events", params={"after": page["next"]}).json()
    assert [event["position"] for event in later["events"]] == [8, 1, 2, 3, 4, 5, 6, 9]
    assert (later["next"], later["at_end"]) == (9, True)


def test_researchers_see_pseudonyms_of_their_own_and_days_and_filter_by_them(
    callers: Callers, researcher: Caller, recorded: Record
) -> None:
    session, person = str(uuid4()), str(uuid4())
    members = enrolled(session, 5)
    recorded(
        PersonRegistered(person=person), scheduled(session), *members, SessionClosed(session=session, module="M01")
    )
    mine = researcher.get("/api/events").text
    other = callers.caller("researcher", person=str(uuid4())).get("/api/events").text
    for id in (session, person, *(one.member for one in members)):
        assert id not in mine
        assert id.replace("-", "") not in mine
    assert mine != other
    seen = json.loads(mine)["events"]
    assert {event["occurred_at"] for event in seen} == {"2020-03-02"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", seen[0]["recorded_at"])
    enrolment = next(event for event in seen if event["type"] == "MemberEnrolled.v1")
    assert enrolment["tags"] == [
        f"member:{enrolment['data']['member']}", f"session:{enrolment['data']['session']}", "module:M01",
    ]  # fmt: skip
    assert events(researcher, tag=enrolment["tags"][0]) == [enrolment]
    assert len(events(researcher, tag=enrolment["tags"][1], type="MemberEnrolled")) == 5
    assert events(researcher, tag=f"session:{session}") == []
    assert len(events(researcher, tag="module:M01")) == 7
    assert len(events(researcher, occurred_from="2020-03-02T23:59:00+01:00", occurred_to="2020-03-02")) == 8
    assert events(researcher, occurred_to="2020-03-01") == []


def test_a_small_session_is_there_in_counts_only(researcher: Caller, recorded: Record) -> None:
    session = str(uuid4())
    recorded(scheduled(session), *enrolled(session, 4), SessionClosed(session=session, module="M01"))
    (counted,) = events(researcher)
    assert (counted["position"], counted["type"], counted["tags"]) == (6, SMALL, [])
    assert counted["data"] == {"events": {"SessionScheduled.v1": 1, "MemberEnrolled.v1": 4, "SessionClosed.v1": 1}}
    assert [event["data"] for event in events(researcher, type="MemberEnrolled")] == [
        {"events": {"MemberEnrolled.v1": 4}}
    ]
    assert events(researcher, type=SMALL) == [counted]
    assert events(researcher, tag="module:M01") == []
    assert events(researcher, occurred_from="2020-03-02") == []
    page = researcher.get("/api/events", params={"after": 6}).json()
    assert (page["events"], page["next"]) == ([], 6)


def test_small_sessions_come_alone_where_researchers_ask_for_them(
    callers: Callers, researcher: Caller, recorded: Record
) -> None:
    small, large = str(uuid4()), str(uuid4())
    recorded(
        scheduled(small), *enrolled(small, 2), SessionClosed(session=small, module="M01"),
        scheduled(large), *enrolled(large, 5), SessionClosed(session=large, module="M01"),
    )  # fmt: skip
    assert [event["type"] for event in events(researcher, type=SMALL)] == [SMALL]
    both = events(researcher, type=[SMALL, "MemberEnrolled"])
    assert Counter(event["type"] for event in both) == {SMALL: 1, "MemberEnrolled.v1": 5}
    unknown = researcher.get("/api/events", params={"type": "SmalSession"})
    assert (unknown.status_code, SMALL in unknown.json()["details"]["known"]) == (422, True)
    of_admin = callers.admin.get("/api/events", params={"type": SMALL})
    assert of_admin.status_code == 422
    assert SMALL not in of_admin.json()["details"]["known"]


@pytest.mark.parametrize("seed", range(3))
def test_however_the_log_grows_a_researcher_gets_what_appears_in_that_order_and_once(
    database: Database, settings: Settings, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coopschool.researcher_feed.WINDOW", 40)
    random = Random(seed)
    happened = with_latecomers(shuffled(list(busy_school(400, seed=seed)), random), random)
    view = Pseudonymised(names_of_grant(settings, "somebody"), min_group=7)
    got: list[feed.SeenEvent] = []
    after = done = 0
    while done < len(happened):
        upto = done + random.randint(1, 60)
        with database.connect("owner") as conn:
            record(conn, happened[done:upto])
        done = upto
        with database.connect("app") as conn:
            at_end = False
            while not at_end:
                page = view.page(conn, feed.Query(), after, random.randint(1, 50))
                got += page.events
                after, at_end = page.next, page.at_end
    seen = [(event.position, counted(event)) for event in got]
    assert seen == list(appearing([event for _, event in happened], min_group=7))
    assert {event.type for event in got} > {SMALL, "MemberEnrolled.v1", "SessionClosed.v1"}


def counted(event: feed.SeenEvent) -> dict[str, int] | None:
    """Of how many events of which types a `SmallSession` tells; None for an event itself."""
    counts: dict[str, int] | None = json.loads(bytes(event.data))["events"] if event.type == SMALL else None
    return counts


def with_latecomers(happened: list[Dated], random: Random) -> list[Dated]:
    """The same, with members who are enrolled at any time, even after a session's end, and sessions that end again."""
    sessions = [event.session for _, event in happened if isinstance(event, SessionScheduled)]
    more = []
    for at, event in happened:
        more.append((at, event))
        if random.random() < 0.1:
            session = random.choice(sessions)
            late: list[Event] = [SessionClosed(session=session, module="M01"), *enrolled(session, 3)]
            more.append((at, random.choice(late)))
    return more


def appearing(happened: list[Event], min_group: int) -> Iterator[tuple[int, dict[str, int] | None]]:
    """What researchers get of a log, told plainly: positions in the order of their appearance, or the counts there."""
    ended: dict[str, int] = {}
    people: defaultdict[str, set[str]] = defaultdict(set)
    for position, event in enumerate(happened, 1):
        session = getattr(event, "session", None)
        if session is not None and session not in ended:
            people[session] |= {tag for tag in tags.of(event) if tag.startswith("member:")}
            if isinstance(event, SessionClosed):
                ended[session] = position
    shown: list[tuple[int, int, dict[str, int] | None]] = []
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for position, event in enumerate(happened, 1):
        session = getattr(event, "session", None)
        appears_at = position if session is None else max(position, ended.get(session, len(happened) + 1))
        if session is not None and len(people[session]) < min_group:
            counts[appears_at][event.TOPIC] += 1
        else:
            shown.append((appears_at, position, None))
    shown += [(appears_at, appears_at, dict(types)) for appears_at, types in counts.items()]
    return ((position, types) for appears_at, position, types in sorted(shown) if appears_at <= len(happened))


def test_no_event_is_of_two_sessions_or_waves() -> None:
    assert all(len(HELD.intersection(tags.kinds_of(event))) <= 1 for event in Event.BY_TOPIC.values())
    assert all(tags.kinds_of(event).count(kind) <= 1 for event in Event.BY_TOPIC.values() for kind in HELD)


def shuffled(happened: list[Dated], random: Random) -> list[Dated]:
    """Sessions side by side instead of one after the other, each in its order."""
    keyed = []
    for session in (list(group) for group in _sessions(happened)):
        places = sorted(random.random() for _ in session)
        keyed += list(zip(places, session, strict=True))
    return [one for _, one in sorted(keyed, key=lambda pair: pair[0])]


def _sessions(happened: list[Dated]) -> Iterator[list[Dated]]:
    cuts = [n for n, (_, event) in enumerate(happened) if isinstance(event, SessionScheduled)]
    yield happened[: cuts[0]]
    for begin, end in pairwise([*cuts, len(happened)]):
        yield happened[begin:end]


# --- the stream


def test_a_stream_gives_events_with_their_positions_and_resumes_after_the_last_one(
    callers: Callers, recorded: Record
) -> None:
    recorded(*(PersonRegistered(person=str(uuid4())) for _ in range(5)))
    response = callers.admin.get("/api/events/stream?limit=2", headers={"Last-Event-ID": "2"})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-log-epoch"] in response.text
    messages = [message for message in response.text.split("\n\n") if message.startswith("id:")]
    assert [message.splitlines()[:2] for message in messages] == [
        ["id: 3", "event: PersonRegistered.v1"], ["id: 4", "event: PersonRegistered.v1"],
    ]  # fmt: skip
    told = json.loads(messages[0].splitlines()[2].removeprefix("data: "))
    assert told == events(callers.admin, after=2, limit=1)[0]
    assert callers.admin.get("/api/events/stream", headers={"Last-Event-ID": "x"}).status_code == 422


def test_a_silent_stream_says_that_it_is_there_and_ends_with_the_right_to_see_it(
    callers: Callers, recorded: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coopschool.api.events.HEARTBEAT", 0.0)
    monkeypatch.setattr("coopschool.feed.POLL", 0.05)
    recorded(PersonRegistered(person=str(uuid4())))
    passing = callers.caller("admin", lifetime=1)
    text = passing.get("/api/events/stream").text
    assert text.count("id:") == 1
    assert ": still here\n\n" in text


def test_a_stream_loses_and_doubles_nothing_when_the_database_drops_every_connection(
    callers: Callers, school: CoopSchool, recorded: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coopschool.feed.POLL", 0.05)
    monkeypatch.setattr("coopschool.feed.AT_ONCE", 5)
    recorded(*(PersonRegistered(person=str(uuid4())) for _ in range(30)))
    seen = feed.WHOLE.page
    asked = []

    def dropping(conn: Any, query: feed.Query, after: int, limit: int) -> feed.Page:
        asked.append(after)
        if len(asked) in (3, 5):
            with psycopg.connect(school.settings.database_url or "", autocommit=True) as admin:
                admin.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and pid <> pg_backend_pid()"
                )
        return seen(conn, query, after, limit)

    monkeypatch.setattr(feed.WHOLE, "page", dropping, raising=False)
    text = callers.admin.get("/api/events/stream?limit=30").text
    assert [int(id) for id in re.findall(r"^id: (\d+)$", text, re.MULTILINE)] == list(range(1, 31))
    assert len(asked) > 7


# --- the log's lives


def test_a_position_beyond_the_log_is_refused_and_says_where_it_ends(callers: Callers, recorded: Record) -> None:
    recorded(PersonRegistered(person=str(uuid4())))
    for path in ("/api/events?after=2", "/api/events/stream?after=2"):
        response = callers.admin.get(path)
        assert (response.status_code, response.json()["type"]) == (409, "/problems/beyond-the-log")
        assert response.json()["details"]["head"] == 1


def test_whoever_brings_positions_of_an_earlier_life_is_told_what_to_do(
    callers: Callers, researcher: Caller, database: Database, recorded: Record
) -> None:
    recorded(*(PersonRegistered(person=str(uuid4())) for _ in range(3)))
    before = callers.admin.get("/api/events").json()["epoch"]
    assert callers.admin.get("/api/events", params={"after": 3, "epoch": before}).status_code == 200
    with database.connect("owner") as conn:
        conn.execute("insert into log_epochs (begun_after, begun_at) values (2, now() + interval '1 second')")
    for caller in (callers.admin, researcher):
        response = caller.get("/api/events", params={"after": 3, "epoch": before})
        assert (response.status_code, response.json()["type"]) == (409, "/problems/another-epoch")
        advice = response.json()["details"]
        assert advice["after"] == 2
        assert advice["epoch"] != before
        again = caller.get("/api/events", params={"after": advice["after"], "epoch": advice["epoch"]}).json()
        assert [event["position"] for event in again["events"]] == [3]
    unknown = callers.admin.get("/api/events", params={"after": 3, "epoch": str(UUID(int=7))})
    assert unknown.json()["details"]["after"] == 0


def test_names_are_those_of_the_grant(settings: Settings) -> None:
    one, same, other = (names_of_grant(settings, person) for person in ("ann", "ann", "bob"))
    id = str(uuid4())
    assert isinstance(one, Pseudonyms)
    assert one.of(id) == same.of(id) != other.of(id)
