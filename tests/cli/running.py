"""Commands run in this process, and programs run as processes of their own that must leave nothing behind."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from click.testing import Result
from typer.testing import CliRunner

from coopschool.cli import app

PATIENCE = 60.0  # seconds: generous, because nothing is measured here


class Command:
    """`coopschool`, in this process, on one installation."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def run(self, *arguments: str | Path) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], env=dict(self._environment))

    def said(self, *arguments: str | Path, status: int = 0) -> Any:
        """What a command prints as JSON."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == status, result.output
        return json.loads(result.stdout)

    def refused(self, *arguments: str | Path, status: int = 2) -> str:
        """What a command that cannot be done says of it."""
        result = self.run(*arguments)
        assert result.exit_code == status, result.output
        assert "Traceback" not in result.output
        return result.stderr


def audited(result: Result) -> list[dict[str, Any]]:
    """What a command noted for whoever audits."""
    return [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]


def without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """This process's variables, with other settings of ours."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COOPSCHOOL_")}
    return {**inherited, **environment}


class Process:
    """A program in a session of its own, as if started in a terminal. Its output is at hand line by line."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], directory: Path) -> None:
        self._popen = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=without_settings(environment),
            cwd=directory,
            start_new_session=True,
        )
        self.errors: list[str] = []
        self._reader = threading.Thread(target=lambda: self.errors.extend(self._popen.stderr or ()), daemon=True)
        self._reader.start()
        self.pid = self._popen.pid
        self._seen: dict[int, psutil.Process] = {}

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.look()
        for process in self._alive():
            process.kill()
        self._popen.wait(PATIENCE)
        self._reader.join(PATIENCE)
        for stream in (self._popen.stdout, self._popen.stderr):
            if stream is not None:
                stream.close()

    def line(self) -> str:
        """The next line of its output; fails if it ends instead."""
        assert self._popen.stdout is not None
        line = self._popen.stdout.readline()
        assert line, f"it ended: {''.join(self.errors)}"
        self.look()
        return line.strip()

    def look(self) -> dict[int, psutil.Process]:
        """Every process that it has started so far, itself too."""
        try:
            me = psutil.Process(self.pid)
            self._seen |= {process.pid: process for process in [me, *me.children(recursive=True)]}
        except psutil.NoSuchProcess:
            pass
        return self._seen

    def signal(self, number: signal.Signals) -> None:
        """To it alone."""
        self.look()
        os.kill(self.pid, number)

    def interrupt(self) -> None:
        """Ctrl-C: to everybody in the foreground."""
        self.look()
        os.killpg(self.pid, signal.SIGINT)

    def ended(self) -> int:
        """Its exit status, once it has ended."""
        return self._popen.wait(PATIENCE)

    def left_behind(self) -> list[str]:
        """The command lines of the processes that outlive it."""
        _, alive = psutil.wait_procs(self._alive(), timeout=PATIENCE)
        return [" ".join(process.cmdline()) for process in alive]

    def children_named(self, *words: str) -> list[psutil.Process]:
        """Those of its processes whose command line has all the words."""
        found = []
        for process in self.look().values():
            try:
                line = process.cmdline()
            except psutil.NoSuchProcess:
                continue
            if (
                process.is_running()
                and process.status() != psutil.STATUS_ZOMBIE
                and all(word in line for word in words)
            ):
                found.append(process)
        return found

    def _alive(self) -> list[psutil.Process]:
        return [process for process in self._seen.values() if process.is_running()]


def coopschool(arguments: Sequence[str], environment: Mapping[str, str], directory: Path) -> Process:
    """`coopschool …` as a process of its own."""
    return Process([sys.executable, "-m", "coopschool.cli", *arguments], environment, directory)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def get(port: int, path: str, token: str = "") -> tuple[int, Any]:
    """Status and JSON body of a GET; status 0 while nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()


def until(happened: Callable[[], bool]) -> None:
    """Returns when it has happened; fails when it does not."""
    waiting = threading.Event()
    for _ in range(int(PATIENCE / 0.05)):
        if happened():
            return
        waiting.wait(0.05)
    raise AssertionError("it did not happen")
