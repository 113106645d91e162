"""`serve`, `demo` and `project` as people start them: they come up, survive what may be, and leave nobody behind."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from structlog.testing import capture_logs

from coopschool.application import CoopSchool
from coopschool.cli import addresses, operations
from coopschool.clock import FixedClock
from coopschool.database import Database
from coopschool.domain.school.person import RegisterPerson
from coopschool.erasure_ledger import Erased
from coopschool.exposure import Exposed, is_loopback
from coopschool.postgres_programs import EmbeddedError
from coopschool.settings import Settings
from projections import runner
from projections.runner import Runner
from tests.cli.running import Command, Process, coopschool, free_port, get, until
from tests.test_timekeeper import begins, lapses  # noqa: F401

Start = Callable[..., Process]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Starts `coopschool …` on the test's database, or with an embedded one."""
    with ExitStack() as stack:

        def start(*arguments: str, embedded: bool = False) -> Process:
            own = {"COOPSCHOOL_DATA_DIR": str(tmp_path / "data")} if embedded else environment
            return stack.enter_context(coopschool(arguments, own, tmp_path))

        yield start


def postmaster(data: Path) -> psutil.Process:
    """The embedded PostgreSQL of a data directory."""
    return psutil.Process(int((data / "pgdata" / "postmaster.pid").read_text().split("\n", 1)[0]))


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def brought_back(school: CoopSchool) -> str:
    """Somebody whom the erasure ledger knows and the log does not, as after a restore."""
    person = str(uuid4())
    details = school.vault.put_person(person, name="Ada Lovelace")
    school.execute_now(RegisterPerson(at=school.now(), person=person), vault=[details])
    school.erasures.note([Erased(person)])
    return person


def is_erased(school: CoopSchool, person: str) -> bool:
    with school.database.connect("app") as conn:
        return conn.execute("select from vault_people where person = %s", [person]).fetchone() is None


# --- serve


def test_serve_answers_and_ends_with_all_its_processes(start: Start, port: int) -> None:
    serve = start("serve", "--port", str(port), "--workers", "2")
    assert serve.line() == f"http://127.0.0.1:{port}"
    status, ready = get(port, "/health/ready")
    assert (status, ready["status"]) == (200, "ready")
    assert len(serve.look()) == 5, "the supervisor, the projections, Granian and its two workers"
    serve.interrupt()
    assert serve.ended() == 0
    assert serve.left_behind() == []


def test_serve_alone_leaves_the_projections_to_others(start: Start, school: CoopSchool, port: int) -> None:
    back = brought_back(school)
    serve = start("serve", "--port", str(port), "--no-projections")
    serve.line()
    assert is_erased(school, back)
    assert serve.children_named("project") == []
    assert len(serve.children_named("keep-time")) == 1, "somebody must, and here commands may be given"
    serve.signal(signal.SIGTERM)
    assert serve.ended() == 0
    assert serve.left_behind() == []


@pytest.mark.usefixtures("not_measured")  # whose warnings would be lines of another kind
def test_the_log_lines_of_serve_are_json(start: Start, port: int) -> None:
    serve = start("serve", "--port", str(port))
    serve.line()
    get(port, "/health/live")
    serve.signal(signal.SIGTERM)
    serve.ended()
    serve.left_behind()
    until(lambda: any("serving.stopping" in line for line in serve.errors))
    assert [line for line in serve.errors if not line.startswith("{")] == []
    assert any('"route"' in line for line in serve.errors)


@pytest.mark.usefixtures("not_measured")
def test_the_end_of_the_api_is_the_end_of_serve(start: Start, port: int) -> None:
    serve = start("serve", "--port", str(port))
    serve.line()
    for process in serve.children_named("api"):
        process.kill()
    assert serve.ended() == 1
    assert serve.left_behind() == []


@pytest.mark.usefixtures("not_measured")
def test_projections_that_are_killed_are_started_again(start: Start, port: int) -> None:
    serve = start("serve", "--port", str(port))
    serve.line()
    (first,) = serve.children_named("project")
    first.kill()
    until(lambda: [child.pid for child in serve.children_named("project")] not in ([], [first.pid]))
    serve.interrupt()
    assert serve.ended() == 0
    assert serve.left_behind() == []


