"""The database of one school: connections by role, and the migrations that make it.

Every role works in one schema and with no more rights than its task needs:

- *owner* makes tables and grants rights; it serves nothing;
- *app* appends to the log and keeps the vault;
- *projector* reads the log and owns the facts;
- *reader* reads the facts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from coopschool.embedded import SUPERUSER, EmbeddedServer
from coopschool.settings import Settings

Role = Literal["owner", "app", "projector", "reader"]
ROLES: tuple[Role, ...] = get_args(Role)
MIGRATIONS = Path(__file__).parent / "migrations"
EMBEDDED_DATABASE = "coopschool"

# Time-outs in milliseconds: statement, lock, idle in transaction.
TIMEOUTS: Mapping[Role, tuple[int, int, int]] = {
    "owner": (0, 60_000, 600_000),
    "app": (60_000, 15_000, 30_000),
    "projector": (600_000, 30_000, 300_000),
    "reader": (60_000, 5_000, 60_000),
}


class DatabaseError(Exception):
    """The database cannot be used as it is; the message says what is wrong and what to do."""


class Migration(NamedTuple):
    """One step of the schema, from a file `NNNN_name.sql`."""

    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


class Database:
    """One school's database. A context manager: leaving it stops the embedded server, if nobody else uses it.

    `trusted` means that each role may log in under its own name, as on the embedded server.
    """

    def __init__(
        self, conninfo: str, schema: str, *, trusted: bool = False, server: EmbeddedServer | None = None
    ) -> None:
        self.schema = schema
        self._login = {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
        self._trusted = trusted
        self._server = server
        self._assumable: frozenset[str] | None = None

    @classmethod
    def open(cls, settings: Settings) -> Database:
        """The database that the settings name; without a URL the embedded one, started and migrated.

        Raises `DatabaseError`, `coopschool.embedded.EmbeddedError`, `coopschool.settings.SettingsError`.
        """
        if settings.database_url is None:
            return _open_embedded(settings)
        return cls(_with_password(settings), settings.schema)

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    @property
    def embedded(self) -> bool:
        """Whether this is the PostgreSQL that comes along."""
        return self._server is not None

    def role_name(self, role: Role) -> str:
        """What the role is called in PostgreSQL."""
        return f"{self.schema}_{role}"

    def url(self, role: Role) -> str:
        """A URL that connects as the role, in the school's schema, in UTC, with the role's time-outs.

        Raises `DatabaseError` where the login may not act as that role.
        """
        login = dict(self._login)
        options = [f'-c search_path="{self.schema}"', "-c TimeZone=UTC"]
        options += [f"-c {name}={value}" for name, value in _timeouts(role).items()]
        if self._trusted:
            login["user"] = self.role_name(role)
        elif self._must_assume(role):
            options.append(f"-c role={self.role_name(role)}")
        login["options"] = " ".join([*filter(None, [login.get("options")]), *options])
        login.setdefault("application_name", f"coopschool {role}")
        login.setdefault("connect_timeout", "10")
        return _url(login)

    def connect(self, role: Role, *, autocommit: bool = True) -> psycopg.Connection[TupleRow]:
        """A connection of its own; the caller closes it."""
        return psycopg.connect(self.url(role), autocommit=autocommit)

    def migrate(self) -> list[Migration]:
        """Brings roles, schema, tables and grants up to date, as the login that the database was opened with.

        Returns the migrations it applied. Safe to run twice, also at once. Raises `DatabaseError`.
        """
        with self._connect_admin() as connection:
            connection.execute("select pg_advisory_lock(hashtextextended('coopschool ' || %s, 0))", [self.schema])
            try:
                self._prepare(connection)
                applied = self._apply(connection)
            except psycopg.errors.InsufficientPrivilege as error:
                raise DatabaseError(
                    f"{connection.info.user} may not set up schema {self.schema}: {error.diag.message_primary}. Run "
                    "`coopschool migrate` with a URL of the database's owner who may also create roles, or of a superuser."
                ) from error
        self._assumable = None
        return applied

    def pending(self) -> list[Migration]:
        """The migrations that are not applied yet. Raises `DatabaseError` where an applied one was edited since."""
        with self._connect_admin() as connection:
            if not self._is_prepared(connection):
                return migrations()
            return self._pending(connection)

    def require_migrated(self) -> None:
        """Raises `DatabaseError` unless the schema is the one this program was written for."""
        pending = self.pending()
        if pending:
            raise DatabaseError(
                f"schema {self.schema} lacks {len(pending)} migrations, first {pending[0].number:04} {pending[0].name}: "
                "run `coopschool migrate`."
            )

    def _connect_admin(self) -> psycopg.Connection[TupleRow]:
        login = {"connect_timeout": "10", "application_name": "coopschool migrate", **self._login}
        connection = psycopg.connect(**login, autocommit=True)  # type: ignore[arg-type]
        if connection.info.server_version < 160_000:
            connection.close()
            raise DatabaseError("coopschool needs PostgreSQL 16 or later; 18 is what it is tested with.")
        return connection

    def _must_assume(self, role: Role) -> bool:
        """Whether the login is more than the role, so that it has to put the rest of its rights aside."""
        if self._assumable is None:
            self._assumable = self._ask_assumable()
        name = self.role_name(role)
        if self._login.get("user") == name:
            return False
        if name not in self._assumable:
            raise DatabaseError(
                f"{self._login.get('user') or 'this login'} may not act as {name}. If the schema is new, run "
                f"`coopschool migrate`; else, as a superuser: grant {name} to {self._login.get('user') or 'the login'};"
            )
        return True

    def _ask_assumable(self) -> frozenset[str]:
        names = [self.role_name(role) for role in ROLES]
        with self._connect_admin() as connection:
            rows = connection.execute(
                "select rolname from pg_roles where rolname = any(%s) and pg_has_role(oid, 'SET')", [names]
            )
            return frozenset(name for (name,) in rows)

    def _prepare(self, connection: psycopg.Connection[TupleRow]) -> None:
        """Roles, schema, and the table that remembers migrations."""
        names = {role: sql.Identifier(self.role_name(role)) for role in ROLES}
        for role in ROLES:
            self._create_role(connection, role)
        schema, owner = sql.Identifier(self.schema), names["owner"]
        _run(connection, sql.SQL("create schema if not exists {} authorization {}").format(schema, owner))
        database = sql.Identifier(connection.info.dbname)
        if not self._may_create_schemas(connection):
            _run(connection, sql.SQL("grant create on database {} to {}").format(database, names["projector"]))
        _run(connection, sql.SQL("set role {}").format(owner))
        _run(connection, sql.SQL("set search_path = {}").format(schema))
        _run(
            connection,
            sql.SQL(
                "create table if not exists migrations (number integer primary key, name text not null, "
                "sha256 text not null, applied_at timestamptz not null default now())"
            ),
        )

    def _create_role(self, connection: psycopg.Connection[TupleRow], role: Role) -> None:
        name = self.role_name(role)
        if not connection.execute("select from pg_roles where rolname = %s", [name]).fetchone():
            login = sql.SQL("login" if self._trusted else "nologin")
            try:
                _run(connection, sql.SQL("create role {} {}").format(sql.Identifier(name), login))
            except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
                pass  # another database of this server is being migrated at the same time: roles are the server's
        if (
            role == "owner"
            and not connection.execute(
                "select from pg_roles where rolname = %s and pg_has_role(oid, 'SET')", [name]
            ).fetchone()
        ):
            _run(
                connection, sql.SQL("grant {} to current_user with set true, inherit true").format(sql.Identifier(name))
            )

    def _may_create_schemas(self, connection: psycopg.Connection[TupleRow]) -> bool:
        row = connection.execute(
            "select has_database_privilege(%s, current_database(), 'create')", [self.role_name("projector")]
        ).fetchone()
        return row is not None and bool(row[0])

    def _is_prepared(self, connection: psycopg.Connection[TupleRow]) -> bool:
        row = connection.execute("select to_regclass(%s)", [f'"{self.schema}".migrations']).fetchone()
        return row is not None and row[0] is not None

    def _apply(self, connection: psycopg.Connection[TupleRow]) -> list[Migration]:
        pending = self._pending(connection)
        for migration in pending:
            with connection.transaction():
                _run(connection, self._filled_in(migration.text))
                connection.execute(
                    "insert into migrations (number, name, sha256) values (%s, %s, %s)",
                    [migration.number, migration.name, migration.sha256],
                )
        return pending

    def _pending(self, connection: psycopg.Connection[TupleRow]) -> list[Migration]:
        rows = connection.execute(
            sql.SQL("select number, sha256 from {}").format(sql.Identifier(self.schema, "migrations"))
        )
        applied: dict[int, str] = dict(rows.fetchall())
        for migration in migrations():
            if applied.get(migration.number, migration.sha256) != migration.sha256:
                raise DatabaseError(
                    f"migration {migration.number:04} {migration.name} is not what was applied to schema {self.schema}: put "
                    "the file back as it was, and write the change as a new migration."
                )
        return [migration for migration in migrations() if migration.number not in applied]

    def _filled_in(self, text: str) -> sql.Composed:
        """The text with `:"app"` and the like replaced by this schema's names, as psql would."""
        names = {f':"{role}"': sql.Identifier(self.role_name(role)) for role in ROLES}
        names[':"schema"'] = sql.Identifier(self.schema)
        parts = re.split("(" + "|".join(map(re.escape, names)) + ")", text)
        return sql.Composed([names.get(part, sql.SQL(part)) for part in parts])  # type: ignore[arg-type]


