"""What the guide says that the demo shows is what its commands print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.running import Command
from tests.support.installation import Simulated, as_variables

GUIDE = Path(__file__).parents[1] / "docs" / "guide"
DEMO = (GUIDE / "demo.md").read_text("utf-8")
PRINTED = re.compile(r"```sh\n\.venv/bin/coopschool ([^\n]+)\n```\n```text\n(.*?)\n```", re.DOTALL)
SHOWN = PRINTED.findall(DEMO)


def lines(text: str) -> list[str]:
    """Without colours, blank lines and what pads them."""
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    return [line.rstrip() for line in plain.splitlines() if line.strip()]


def test_the_guide_shows_what_commands_print() -> None:
    assert len(SHOWN) == DEMO.count("```sh") > 2


@pytest.mark.parametrize(("command", "printed"), SHOWN, ids=[command for command, _ in SHOWN])
def test_a_command_of_the_guide_prints_what_the_guide_says(
    simulated: Simulated, monkeypatch: pytest.MonkeyPatch, command: str, printed: str
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "80")
    ran = Command(as_variables(simulated.settings)).run(*command.split())
    assert ran.exit_code == 0, ran.output
    found = iter(lines(ran.stdout))
    missing = [line for line in lines(printed) if line != "…" and line not in found]
    assert missing == [], "in this order, but for what … leaves out"


@pytest.mark.parametrize("page", ["demo.md", "analyst.md"])
def test_every_link_of_the_guide_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (GUIDE / page).read_text("utf-8"))
    assert [link for link in links if not link.startswith("http") and not (GUIDE / link).exists()] == []
