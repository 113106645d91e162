"""Tables on a terminal: upright while their words fit, else turned, so that a row becomes a column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

FOLDED_AT = 20  # characters: longer words (ids) may go on in the next line
GAPS = (2, 1)  # characters between columns: the first that fits
Cells = Sequence[Sequence[str]]


class Column(NamedTuple):
    """A column: its name in words, and whether it holds numbers."""

    name: str
    numeric: bool

    def least(self, cells: Sequence[str]) -> int:
        """The width below which a word would be torn."""
        return max(_longest(self.name), *(min(_longest(cell), FOLDED_AT) for cell in cells), 1)


def show(console: Console, columns: Sequence[Column], rows: Cells, title: str | None) -> None:
    """Prints rows under their columns, or where they are too many for the terminal's width, beside them."""
    from rich.text import Text

    if title is not None:
        console.print(Text(title, style="bold"))
    least = [column.least([row[number] for row in rows]) for number, column in enumerate(columns)]
    for gap in GAPS:
        if _width(least, gap) <= console.width:
            console.print(_upright(columns, rows, least, gap))
            return
    for part in _parts(columns, rows, console.width):
        console.print(_turned(columns, part))


def _longest(text: str) -> int:
    return max(map(len, text.split()), default=0)


def _width(widths: Sequence[int], gap: int) -> int:
    """Of a table: its columns, what is between them, and a space on either side."""
    return sum(widths) + gap * len(widths) + 1


def _empty(gap: int) -> Table:
    from rich import box
    from rich.table import Table

    return Table(header_style="bold", box=box.SIMPLE_HEAD, padding=(0, gap - 1, 0, 0))


def _upright(columns: Sequence[Column], rows: Cells, least: Sequence[int], gap: int) -> Table:
    from rich.text import Text

    table = _empty(gap)
    for column, width in zip(columns, least, strict=True):
        table.add_column(
            Text(column.name), justify="right" if column.numeric else "left", overflow="fold", min_width=width
        )
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _parts(columns: Sequence[Column], rows: Cells, width: int) -> Iterator[Cells]:
    """As many rows at a time as fit side by side, at least one."""
    part: list[Sequence[str]] = []
    used = first = _width([max(len(column.name) for column in columns)], GAPS[0])
    for row in rows:
        more = _beside(row) + GAPS[0]
        if part and used + more > width:
            yield part
            part, used = [], first
        part.append(row)
        used += more
    if part:
        yield part


def _beside(row: Sequence[str]) -> int:
    """The width of a row that stands as a column."""
    return max(min(len(cell), FOLDED_AT) for cell in row)


def _turned(columns: Sequence[Column], rows: Cells) -> Table:
    from rich.text import Text

    table = _empty(GAPS[0])
    table.add_column(Text(columns[0].name), no_wrap=True)
    for row in rows:
        table.add_column(Text(row[0]), justify="right", overflow="fold", min_width=_beside(row), max_width=FOLDED_AT)
    for number, column in enumerate(columns[1:], start=1):
        table.add_row(Text(column.name), *(Text(row[number]) for row in rows))
    return table
