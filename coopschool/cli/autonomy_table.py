"""The autonomy report for people: a table a dimension, a line a team, a column a wave; then telework and decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from coopschool.cli import output

if TYPE_CHECKING:
    from projections.reports import Definition, Report, Row

SCOPES = {"team": "Teams", "band": "By telework", "all_teams": "All teams shown"}
BROKEN = "‖"
LEGEND = (
    f"{output.SUPPRESSED} hidden by the statistics gate; (+0.25) change since the wave before; "
    f"{BROKEN} another questionnaire, not comparable with the wave before; ! under 60 % answered; "
    "each figure is mean/persons."
)

BANDS = ("0%", "<=20%", "<=50%", "<100%", "100%")  # least first
NARROW = 100  # columns of a terminal that shows dates in two lines, and less of telework and decisions

Line = tuple[str, str]  # scope, name


def show(about: Definition, found: Report, names: Mapping[str, str]) -> None:
    """Prints the report on a terminal; on a narrow one in fewer columns, and without what has no room."""
    from rich.console import Console

    console = Console()
    console.print(about.title, style="bold")
    narrow = console.width < NARROW
    waves = _waves(found.rows, narrow)
    for dimension in dict.fromkeys(row["dimension"] for row in found.rows):
        of_dimension = [row for row in found.rows if row["dimension"] == dimension]
        console.print(_table(dimension.replace("_", " "), of_dimension, waves, names, _figure))
    first = next((row["dimension"] for row in found.rows), None)
    once = [row for row in found.rows if row["dimension"] == first]
    if narrow:
        console.print(_table("telework (share of days)", once, waves, names, _share))
        console.print(_table("decisions so far, overdue", once, waves, names, _taken))
    else:
        console.print(_table("telework (share of days) and regime", once, waves, names, _telework))
        console.print(_table("decisions so far: kept/changed/dropped/open, overdue", once, waves, names, _decisions))
    console.print(LEGEND, markup=False, highlight=False)


def _waves(rows: Sequence[Row], narrow: bool) -> dict[str, str]:
    """The waves in order of release, and the day that stands above each."""
    days = sorted({row["wave"]: row["released_on"] for row in rows}.items(), key=lambda item: (item[1], item[0]))
    return {wave: f"{day[:5]}\n{day[5:]}" if narrow else day for wave, day in days}


def _table(
    title: str, rows: Sequence[Row], waves: Mapping[str, str], names: Mapping[str, str], cell: Callable[[Row], str]
) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    cells: dict[Line, dict[str, str]] = {}
    for row in rows:
        cells.setdefault((row["scope"], _name(row, names)), {})[row["wave"]] = cell(row)
    table = Table(title=title, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for day in waves.values():
        table.add_column(day, justify="right")
    for scope, heading in SCOPES.items():
        lines = list(_lines(cells, scope))
        if not lines:
            continue
        table.add_section()
        if scope != "all_teams":
            table.add_row(Text(heading, style="bold"))
        for name, of_line in lines:
            label = f"  {name}" if name else heading
            table.add_row(Text(label), *(Text(of_line.get(wave, "")) for wave in waves))
    return table


def _lines(cells: Mapping[Line, dict[str, str]], scope: str) -> Iterator[tuple[str, dict[str, str]]]:
    found = [(name, of_line) for (of_scope, name), of_line in cells.items() if of_scope == scope]
    return iter(sorted(found, key=lambda line: (BANDS.index(line[0]) if line[0] in BANDS else 0, line[0])))


def _name(row: Row, names: Mapping[str, str]) -> str:
    if row["scope"] == "team":
        return names.get(row["team"], row["team"])
    return row["band"] if row["scope"] == "band" else ""


def _figure(row: Row) -> str:
    broken = BROKEN if row["series_broken"] else ""
    if row["suppressed"]:
        return f"{broken}{output.SUPPRESSED}"
    mean = row["mean"] if isinstance(row["mean"], str) else f"{row['mean']:.2f}"
    change = "" if row["change"] is None else f" ({row['change']:+.2f})"
    return f"{broken}{mean}/{row['n']}{'!' if row['low_response'] else ''}{change}"


def _telework(row: Row) -> str:
    if row["suppressed"]:
        return output.SUPPRESSED
    if row["telework_share"] is None:
        return "–"
    return f"{row['telework_share']:.0%} {row['regime'] or ''}".strip()


def _share(row: Row) -> str:
    return _telework(row).split(" ")[0]


def _taken(row: Row) -> str:
    return output.SUPPRESSED if row["suppressed"] else f"{row['decisions']}, {row['overdue']}"


def _decisions(row: Row) -> str:
    if row["suppressed"]:
        return output.SUPPRESSED
    counts = [row["decisions_by_outcome"].get(outcome, 0) for outcome in ("kept", "changed", "dropped", "open")]
    return f"{'/'.join(map(str, counts))}, {row['overdue']}"
