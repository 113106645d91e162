"""What an analyst asks for: events and reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from coopschool.cli import output
from coopschool.cli.school import AsJson, DataDir, load_settings, opened

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from coopschool.feed import SeenEvent

COLUMNS = ("position", "occurred_at", "recorded_at", "type", "tags", "data")


def events(
    after: Annotated[int, typer.Option(help="Only what follows this position.", min=0)] = 0,
    type_: Annotated[
        list[str] | None,
        typer.Option("--type", help="Only events of this type; may be given several times.", show_default=False),
    ] = None,
    tag: Annotated[
        str | None, typer.Option(help="Only events that concern this, such as session:ID.", show_default=False)
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(help="At most so many. [default: 100, without end when following]", min=1, show_default=False),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until interrupted.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show the log, as the feed shows it to an admin. Following with --json prints a line for each event."""
    from coopschool import feed

    settings = load_settings(data_dir)
    query = feed.Query(types=tuple(type_ or ()), tag=tag)
    query.topics()
    with opened(settings) as database:
        if follow:
            _print_as_they_come(islice(feed.follow(database, query, after), limit), settings.zone, as_json=as_json)
            return
        with database.connect("app") as connection:
            page = feed.page(connection, query, after, limit or 100)
    if as_json:
        output.show_json(page)
        return
    output.show_table(COLUMNS, _rows(page.events, settings.zone))
    if not page.at_end:
        output.note(f"There is more: --after {page.next}")


def _rows(found: Iterable[SeenEvent], zone: ZoneInfo) -> Iterator[list[object]]:
    for event in found:
        times = (output.in_zone(event.occurred_at, zone), output.in_zone(event.recorded_at, zone))
        yield [event.position, *times, event.type, event.tags, bytes(event.data).decode()]


def _print_as_they_come(found: Iterable[SeenEvent], zone: ZoneInfo, *, as_json: bool) -> None:
    for event in found:
        if as_json:
            output.show_json_line(event)
        else:
            output.show_line(next(_rows([event], zone)))
