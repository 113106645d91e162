"""The PostgreSQL that comes along: shared by processes, gone after the last, whole after any crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from coopschool.embedded import EmbeddedServer
from coopschool.postgres_programs import EmbeddedError, account
from tests.support.postgres import FAST

OPEN_AND_WAIT = """
import sys
from pathlib import Path
from coopschool.embedded import EmbeddedServer
from tests.support.postgres import FAST
with EmbeddedServer(Path(sys.argv[1]), FAST) as server:
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path / "data", FAST) as server:
        yield server


@contextmanager
def another_process(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has the server open until its standard input ends."""
    command = [sys.executable, "-c", OPEN_AND_WAIT, str(data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process


def ask(server: EmbeddedServer, question: str) -> object:
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
        return row and row[0]


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """Every PostgreSQL process that works in the data directory."""
    return [process for process in psutil.process_iter() if _works_in(process, data_dir.resolve() / "pgdata")]


def _works_in(process: psutil.Process, pgdata: Path) -> bool:
    try:
        return process.name().startswith("postgres") and Path(process.cwd()) == pgdata
    except psutil.Error:
        return False


def kill_everything(data_dir: Path) -> None:
    victims = processes_of(data_dir)
    assert victims
    for process in victims:
        process.kill()
    psutil.wait_procs(victims)


@pytest.mark.usefixtures("test_server")
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("server_encoding", "UTF8"),
        ("timezone", "UTC"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("lc_messages", "C"),
    ],
)
def test_it_is_set_up_the_same_everywhere(test_server_directory: Path, setting: str, value: str) -> None:
    with EmbeddedServer(test_server_directory, FAST) as server:
        assert ask(server, f"show {setting}") == value
        assert ask(server, "select datcollate from pg_database where datname = 'postgres'") == "C"


def test_only_its_own_user_reaches_the_socket(server: EmbeddedServer) -> None:
    assert server.socket_dir.stat().st_mode & 0o077 == 0
    assert server.socket_dir.stat().st_uid == account().uid


def test_durability_is_on_unless_a_test_turns_it_off(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "data") as server:
        settings = ("fsync", "synchronous_commit", "full_page_writes")
        assert [ask(server, f"show {name}") for name in settings] == ["on", "on", "on"]


def test_the_last_to_leave_stops_it(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with another_process(data_dir) as process:
        with EmbeddedServer(data_dir, FAST) as server:
            assert ask(server, "select 1") == 1
        assert processes_of(data_dir)
        process.communicate()
    assert not processes_of(data_dir)


def test_a_killed_process_does_not_keep_it_running(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with EmbeddedServer(data_dir, FAST), another_process(data_dir) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not processes_of(data_dir)


def test_processes_that_start_together_share_one_server(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN_AND_WAIT, str(tmp_path)]
    together = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    outputs = [process.communicate()[0] for process in together]
    assert outputs == ["open\n"] * 4
    assert not processes_of(tmp_path)


def test_opening_or_closing_twice_is_harmless(server: EmbeddedServer) -> None:
    server.open()
    assert ask(server, "select 1") == 1
    server.close()
    server.close()
    assert not processes_of(server.data_dir)


def test_what_was_committed_survives_the_death_of_every_process(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with EmbeddedServer(data_dir) as server:
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            connection.execute("create table kept as select 42 as answer")
        kill_everything(data_dir)
        server.close()
    with EmbeddedServer(data_dir) as server:
        assert ask(server, "select answer from kept") == 42


def test_a_query_that_outlives_its_killed_server_does_not_keep_the_next_from_starting(server: EmbeddedServer) -> None:
    busy = psycopg.connect(server.conninfo(), autocommit=True)
    busy.pgconn.send_query(b"select count(*) from generate_series(1, 1000000000000) n")
    postmaster = psutil.Process(int((server.pgdata / "postmaster.pid").read_text().split()[0]))
    postmaster.kill()
    postmaster.wait()
    assert server.revive()
    assert ask(server, "select 1") == 1
    assert not psutil.pid_exists(busy.info.backend_pid)
    busy.close()


def test_it_is_brought_back_while_it_is_in_use(server: EmbeddedServer) -> None:
    assert not server.revive()
    kill_everything(server.data_dir)
    assert server.revive()
    assert ask(server, "select 1") == 1
    assert not server.revive()


def test_nobody_brings_back_what_was_closed(server: EmbeddedServer) -> None:
    server.close()
    assert not server.revive()
    assert not processes_of(server.data_dir)


def test_it_starts_although_another_program_has_the_pid_of_the_dead_server(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with EmbeddedServer(data_dir, FAST) as server:
        kill_everything(data_dir)
        server.close()
    uid = account().uid if os.geteuid() == 0 else None
    with subprocess.Popen(["/bin/sleep", "600"], user=uid, cwd="/") as bystander:
        for lock in (server.pgdata / "postmaster.pid", server.socket_dir / ".s.PGSQL.5432.lock"):
            lines = lock.read_text().splitlines()
            lock.write_text("\n".join([str(bystander.pid), *lines[1:], ""]))
        with EmbeddedServer(data_dir, FAST) as again:
            assert ask(again, "select 1") == 1
        assert bystander.poll() is None
        bystander.kill()


def test_it_starts_although_a_crash_left_an_empty_pid_file(server: EmbeddedServer) -> None:
    server.close()
    (server.pgdata / "postmaster.pid").touch()
    server.open()
    assert ask(server, "select 1") == 1


def test_a_setup_that_was_interrupted_is_begun_again(tmp_path: Path) -> None:
    draft = tmp_path / "data" / "pgdata.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("half made")
    with EmbeddedServer(tmp_path / "data", FAST) as server:
        assert ask(server, "select 1") == 1


@pytest.mark.parametrize("name", ["long" * 30, "with, comma"])
def test_a_data_directory_that_no_socket_fits_in_gets_a_private_one_elsewhere(tmp_path: Path, name: str) -> None:
    with EmbeddedServer(tmp_path / name, FAST) as server:
        assert server.socket_dir != server.pgdata
        assert server.socket_dir.stat().st_mode & 0o077 == 0
        assert ask(server, "select 1") == 1
    assert not server.socket_dir.exists()


def test_a_socket_directory_that_somebody_else_prepared_is_refused(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / ("long" * 30), FAST)
    server.socket_dir.mkdir(mode=0o777)
    try:
        with pytest.raises(EmbeddedError, match="is not private"):
            server.open()
    finally:
        server.socket_dir.rmdir()


def test_spaces_and_quotes_in_the_path_do_no_harm(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "l'école du mardi", FAST) as server:
        assert ask(server, "select 1") == 1
        with EmbeddedServer(server.data_dir, FAST) as again:
            assert ask(again, "select 1") == 1
        assert processes_of(server.data_dir) != []
    assert processes_of(server.data_dir) == []


def test_data_of_another_version_is_left_alone(tmp_path: Path) -> None:
    pgdata = tmp_path / "pgdata"
    pgdata.mkdir()
    (pgdata / "PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedError, match=r"written by PostgreSQL 16.*pg_upgrade"):
        EmbeddedServer(tmp_path, FAST).open()


def test_something_else_in_its_place_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pgdata").mkdir()
    (tmp_path / "pgdata" / "thesis.txt").write_text("mine")
    with pytest.raises(EmbeddedError, match="move it away"):
        EmbeddedServer(tmp_path, FAST).open()
    assert (tmp_path / "pgdata" / "thesis.txt").read_text() == "mine"


def test_a_server_that_will_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="max_connections"):
        EmbeddedServer(tmp_path, {**FAST, "max_connections": "many"}).open()


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match="COOPSCHOOL_DATA_DIR"):
        EmbeddedServer(tmp_path / "file" / "data", FAST).open()


def test_a_data_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "pgdata.lock").mkdir()
    with pytest.raises(EmbeddedError, match=r"cannot be written.*COOPSCHOOL_DATA_DIR"):
        EmbeddedServer(tmp_path, FAST).open()
