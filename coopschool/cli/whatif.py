"""What would have happened under another rule."""

from __future__ import annotations

from typing import Annotated

import typer

from coopschool.cli import output
from coopschool.cli.running import CannotDo
from coopschool.cli.school import AsJson, DataDir, load_settings, opened


def whatif(
    min_attendance: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Of the half-days, to complete: 0.5 … 1.", show_default=False)
    ] = None,
    seats: Annotated[
        str | None, typer.Option(metavar="TIMES", help="Of each session: x0.5 … x2.", show_default=False)
    ] = None,
    waitlist: Annotated[
        str | None, typer.Option(metavar="ORDER", help="by-rank or newcomers-first.", show_default=False)
    ] = None,
    group_by: Annotated[
        str | None, typer.Option(metavar="A,B", help="Of module, year, newcomer, category.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Decide what was asked for again under another rule, in memory, and show how it would have differed.

    Such as --min-attendance 0.6, --seats x1.5 or --waitlist newcomers-first. The log is only read.
    """
    from projections import whatif as other

    rule = other.parse(min_attendance, seats, waitlist)
    if rule == other.Rule():
        raise CannotDo("say what would be otherwise: --min-attendance, --seats or --waitlist.")
    settings = load_settings(data_dir)
    with opened(settings) as database, database.connect("app") as conn:
        found = other.whatif(conn, rule, zone=settings.zone, group_by=group_by or (), min_group=settings.min_group)
    if as_json:
        output.show_json(found)
        return
    columns = [name for name in found.rows[0] if name != "suppressed"]
    output.show_table(columns, [[row[column] for column in columns] for row in found.rows])
    output.note(f"{found.requests} requests decided again; {found.refused} granted then would have been refused.")
    for said in found.notes:
        output.note(said)
