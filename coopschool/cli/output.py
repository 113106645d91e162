"""What commands print: tables on a terminal, tab-separated lines in a pipe, JSON where it is asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

import msgspec
import typer

if TYPE_CHECKING:
    from rich.progress import TaskID


SUPPRESSED = "·"  # stands for a figure that the statistics gate hides


def on_terminal() -> bool:
    """Whether a person reads what is printed."""
    from rich.console import Console

    return Console().is_terminal


def show_json(value: Any) -> None:
    """One JSON document."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode())


def show_json_line(value: Any) -> None:
    """One of many JSON documents, a line each."""
    typer.echo(msgspec.json.encode(value, enc_hook=str).decode())


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> None:
    """Rows under their column names."""
    if not on_terminal():
        for row in (columns, *rows):
            show_line(row)
        return
    from rich.console import Console

    from coopschool.cli import tables

    shown = list(rows)
    named = [
        tables.Column(column.replace("_", " "), _all_numbers(row[number] for row in shown))
        for number, column in enumerate(columns)
    ]
    tables.show(Console(), named, [[_plain(value) for value in row] for row in shown], title)


def _all_numbers(values: Iterable[Any]) -> bool:
    """Whether there are numbers, and nothing else but gaps between them."""
    found = [value for value in values if value is not None]
    return bool(found) and all(isinstance(value, int | float) for value in found)


def show_line(values: Iterable[Any]) -> None:
    """One row, tabs between its values."""
    typer.echo("\t".join(map(_plain, values)))


def show_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Comma-separated values. What a spreadsheet would take for a formula is shown with an apostrophe before it."""
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_harmless(value) for value in row])


def _harmless(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return _plain(value) if isinstance(value, bool | list | tuple | dict) else value


def show_pairs(pairs: Mapping[str, Any]) -> None:
    """Names and values, one a line."""
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        typer.echo(f"{name}\t{_plain(value)}" if not on_terminal() else f"{name:<{width}}  {_plain(value)}")


def show_entry(heading: str, details: Mapping[str, Sequence[str]]) -> None:
    """A heading, and under it lists of words, by name, as broad as the terminal."""
    from rich.console import Console
    from rich.padding import Padding

    console = Console(highlight=False)
    console.print(_Text(heading, style="bold"))
    for name, words in details.items():
        if words:
            console.print(Padding(_Text(f"{name.replace('_', ' ')}: {', '.join(words)}"), (0, 0, 0, 2)))


def note(text: str) -> None:
    """Something for the person at the terminal, apart from what was asked for."""
    typer.echo(text, err=True)


def note_for_audit(event: str, **what: Any) -> None:
    """For whoever audits, a log line on stderr: what of people was shown or left the school, at the hands of which
    account (by number: a name is personal)."""
    import structlog

    from coopschool import logs

    logs.configure_command()
    structlog.get_logger("coopschool.audit").info(event, **what, account=os.getuid())


class Stages(Protocol):
    """Tells how far each stage of a long piece of work is."""

    def __call__(self, stage: str, done: int, total: int | None, /) -> None: ...


@contextmanager
def stages() -> Iterator[Stages]:
    """A bar for each stage on a terminal, nothing elsewhere."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _stage, _done, _total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere; call what it gives with how much more is done."""
    done = 0
    with stages() as show:

        def advance(more: int) -> None:
            nonlocal done
            done += more
            show(what, done, total)

        yield advance


def in_zone(moment: datetime, zone: ZoneInfo) -> str:
    """A moment as the school's people read it, to the second."""
    return moment.astimezone(zone).isoformat(sep=" ", timespec="seconds")


def _Text(text: str, style: str = "") -> Any:  # noqa: N802
    """Text that Rich prints as it is, whatever brackets it has."""
    from rich.text import Text

    return Text(text, style=style)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        value = [f"{name}:{_plain(one)}" for name, one in value.items()]
    if isinstance(value, list | tuple):
        return " ".join(map(_plain, value))
    return str(value).replace("\t", " ").replace("\n", " ")
