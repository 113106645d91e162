"""`doctor`: one look at everything that must be right for the school to work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from coopschool.cli import output
from coopschool.cli.running import AWAY, WRONG, CannotDo, fail
from coopschool.cli.school import AsJson, DataDir, load_settings, require_data

if TYPE_CHECKING:
    from coopschool.database import Database, Role
    from coopschool.settings import Settings

# role, whether it may, relation, privilege
RIGHTS: tuple[tuple[Role, bool, str, str], ...] = (
    *(("app", True, "events", privilege) for privilege in ("SELECT", "INSERT")),
    *(("app", False, "events", privilege) for privilege in ("UPDATE", "DELETE", "TRUNCATE")),
    *(("app", False, "event_tags", privilege) for privilege in ("UPDATE", "DELETE", "TRUNCATE")),
    *(("projector", False, "events", privilege) for privilege in ("INSERT", "UPDATE", "DELETE", "TRUNCATE")),
    *(("reader", False, "events", privilege) for privilege in ("INSERT", "UPDATE", "DELETE", "TRUNCATE")),
    ("projector", True, "events", "SELECT"),
    ("projector", False, "vault_people", "SELECT"),
    ("reader", False, "vault_people", "SELECT"),
)
LATE = 60.0  # seconds that an event may wait for a projection


class Check(msgspec.Struct, frozen=True):
    """One thing looked at."""

    name: str
    ok: bool
    detail: str


class Diagnosis(msgspec.Struct, kw_only=True):
    """What was found. Without a database, all that needs one is missing."""

    version: str
    settings: dict[str, Any]
    schema: str
    database_url: str | None = None
    embedded: bool | None = None
    server_version: str | None = None
    log_position: int | None = None
    migrations_pending: list[str] = []
    projections: list[dict[str, Any]] = []
    checks: list[Check] = []
    ok: bool = True

    def found(self, name: str, ok: bool, detail: str) -> None:
        self.checks = [*self.checks, Check(name, ok, detail)]
        self.ok = self.ok and ok


def doctor(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """See whether settings, database, rights and projections are in order.

    Exits with 1 if anything is wrong, with 3 if the database cannot be reached.
    """
    settings = load_settings(data_dir)
    diagnosis = Diagnosis(version=version("coopschool"), settings=_summary(settings), schema=settings.schema)
    away = _examine(settings, diagnosis)
    if as_json:
        output.show_json(diagnosis)
    else:
        _show(diagnosis)
    if away:
        fail(AWAY)
    if not diagnosis.ok:
        fail(WRONG)


def _examine(settings: Settings, diagnosis: Diagnosis) -> bool:
    """Fills in the diagnosis; whether the database is away."""
    import psycopg

    from coopschool.database import Database, DatabaseError
    from coopschool.postgres_programs import EmbeddedError
    from coopschool.settings import SettingsError

    try:
        settings.root_secret()
        diagnosis.found("secret", True, "there")
        require_data(settings)
        with Database.open(settings) as database:
            _examine_database(settings, database, diagnosis)
    except (SettingsError, CannotDo) as error:
        diagnosis.found("settings", False, str(error))
    except DatabaseError as error:
        diagnosis.found("database", False, str(error))
    except (EmbeddedError, psycopg.OperationalError) as error:
        diagnosis.found("database", False, str(error).strip())
        return True
    return False


def _examine_database(settings: Settings, database: Database, diagnosis: Diagnosis) -> None:
    from coopschool.sql import statements

    diagnosis.embedded = database.embedded
    diagnosis.migrations_pending = [str(migration) for migration in database.pending()]
    pending = diagnosis.migrations_pending
    diagnosis.found("migrations", not pending, f"run `coopschool migrate`: {', '.join(pending)}" if pending else "all")
    if pending:
        return
    database.require_restored()
    diagnosis.database_url = _without_password(database.url("app"))
    sql = statements("coopschool.cli", "diagnosis.sql")
    with database.connect("app") as connection:
        server, role, schema, _ = connection.execute(sql["server"]).fetchone() or ("", "", "", "")
        diagnosis.server_version = server
        diagnosis.found("database", schema == settings.schema, f"PostgreSQL {server}, schema {schema}, as {role}")
        (diagnosis.log_position,) = connection.execute(sql["head"]).fetchone() or (0,)
        wrong = list(_wrong_rights(database, connection, sql))
    diagnosis.found("rights", not wrong, "; ".join(wrong) or "each role can do its task and no more")
    _examine_projections(database, diagnosis)


def _wrong_rights(database: Database, connection: Any, sql: Any) -> Iterator[str]:
    columns = {
        "roles": [database.role_name(role) for role, *_ in RIGHTS],
        "may": [may for _, may, *_ in RIGHTS],
        "relations": [relation for *_, relation, _ in RIGHTS],
        "privileges": [privilege for *_, privilege in RIGHTS],
    }
    for role, may, relation, privilege in connection.execute(sql["rights"], columns):
        yield f"{role} {'lacks' if may else 'must not have'} {privilege} on {relation}"
    roles: list[Role] = ["app", "projector", "reader"]
    for (role,) in connection.execute(sql["powers"], [[database.role_name(role) for role in roles]]):
        yield f"{role} stands above all rights (superuser or bypassrls)"


def _examine_projections(database: Database, diagnosis: Diagnosis) -> None:
    from projections.runner import status

    with database.connect("reader") as connection:
        found = status(connection)
        waiting = {one.projection: _seconds_waiting(connection, one.position) for one in found}
    diagnosis.projections = [{"name": one.projection, **one._asdict()} for one in found]
    if not found and diagnosis.log_position:
        diagnosis.found("projections", False, "never ran: start `coopschool serve` or `coopschool project`")
    for one in found:
        name, late = f"projection {one.projection}", waiting[one.projection] > LATE
        if one.stopped_position is not None:
            diagnosis.found(name, False, f"stopped at {one.stopped_position} ({one.stopped_type}): {one.stopped_cause}")
        elif late and (datetime.now(UTC) - one.updated_at).total_seconds() > LATE:
            diagnosis.found(name, False, f"{one.lag} events behind: does `coopschool project` or `serve` run?")
        else:
            diagnosis.found(name, True, f"at {one.position}" + (f", {one.lag} events behind" if one.lag else ""))


def _seconds_waiting(connection: Any, position: int) -> float:
    """How long ago the next event after a position was recorded; 0 if there is none."""
    from coopschool.sql import statements

    found = connection.execute(statements("coopschool.cli", "diagnosis.sql")["waiting"], [position]).fetchone()
    return float(found[0]) if found else 0.0


def _summary(settings: Settings) -> dict[str, Any]:
    """The settings as they are; secrets are in files, passwords are left out."""
    values = {name: getattr(settings, name) for name in settings.__struct_fields__}
    url = settings.database_url
    shown = {name: str(value.absolute() if isinstance(value, Path) else value) for name, value in values.items()}
    return {name: None if values[name] is None else text for name, text in shown.items()} | {
        "database_url": None if url is None else _without_password(url),
        "min_group": settings.min_group,
    }


def _without_password(url: str) -> str:
    from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

    parts = urlsplit(url)
    login, at, place = parts.netloc.rpartition("@")
    query = urlencode([pair for pair in parse_qsl(parts.query) if pair[0] != "password"], quote_via=quote)
    return urlunsplit(parts._replace(netloc=f"{login.partition(':')[0]}{at}{place}", query=query))


def _show(diagnosis: Diagnosis) -> None:
    output.show_pairs(
        {
            "version": diagnosis.version,
            "database": diagnosis.database_url or "none",
            "schema": diagnosis.schema,
            "log position": diagnosis.log_position,
        }
    )
    rows = [["ok" if check.ok else "WRONG", check.name, check.detail] for check in diagnosis.checks]
    output.show_table(["", "check", "found"], rows)
