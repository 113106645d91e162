"""The README keeps its promises: its first enrolment runs, its table of use cases is whole and true."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar

import coopschool.domain
from coopschool.api.request import ApiRequest
from coopschool.api.routes import ROUTES
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.demo import seed
from coopschool.domain.base import Command, Event
from coopschool.settings import Settings
from tests.cli.running import coopschool as coopschool_process
from tests.cli.running import free_port, get, until

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", re.MULTILINE)


def _commands() -> set[str]:
    for module in pkgutil.walk_packages(coopschool.domain.__path__, "coopschool.domain."):
        importlib.import_module(module.name)

    def descend(kind: type[Command]) -> Iterator[type[Command]]:
        for child in kind.__subclasses__():
            yield child
            yield from descend(child)

    return {
        kind.__name__
        for kind in descend(Command)
        if kind.__module__.startswith("coopschool.domain.") and kind.decide is not Command.decide
    }


@pytest.fixture(scope="module")
def existing() -> set[str]:
    """Every route of the API."""
    app = Litestar(route_handlers=list(ROUTES), openapi_config=None, request_class=ApiRequest)
    return {
        f"{method} {re.sub(r':(str|int)', '', route.path)}"
        for route in app.routes
        for method in getattr(route, "route_handler_map", {})
    }


USE_CASES = ROW.findall(README)


def test_every_command_is_in_the_table_once() -> None:
    listed = [command for command, *_ in USE_CASES]
    assert sorted(listed) == sorted(_commands())


def test_every_event_has_a_use_case() -> None:
    caused = {event for _, events, _, _ in USE_CASES for event in re.findall(r"`(\w+)`", events)} | {
        "HistoricalException"
    }
    events = {event.__name__ for event in Event.BY_TOPIC.values() if event.__module__.startswith("coopschool.domain.")}
    assert caused == events


@pytest.mark.parametrize(("command", "routes"), [(command, routes) for command, _, routes, _ in USE_CASES])
def test_every_route_of_the_table_exists_or_a_cause_is_given(command: str, routes: str, existing: set[str]) -> None:
    named = re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) [^`]+)`", routes)
    assert set(named) <= existing
    assert named or routes.strip()


@pytest.mark.parametrize(("command", "test"), [(command, test) for command, _, _, test in USE_CASES])
def test_every_use_case_names_a_test_that_uses_its_command(command: str, test: str) -> None:
    [path] = re.findall(r"\]\(([^)]+)\)", test)
    assert command in (ROOT / path).read_text("utf-8")


def test_every_link_leads_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if not link.startswith("http")]
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.fixture
def served(environment: dict[str, str], database: Database, settings: Settings, tmp_path: Path) -> Iterator[int]:
    """The demo's school, served; by the machine's clock, as its open sessions are dated from today."""
    with CoopSchool(database, settings) as school:
        seed(school)
    port = free_port()
    with coopschool_process(["serve", "--port", str(port)], environment, tmp_path) as server:
        until(lambda: get(port, "/health/ready")[0] == 200)
        yield port
        server.interrupt()
        server.ended()


@pytest.mark.usefixtures("not_measured")
def test_the_first_enrolment_works_as_it_is_written(served: int, environment: dict[str, str]) -> None:
    block = re.search(r"<!-- first enrolment: begin -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert block is not None
    script = (
        block[1]
        .replace("127.0.0.1:8000", f"127.0.0.1:{served}")
        .replace(".venv/bin/coopschool", f"{sys.executable} -m coopschool.cli")
    )
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("\n\n", "\necho\n")],
        env=os.environ | environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    module, enrolled, enrolments = (json.loads(line) for line in ran.stdout.splitlines() if line.strip())
    assert module["code"] == "M05"
    assert enrolled["status"] in {"confirmed", "waitlisted"}
    assert [one["session_id"] for one in enrolments["items"] if one["module"] == "M05"] == [enrolled["session_id"]]
