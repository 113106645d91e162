"""Who may do what with what is in the database: written down once, and read from PostgreSQL's catalogue."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from coopschool.database import Database

# Letters as `\dp` has them: (a)ppend, (r)ead, (w)rite, (d)elete, (D) truncate, (x) references, (t)rigger, (m)aintain;
# of single columns with their names behind. The owner of an object may do everything and is left out; nobody is PUBLIC.
PRIVILEGES = {
    "INSERT": "a", "SELECT": "r", "UPDATE": "w", "DELETE": "d", "TRUNCATE": "D", "REFERENCES": "x", "TRIGGER": "t",
    "MAINTAIN": "m",
}  # fmt: skip
ROLES = ("app", "projector", "reader", "nobody")

# Of the school's schema, whose objects all belong to the owner.
SCHOOL = """
                         app                        projector    reader
events                   ar                         r            r(position,recorded_at)
event_tags               ar                         r            -
events_readable          r                          -            -
log_epochs               r                          r            r
migrations               r                          r            r
unfinished_restore       r                          r            r
vault_people             arwd                       -            -
vault_texts              arwd                       -            -
vault_places             arwd                       -            -
vault_references         arwd                       -            -
vault_identities         ard                        -            -
idempotency              ard                        -            -
answer_boxes             r                          -            -
answer_box_…             -                          -            -
api_keys                 ar,w(revoked_at)           -            -
fact_generations         r                          arwd         r
live_facts               r                          arwd         r
projection_checkpoints   r                          arwd         r
"""

# Of each generation of facts, whose tables all belong to the projector.
FACTS = """
                         app                        reader
sessions                 r                          r
slots                    r                          r
enrolments               r                          r
attendance               r                          r
sheets                   r                          r
categories               r                          r
milestones               r                          r
waivers                  r                          r
interests                r                          r
modules                  r                          r
stays                    r                          r
telework                 r                          r
workshops                r                          r
decisions                r                          r
reviews                  r                          r
instruments              r                          r
eligible                 r                          r
wave_releases            r                          r
wave_answers             r                          -
feedback_answers         r                          -
session_cards            r                          r
person_cards             r                          r
person_roles             r                          r
participation_changes    r                          r
completion_changes       r                          r
session_totals           r                          r
participations           r                          r
completions              r                          r
"""

FUNCTIONS = """
                         app                        projector    reader
open_answer_box          X                          -            -
read_answer_box          X                          -            -
write_answer_box         X                          -            -
hold_answer_box          X                          -            -
drop_answer_box          X                          -            -
"""

_RELATIONS = """
    select case when relname like 'answer\\_box\\_%%' then 'answer_box_…' else relname end, oid, relowner::regrole::text
    from pg_class where relnamespace = %s::regnamespace and relkind = any('{r,p,v,m,f,S}')
"""
_HELD = """
    select privilege, has_table_privilege(%(role)s, %(table)s::oid, privilege), array(
        select attname::text from pg_attribute
        where attrelid = %(table)s and attnum > 0 and not attisdropped
            and privilege = any('{SELECT,INSERT,UPDATE,REFERENCES}')
            and has_column_privilege(%(role)s, attrelid, attnum, privilege)
        order by attnum
    )
    from unnest(%(privileges)s::text[]) privilege
"""
_FUNCTIONS = """
    select proname, oid, proowner::regrole::text, prosecdef, proconfig
    from pg_proc where pronamespace = %s::regnamespace
"""

Matrix = dict[str, dict[str, str]]


def written_down(table: str, owner: str) -> Matrix:
    """One of the tables above; nobody may do anything, and the owner is not in it."""
    head, *lines = [line.split() for line in table.strip("\n").splitlines()]
    rows = {name: dict(zip(head, cells, strict=True)) for name, *cells in lines}
    return {name: {**{role: "-" for role in ROLES if role != owner}, **cells} for name, cells in rows.items()}


def tables_in(conn: Connection[Any], database: Database, schema: str, owner: str) -> Matrix:
    """What each role but the owner may do with each table, view and sequence of a schema, by the catalogue."""
    found: Matrix = {}
    for name, oid, belongs_to in conn.execute(_RELATIONS, [schema]).fetchall():
        assert belongs_to == database.role_name(owner), f"{name} belongs to {belongs_to}"  # type: ignore[arg-type]
        rights = {role: _held(conn, _name(database, role), oid) for role in ROLES if role != owner}
        assert found.setdefault(name, rights) == rights
    return found


def functions_in(conn: Connection[Any], database: Database) -> Matrix:
    """Who may run each function of the school's schema. Those that run as the owner look for names there only."""
    found: Matrix = {}
    for name, oid, belongs_to, as_owner, settings in conn.execute(_FUNCTIONS, [database.schema]).fetchall():
        assert belongs_to == database.role_name("owner")
        if as_owner:
            assert settings == [f"search_path={database.schema}, pg_temp"]
        asked = "select has_function_privilege(%s, %s::oid, 'execute')"
        found[name] = {
            role: "X" if conn.execute(asked, [_name(database, role), oid]).fetchone() == (True,) else "-"
            for role in ROLES
        }
    return found


def who_may_create(conn: Connection[Any], database: Database) -> dict[str, list[str]]:
    """By schema: which roles may put something into it; under `database`, which may make schemas."""
    roles = ("owner", *ROLES)
    schemas = "select nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'"
    found = {
        schema: [role for role in roles if _may(conn, "schema", _name(database, role), schema)]
        for (schema,) in conn.execute(schemas).fetchall()
    }
    mine = conn.info.dbname
    found["database"] = [role for role in roles if _may(conn, "database", _name(database, role), mine)]
    return found


def _may(conn: Connection[Any], kind: str, role: str, name: str) -> bool:
    asked = f"select has_{kind}_privilege(%s, %s, 'create')"
    return conn.execute(asked.encode(), [role, name]).fetchone() == (True,)


def _held(conn: Connection[Any], role: str, table: int) -> str:
    asked = {"role": role, "table": table, "privileges": list(PRIVILEGES)}
    whole, single = "", []
    for privilege, on_table, columns in conn.execute(_HELD, asked).fetchall():
        if on_table:
            whole += PRIVILEGES[privilege]
        elif columns:
            single.append(f"{PRIVILEGES[privilege]}({','.join(columns)})")
    return ",".join([whole] * bool(whole) + single) or "-"


def _name(database: Database, role: str) -> str:
    return "public" if role == "nobody" else database.role_name(role)  # type: ignore[arg-type]
