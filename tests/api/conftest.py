"""The API of a school of one's own, and callers in every role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from coopschool.api.app import SchoolApp
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.settings import Settings
from projections.runner import Runner
from tests.api.callers import Callers

Written = Callable[[], dict[str, Any]]

TABLES = "events", "event_tags", "vault_people", "vault_texts", "vault_places", "vault_references", "idempotency"


@pytest.fixture(scope="session")
def routed() -> SchoolApp:
    """The routes put together, once for all of a worker's tests; they serve the school of whichever test runs."""
    return SchoolApp()


@pytest.fixture
def app(routed: SchoolApp, school: CoopSchool) -> Litestar:
    """The API on `school`."""
    return routed.serving(school)


@pytest.fixture
def client(app: Litestar) -> Iterator[TestClient[Litestar]]:
    """Talks to `app`, whose lifespan runs meanwhile."""
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def callers(client: TestClient[Litestar], settings: Settings) -> Callers:
    """Makes callers in any role."""
    return Callers(client, settings.signing_key())


@pytest.fixture
def catch_up(database: Database, settings: Settings) -> Callable[[], int]:
    """Lets the projections take in what the log holds."""
    return Runner(database, settings.zone).catch_up


@pytest.fixture
def written(database: Database) -> Written:
    """Tells what is written in log and vault: rows by table."""

    def count() -> dict[str, Any]:
        with database.connect("app") as conn:
            return {table: conn.execute(f"select count(*) from {table}").fetchone() for table in TABLES}

    return count
