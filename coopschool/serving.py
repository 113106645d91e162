"""Several processes as one: a supervisor that starts its children, watches over them and leaves none behind.

Each child leads a process group of its own, so that Ctrl-C in a terminal, which goes to everybody in the foreground,
reaches the supervisor alone, and the supervisor ends the children in order. Each child also holds one end of a pipe,
its lifeline: when the supervisor is gone, however it went, the pipe ends and the child ends itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

import structlog

LIFELINE = "COOPSCHOOL_LIFELINE"
PATIENCE = 30.0  # seconds that a child has to finish what it does
STRAGGLERS_PATIENCE = 2.0  # seconds for what is left of a child's group
SHORTEST_PAUSE = 0.5  # seconds before a child that died is started again; doubled each time
LONGEST_PAUSE = 30.0
LONG_LIFE = 60.0  # seconds after which an earlier death no longer counts
ROUND = 1.0  # seconds between two looks at what is to be tended

logger = structlog.get_logger("coopschool.serving")


@dataclass(frozen=True)
class Child:
    """What to run. An essential child's end is the end of all; another one is started again after a pause."""

    name: str
    command: Sequence[str]
    essential: bool = False


class Supervisor:
    """Runs the children until a signal asks it to stop (SIGINT, SIGTERM, SIGHUP) or an essential child ends.

    They are started in order and stopped in reverse. `tend` is called about once a second. Run it in the main thread.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        environment: Mapping[str, str] | None = None,
        tend: Callable[[], None] | None = None,
        patience: float = PATIENCE,
        shortest_pause: float = SHORTEST_PAUSE,
    ) -> None:
        self._tend = tend or _nothing
        self._patience = patience
        self._news: SimpleQueue[_Running | signal.Signals] = SimpleQueue()
        self._children = [_Running(child, self._news, shortest_pause) for child in children]
        self._environment = {**(os.environ if environment is None else environment)}

    def run(self) -> int:
        """0 when it was asked to stop; 1 when an essential child ended by itself, or had to be killed."""
        lifeline, ours = os.pipe()
        with self._listening():
            try:
                for child in self._children:
                    child.start(self._environment, lifeline)
                status = self._watch(lifeline)
            finally:
                clean = self.stop()
                os.close(lifeline)
                os.close(ours)
        return status if clean else 1

    def stop(self) -> bool:
        """Ends the children, the last one started first; whether each ended in time by itself."""
        ended = [child.stop(self._patience, self._in_a_hurry) for child in reversed(self._children)]
        return all(ended)

    def _watch(self, lifeline: int) -> int:
        while True:
            news = self._next()
            if isinstance(news, signal.Signals):
                logger.info("serving.stopping", signal=news.name)
                return 0
            if news is not None:
                logger.error("serving.child_ended", child=news.child.name, status=news.status)
                news.sweep()
                if news.child.essential:
                    return 1
                news.rest()
            for child in self._children:
                if child.is_due():
                    child.start(self._environment, lifeline)
            self._tend()

    def _next(self) -> _Running | signal.Signals | None:
        wait = min([ROUND, *(child.seconds_to_rest() for child in self._children)])
        with suppress(Empty):
            return self._news.get(timeout=wait)
        return None

    def _in_a_hurry(self) -> bool:
        """Whether somebody pressed Ctrl-C again while we were stopping."""
        with suppress(Empty):
            while True:
                if self._news.get_nowait() is signal.SIGINT:
                    return True
        return False

    @contextmanager
    def _listening(self) -> Iterator[None]:
        def heard(number: int, _frame: Any) -> None:
            self._news.put(signal.Signals(number))

        before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Running:
    """A child, alive or resting."""

    def __init__(self, child: Child, news: SimpleQueue[Any], shortest_pause: float) -> None:
        self.child = child
        self.status = 0
        self._news = news
        self._shortest_pause = self._pause = shortest_pause
        self._ended = threading.Event()
        self._ended.set()
        self._pid = 0
        self._started = 0.0
        self._due: float | None = None

    def start(self, environment: Mapping[str, str], lifeline: int) -> None:
        self._due = None
        self._started = time.monotonic()
        self._ended.clear()
        process = subprocess.Popen(
            self.child.command,
            stdin=subprocess.DEVNULL,
            env={**environment, LIFELINE: str(lifeline)},
            pass_fds=(lifeline,),
            process_group=0,
        )
        self._pid = process.pid
        threading.Thread(target=self._tell_end, args=(process,), daemon=True).start()
        logger.info("serving.child_started", child=self.child.name, pid=self._pid)

    def _tell_end(self, process: subprocess.Popen[bytes]) -> None:
        self.status = process.wait()
        self._ended.set()
        self._news.put(self)

    def rest(self) -> None:
        """Lets a while pass before the next start: longer each time, unless it had lived long."""
        if time.monotonic() - self._started > LONG_LIFE:
            self._pause = self._shortest_pause
        self._due = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def seconds_to_rest(self) -> float:
        return float("inf") if self._due is None else max(self._due - time.monotonic(), 0.0)

    def is_due(self) -> bool:
        return self._due is not None and time.monotonic() >= self._due

    def stop(self, patience: float, in_a_hurry: Callable[[], bool]) -> bool:
        """Asks it to end, waits, and kills what does not; whether that was not needed."""
        if self._pid == 0:
            return True
        ended = self._ended.is_set() or self._ends_when_asked(patience, in_a_hurry)
        if not ended:
            logger.error("serving.child_killed", child=self.child.name)
            self._signal_group(signal.SIGKILL)
            self._ended.wait()
        self.sweep()
        return ended

    def _ends_when_asked(self, patience: float, in_a_hurry: Callable[[], bool]) -> bool:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while not self._ended.wait(0.1):
            if time.monotonic() > deadline or in_a_hurry():
                return False
        return True

    def sweep(self) -> None:
        """Ends what the child, which has ended, left behind in its group."""
        deadline = time.monotonic() + STRAGGLERS_PATIENCE
        while self._signal_group(signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL):
            time.sleep(0.02)
            self._bury()

    def _signal_group(self, number: signal.Signals) -> bool:
        """Whether anybody was there to hear it."""
        try:
            os.killpg(self._pid, number)
        except (ProcessLookupError, PermissionError):  # macOS: not permitted, when only the dead are left
            return False
        return True

    def _bury(self) -> None:
        """As process 1 of a container we inherit orphans; nobody else would wait for them."""
        with suppress(ChildProcessError):
            while os.waitpid(-self._pid, os.WNOHANG)[0]:
                pass


def end_with_supervisor(patience: float = PATIENCE) -> bool:
    """To be called by a child early on: it will end when the supervisor is gone. Whether there is a supervisor."""
    lifeline = os.environ.pop(LIFELINE, None)
    if lifeline is not None:
        threading.Thread(target=_end_with, args=(int(lifeline), patience), daemon=True).start()
    return lifeline is not None


def _end_with(lifeline: int, patience: float) -> None:
    os.read(lifeline, 1)  # nothing is ever written: it returns when the other end is closed
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(patience)
    os.killpg(0, signal.SIGKILL)


def _nothing() -> None: ...
