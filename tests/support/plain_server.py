"""A PostgreSQL as an operator runs it: on TCP, with passwords, knowing nothing of coopschool."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import psycopg

from coopschool.postgres_programs import account, let_account_reach, run

PASSWORD = "a pass:word/with@signs"


class PlainServer:
    """A server of its own on a free loopback port; a context manager. `stop`, `kill` and `start` make bad days."""

    def __init__(self, directory: Path) -> None:
        self.pgdata = directory / "data"
        self.password_file = directory / "password"
        directory.mkdir(parents=True, exist_ok=True)
        self.password_file.write_text(PASSWORD)
        self.port = _free_port()

    def __enter__(self) -> PlainServer:
        self._initialise()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._control("start", "--log", str(self.pgdata / "server.log"))

    def stop(self) -> None:
        """Ends it as a machine that shuts down would; harmless when it does not run."""
        if (self.pgdata / "postmaster.pid").exists():
            self._control("stop", "--mode=immediate")

    def url(self, user: str = "postgres", database: str = "postgres", password: str | None = None) -> str:
        """A URL with the password left out (see `password_file`), unless one is given."""
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """As superuser."""
        return psycopg.connect(self.url(database=database), password=PASSWORD, autocommit=True)

    def _initialise(self) -> None:
        runs_as = account()
        let_account_reach(self.pgdata.parent)
        self.pgdata.mkdir(mode=0o700)
        for path in (self.pgdata, self.password_file):
            os.chown(path, runs_as.uid, runs_as.gid)
        options = ("--username=postgres", f"--pwfile={self.password_file}", "--auth=scram-sha-256", "--encoding=UTF8")
        self._check(run("initdb", "--no-sync", "--pgdata", str(self.pgdata), *options, cwd=self.pgdata).stdout)
        lines = (
            "listen_addresses = '127.0.0.1'",
            f"port = {self.port}",
            "unix_socket_directories = ''",
            "fsync = off",
        )
        with (self.pgdata / "postgresql.conf").open("a") as configuration:
            configuration.writelines(f"{line}\n" for line in lines)

    def _check(self, said: str) -> None:
        assert (self.pgdata / "PG_VERSION").exists(), said

    def _control(self, *arguments: str) -> None:
        done = run("pg_ctl", *arguments, "--pgdata", str(self.pgdata), "--wait", cwd=self.pgdata)
        assert done.returncode == 0, done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
