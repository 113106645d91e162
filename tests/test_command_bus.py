"""The command bus: everything that may go wrong with one command, provoked, beside others that must not notice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import msgspec
import psycopg
import pytest
from eventsourcing.domain import event
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.command_bus import Busy, CommandBus, Job, KeyReused, Outcome, StoreAway
from coopschool.database import Database
from coopschool.domain.base import Aggregate, Command, Decided, Load, Unchanged
from coopschool.domain.errors import RuleBroken
from coopschool.domain.school.enrolment import EnrolmentWithdrawn, MemberEnrolled, MemberPromoted, MemberWaitlisted
from coopschool.domain.school.person import PersonRegistered
from coopschool.eventstore.log import RecordedEvent
from coopschool.eventstore.recorder import PostgresRecorder
from coopschool.settings import Settings
from tests.support.proxy import SOCKET, Proxy


class TwoSeats(Aggregate):
    """The smallest session that shows a rule over several streams: two seats and a list."""

    KIND: ClassVar[str] = "session"

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.seated: list[str] = []
        self.waiting: list[str] = []

    @property
    def exists(self) -> bool:
        return True

    @event(MemberEnrolled)
    def _(self, member: str) -> None:
        self.seated.append(member)

    @event(MemberWaitlisted)
    def _(self, member: str) -> None:
        self.waiting.append(member)

    @event(MemberPromoted)
    def _(self, member: str) -> None:
        self.waiting.remove(member)
        self.seated.append(member)

    @event(EnrolmentWithdrawn)
    def _(self, member: str) -> None:
        self.seated.remove(member)


class Seated(Aggregate):
    """A member, and where they have a seat."""

    KIND: ClassVar[str] = "member"

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.sessions: set[str] = set()

    @property
    def exists(self) -> bool:
        return True

    @event(MemberEnrolled)
    def _(self, session: str) -> None:
        self.sessions.add(session)

    @event(MemberPromoted)
    def _(self, session: str) -> None:
        self.sessions.add(session)


class NoSeat(RuleBroken):
    """There is no seat."""


class Sit(Command, frozen=True, kw_only=True):
    session: str
    member: str
    wait: bool = True

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(TwoSeats, self.session), (Seated, self.member)]

    def decide(self, load: Load) -> Decided:
        session, member = load(TwoSeats, self.session), load(Seated, self.member)
        if self.session in member.sessions:
            return Unchanged(member.position)
        ids: dict[str, Any] = {"member": self.member, "session": self.session, "module": "M01"}
        if len(session.seated) < 2:
            return self.occurs(MemberEnrolled(**ids))
        if not self.wait:
            raise NoSeat
        return self.occurs(MemberWaitlisted(**ids, rank=len(session.waiting) + 1))


class StandUp(Command, frozen=True, kw_only=True):
    """Leaves the seat to the first who waits."""

    session: str
    member: str

    def decide(self, load: Load) -> Decided:
        ids: dict[str, Any] = {"session": self.session, "module": "M01"}
        withdrawn = EnrolmentWithdrawn(member=self.member, was="confirmed", reason_code="other", **ids)
        first = load(TwoSeats, self.session).waiting[0]
        return self.occurs(withdrawn, MemberPromoted(member=first, rank=1, rule="first_eligible", **ids))


class Stumble(Command, frozen=True, kw_only=True):
    """A bug: it fails after having looked."""

    session: str

    def decide(self, load: Load) -> Decided:
        load(TwoSeats, self.session)
        raise ZeroDivisionError


class Garble(Command, frozen=True, kw_only=True):
    """Decides an event that the database cannot hold."""

    person: str

    def decide(self, load: Load) -> Decided:
        return self.occurs(
            PersonRegistered(person=self.person), MemberEnrolled(member="a\x00b", session="s", module="M")
        )


class Hold(Command, frozen=True, kw_only=True):
    """Keeps the bus busy until a test lets it go on."""

    started: threading.Event = msgspec.field(default_factory=threading.Event)
    go_on: threading.Event = msgspec.field(default_factory=threading.Event)

    def decide(self, load: Load) -> Decided:
        self.started.set()
        assert self.go_on.wait(30)
        return []


@pytest.fixture
def school(database: Database, settings: Settings, clock: FixedClock) -> Iterator[CoopSchool]:
    with CoopSchool(database, settings, clock) as school:
        yield school


def submit(school: CoopSchool, command: Command, **how: Any) -> Future[Outcome]:
    future: Future[Outcome] = Future()
    school.bus.submit(school.job(command, future, **how))
    return future


def in_one_group(school: CoopSchool, *commands: Command) -> list[Future[Outcome]]:
    """Submits the commands while the bus is busy, so that they make one group."""
    hold = Hold(at=school.now())
    held = submit(school, hold)
    assert hold.started.wait(30)
    futures = [submit(school, command) for command in commands]
    hold.go_on.set()
    held.result(30)
    return futures


def log_of(database: Database) -> list[tuple[int, str]]:
    with database.connect("app") as conn:
        return conn.execute("select position, type from events order by position").fetchall()


def sit(school: CoopSchool, member: str, session: str = "s", *, wait: bool = True) -> Sit:
    return Sit(at=school.now(), session=session, member=member, wait=wait)


def test_a_group_is_one_transaction_and_each_command_sees_those_before_it(school: CoopSchool) -> None:
    before = school.bus.figures.groups
    futures = in_one_group(school, *(sit(school, member) for member in "abcd"))
    kinds = [type(future.result(30).events[0]).__name__ for future in futures]
    assert kinds == ["MemberEnrolled", "MemberEnrolled", "MemberWaitlisted", "MemberWaitlisted"]
    assert [future.result().position for future in futures] == [1, 2, 3, 4]
    assert school.bus.figures.groups == before + 2


def test_a_refused_command_leaves_no_trace_in_the_group_or_the_cache(school: CoopSchool, database: Database) -> None:
    a, b, refused, waiting = in_one_group(
        school, sit(school, "a"), sit(school, "b"), sit(school, "c", wait=False), sit(school, "d")
    )
    with pytest.raises(NoSeat):
        refused.result(30)
    assert [a.result(30).position, b.result(30).position, waiting.result(30).position] == [1, 2, 3]
    assert log_of(database) == [(1, "MemberEnrolled.v1"), (2, "MemberEnrolled.v1"), (3, "MemberWaitlisted.v1")]
    assert school.read_now(lambda load: set(load(Seated, "c").sessions)) == set()


def test_a_crashing_command_leaves_no_trace_in_the_group_or_the_cache(school: CoopSchool, database: Database) -> None:
    a, crash, b = in_one_group(school, sit(school, "a"), Stumble(at=school.now(), session="s"), sit(school, "b"))
    with pytest.raises(ZeroDivisionError):
        crash.result(30)
    assert [a.result(30).position, b.result(30).position] == [1, 2]
    assert type(school.execute_now(sit(school, "c")).events[0]) is MemberWaitlisted
    assert len(log_of(database)) == 3


def test_a_promotion_is_seen_by_the_next_command_of_the_group(school: CoopSchool) -> None:
    for member in "abc":
        school.execute_now(sit(school, member))
    promoted, again = in_one_group(school, StandUp(at=school.now(), session="s", member="a"), sit(school, "c"))
    assert promoted.result(30).position == 5
    assert again.result(30).events == (), "c has the seat that a left, and is not seated twice"
    assert again.result(30).position == 5


def test_a_database_error_sinks_only_the_culprit(school: CoopSchool, database: Database) -> None:
    a, culprit, b = in_one_group(
        school, sit(school, "a"), Garble(at=school.now(), person=str(uuid4())), sit(school, "b")
    )
    with pytest.raises(psycopg.Error):
        culprit.result(30)
    assert sorted([a.result(30).position, b.result(30).position]) == [1, 2]
    assert school.bus.figures.rerun_alone == 1
    assert [type for _, type in log_of(database)] == ["MemberEnrolled.v1"] * 2
    assert type(school.execute_now(sit(school, "c")).events[0]) is MemberWaitlisted, "the cache is exact again"


def test_a_vault_write_and_its_events_stand_or_fall_together(school: CoopSchool, database: Database) -> None:
    first, second = str(uuid4()), str(uuid4())
    put = school.vault.put_person(first, name="Ann", email="ann@example.org")
    school.execute_now(Register(at=school.now(), person=first), vault=[put])
    other = school.vault.put_person(second, name="Bob", email=" ANN@example.org")
    with pytest.raises(Exception, match="Another person has this e-mail address"):
        school.execute_now(Register(at=school.now(), person=second), vault=[other])
    assert len(log_of(database)) == 1
    with database.connect("app") as conn:
        assert conn.execute("select count(*) from vault_people").fetchone() == (1,)


class Register(Command, frozen=True, kw_only=True):
    person: str

    def decide(self, load: Load) -> Decided:
        return self.occurs(PersonRegistered(person=self.person))


def test_a_previewed_command_shows_its_events_and_writes_nothing(school: CoopSchool, database: Database) -> None:
    previewed = school.execute_now(sit(school, "a"), preview=True)
    assert type(previewed.events[0]) is MemberEnrolled
    assert log_of(database) == []
    assert school.execute_now(sit(school, "a")).position == 1


def test_a_full_queue_refuses_and_takes_again_when_there_is_room(database: Database, settings: Settings) -> None:
    with CoopSchool(database, settings, queue_limit=2) as school:
        hold = Hold(at=school.now())
        held = submit(school, hold)
        assert hold.started.wait(30)
        waiting = [submit(school, sit(school, member)) for member in "ab"]
        with pytest.raises(Busy):
            submit(school, sit(school, "c"))
        hold.go_on.set()
        for future in (held, *waiting):
            future.result(30)
        assert submit(school, sit(school, "c")).result(30).position == 3


def test_closing_carries_out_what_waits_and_refuses_what_comes_later(database: Database, settings: Settings) -> None:
    school = CoopSchool(database, settings)
    hold = Hold(at=school.now())
    submit(school, hold)
    assert hold.started.wait(30)
    waiting = [submit(school, sit(school, member)) for member in "abc"]
    closing = threading.Thread(target=school.close)
    closing.start()
    hold.go_on.set()
    closing.join(30)
    assert [future.result(0).position for future in waiting] == [1, 2, 3]
    with pytest.raises(Busy):
        submit(school, sit(school, "d"))
    with pytest.raises(Busy):
        school.read_now(lambda load: None)


async def test_whoever_stops_waiting_does_not_stop_the_command(school: CoopSchool, database: Database) -> None:
    hold = Hold(at=school.now())
    held = asyncio.ensure_future(school.execute(hold))
    await asyncio.to_thread(hold.started.wait, 30)
    impatient = asyncio.ensure_future(school.execute(sit(school, "a")))
    await asyncio.sleep(0)
    impatient.cancel()
    hold.go_on.set()
    await held
    assert (await school.execute(sit(school, "b"))).position == 2


# --- repeated requests


def test_a_repeated_request_gets_the_first_answer_and_has_one_effect(school: CoopSchool, database: Database) -> None:
    key = school.repeatable("ann", "enrol", "key-1", b"{}")
    how: dict[str, Any] = {"idempotency": key, "answer": lambda events: {"seen": len(events)}}
    first = school.execute_now(sit(school, "a"), **how)
    school.execute_now(sit(school, "b"))
    again = school.execute_now(sit(school, "a"), **how)
    assert first.answer == again.answer == {"seen": 1, "position": 1}
    assert again.repeated
    assert len(log_of(database)) == 2


def test_the_same_request_twice_in_one_group_has_one_effect(school: CoopSchool, database: Database) -> None:
    key = school.repeatable("ann", "enrol", "key-1", b"{}")
    hold = Hold(at=school.now())
    submit(school, hold)
    assert hold.started.wait(30)
    futures = [submit(school, sit(school, "a"), idempotency=key) for _ in range(3)]
    hold.go_on.set()
    assert [future.result(30).position for future in futures] == [1, 1, 1]
    assert len(log_of(database)) == 1


def test_a_key_used_again_with_another_body_is_refused(school: CoopSchool) -> None:
    school.execute_now(sit(school, "a"), idempotency=school.repeatable("ann", "enrol", "key-1", b"{}"))
    with pytest.raises(KeyReused):
        school.execute_now(sit(school, "a"), idempotency=school.repeatable("ann", "enrol", "key-1", b"{1}"))


def test_a_refusal_is_decided_anew(school: CoopSchool) -> None:
    for member in "ab":
        school.execute_now(sit(school, member))
    key = school.repeatable("ann", "enrol", "key-1", b"{}")
    with pytest.raises(NoSeat):
        school.execute_now(sit(school, "c", wait=False), idempotency=key)
    assert school.execute_now(sit(school, "c"), idempotency=key).position == 3


# --- the database misbehaves


@pytest.fixture
def proxy(settings: Settings, tmp_path: Path) -> Iterator[Proxy]:
    server = Path(str(conninfo_to_dict(settings.database_url or "")["host"])) / SOCKET
    with Proxy(server, tmp_path / "p") as proxy:
        yield proxy


@pytest.fixture
def through_proxy(settings: Settings, proxy: Proxy) -> Iterator[CoopSchool]:
    """A school whose every byte to and from PostgreSQL passes the proxy."""
    url = make_conninfo(settings.database_url or "", host=str(proxy.directory), port=5432)
    behind = msgspec.structs.replace(settings, database_url=url)
    with Database.open(behind) as database, CoopSchool(database, behind) as school:
        yield school


def test_a_lost_commit_answer_is_resolved_by_looking(
    through_proxy: CoopSchool, proxy: Proxy, database: Database
) -> None:
    through_proxy.execute_now(sit(through_proxy, "a"))
    proxy.lose_answer_to = b'"member:b"'
    assert through_proxy.execute_now(sit(through_proxy, "b")).position == 2
    assert (proxy.lost, through_proxy.bus.figures.lost_commits) == (1, 1)
    assert len(log_of(database)) == 2, "it was committed once, and not again"
    assert type(through_proxy.execute_now(sit(through_proxy, "c")).events[0]) is MemberWaitlisted


def test_a_commit_that_never_arrived_is_run_again(through_proxy: CoopSchool, proxy: Proxy, database: Database) -> None:
    through_proxy.execute_now(sit(through_proxy, "a"))
    proxy.lose_request = b'"member:b"'
    assert through_proxy.execute_now(sit(through_proxy, "b")).position == 2
    assert (proxy.lost, through_proxy.bus.figures.lost_commits) == (1, 1)
    assert len(log_of(database)) == 2


def test_a_lost_commit_answer_of_another_writer_at_the_same_position_is_not_taken_for_ours(
    through_proxy: CoopSchool, proxy: Proxy, database: Database, settings: Settings
) -> None:
    through_proxy.execute_now(sit(through_proxy, "a"))
    proxy.lose_request = b'"member:b"'
    with CoopSchool(database, settings) as other:
        hold = Hold(at=through_proxy.now())
        submit(through_proxy, hold)
        assert hold.started.wait(30)
        ours, theirs = submit(through_proxy, sit(through_proxy, "b")), submit(other, sit(other, "x"))
        hold.go_on.set()
        positions = {ours.result(30).position, theirs.result(30).position}
    assert positions == {2, 3}
    assert [position for position, _ in log_of(database)] == [1, 2, 3]


def test_a_writer_that_vanished_under_the_lock_does_not_keep_others_from_writing(
    school: CoopSchool, database: Database, clock: FixedClock
) -> None:
    vanished = CommandBus(lambda: database.connect("app"), clock.now, longest=0.5)
    hold, future = Hold(at=clock.now()), Future[Outcome]()
    vanished.submit(Job(command=hold, future=future))
    assert hold.started.wait(30)
    try:
        # As long as the other is silent: it has not gone, PostgreSQL gave up on it.
        assert submit(school, sit(school, "a")).result(10).position == 1
        hold.go_on.set()
        assert future.result(30).position == 1
    finally:
        hold.go_on.set()
        vanished.close()


def test_when_the_store_is_away_commands_are_refused_and_work_again_after(
    through_proxy: CoopSchool, proxy: Proxy, database: Database
) -> None:
    through_proxy.execute_now(sit(through_proxy, "a"))
    proxy.refuse = True
    proxy.cut()
    with pytest.raises(StoreAway):
        through_proxy.execute_now(sit(through_proxy, "b"))
    with pytest.raises(StoreAway):
        through_proxy.read_now(lambda load: load(TwoSeats, "s").position)
    proxy.refuse = False
    assert through_proxy.execute_now(sit(through_proxy, "b")).position == 2
    assert through_proxy.read_now(lambda load: load(TwoSeats, "s").position) == 2


# --- several writers


def test_two_buses_keep_the_rule_and_the_positions_gapless(database: Database, settings: Settings) -> None:
    with CoopSchool(database, settings) as one, CoopSchool(database, settings) as two:
        futures = [submit(school, sit(school, f"{n}")) for n in range(100) for school in (one, two)]
        for future in futures:
            future.result(30)
    rows = log_of(database)
    assert [position for position, _ in rows] == list(range(1, len(rows) + 1))
    assert sum(kind == "MemberEnrolled.v1" for _, kind in rows) == 2


def test_a_process_that_fell_far_behind_reads_its_aggregates_again(
    school: CoopSchool, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    school.execute_now(sit(school, "a"))
    monkeypatch.setattr("coopschool.eventstore.repository.Repository.FOLLOW_AT_MOST", 3)
    with CoopSchool(database, settings) as other:
        for n in range(8):
            other.execute_now(sit(other, f"{n}"))
    assert type(school.execute_now(sit(school, "z")).events[0]) is MemberWaitlisted


def test_a_bounded_cache_forgets_and_is_still_exact(database: Database, settings: Settings) -> None:
    with CoopSchool(database, settings, cache_limit=2) as school:
        for session in ("s1", "s2", "s3"):
            for member in "ab":
                school.execute_now(sit(school, member, session))
        outcomes = [school.execute_now(sit(school, "c", session)) for session in ("s1", "s2", "s3")]
    assert [type(outcome.events[0]) for outcome in outcomes] == [MemberWaitlisted] * 3


def test_an_old_version_of_an_event_counts_in_a_decision(school: CoopSchool, database: Database) -> None:
    """The pilot's enrolments are stored as MemberEnrolled.v0; missing them would sell the seats again."""
    recorder = PostgresRecorder(lambda: database.connect("app"))
    for member in ("a", "b"):
        data = msgspec.json.encode({"person": member, "session": "s", "module": "M01"})
        recorder.append([RecordedEvent("MemberEnrolled.v0", data, ["member:" + member, "session:s", "module:M01"])])
    recorder.close()
    assert type(school.execute_now(sit(school, "c")).events[0]) is MemberWaitlisted


def test_who_and_why_are_recorded_with_each_event(school: CoopSchool, database: Database) -> None:
    correlation, causation = uuid4(), uuid4()
    school.execute_now(sit(school, "a"), correlation=correlation, causation=causation)
    with database.connect("app") as conn:
        row = conn.execute("select actor, correlation, causation, recorded_at from events").fetchone()
    assert row == ("system", correlation, causation, school.now())
