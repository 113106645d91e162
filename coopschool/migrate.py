"""Making a school's schema and keeping it up to date: roles, schema, and the ordered files of `migrations/`.

A migration is a file `NNNN_name.sql`, applied once in a transaction of its own and never edited afterwards. In it
`:"app"`, `:"projector"`, `:"reader"`, `:"owner"` and `:"schema"` stand for this school's names, as in psql.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import psycopg
from psycopg import sql

from coopschool.sql import statements

Role = Literal["owner", "app", "projector", "reader"]
ROLES: tuple[Role, ...] = get_args(Role)
DIRECTORY = Path(__file__).parent / "migrations"
_SQL = statements("coopschool", "migrate.sql")

Connection = psycopg.Connection[Any]


class DatabaseError(Exception):
    """The database cannot be used as it is; the message says what is wrong and what to do."""


class Migration(NamedTuple):
    """One step of the schema."""

    number: int
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.number:04}_{self.name}"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def role_name(schema: str, role: Role) -> str:
    """What the role is called in PostgreSQL."""
    return f"{schema}_{role}"


def migrations(directory: Path = DIRECTORY) -> list[Migration]:
    """All migrations, in order. Raises `DatabaseError` where a name is wrong or a number taken twice."""
    found = [_read(file) for file in sorted(directory.glob("*.sql"))]
    for one, other in pairwise(found):
        if one.number == other.number:
            raise DatabaseError(f"{one} and {other} in {directory} share a number: give the newer one the next number.")
    return found


def migrate(connection: Connection, schema: str, *, roles_log_in: bool, directory: Path = DIRECTORY) -> list[Migration]:
    """Brings roles, schema, tables and grants up to date; gives the migrations it applied.

    The connection (autocommit) belongs to a superuser, or to the database's owner who may create roles; it ends up as
    the schema's owner. Raises `DatabaseError`, or psycopg's `InsufficientPrivilege`.
    """
    connection.execute(_SQL["take_turns"], [schema])
    for role in ROLES:
        _create_role(connection, schema, role, logs_in=roles_log_in)
    if not _finds(connection, "schema_exists", schema):
        _run(connection, "create_schema", schema)
    if not _value(connection, "projector_may_create_schemas", role_name(schema, "projector")):
        _run(connection, "let_projector_create_schemas", schema)
    _run(connection, "become_owner", schema)
    _run(connection, "work_in_schema", schema)
    _run(connection, "create_migrations", schema)
    todo = pending(connection, schema, directory)
    for migration in todo:
        with connection.transaction():
            connection.execute(_filled_in(migration.text, schema))
            connection.execute(_SQL["remember"], [migration.number, migration.name, migration.sha256])
    return todo


def pending(connection: Connection, schema: str, directory: Path = DIRECTORY) -> list[Migration]:
    """The migrations that the schema lacks. Raises `DatabaseError` where an applied one was edited since."""
    known = migrations(directory)
    if _value(connection, "migrations_table", f'"{schema}".migrations') is None:
        return known
    applied: dict[int, str] = dict(_run(connection, "applied", schema).fetchall())
    for migration in known:
        if applied.get(migration.number, migration.sha256) != migration.sha256:
            raise DatabaseError(
                f"migration {migration} is not what was applied to schema {schema}: put the file back as it was, and "
                "write the change as a new migration."
            )
    return [migration for migration in known if migration.number not in applied]


def _read(file: Path) -> Migration:
    match = re.fullmatch(r"(\d{4})_([a-z0-9_]+)", file.stem)
    if match is None:
        raise DatabaseError(f"{file} is not called NNNN_name.sql")
    return Migration(int(match[1]), match[2], file.read_text("utf-8"))


def _create_role(connection: Connection, schema: str, role: Role, *, logs_in: bool) -> None:
    name = role_name(schema, role)
    exists = _finds(connection, "role_exists", name)
    if not exists:
        # Roles belong to the whole server: another of its databases may be making the same one right now.
        with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            _run(connection, "create_role_that_logs_in" if logs_in else "create_role", schema, role)
    if (role == "owner" or not exists) and not _finds(connection, "may_act_as", name):
        _run(connection, "join_role", schema, role)


def _run(connection: Connection, name: str, schema: str, role: Role = "owner") -> psycopg.Cursor[Any]:
    names = {
        "database": connection.info.dbname,
        "schema": schema,
        "owner": role_name(schema, "owner"),
        "projector": role_name(schema, "projector"),
        "role": role_name(schema, role),
    }
    return connection.execute(sql.SQL(_SQL[name]).format(**{key: sql.Identifier(name) for key, name in names.items()}))


def _value(connection: Connection, name: str, argument: str) -> Any:
    row = connection.execute(_SQL[name], [argument]).fetchone()
    return row and row[0]


def _finds(connection: Connection, name: str, argument: str) -> bool:
    return connection.execute(_SQL[name], [argument]).fetchone() is not None


def _filled_in(text: str, schema: str) -> sql.Composed:
    names = {f':"{role}"': sql.Identifier(role_name(schema, role)) for role in ROLES}
    names[':"schema"'] = sql.Identifier(schema)
    parts = re.split(f"({'|'.join(names)})", text)
    return sql.Composed([names.get(part) or sql.SQL(part) for part in parts])
