"""What tests may ask for: a database of their own on a real PostgreSQL, settings that name it, a clock that obeys."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog

from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.database import Database
from coopschool.settings import Settings
from tests.support.installation import Simulated, as_variables
from tests.support.plain_server import PlainServer
from tests.support.postgres import EMPTY, TestServer
from tests.support.templates import NOW, TEMPLATES, copied


def pytest_configure() -> None:
    """Whatever this machine and this shell are set to, tests see the defaults."""
    for name in list(os.environ):
        if name.startswith(("COOPSCHOOL_", "PG")):
            del os.environ[name]
    # A job in the background ignores interrupts, and so would every process that tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything is installed (CI), a test that is skipped has failed."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI must not do: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def logging_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands that run in this process set up its logging: the next test finds none of it.

    No logger is kept as it was first used, either: `capture_logs` would see nothing of what it says.
    """
    configure = structlog.configure
    monkeypatch.setattr(structlog, "configure", lambda **how: configure(**how | {"cache_logger_on_first_use": False}))
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    configure(**config)


@pytest.fixture
def not_measured(no_cover: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measures neither a test nor the processes that it starts for coverage, which would take twice as long."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture(scope="session")
def test_server_directory(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The data directory of the run's PostgreSQL: one for all workers."""
    base = tmp_path_factory.getbasetemp()
    parallel = hasattr(request.config, "workerinput")
    return (base.parent if parallel else base) / "postgres"


@pytest.fixture(scope="session")
def test_server(test_server_directory: Path) -> Iterator[TestServer]:
    """The PostgreSQL of this run, shared by all its workers; the last one stops it."""
    with TestServer(test_server_directory) as server:
        yield server


@pytest.fixture(scope="module")
def plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlainServer]:
    """A PostgreSQL on TCP with passwords, as an operator runs it; a module's own."""
    with PlainServer(tmp_path_factory.mktemp("plain")) as server:
        yield server


@pytest.fixture
def clock() -> FixedClock:
    """Stands still at nine o'clock on Monday 2 March 2026, in Brussels, until a test moves it."""
    return FixedClock(NOW)


@pytest.fixture(scope="session")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root secret of all schools of a worker."""
    file = tmp_path_factory.mktemp("secret") / "root-secret"
    file.write_text("a root secret that is only ever used in tests")
    return file


@pytest.fixture(scope="session")
def simulated(test_server: TestServer, secret: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    """The demo's school with its facts, for tests that only read: one for all of a worker's tests."""
    data_dir = tmp_path_factory.mktemp("simulated") / "data"
    with (
        copied(test_server, "projected", secret, data_dir) as settings,
        Database.open(settings) as database,
        CoopSchool(database, settings, FixedClock(NOW)) as school,
    ):
        yield Simulated(settings, database, school)


@pytest.fixture
def settings(
    request: pytest.FixtureRequest, test_server: TestServer, secret: Path, tmp_path: Path
) -> Iterator[Settings]:
    """Settings of an installation of this test's own: fresh, or what a fixture named after a template says."""
    template = next((name for name in TEMPLATES if name in request.fixturenames), EMPTY)
    with copied(test_server, template, secret, tmp_path / "data") as settings:
        yield settings


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """The same settings as variables, for a process of its own."""
    return as_variables(settings)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The database of `settings`, open."""
    with Database.open(settings) as database:
        yield database


@pytest.fixture
def school(database: Database, settings: Settings, clock: FixedClock) -> Iterator[CoopSchool]:
    """The school on `database`, living by `clock`."""
    with CoopSchool(database, settings, clock) as school:
        yield school


@pytest.fixture
def seeded(school: CoopSchool) -> CoopSchool:
    """The school on `database`, which is the demo's, without facts."""
    return school


@pytest.fixture
def projected(school: CoopSchool) -> CoopSchool:
    """The school on `database`, which is the demo's, with its facts."""
    return school


@pytest.fixture
def example(school: CoopSchool) -> CoopSchool:
    """The school on `database`, in which the examples of the API's document come true, with its facts."""
    return school
