"""How every command runs: what it raises becomes a sentence and an exit status, and a signal unwinds it in order."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

DONE, WRONG, CANNOT, AWAY, INTERRUPTED = 0, 1, 2, 3, 130


class CannotDo(Exception):
    """What was asked cannot be done as asked; the message says why and what to do."""


class Commands(TyperGroup):
    """All commands. Errors that are foreseen are told in a sentence; a traceback is always a bug of ours."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, its help in paragraphs: otherwise each would be broken where its docstring is."""
        found = super().get_command(ctx, cmd_name)
        for one in (found, *getattr(found, "commands", {}).values()):
            if one is not None and one.help:
                one.help = "\n\n".join(" ".join(part.split()) for part in one.help.split("\n\n"))
        return found

    def invoke(self, ctx: Any) -> Any:
        with _unwound_by_signals():
            try:
                return super().invoke(ctx)
            except KeyboardInterrupt:
                raise typer.Exit(INTERRUPTED) from None
            except Exception as error:
                told = _status(error)
                if told is None:
                    raise
                _tell(error)
                raise typer.Exit(told) from error


def fail(status: int) -> NoReturn:
    """Ends the command with this status; what is wrong has been said."""
    raise typer.Exit(status)


@contextmanager
def _unwound_by_signals() -> Iterator[None]:
    """SIGTERM and a closed terminal end a command as Ctrl-C does: whatever it has opened is closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _frame: Any) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _status(error: Exception) -> int | None:
    """The exit status for an error that is foreseen; None for a bug."""
    import psycopg

    from coopschool.backups.manifest import BackupError
    from coopschool.command_bus import Busy, StoreAway
    from coopschool.database import DatabaseError
    from coopschool.domain.errors import DomainError
    from coopschool.erasure_ledger import LedgerDamaged
    from coopschool.exposure import Exposed
    from coopschool.postgres_programs import EmbeddedError
    from coopschool.settings import SettingsError

    if isinstance(error, (CannotDo, SettingsError, DomainError, Exposed, LedgerDamaged, BackupError)):
        return CANNOT
    if isinstance(error, (DatabaseError, EmbeddedError, StoreAway, Busy, psycopg.OperationalError)):
        return AWAY
    return None


def _tell(error: Exception) -> None:
    typer.echo(f"coopschool: {_said(error)}", err=True)
    if type(error).__module__.startswith("psycopg"):
        typer.echo("PostgreSQL cannot be reached: see that it runs, and try `coopschool doctor`.", err=True)


def _said(error: Exception) -> str:
    from coopschool.domain.errors import Invalid, Unknown

    if isinstance(error, Unknown):
        rest = {name: value for name, value in error.details.items() if name not in ("kind", "id")}
        return f"there is no {error.details['kind']} {error.details['id']!r}{_listed(rest)}."
    if isinstance(error, Invalid):
        rest = {name: value for name, value in error.details.items() if name != "field"}
        return f"{error.details['field']} is not acceptable{_listed(rest)}."
    return str(error).strip() or (type(error).__doc__ or type(error).__name__).strip()


def _listed(details: dict[str, Any]) -> str:
    said = {
        name: ", ".join(map(_named, value)) if isinstance(value, list | tuple) else value
        for name, value in details.items()
    }
    return "".join(f"; {name}: {value}" for name, value in said.items())


def _named(value: Any) -> str:
    """What a row goes by: ``module=M01 period=2018Q1``; anything else as it is."""
    if isinstance(value, dict):
        return " ".join(f"{name}={inner}" for name, inner in value.items())
    return str(value)
