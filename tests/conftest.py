"""What tests may ask for: a database of their own on a real PostgreSQL, settings that name it, a clock that obeys."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from coopschool import demo
from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.database import Database
from coopschool.settings import Settings
from projections.runner import Runner
from tests.support.installation import Simulated, as_variables
from tests.support.plain_server import PlainServer
from tests.support.postgres import TestServer

NOW = datetime(2026, 3, 2, 9, tzinfo=ZoneInfo("Europe/Brussels"))


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
def simulated(test_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    """The demo's school with its facts, for tests that only read: one for all of a worker's tests."""
    directory = tmp_path_factory.mktemp("simulated")
    secret = directory / "root-secret"
    secret.write_text("a root secret that is only ever used in tests")
    with test_server.database() as url:
        settings = Settings(database_url=url, secret_file=secret, data_dir=directory / "data")
        with Database.open(settings) as database, CoopSchool(database, settings, FixedClock(NOW)) as school:
            demo.seed(school)
            Runner(database, settings.zone).catch_up()
            yield Simulated(settings, database, school)


@pytest.fixture
def settings(test_server: TestServer, tmp_path: Path) -> Iterator[Settings]:
    """Settings of an installation whose database is fresh, migrated and this test's alone."""
    secret = tmp_path / "root-secret"
    secret.write_text("a root secret that is only ever used in tests")
    with test_server.database() as url:
        yield Settings(database_url=url, secret_file=secret, data_dir=tmp_path / "data")


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
