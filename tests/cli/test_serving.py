"""The supervisor: whatever happens to whom, in the end nobody is left."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from coopschool.serving import end_with_supervisor
from tests.cli.running import Process

Start = Callable[..., Process]
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a supervisor of the children of that name."""
    with ExitStack() as stack:

        def start(children: str, *more: str) -> Process:
            arguments = [sys.executable, "-m", "tests.cli.supervised", "supervise", children, *more]
            return stack.enter_context(Process(arguments, {}, ROOT))

        yield start


def lines_until(process: Process, wanted: Callable[[list[str]], bool]) -> list[str]:
    lines: list[str] = []
    while not wanted(lines):
        lines.append(process.line())
    return lines


def has(*beginnings: str) -> Callable[[list[str]], bool]:
    return lambda lines: all(any(line.startswith(one) for line in lines) for one in beginnings)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_asked_to_stop_it_ends_its_children_the_last_one_first(start: Start, number: signal.Signals) -> None:
    process = start("two")
    lines_until(process, has("first", "second"))
    process.signal(number)
    assert lines_until(process, has("first ended", "second ended"))[-2:] == ["second ended", "first ended"]
    assert process.ended() == 0
    assert process.left_behind() == []


def test_an_interrupt_from_the_terminal_reaches_the_children_only_through_it(start: Start) -> None:
    process = start("two")
    lines_until(process, has("first", "second"))
    process.interrupt()
    assert not any("interrupted" in line for line in lines_until(process, has("first ended", "second ended")))
    assert process.ended() == 0
    assert process.left_behind() == []


def test_a_child_that_ends_is_started_again(start: Start) -> None:
    process = start("restarted")
    lines = lines_until(process, lambda lines: sum(line.startswith("short-lived") for line in lines) == 3)
    assert len({line for line in lines if line.startswith("short-lived")}) == 3
    process.signal(signal.SIGTERM)
    assert process.ended() == 0
    assert process.left_behind() == []


def test_the_end_of_an_essential_child_is_the_end_of_all(start: Start) -> None:
    process = start("essential ends")
    assert process.ended() == 1
    assert process.left_behind() == []


def test_a_child_that_does_not_end_is_killed(start: Start) -> None:
    process = start("deaf", "--impatient")
    lines_until(process, has("deaf"))
    process.signal(signal.SIGTERM)
    assert process.ended() == 1
    assert process.left_behind() == []


def test_a_second_interrupt_waits_for_nobody(start: Start) -> None:
    process = start("deaf")
    lines_until(process, has("deaf"))
    process.signal(signal.SIGINT)
    lines_until(process, has("deaf was asked"))
    process.signal(signal.SIGINT)
    assert process.ended() == 1
    assert process.left_behind() == []


def test_what_a_child_leaves_behind_is_ended(start: Start) -> None:
    process = start("leaves a child")
    lines_until(process, has("parent", "essential"))
    process.signal(signal.SIGTERM)
    assert process.ended() == 0
    assert process.left_behind() == []


def test_children_end_by_themselves_when_it_is_killed(start: Start) -> None:
    process = start("two")
    lines_until(process, has("first", "second"))
    process.signal(signal.SIGKILL)
    lines_until(process, has("first ended", "second ended"))
    assert process.left_behind() == []


def test_even_a_deaf_child_ends_when_it_is_killed(start: Start) -> None:
    process = start("deaf")
    lines_until(process, has("deaf"))
    process.signal(signal.SIGKILL)
    lines_until(process, has("deaf was asked"))
    assert process.left_behind() == []


def test_it_tends_to_what_it_is_told_to(start: Start) -> None:
    process = start("two")
    lines_until(process, has("tended"))
    process.signal(signal.SIGTERM)
    assert process.ended() == 0


def test_without_a_supervisor_nobody_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COOPSCHOOL_LIFELINE", raising=False)
    end_with_supervisor()
