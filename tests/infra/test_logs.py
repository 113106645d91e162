"""Log lines: what is said in passing by an event loop goes out together, everything else at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest
import structlog

from coopschool import logs

Said = Callable[[], list[str]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """What was written since it was last asked."""
    logs.configure("info")

    def events() -> list[str]:
        return [msgspec.json.decode(line)["event"] for line in capsys.readouterr().err.splitlines()]

    return events


def test_without_an_event_loop_each_line_is_written_at_once(said: Said) -> None:
    structlog.get_logger().info("one")
    assert said() == ["one"]


async def test_a_loop_writes_what_it_says_in_passing_at_its_next_turn(said: Said) -> None:
    logger = structlog.get_logger()
    logger.info("one")
    logger.info("two")
    assert said() == []
    await asyncio.sleep(0)
    assert said() == ["one", "two"]


async def test_a_loop_writes_a_warning_at_once(said: Said) -> None:
    structlog.get_logger().warning("denied")
    assert said() == ["denied"]
