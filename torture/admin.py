"""Somebody who may do anything to the database: what must be noticed, and what must be survived."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from coopschool.database import Database
from coopschool.embedded import SOCKET, SUPERUSER


def socket_of(database: Database) -> Path:
    """The socket of the PostgreSQL that comes along."""
    return Path(str(conninfo_to_dict(database.url("owner"))["host"])) / SOCKET


def superuser(database: Database) -> psycopg.Connection:
    """A connection with every right, in the school's schema; the caller closes it."""
    login = conninfo_to_dict(database.url("owner"))
    where = {name: str(login[name]) for name in ("host", "port", "dbname")}
    options = f'-c search_path="{database.schema}"'
    return psycopg.connect(**where, user=SUPERUSER, options=options, autocommit=True)
