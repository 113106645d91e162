"""What commands print: tables on a terminal, tab-separated lines in a pipe, JSON where it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec
import typer


class Progress(Protocol):
    """Tells how far a long piece of work is."""

    def __call__(self, done: int, /) -> None: ...


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
    from rich.table import Table

    shown = list(rows)
    table = Table(title=title, title_justify="left", header_style="bold")
    for number, column in enumerate(columns):
        numeric = bool(shown) and all(isinstance(row[number], int | float | None) for row in shown)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in shown:
        table.add_row(*(_Text(_plain(value)) for value in row))
    Console().print(table)


def show_line(values: Iterable[Any]) -> None:
    """One row, tabs between its values."""
    typer.echo("\t".join(map(_plain, values)))


def show_pairs(pairs: Mapping[str, Any]) -> None:
    """Names and values, one a line."""
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        typer.echo(f"{name}\t{_plain(value)}" if not on_terminal() else f"{name:<{width}}  {_plain(value)}")


def note(text: str) -> None:
    """Something for the person at the terminal, apart from what was asked for."""
    typer.echo(text, err=True)


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Progress]:
    """A bar on a terminal, nothing elsewhere; call what it gives with how much more is done."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)


def in_zone(moment: datetime, zone: ZoneInfo) -> str:
    """A moment as the school's people read it, to the second."""
    return moment.astimezone(zone).isoformat(sep=" ", timespec="seconds")


def _Text(text: str) -> Any:  # noqa: N802
    """Text that Rich prints as it is, whatever brackets it has."""
    from rich.text import Text

    return Text(text)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return " ".join(map(_plain, value))
    return str(value).replace("\t", " ").replace("\n", " ")
