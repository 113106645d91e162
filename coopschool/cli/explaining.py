"""What is behind a figure of a report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from coopschool.cli import output
from coopschool.cli.analyst import COLUMNS, catch_up, given_filters, report_names, rows_of, with_facts
from coopschool.cli.school import AsJson, DataDir, load_settings, opened

if TYPE_CHECKING:
    from projections.reports.explain import Explained

MOST = 100


def explain(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Which report.", autocompletion=report_names, show_default=False)],
    figure: Annotated[
        str | None, typer.Option(help="Which of its figures; without one, what there is.", show_default=False)
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Only what had happened by then: a date or a moment.", show_default=False),
    ] = None,
    known_at: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Only what had been recorded by then.", show_default=False)
    ] = None,
    after: Annotated[int, typer.Option(help="Only events after this position.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="At most so many events.", min=1)] = MOST,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show the events behind one figure, as of and as known at any moment, as the feed shows them to an admin.

    What names the figure's row are options, too: --module M01 --period 2020Q2 --figure completed. Of ratings there is
    only their release, and of what the report hides nothing.
    """
    from datetime import UTC, datetime

    from coopschool import feed
    from projections import reports
    from projections.reports.explain import explain as explained

    settings = load_settings(data_dir)
    given = {"as_of": as_of, "known_at": known_at, **given_filters(context.args)}
    asked = {key: value for key, value in given.items() if value is not None}
    reports.refuse_future(asked, settings.zone, datetime.now(UTC))
    with opened(settings) as database, with_facts():
        catch_up(settings, database)
        with database.connect(reports.definition(name).read_by) as conn:
            found = explained(conn, name, figure, asked, zone=settings.zone, min_group=settings.min_group)
        positions = [position for position in found.positions if position > after][:limit]
        with database.connect("app") as conn:
            events = feed.WHOLE.at(conn, positions)
    output.note_for_audit("shown", what="the log")
    last = positions[-1] if positions else after
    at_end = not positions or last == found.positions[-1]
    if as_json:
        output.show_json({**_told(found), "events": events, "next": last, "at_end": at_end})
        return
    for line in _values(found):
        output.note(line)
    output.show_table(COLUMNS, rows_of(events, settings.zone))
    if not at_end:
        output.note(f"There is more: --after {last}")


def _told(found: Explained) -> dict[str, object]:
    cells = [{**cell.group, "value": cell.value, "suppressed": cell.suppressed} for cell in found.cells]
    return {
        "report": found.report.report,
        "figure": found.figure,
        "parameters": found.report.parameters,
        "provenance": found.report.provenance,
        "value": cells[0]["value"] if len(cells) == 1 else None,
        "suppressed": found.suppressed,
        "cells": cells,
        "count": None if found.suppressed else len(found.positions),
    }


def _values(found: Explained) -> Iterator[str]:
    for cell in found.cells:
        where = " ".join(f"{name}={value}" for name, value in cell.group.items())
        value = "suppressed" if cell.suppressed else cell.value
        yield f"{found.report.report} {where} {found.figure}: {value}".replace("  ", " ")
    if not found.suppressed:
        yield f"{len(found.positions)} events are behind it."
