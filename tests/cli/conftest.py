"""Commands on an installation of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import Command


@pytest.fixture
def command(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`coopschool` in an empty directory, with the settings of the test's database."""
    for name in ("COOPSCHOOL_OIDC_ISSUER", "COOPSCHOOL_LOG_LEVEL", "COOPSCHOOL_TIMEZONE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Command(environment)
