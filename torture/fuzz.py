"""The API, fuzzed from its own OpenAPI document by schemathesis, on a server of its own.

The school that is asked is the one in which the document's examples come true; who asks may do everything, so that
requests get past the guards. Every check of schemathesis is on: no server error, no status, header, type or shape
that the document does not have, nothing accepted that the document forbids, no route open without a token.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Table

from coopschool.api import examples
from coopschool.api.auth import ROLES, mint_token
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.settings import Settings
from tests.api.example_school import build
from torture.served import Served

CONFIG = Path(__file__).with_name("schemathesis.toml")
PHASES = ("examples", "coverage", "fuzzing", "stateful")


@dataclass
class Report:
    """How much was asked, and what was found: a line for each failure, with the request that shows it."""

    operations: int
    requests: int
    seconds: float
    found: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def table(self) -> Table:
        table = Table("operations", "requests", "seconds", "failures")
        table.add_row(f"{self.operations}", f"{self.requests:,}", f"{self.seconds:.0f}", f"{sum(self.found.values())}")
        return table


def campaign(
    settings: Settings, cases: int, seed: int, *, phases: Sequence[str] = PHASES, operations: Sequence[str] = ()
) -> Report:
    """Fuzzes each operation (or these, by their ids) with so many cases a phase."""
    with Database.open(settings) as database, CoopSchool(database, settings) as school:
        build(school)
        with Served(settings) as served:
            token = mint_token(settings.signing_key(), ROLES, person=examples.ENROLLED)
            told = settings.data_dir / "fuzz.json"
            said = _schemathesis(served.port, token, cases, seed, phases, operations, told)
            if not told.exists():
                return Report(0, 0, 0.0, wrong=[f"schemathesis did not run: {said[-2_000:]}"])
            return _report(msgspec.json.decode(told.read_bytes()), said)


def _schemathesis(
    port: int, token: str, cases: int, seed: int, phases: Sequence[str], operations: Sequence[str], told: Path
) -> str:
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
    command += [f"http://127.0.0.1:{port}/schema/openapi.json", "--header", f"Authorization: Bearer {token}"]
    command += ["--phases", ",".join(phases), "--checks", "all", "--continue-on-failure", "--no-shrink"]
    command += ["--max-examples", str(cases), "--seed", str(seed), "--request-timeout", "30", "--warnings", "off"]
    command += ["--suppress-health-check", "all", "--report", "json", "--report-json-path", str(told)]
    for operation in operations:
        command += ["--include-operation-id", operation]
    done = subprocess.run(command, cwd=told.parent, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _report(told: dict[str, Any], said: str) -> Report:
    found = {f"{failure['code']} {failure['title']}": failure["count"] for failure in told["failures"]}
    wrong = [f"{kind}: {count}" for kind, count in found.items()]
    if told["exit_code"]:
        wrong.append(said[said.find("FAILURES") :][:20_000])
    return Report(
        operations=told["operations"]["tested"],
        requests=told["test_cases"]["generated"],
        seconds=told["running_time"],
        found=found,
        wrong=wrong,
    )