def migrations(directory: Path = MIGRATIONS) -> list[Migration]:
    """All migrations, in order. Raises `DatabaseError` where two share a number."""
    found = [_read_migration(file) for file in sorted(directory.glob("*.sql"))]
    numbers = [migration.number for migration in found]
    if len(set(numbers)) < len(numbers):
        raise DatabaseError(f"two migrations in {directory} share a number: {numbers}")
    return found


def _read_migration(file: Path) -> Migration:
    match = re.fullmatch(r"(\d{4})_([a-z0-9_]+)", file.stem)
    if match is None:
        raise DatabaseError(f"{file} is not called NNNN_name.sql")
    return Migration(int(match[1]), match[2], file.read_text("utf-8"))


def _open_embedded(settings: Settings) -> Database:
    server = EmbeddedServer(settings.data_dir)
    server.open()
    try:
        _create_database(server, EMBEDDED_DATABASE)
        database = Database(server.conninfo(EMBEDDED_DATABASE), settings.schema, trusted=True, server=server)
        if database.pending():
            database.migrate()
    except BaseException:
        server.close()
        raise
    return database


def _create_database(server: EmbeddedServer, name: str) -> None:
    with psycopg.connect(server.conninfo("postgres", SUPERUSER), autocommit=True) as connection:
        if connection.execute("select from pg_database where datname = %s", [name]).fetchone():
            return
        try:
            _run(connection, sql.SQL("create database {}").format(sql.Identifier(name)))
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            return  # another process was first


