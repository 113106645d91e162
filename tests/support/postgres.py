"""PostgreSQL for tests: one server for the whole run, a database of its own for each test."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from coopschool.database import Database
from coopschool.embedded import EmbeddedServer

BARE = "template1"
EMPTY = "migrated_template"
# Nothing here outlives the run, so nothing waits for the disk; and a copied database fills half a WAL file, which would
# otherwise be filled with zeros first: two thirds of the time that a copy takes.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_init_zero": "off",
    "max_connections": "300",
}


class TestServer:
    """The server that all workers of a run share, with a migrated database to copy."""

    __test__ = False

    def __init__(self, directory: Path) -> None:
        self._server = EmbeddedServer(directory, FAST)
        self.directory = directory
        self._templates: set[str] = set()

    def __enter__(self) -> TestServer:
        self._server.open()
        self._admin = psycopg.connect(self._server.conninfo(), autocommit=True)
        self.make_template(EMPTY, lambda url: Database(url, "coopschool").migrate(), copy_of=BARE)
        return self

    def __exit__(self, *_: object) -> None:
        self._admin.close()
        self._server.close()

    @contextmanager
    def database(self, template: str = EMPTY) -> Iterator[str]:
        """The URL, as superuser, of a copy of a template (else migrated and empty); it is dropped afterwards."""
        name = f"test_{uuid4().hex}"
        self._copy(template, name)
        try:
            yield self._url(name)
        finally:
            self._execute("drop database {} with (force)", name)

    @contextmanager
    def empty_database(self) -> Iterator[str]:
        """The URL, as superuser, of a fresh database without our tables."""
        name = f"test_{uuid4().hex}"
        self._execute("create database {}", name)
        try:
            yield self._url(name)
        finally:
            self._execute("drop database {} with (force)", name)

    def make_template(self, name: str, fill: Callable[[str], object], *, copy_of: str = EMPTY) -> None:
        """Makes a database to copy, unless some worker of this run has; `fill` gets the URL of what it begins as."""
        if name in self._templates:
            return
        with (self.directory / "template.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self._admin.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                draft = f"{name}_draft"
                self._copy(copy_of, draft)
                fill(self._url(draft))
                self._execute("alter database {} rename to {}", draft, name)
        self._templates.add(name)

    def _copy(self, template: str, name: str) -> None:
        self._execute("create database {} template {}", name, template)
        if template != BARE:  # a database's own grants are not copied
            self._execute("grant create on database {} to {}", name, "coopschool_projector")

    def _url(self, name: str) -> str:
        login = conninfo_to_dict(self._server.conninfo(name))
        return f"postgresql://{login['user']}@/{name}?host={login['host']}&port={login['port']}"

    def _execute(self, statement: str, *names: str) -> None:
        composed = sql.SQL(statement).format(*map(sql.Identifier, names))
        self._admin.execute(composed)
