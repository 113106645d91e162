"""The database of one school: connections by role.

Every role works in one schema and with no more rights than its task needs:

- *owner* makes tables and grants rights; it serves nothing;
- *app* appends to the log and keeps the vault;
- *projector* reads the log and owns the facts;
- *reader* reads the facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from coopschool import migrate
from coopschool.embedded import EmbeddedServer
from coopschool.migrate import ROLES, DatabaseError, Migration, Role
from coopschool.settings import Settings
from coopschool.sql import statements

__all__ = ["ROLES", "Database", "DatabaseError", "Role"]

EMBEDDED_DATABASE = "coopschool"
OLDEST_SERVER = 160_000  # the first whose memberships say whether they may be acted on (SET)
_SQL = statements("coopschool", "database.sql")

# Milliseconds: a statement's run, its wait for a lock, idleness in a transaction. The event log's writer waits
# seconds at most; a rebuild of facts copies for minutes; migrations take what they need.
TIMEOUTS: Mapping[Role, Mapping[str, int]] = {
    "owner": {"statement_timeout": 0, "lock_timeout": 60_000, "idle_in_transaction_session_timeout": 600_000},
    "app": {"statement_timeout": 60_000, "lock_timeout": 15_000, "idle_in_transaction_session_timeout": 30_000},
    "projector": {"statement_timeout": 600_000, "lock_timeout": 30_000, "idle_in_transaction_session_timeout": 300_000},
    "reader": {"statement_timeout": 60_000, "lock_timeout": 5_000, "idle_in_transaction_session_timeout": 60_000},
}

# On TCP, either end finds within 25 seconds that the other is gone without a word, where the defaults take hours.
# What the URL itself says counts more.
OUR_KEEPALIVES = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",  # milliseconds
}
THEIR_KEEPALIVES = {
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


class Database:
    """One school's database. A context manager: leaving it stops the embedded server, if nobody else uses it.

    `trusted` means that each role may log in under its own name, as on the embedded server; otherwise the login puts
    aside, on connecting, the rights that the role does not have.
    """

    def __init__(
        self, conninfo: str, schema: str, *, trusted: bool = False, server: EmbeddedServer | None = None
    ) -> None:
        self.schema = schema
        self._login = {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
        self._trusted = trusted
        self._server = server
        self._may_act_as: frozenset[str] | None = None

    @classmethod
    def open(cls, settings: Settings) -> Database:
        """The database that the settings name; without a URL the embedded one, started and migrated.

        Raises `DatabaseError`, `coopschool.embedded.EmbeddedError`, `coopschool.settings.SettingsError`.
        """
        if settings.database_url is None:
            return _open_embedded(settings)
        return cls(_with_password(settings.database_url, settings.database_password()), settings.schema)

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leaves the embedded server; a server elsewhere needs no goodbye."""
        if self._server is not None:
            self._server.close()

    def revive(self) -> bool:
        """Starts the embedded server again where it died; whether that was needed. A server elsewhere has its keepers.

        Cheap enough to call every second. Raises `coopschool.embedded.EmbeddedError`.
        """
        return self._server is not None and self._server.revive()

    @property
    def embedded(self) -> bool:
        """Whether this is the PostgreSQL that comes along."""
        return self._server is not None

    def role_name(self, role: Role) -> str:
        """What the role is called in PostgreSQL."""
        return migrate.role_name(self.schema, role)

    def url(self, role: Role) -> str:
        """A URL that connects as the role, in the school's schema, in UTC, with the role's time-outs.

        Raises `DatabaseError` where the login may not act as that role.
        """
        name = {"connect_timeout": "10", "application_name": f"coopschool {role}"}
        login = {**name, **OUR_KEEPALIVES, **self._login}
        settings = {"search_path": f'"{self.schema}"', "TimeZone": "UTC", **TIMEOUTS[role], **THEIR_KEEPALIVES}
        if self._trusted:
            login["user"] = self.role_name(role)
        elif self._has_more_rights_than(role):
            settings["role"] = self.role_name(role)
        options = [f"-c {name}={value}" for name, value in settings.items()]
        login["options"] = " ".join(filter(None, [login.get("options"), *options]))
        return _url(login)

    def connect(self, role: Role, *, autocommit: bool = True) -> psycopg.Connection[TupleRow]:
        """A connection of its own; the caller closes it."""
        return psycopg.connect(self.url(role), autocommit=autocommit)

    def migrate(self) -> list[Migration]:
        """Brings roles, schema, tables and grants up to date; gives the migrations it applied.

        Safe to run twice, also at once. Raises `DatabaseError`.
        """
        with self._connect_as_login() as connection:
            try:
                applied = migrate.migrate(connection, self.schema, roles_log_in=self._trusted)
            except psycopg.errors.InsufficientPrivilege as error:
                raise DatabaseError(
                    f"{connection.info.user} may not set up schema {self.schema} ({error.diag.message_primary}): run "
                    "`coopschool migrate` as a superuser, or as the database's owner with the right to create roles."
                ) from error
        self._may_act_as = None
        return applied

    def pending(self) -> list[Migration]:
        """The migrations that are not applied yet. Raises `DatabaseError` where an applied one was edited since."""
        with self._connect_as_login() as connection:
            try:
                return migrate.pending(connection, self.schema)
            except psycopg.errors.InsufficientPrivilege as error:
                raise DatabaseError(
                    f"{connection.info.user} may not see schema {self.schema}: give it the role it works in, "
                    f"for example `grant {self.role_name('app')} to {connection.info.user};`"
                ) from error

    def require_migrated(self) -> None:
        """Raises `DatabaseError` unless the schema is the one that this program was written for."""
        pending = self.pending()
        if pending:
            raise DatabaseError(
                f"schema {self.schema} lacks {len(pending)} migration(s), the first {pending[0]}: "
                "run `coopschool migrate`."
            )

    def require_restored(self) -> None:
        """Raises `DatabaseError` while a restore from a backup is not finished."""
        with self._connect_as_login() as connection:
            found = connection.execute(
                sql.SQL(_SQL["unfinished_restore"]).format(schema=sql.Identifier(self.schema))
            ).fetchone()
        if found is not None:
            raise DatabaseError(
                f"a restore into schema {self.schema} was begun on {found[0]:%Y-%m-%d at %H:%M} and is not finished: "
                "run the same `coopschool restore` again, or use another, empty database."
            )

    def _connect_as_login(self) -> psycopg.Connection[TupleRow]:
        login = {"connect_timeout": "10", "application_name": "coopschool", **self._login}
        connection = psycopg.connect(make_conninfo(**login), autocommit=True)
        if connection.info.server_version < OLDEST_SERVER:
            connection.close()
            raise DatabaseError("coopschool needs PostgreSQL 16 or later, and is tested with 18.")
        return connection

    def _has_more_rights_than(self, role: Role) -> bool:
        name = self.role_name(role)
        login = self._login.get("user", "this login")
        if login == name:
            return False
        if self._may_act_as is None:
            self._may_act_as = self._ask_roles()
        if name not in self._may_act_as:
            raise DatabaseError(
                f"{login} may not act as {name}. Where the schema is new, run `coopschool migrate`; else let a "
                f"superuser run `grant {name} to {login};`"
            )
        return True

    def _ask_roles(self) -> frozenset[str]:
        with self._connect_as_login() as connection:
            rows = connection.execute(_SQL["roles_of_login"], [[self.role_name(role) for role in ROLES]])
            return frozenset(name for (name,) in rows)


