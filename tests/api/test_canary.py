"""Names planted in every text that the API takes must be in the vault and nowhere else."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest
import structlog
from litestar import Litestar
from litestar.testing import TestClient

from coopschool.api import examples
from coopschool.application import CoopSchool
from coopschool.database import Database
from tests.api.callers import Callers
from tests.api.example_school import build
from tests.api.test_openapi import operations, send

CANARY = "Zuleika-Quetzalcoatl"
KINDS: Mapping[str, Any] = {"object": dict, "array": list, "string": str}


def planted(schema: Mapping[str, Any], document: Mapping[str, Any], example: Any, count: Iterator[int]) -> Any:
    """The example with a canary in every free text; whatever has a list, a form or a length that forbids one stays."""
    schema = resolved(schema, document, example)
    if isinstance(example, dict) or "properties" in schema:
        given = dict(example or {})
        for name, inner in schema.get("properties", {}).items():
            if name in given or is_text(resolved(inner, document, "")):
                given[name] = planted(inner, document, given.get(name, ""), count)
        return given
    if isinstance(example, list):
        return [planted(schema["items"], document, item, count) for item in example]
    if isinstance(example, str) and is_text(schema):
        word = f"{CANARY}-{next(count)}"
        return f"{word}@example.org" if "@" in schema.get("pattern", "") else word
    return example


def resolved(schema: Mapping[str, Any], document: Mapping[str, Any], example: Any) -> Mapping[str, Any]:
    """The schema behind references, and of several the one that the example is of."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return resolved(document["components"]["schemas"][name], document, example)
    for one in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        found = resolved(one, document, example)
        if isinstance(example, KINDS.get(str(found.get("type")), ())):
            return found
    return schema


def is_text(schema: Mapping[str, Any]) -> bool:
    """Whether people may type what they like, or an e-mail address, into it."""
    free = "pattern" not in schema or "@" in schema["pattern"]
    return schema.get("type") == "string" and free and not {"enum", "format", "const"} & schema.keys()


@pytest.fixture
def document(client: TestClient[Litestar]) -> dict[str, Any]:
    document: dict[str, Any] = client.get("/schema/openapi.json").json()
    return document


def everything(database: Database) -> str:
    """Every row of every table but the vault's, facts included, as text."""
    found = []
    with database.connect("owner") as conn, conn.cursor() as cursor:
        facts = conn.execute("select nspname from pg_namespace where nspname like '%facts%'").fetchall()
        tables = conn.execute(
            "select schemaname, tablename from pg_tables where schemaname = any(%s) and tablename not like 'vault%%'",
            [[database.schema, *(name for (name,) in facts)]],
        ).fetchall()
        conn.execute(f"set role {database.role_name('projector')}")
        for schema, table in tables:
            if schema == database.schema:
                conn.execute("reset role")
            else:
                conn.execute(f"set role {database.role_name('projector')}")
            found += [str(row) for row in cursor.execute(f'select t::text from "{schema}"."{table}" t').fetchall()]
    return "\n".join(found)


def test_no_name_typed_anywhere_reaches_log_facts_log_lines_or_metrics(
    document: dict[str, Any],
    callers: Callers,
    school: CoopSchool,
    catch_up: Callable[[], int],
    database: Database,
) -> None:
    build(school)
    caller, count = (
        callers.caller("coordinator", "admin", "adviser", "trainer", person=examples.ADVISER),
        itertools.count(1),
    )
    answered = []
    with structlog.testing.capture_logs() as lines:
        for path, method, operation in operations(document):
            if "requestBody" not in operation:
                continue
            (content,) = operation["requestBody"]["content"].values()
            before = content["example"]
            content["example"] = planted(content["schema"], document, before, count)
            headers = {"Idempotency-Key": str(uuid4()), "X-Correlation-ID": CANARY}
            if content["example"] != before:
                answered.append((operation["operationId"], send(caller, path, method, operation, headers)))
        caller.get(f"/api/members?q={CANARY}")
        caller.get(f"/api/{CANARY}")
        caller.post("/api/members", {"category": CANARY, CANARY: CANARY})
        catch_up()
        caller.get(f"/api/reports/progress?module={CANARY}")

    refused = {operation: response.text for operation, response in answered if not response.is_success}
    assert refused == {}
    assert next(count) > 25
    assert CANARY not in everything(database)
    assert CANARY not in str(lines)
    assert CANARY not in callers.client.get("/metrics").text
    with database.connect("app") as conn:
        kept = conn.execute(
            "select count(*) from (select t::text as row from vault_people t "
            "union all select t::text from vault_texts t "
            "union all select t::text from vault_places t) as vault where row like %s",
            [f"%{CANARY}%"],
        ).fetchone()
    assert kept is not None
    assert kept[0] >= 12
