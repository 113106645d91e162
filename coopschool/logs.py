"""Log lines: JSON on stderr, one object a line, from structlog and from the libraries alike.

An error is logged with its type and where it happened, without its message: that may quote what somebody typed.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import msgspec
import structlog

_encode = msgspec.json.Encoder(enc_hook=str).encode

LEVEL = "COOPSCHOOL_LOG_LEVEL"
LEVELS = ("debug", "info", "warning", "error")


def configure(level: str | None = None) -> None:
    """Sets up logging for this process: at `level`, else at COOPSCHOOL_LOG_LEVEL, else at info."""
    least = logging.getLevelNamesMapping().get((level or os.environ.get(LEVEL) or "info").upper(), logging.INFO)
    before, line = _processors()
    structlog.configure(
        processors=[*before, line],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=lambda *_: _Lines(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(line, foreign_pre_chain=before))
    logging.basicConfig(handlers=[handler], level=least, force=True)


def configure_command() -> None:
    """Sets up logging for a command whose output programs read: each line goes to what stderr is then."""
    before, line = _processors()
    structlog.configure(
        processors=[*before, line],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _processors() -> tuple[list[structlog.types.Processor], structlog.types.Processor]:
    """What each line goes through: first what adds to it, last what makes it text."""
    adding: list[structlog.types.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _without_message,
    ]
    return adding, structlog.processors.JSONRenderer(serializer=_as_json)


class _Lines(structlog.WriteLogger):
    """Writes lines, each at once; only what the event loop says in passing (`info`) waits for the loop's next turn.

    Each write lets another thread take Python's lock, and to get it back takes longer than to write: with many requests
    at once their lines go out together.
    """

    def __init__(self, file: TextIO) -> None:
        super().__init__(file)
        self._waiting: list[str] = []
        atexit.register(self._write_waiting)

    def info(self, message: str) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.msg(message)
            return
        self._waiting.append(message)
        loop.call_soon(self._write_waiting)

    def _write_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self.msg("\n".join(waiting))


def _as_json(line: Any, **_how: Any) -> str:
    return _encode(line).decode()


def _without_message(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Says what kind of error it was and where, and what PostgreSQL calls it, in the place of the whole story."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["frames"] = [f"{at.filename}:{at.lineno} {at.name}" for at in traceback.extract_tb(error.__traceback__)]
        if sqlstate := getattr(error, "sqlstate", None):
            event["sqlstate"] = sqlstate
    return event