def _open_embedded(settings: Settings) -> Database:
    server = EmbeddedServer(settings.data_dir)
    server.open()
    try:
        _create_database(server)
        database = Database(server.conninfo(EMBEDDED_DATABASE), settings.schema, trusted=True, server=server)
        if database.pending():
            database.migrate()
    except BaseException:
        server.close()
        raise
    return database


def _create_database(server: EmbeddedServer) -> None:
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute(_SQL["take_turns"])
        if connection.execute(_SQL["database_exists"], [EMBEDDED_DATABASE]).fetchone() is None:
            connection.execute(sql.SQL(_SQL["create_database"]).format(sql.Identifier(EMBEDDED_DATABASE)))


def _with_password(url: str, password: str | None) -> str:
    try:
        return make_conninfo(url, password=password) if password else make_conninfo(url)
    except psycopg.ProgrammingError as error:
        raise DatabaseError(
            "COOPSCHOOL_DATABASE_URL is not a URL of PostgreSQL: write postgresql://user@host:5432/database."
        ) from error


def _url(login: Mapping[str, str]) -> str:
    """The URL of a login; a socket's directory or a list of hosts goes into the query, as libpq wants it."""
    rest = {name: value for name, value in login.items() if name not in ("user", "password", "dbname")}
    authority = quote(login.get("user", ""), safe="")
    if "password" in login:
        authority += f":{quote(login['password'], safe='')}"
    if authority:
        authority += "@"
    if "host" in rest and not {"/", ","} & set(rest["host"]):
        authority += f"{rest.pop('host')}:{rest.pop('port', '5432')}"
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in rest.items())
    return f"postgresql://{authority}/{quote(login.get('dbname', ''), safe='')}?{query}"