@pytest.mark.usefixtures("not_measured")
def test_nobody_outlives_a_serve_that_is_killed(start: Start, port: int) -> None:
    serve = start("serve", "--port", str(port))
    serve.line()
    serve.signal(signal.SIGKILL)
    assert serve.left_behind() == []


@pytest.mark.usefixtures("not_measured")
def test_serve_interrupted_while_it_starts_leaves_nobody_behind(start: Start, port: int, tmp_path: Path) -> None:
    serve = start("serve", "--port", str(port), embedded=True)
    pid_file = tmp_path / "data" / "pgdata" / "postmaster.pid"
    until(lambda: pid_file.exists() and "\n" in pid_file.read_text())
    server = postmaster(tmp_path / "data")
    serve.interrupt()
    assert serve.ended() in (0, 130)
    assert serve.left_behind() == []
    assert is_gone(server)


@pytest.mark.usefixtures("not_measured")
def test_serve_with_its_own_postgresql_brings_it_back_and_stops_it_at_the_end(
    start: Start, port: int, tmp_path: Path
) -> None:
    serve = start("serve", "--port", str(port), embedded=True)
    serve.line()
    first = postmaster(tmp_path / "data")
    first.kill()
    until(lambda: is_gone(first))
    until(lambda: get(port, "/health/ready")[0] == 200)
    second = postmaster(tmp_path / "data")
    assert second.pid != first.pid
    serve.interrupt()
    assert serve.ended() == 0
    assert serve.left_behind() == []
    assert is_gone(second)


@pytest.mark.usefixtures("not_measured")
def test_serve_started_through_make_ends_with_an_interrupt(
    environment: dict[str, str], tmp_path: Path, port: int
) -> None:
    (tmp_path / "Makefile").write_text(f"run:\n\t{sys.executable} -m coopschool.cli serve --port {port}\n")
    with Process(["make", "--no-print-directory", "run"], environment, tmp_path) as make:
        assert "coopschool.cli serve" in make.line()
        assert make.line() == f"http://127.0.0.1:{port}"
        assert len(make.look()) == 5
        make.interrupt()
        make.ended()
        assert make.left_behind() == []


def test_a_port_that_is_taken_is_refused_before_anything_starts(command: Command, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        assert f"port {port}" in command.refused("serve", "--port", str(port))


def test_a_host_that_is_not_ours_is_refused(environment: dict[str, str]) -> None:
    issuer = {"COOPSCHOOL_OIDC_ISSUER": "https://sign-in.example", "COOPSCHOOL_OIDC_AUDIENCE": "coopschool-api"}
    command = Command({**environment, **issuer})
    assert "192.0.2.1" in command.refused("serve", "--host", "192.0.2.1")
    assert "no.such.host.invalid" in command.refused("serve", "--host", "no.such.host.invalid")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "school.example.org"])
def test_development_tokens_are_not_for_the_network(command: Command, host: str) -> None:
    assert "COOPSCHOOL_OIDC_ISSUER" in command.refused("serve", "--host", host)


def test_what_is_not_the_network() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "127.8.8.8", "::1", "localhost"]))
    addresses.require_usable(Settings(), "localhost", free_port())
    with pytest.raises(Exposed):
        addresses.require_usable(Settings(), "0.0.0.0", free_port())


def test_addresses_are_written_as_people_write_them() -> None:
    assert addresses.url("127.0.0.1", 8000) == "http://127.0.0.1:8000"
    assert addresses.url("::1", 8000) == "http://[::1]:8000"


