"""Running the school: the API and the projections, together or each on its own machine."""

from __future__ import annotations

import os
import signal
import sys
import threading
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coopschool.cli import addresses
from coopschool.cli.running import WRONG, fail
from coopschool.cli.school import DataDir, load_settings, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from coopschool.database import Database
    from coopschool.settings import Settings


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
    settings = _ready_to_log(data_dir, log_level)
    addresses.require_usable(settings, host, port)
    url = addresses.url(host, port)
    with opened(settings, must_exist=False) as database:
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
    settings = _ready_to_log(data_dir, log_level)
    addresses.require_usable(settings, host, port)
    with opened(settings, must_exist=False) as database:
        showing.seed_if_empty(settings, database, size)
        text = showing.how_to_try(settings, database, addresses.url(host, port))
        _supervise(database, host, port, 1, lambda: typer.echo(text), projections=True)


def project(log_level: LogLevel = Level.info, data_dir: DataDir = None) -> None:
    """Keep the projections up to date, and nothing else. Of several, one works and the others stand by."""
    from coopschool.serving import end_with_supervisor
    from projections.runner import Runner

    end_with_supervisor()
    stop = _stop_on_signals()
    settings = _ready_to_log(data_dir, log_level)
    with opened(settings, must_exist=False) as database:
        Runner(database, settings.zone).run(stop)


def api(host: Host = "127.0.0.1", port: Port = 8000, workers: Workers = 1) -> None:
    """Answer requests: what the supervisor of `serve` starts."""
    from coopschool import logs
    from coopschool.api import server
    from coopschool.serving import end_with_supervisor

    end_with_supervisor()
    logs.configure()
    server.serve(load_settings(None), host=host, port=port, workers=workers)


def _ready_to_log(data_dir: Any, level: Level) -> Settings:
    """The settings, which with the level of logging are handed down to the processes that this one starts."""
    from coopschool import logs

    logs.configure(level)
    os.environ[logs.LEVEL] = level
    if data_dir is not None:
        os.environ["COOPSCHOOL_DATA_DIR"] = str(data_dir)
    return load_settings(data_dir)


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
    where = ("--host", host, "--port", str(port), "--workers", str(workers))
    children = [Child("projections", (*us, "project", "--log-level", os.environ["COOPSCHOOL_LOG_LEVEL"]))]
    api = Child("api", (*us, "api", *where), essential=True)
    supervisor = Supervisor([*(children if projections else []), api], tend=lambda: _tend(database))
    threading.Thread(target=addresses.when_ready, args=(host, port, announce), daemon=True).start()
    status = supervisor.run()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # all that is left is to close the database, and that must be done
    if status:
        fail(WRONG)


def _tend(database: Database) -> None:
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
