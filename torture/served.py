"""A school that is served by real processes, to be killed one by one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress

import msgspec
import psutil

from coopschool.settings import PREFIX, Settings

PATIENCE = 60.0  # seconds: longer than anything may take
RECOVERY = 240.0  # seconds that the server has to be ready again, on a machine that has much else to do


class DidNotHappen(AssertionError):
    """Something that must happen did not, within its time."""


def until(happened: Callable[[], bool], what: str, seconds: float = PATIENCE) -> float:
    """Returns when it has happened, with the seconds that took. Raises `DidNotHappen`."""
    began = time.monotonic()
    while not happened():
        if time.monotonic() - began > seconds:
            raise DidNotHappen(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.02)
    return time.monotonic() - began


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(settings: Settings) -> dict[str, str]:
    """The variables of a process that works on this installation."""
    given = {name: value for name, value in msgspec.structs.asdict(settings).items() if value is not None}
    ours = {f"{PREFIX}{name.upper()}": str(value) for name, value in given.items()}
    return {**{name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}, **ours}


class Served:
    """`coopschool serve` on an installation. A context manager; whatever is left of it ends with it."""

    def __init__(self, settings: Settings, *, workers: int = 1) -> None:
        self.data_dir = settings.data_dir
        self._environment = environment(settings)
        self.port = free_port()
        self._workers = workers
        self._serve: subprocess.Popen[bytes] | None = None
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._log = (self.data_dir / "serve.log").open("ab")

    def __enter__(self) -> Served:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._serve is not None and self._serve.poll() is None:
            self._serve.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._serve.wait(PATIENCE)
        self.kill_everything()
        self._log.close()

    def start(self) -> None:
        arguments = ("--port", str(self.port), "--workers", str(self._workers), "--log-level", "error")
        self._serve = subprocess.Popen(
            [sys.executable, "-m", "coopschool.cli", "serve", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env=self._environment,
        )
        self.until_ready()

    def until_ready(self) -> float:
        """Waits until commands can be written, and starts the server again if it has ended; the seconds that took."""
        return until(self._ready_or_restarted, f"ready again, see {self._log.name}", RECOVERY + PATIENCE)

    def _ready_or_restarted(self) -> bool:
        assert self._serve is not None
        if self._serve.poll() is not None:
            self.start()
            return True
        return self.is_ready()

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.HTTPError):
            return False

    # --- who there is to kill

    def supervisor(self) -> list[psutil.Process]:
        assert self._serve is not None
        return [psutil.Process(self._serve.pid)] if self._serve.poll() is None else []

    def family(self) -> list[psutil.Process]:
        """The supervisor and all below it."""
        with suppress(psutil.NoSuchProcess):
            return [one for top in self.supervisor() for one in (top, *top.children(recursive=True))]
        return []

    def api(self) -> list[psutil.Process]:
        """The process that keeps the API's workers."""
        return [one for one in self._children() if _says(one, "api")]

    def workers(self) -> list[psutil.Process]:
        """The processes that answer requests."""
        return [worker for api in self.api() for worker in api.children()]

    def projections(self) -> list[psutil.Process]:
        return [one for one in self._children() if _says(one, "project")]

    def postmaster(self) -> list[psutil.Process]:
        """PostgreSQL's own supervisor."""
        try:
            pid = int((self.data_dir / "pgdata" / "postmaster.pid").read_text("ascii").split("\n", 1)[0])
            process = psutil.Process(pid)
        except (OSError, ValueError, psutil.NoSuchProcess):
            return []
        return [process] if process.name().startswith("postgres") else []

    def backends(self) -> list[psutil.Process]:
        """The processes in which PostgreSQL works for its clients."""
        children = [child for postmaster in self.postmaster() for child in postmaster.children()]
        return [child for child in children if " coopschool " in " ".join(_words(child))]

    def _children(self) -> list[psutil.Process]:
        return [child for top in self.supervisor() for child in top.children()]

    def kill_everything(self) -> None:
        """SIGKILL for the whole family at once, as when the machine's memory runs out."""
        kill(self.family())
        if self._serve is not None:
            self._serve.wait(PATIENCE)


def kill(processes: list[psutil.Process]) -> None:
    """SIGKILL for these processes, which this run has started; returns when they are gone."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=PATIENCE)


def _says(process: psutil.Process, word: str) -> bool:
    return word in _words(process)


def _words(process: psutil.Process) -> list[str]:
    """Its command line; nothing where it has ended meanwhile."""
    with suppress(psutil.NoSuchProcess):
        return list(process.cmdline())
    return []
