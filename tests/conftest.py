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
from tests.support.postgres import EMPTY, TestServer

SEEDED, PROJECTED = "seeded_template", "projected_template"
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
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root secret of all schools of a worker."""
    file = tmp_path_factory.mktemp("secret") / "root-secret"
    file.write_text("a root secret that is only ever used in tests")
    return file


@pytest.fixture(scope="session")
def demo_server(test_server: TestServer, secret: Path) -> TestServer:
    """The server, with the templates that the demo's school takes seconds to fill: SEEDED, and PROJECTED with facts."""

    def seed(url: str) -> None:
        settings = Settings(database_url=url, secret_file=secret)
        with Database.open(settings) as database, CoopSchool(database, settings, FixedClock(NOW)) as school:
            demo.seed(school)

    def project(url: str) -> None:
        settings = Settings(database_url=url, secret_file=secret)
        with Database.open(settings) as database:
            Runner(database, settings.zone).catch_up()

    test_server.make_template(SEEDED, seed)
    test_server.make_template(PROJECTED, project, copy_of=SEEDED)
    return test_server


@pytest.fixture(scope="session")
def simulated(demo_server: TestServer, secret: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    """The demo's school with its facts, for tests that only read: one for all of a worker's tests."""
    with demo_server.database(PROJECTED) as url:
        settings = Settings(database_url=url, secret_file=secret, data_dir=tmp_path_factory.mktemp("simulated"))
        with Database.open(settings) as database, CoopSchool(database, settings, FixedClock(NOW)) as school:
            yield Simulated(settings, database, school)


@pytest.fixture
def copied(request: pytest.FixtureRequest, test_server: TestServer) -> str:
    """The template of the test's database: what `seeded` or `projected` ask for, else an empty one."""
    if "projected" in request.fixturenames:
        request.getfixturevalue("demo_server")
        return PROJECTED
    if "seeded" in request.fixturenames:
        request.getfixturevalue("demo_server")
        return SEEDED
    return EMPTY


@pytest.fixture
def settings(test_server: TestServer, copied: str, secret: Path, tmp_path: Path) -> Iterator[Settings]:
    """Settings of an installation whose database is fresh, migrated and this test's alone."""
    with test_server.database(copied) as url:
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


@pytest.fixture
def seeded(school: CoopSchool) -> CoopSchool:
    """The school on `database`, which is the demo's, without facts."""
    return school


@pytest.fixture
def projected(school: CoopSchool) -> CoopSchool:
    """The school on `database`, which is the demo's, with its facts."""
    return school