def _with_password(settings: Settings) -> str:
    password = settings.database_password()
    try:
        login = conninfo_to_dict(settings.database_url or "")
    except psycopg.ProgrammingError as error:
        raise DatabaseError(
            "COOPSCHOOL_DATABASE_URL is not a PostgreSQL URL (postgresql://user@host/database)."
        ) from error
    if password is not None:
        login["password"] = password
    return psycopg.conninfo.make_conninfo(**login)


def _timeouts(role: Role) -> dict[str, int]:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    return dict(zip(names, TIMEOUTS[role], strict=True))


def _url(login: Mapping[str, str]) -> str:
    """The URL of a login; a socket directory or a list of hosts goes into the query, as libpq wants it."""
    rest = {name: value for name, value in login.items() if name not in ("user", "password", "dbname")}
    authority = quote(login.get("user", ""), safe="")
    if "password" in login:
        authority += f":{quote(login['password'], safe='')}"
    if authority:
        authority += "@"
    if not {"/", ","} & set(rest.get("host", "/")):
        authority += rest.pop("host")
        authority += f":{rest.pop('port', '5432')}"
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in rest.items())
    return f"postgresql://{authority}/{quote(login.get('dbname', ''), safe='')}?{query}"


def _run(connection: psycopg.Connection[Any], statement: sql.Composed | sql.SQL) -> None:
    connection.execute(statement)
