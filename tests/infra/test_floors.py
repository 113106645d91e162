"""What is locked is not older than what we know to be safe, and not newer than what we know to work."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Security fixes came with these versions.
FLOORS = {"litestar": (2, 22), "granian": (2, 7, 4), "pyjwt": (2, 13)}
# The next generation renames what we stand on.
CEILINGS = {"eventsourcing": (10,), "litestar": (3,)}


def locked(name: str) -> dict[str, tuple[int, ...]]:
    pins = re.findall(r"^([a-z0-9-]+)==([0-9.]+)", (ROOT / "requirements" / f"{name}.txt").read_text(), re.MULTILINE)
    return {package: tuple(int(part) for part in version.split(".") if part) for package, version in pins}


@pytest.mark.parametrize("lock", ["run", "dev"])
def test_what_is_locked_has_the_security_fixes_and_is_of_the_generation_we_know(lock: str) -> None:
    versions = locked(lock)
    assert {name: versions[name] for name, floor in FLOORS.items() if versions[name] < floor} == {}
    assert {name: versions[name] for name, ceiling in CEILINGS.items() if versions[name] >= ceiling} == {}


def test_who_installs_without_the_lock_gets_no_older_ones() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    for name, floor in FLOORS.items():
        (line,) = [one for one in wanted if one.startswith(name)]
        least = re.search(r">=([0-9.]+)", line)
        assert least is not None
        assert tuple(map(int, least[1].split("."))) >= floor
    assert any(re.fullmatch(r"eventsourcing>=[0-9.]+,<10", one) for one in wanted)
