"""Running the school: the API and the projections, together or each on its own machine."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coopschool.cli import addresses
from coopschool.cli.running import WRONG, fail
from coopschool.cli.school import DataDir, load_settings, opened

if TYPE_CHECKING:
    from coopschool.database import Database
    from coopschool.settings import Settings


Work = Callable[[threading.Event], None]  # until the event is set


class Level(StrEnum):
    """How much is logged."""

    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


class Size(StrEnum):
    """How much the simulated school has lived through."""

    small = "small"
    large = "large"


Host = Annotated[str, typer.Option(help="The address to listen at.")]
Port = Annotated[int, typer.Option(help="The port to listen at.", min=1, max=65535)]
Workers = Annotated[int, typer.Option(help="How many processes answer requests.", min=1, max=64)]
LogLevel = Annotated[Level, typer.Option(help="What goes to the log, as JSON lines on stderr, from this level up.")]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Workers = 1,
    projections: Annotated[
        bool, typer.Option("--projections/--no-projections", help="Whether to keep the reports up to date here.")
    ] = True,
    log_level: LogLevel = Level.info,
    data_dir: DataDir = None,
) -> None:
    """Serve the API, and keep the projections up to date. Ctrl-C finishes what is under way and ends it."""
    settings = load_settings(data_dir)
    addresses.require_usable(settings, host, port)
    _hand_down(data_dir, log_level)
    url = addresses.url(host, port)
    with opened(settings, must_exist=False) as database:
        keep_erased(settings, database)
        _supervise(database, host, port, workers, lambda: typer.echo(url), projections=projections)


def demo(
    port: Port = 8000,
    size: Annotated[Size, typer.Option(help="How large a school to simulate, if there is none yet.")] = Size.small,
    log_level: LogLevel = Level.warning,
    data_dir: DataDir = None,
) -> None:
    """Fill an empty log with a simulated school, then serve it on this machine, and say how to try it."""
    from coopschool.cli import showing

    host = "127.0.0.1"
    settings = load_settings(data_dir)
    addresses.require_usable(settings, host, port)
    _hand_down(data_dir, log_level)
    with opened(settings, must_exist=False) as database:
        keep_erased(settings, database)
        showing.seed_if_empty(settings, database, size)
        text = showing.how_to_try(settings, database, addresses.url(host, port))
        _supervise(database, host, port, 1, lambda: typer.echo(text), projections=True)


def project(log_level: LogLevel = Level.info, data_dir: DataDir = None) -> None:
    """Keep the projections up to date, and do what falls due. Of several, one works and the others stand by."""
    from coopschool.serving import end_with_supervisor
    from projections.runner import Runner

    supervised = end_with_supervisor()
    stop = _stop_on_signals()
    settings = load_settings(data_dir)
    _hand_down(data_dir, log_level)
    with (
        opened(settings, must_exist=False) as database,
        _timekeeping(settings, database, begins=not supervised) as keep_time,
    ):
        work_together([Runner(database, settings.zone).run, *keep_time], stop)


def keep_time(log_level: LogLevel = Level.info) -> None:
    """Do what falls due: what `serve --no-projections` starts, because the projections' login may give no commands."""
    from coopschool.serving import end_with_supervisor

    end_with_supervisor()
    stop = _stop_on_signals()
    settings = load_settings(None)
    _hand_down(None, log_level)
    with opened(settings, must_exist=False) as database, _timekeeping(settings, database, begins=False) as keep_time:
        work_together(keep_time, stop)


def api(host: Host = "127.0.0.1", port: Port = 8000, workers: Workers = 1) -> None:
    """Answer requests: what the supervisor of `serve` starts."""
    from coopschool import logs
    from coopschool.api import server
    from coopschool.serving import end_with_supervisor

    supervised = end_with_supervisor()
    logs.configure()
    settings = load_settings(None)
    if not supervised:
        with opened(settings, must_exist=False) as database:
            keep_erased(settings, database)
    server.serve(settings, host=host, port=port, workers=workers)


def _hand_down(data_dir: Path | None, level: Level) -> None:
    """Logs from this level up, here and in the processes that this one starts, which work on the same data."""
    from coopschool import logs

    logs.configure(level)
    os.environ[logs.LEVEL] = level
    if data_dir is not None:
        os.environ["COOPSCHOOL_DATA_DIR"] = str(data_dir)


def _supervise(
    database: Database,
    host: str,
    port: int,
    workers: int,
    announce: Callable[[], None],
    *,
    projections: bool,
) -> None:
    """Runs the processes until somebody ends them; ends the command with 1 if the API ended by itself."""
    from coopschool.serving import Child, Supervisor

    us = (sys.executable, "-m", "coopschool.cli")
    level = ("--log-level", os.environ["COOPSCHOOL_LOG_LEVEL"])
    where = ("--host", host, "--port", str(port), "--workers", str(workers))
    beside = (
        Child("projections", (*us, "project", *level)) if projections else Child("time", (*us, "keep-time", *level))
    )
    api = Child("api", (*us, "api", *where), essential=True)
    supervisor = Supervisor([beside, api], tend=lambda: tend(database))
    threading.Thread(target=addresses.when_ready, args=(host, port, announce), daemon=True).start()
    status = supervisor.run()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # all that is left is to close the database, and that must be done
    if status:
        fail(WRONG)


def keep_erased(settings: Settings, database: Database) -> None:
    """Erases again whom a restore has brought back, before anybody is answered. Raises `LedgerDamaged`."""
    from coopschool.application import CoopSchool
    from coopschool.erasing import replay_ledger

    with CoopSchool(database, settings) as school:
        replay_ledger(school)


def tend(database: Database) -> None:
    """The PostgreSQL that comes along has nobody else to start it again."""
    import structlog

    from coopschool.postgres_programs import EmbeddedError

    try:
        database.revive()
    except EmbeddedError as error:
        structlog.get_logger("coopschool.serving").error("serving.database_away", cause=str(error))


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    return stop


@contextmanager
def _timekeeping(settings: Settings, database: Database, *, begins: bool) -> Iterator[list[Work]]:
    """The timekeeper's work, on a school of its own; none where this login may not give commands.

    `begins`: nobody has looked into the erasure ledger yet. Raises `LedgerDamaged`.
    """
    import structlog

    from coopschool.application import CoopSchool
    from coopschool.database import DatabaseError
    from coopschool.erasing import replay_ledger
    from coopschool.timekeeper import Timekeeper

    try:
        database.url("app")
    except DatabaseError:
        structlog.get_logger("coopschool.serving").info("serving.time_kept_elsewhere")
        yield []
        return
    with CoopSchool(database, settings) as school:
        if begins:
            replay_ledger(school)
        yield [Timekeeper(school).run]


def work_together(works: Sequence[Work], stop: threading.Event) -> None:
    """Runs each in a thread until told to stop. If one fails, the others are stopped, and its error is raised."""
    with ThreadPoolExecutor(len(works) or 1) as pool:
        working = [pool.submit(work, stop) for work in works]
        wait(working, return_when=FIRST_EXCEPTION)
        stop.set()
        for work in working:
            work.result()