def test_a_server_that_never_answers_is_never_announced(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setattr(addresses, "SECONDS_TO_WAIT", 0.1)
    said: list[bool] = []
    addresses.when_ready("127.0.0.1", port, lambda: said.append(True))
    assert said == []


# --- demo


def test_the_demo_shows_how_to_try_it_and_keeps_what_there_is(start: Start, port: int, tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    demo = start("demo", "--port", str(port), "--data-dir", data, embedded=True)
    lines = [demo.line()]
    while len([line for line in lines if line.startswith("curl")]) < 3:
        lines.append(demo.line())
    assert f"http://127.0.0.1:{port}" in lines[0]
    tokens = dict(re.findall(r"^(\w+) +(eyJ\S+)$", "\n".join(lines), re.MULTILINE))
    assert set(tokens) == {"member", "trainer", "adviser", "coordinator", "researcher", "admin"}
    for line in lines:
        if line.startswith("curl"):
            answer = subprocess.run(
                f"{line} -sS --fail-with-body", shell=True, capture_output=True, text=True, check=False
            )
            assert answer.returncode == 0, answer
    _, before = get(port, "/health/ready")
    assert before["position"] > 1000
    demo.interrupt()
    assert demo.ended() == 0
    assert demo.left_behind() == []

    again = start("demo", "--port", str(port), "--data-dir", data, embedded=True)
    again.line()
    assert get(port, "/health/ready")[1]["position"] == before["position"]
    assert get(port, "/api/modules", tokens["member"])[0] == 200, "yesterday's token still counts"
    server = postmaster(tmp_path / "data")
    again.interrupt()
    assert again.ended() == 0
    assert again.left_behind() == []
    assert is_gone(server)


@pytest.mark.usefixtures("not_measured")
def test_the_demo_leaves_a_school_that_is_there_alone(start: Start, school: CoopSchool, port: int) -> None:
    school.execute_now(RegisterPerson(at=school.now(), person=str(uuid4())))
    demo = start("demo", "--port", str(port))
    demo.line()
    assert get(port, "/health/ready")[1]["position"] == 1
    demo.signal(signal.SIGTERM)
    assert demo.ended() == 0
    assert demo.left_behind() == []


def test_the_api_alone_erases_before_it_answers(start: Start, school: CoopSchool, port: int) -> None:
    back = brought_back(school)
    api = start("api", "--port", str(port))
    until(lambda: get(port, "/health/live")[0] == 200)
    assert is_erased(school, back)
    api.signal(signal.SIGTERM)
    assert api.ended() == 0
    assert api.left_behind() == []


# --- project


def test_of_two_runners_one_works_and_the_other_takes_over(start: Start, school: CoopSchool) -> None:
    def reached() -> int:
        with school.database.connect("reader") as conn:
            return min((one.position for one in runner.status(conn)), default=0)

    def working() -> list[Process]:
        return [one for one in both if any("projections_following" in line for line in one.errors)]

    both = [start("project"), start("project")]
    school.execute_now(RegisterPerson(at=school.now(), person=str(uuid4())))
    until(lambda: reached() == 1)
    until(lambda: len(working()) == 1)
    (first,) = working()
    first.signal(signal.SIGINT)
    assert first.ended() == 0
    school.execute_now(RegisterPerson(at=school.now(), person=str(uuid4())))
    until(lambda: reached() == 2)
    for process in both:
        if process is not first:
            process.signal(signal.SIGTERM)
            assert process.ended() == 0
        assert process.left_behind() == []


@pytest.fixture
def long_ago(clock: FixedClock) -> None:
    """Lets the test's school live a month ago, so that what it plans for next week is due by the machine's clock."""
    clock.set(datetime.now(clock.now().tzinfo) - timedelta(days=30))


@pytest.mark.usefixtures("long_ago", "begins")
@pytest.mark.parametrize("program", ["project", "keep-time"])
def test_what_falls_due_is_done(start: Start, school: CoopSchool, program: str) -> None:
    Runner(school.database, school.settings.zone).catch_up()
    back = brought_back(school)
    process = start(program)
    until(lambda: len(lapses(school.database)) == 1)
    assert is_erased(school, back) == (program == "project"), "time is kept beside `serve`, which has erased by then"
    process.signal(signal.SIGTERM)
    assert process.ended() == 0
    assert process.left_behind() == []


def test_where_one_of_several_works_fails_the_others_are_stopped() -> None:
    stop = threading.Event()

    def fail(_stop: threading.Event) -> None:
        raise ZeroDivisionError

    def work(stop: threading.Event) -> None:
        stop.wait()

    with pytest.raises(ZeroDivisionError):
        operations.work_together([work, fail], stop)
    assert stop.is_set()


def test_a_postgresql_that_does_not_come_back_is_logged_and_tried_again() -> None:
    class Gone(Database):
        def revive(self) -> bool:
            raise EmbeddedError("no room")

    with capture_logs() as lines:
        operations.tend(Gone("", "coopschool"))
    assert [(line["event"], line["cause"]) for line in lines] == [("serving.database_away", "no room")]
