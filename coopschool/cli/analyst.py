"""What an analyst asks for: events and reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coopschool.cli import autonomy_table, output
from coopschool.cli.lake import report_over_lake
from coopschool.cli.running import AWAY, WRONG, CannotDo, fail
from coopschool.cli.school import AsJson, DataDir, load_settings, opened

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from coopschool.database import Database
    from coopschool.feed import SeenEvent
    from coopschool.settings import Settings
    from projections.reports import Definition, Report

COLUMNS = ("position", "occurred_at", "recorded_at", "type", "tags", "data")
SECONDS_TO_CATCH_UP = 60.0
HIDDEN_TOGETHER = ("n", "mean")
FILTERS = {"ignore_unknown_options": True, "allow_extra_args": True}

OF_PROGRAMS = "releases"  # positions in the log, of no use to whoever reads a table


class Format(StrEnum):
    """How a report is printed."""

    table = "table"
    csv = "csv"
    json = "json"


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
            output.note_for_audit("shown", what="the log")
            _print_as_they_come(islice(feed.follow(database, query, after), limit), settings.zone, as_json=as_json)
            return
        with database.connect("app") as connection:
            page = feed.page(connection, query, after, limit or 100)
    output.note_for_audit("shown", what="the log")
    if as_json:
        output.show_json(page)
        return
    output.show_table(COLUMNS, rows_of(page.events, settings.zone))
    if not page.at_end:
        output.note(f"There is more: --after {page.next}")


def rows_of(found: Iterable[SeenEvent], zone: ZoneInfo) -> Iterator[list[object]]:
    for event in found:
        times = (output.in_zone(event.occurred_at, zone), output.in_zone(event.recorded_at, zone))
        yield [event.position, *times, event.type, event.tags, bytes(event.data).decode()]


def _print_as_they_come(found: Iterable[SeenEvent], zone: ZoneInfo, *, as_json: bool) -> None:
    for event in found:
        if as_json:
            output.show_json_line(event)
        else:
            output.show_line(next(rows_of([event], zone)))


def report_names() -> list[str]:
    from projections.reports import REPORTS

    return list(REPORTS)


def report(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            help="Which report; without one, what there is.", autocompletion=report_names, show_default=False
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Only what had happened by then: a date or a moment.", show_default=False),
    ] = None,
    known_at: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Only what had been recorded by then.", show_default=False),
    ] = None,
    group_by: Annotated[
        str | None, typer.Option(metavar="A,B", help="What to have a row for.", show_default=False)
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.table,
    lake: Annotated[
        Path | None,
        typer.Option(help="Read this lake (see `coopschool export`) instead of the database.", show_default=False),
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="What reads the lake: duckdb or spark. [default: duckdb]", show_default=False)
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Print a report, for any date, as it was known at any time.

    A report's own filters are options too, such as --module M05 or --member ID; `coopschool report` lists them.
    (Its filter called format is --session-format here.)
    """
    from projections.reports import definition

    filters = given_filters(context.args)
    if name is None:
        _list_reports(as_json=as_json)
        return
    about = definition(name)
    settings = load_settings(data_dir)
    given = {"as_of": as_of, "known_at": known_at, "group_by": group_by, **filters}
    asked = {key: value for key, value in given.items() if value is not None}
    if lake is None:
        if engine is not None:
            raise CannotDo("--engine is for a lake: name one with --lake DIR.")
        with opened(settings) as database:
            found = _run(settings, database, about, asked)
            names = _team_names(settings, database, found)
        if about.name == "member_progress":
            output.note_for_audit("shown", what="a person's learning", of=found.parameters["member"])
    else:
        found, names = report_over_lake(settings, lake, engine or "duckdb", about.name, asked), {}
    print_report(about, found, Format.json if as_json else format_, names)


def given_filters(arguments: Sequence[str]) -> dict[str, str]:
    """The filters among the arguments that no option of ours is: ``--module M05`` or ``--module=M05``."""
    found = {}
    rest = iter(arguments)
    for argument in rest:
        option, equals, value = argument.partition("=")
        if not option.startswith("--"):
            raise CannotDo(f"{argument!r} is one argument too many: filters are given as --module M05.")
        given = value if equals else next(rest, None)
        if given is None:
            raise CannotDo(f"{option} needs a value.")
        name = option.removeprefix("--").replace("-", "_")
        found["format" if name == "session_format" else name] = given
    return found


def _list_reports(*, as_json: bool) -> None:
    from projections.reports import REPORTS

    reports: list[dict[str, Any]] = [
        {
            "report": about.name,
            "title": about.title,
            "group_by": list(about.group_by),
            "filters": [parameter.name for parameter in about.parameters],
            "figures": list(about.figures),
            "who": list(about.roles),
        }
        for about in REPORTS.values()
    ]
    if as_json:
        output.show_json(reports)
    elif output.on_terminal():
        for one in reports:
            output.show_entry(f"{one.pop('report')}: {one.pop('title')}", one)
    else:
        output.show_table(list(reports[0]), [list(one.values()) for one in reports])


def _run(settings: Settings, database: Database, about: Definition, asked: dict[str, str]) -> Report:
    """The report as researchers see it: admins read no answers, and the gate shows nobody more than researchers."""
    from datetime import UTC, datetime

    from projections.reports import refuse_future, run

    refuse_future(asked, settings.zone, datetime.now(UTC))
    with with_facts():
        catch_up(settings, database)
        with database.connect(about.read_by) as connection:
            return run(connection, about.name, asked, zone=settings.zone, min_group=settings.min_group)


@contextmanager
def with_facts() -> Iterator[None]:
    """Says why, where the facts are not to be had, and ends the command."""
    from projections.generations import NotCaughtUp, ProjectionStopped

    try:
        yield
    except NotCaughtUp as error:
        output.note(f"coopschool: {error}. Try again in a moment, or see `coopschool doctor`.")
        fail(AWAY)
    except ProjectionStopped as error:
        output.note(f"coopschool: {error}. Until that is mended, this report cannot be had.")
        fail(WRONG)


def _team_names(settings: Settings, database: Database, found: Report) -> dict[str, str]:
    """What the teams in the rows are called."""
    from coopschool import vault
    from coopschool.application import CoopSchool
    from coopschool.domain.advisers.adviser_team import AdviserTeam

    teams = sorted({row["team"] for row in found.rows if row.get("team")})
    if not teams:
        return {}
    with CoopSchool(database, settings) as school:
        names = school.read_now(lambda load: {team: load(AdviserTeam, team).name for team in teams})
    with database.connect("app") as connection:
        texts = vault.texts(connection, names.values())
    return {team: texts[name] for team, name in names.items() if name in texts}


def catch_up(settings: Settings, database: Database) -> None:
    """Folds what no runner has folded yet; where one runs, waits for it."""
    from projections.generations import SQL
    from projections.runner import BATCH, Following, status, wait_for

    with database.connect("projector") as connection:
        found = status(connection)
        if found and not any(one.lag for one in found):
            return
        if connection.execute(SQL["run_alone"]).fetchone() == (True,):
            following = Following(connection, database, settings.zone, BATCH)
            while following.step():
                pass
        elif found:
            wait_for(connection, max(one.position + one.lag for one in found), SECONDS_TO_CATCH_UP)


def print_report(about: Definition, found: Report, format_: Format, names: Mapping[str, str]) -> None:
    """`names` are those of teams: on a terminal they stand for the ids."""
    if format_ is Format.json:
        output.show_json(found)
        return
    columns = about.columns_of(found)
    if format_ is Format.csv:
        said = {"notes": " ".join(found.notes)} if about.gated else {}
        rows = [[*map(row.get, columns), *said.values()] for row in found.rows]
        output.show_csv([*columns, *said], rows)
        return
    if about.name == "autonomy" and output.on_terminal():
        autonomy_table.show(about, found, names)
    else:
        if output.on_terminal():
            columns = [column for column in columns if column != OF_PROGRAMS]
        output.show_table(columns, _for_people(found, columns, names), title=about.title)
    for note in found.notes:
        output.note(note)
    output.note(
        f"As of {found.parameters['as_of']}, from the log up to position {found.provenance.position}; "
        f"checksum {found.provenance.checksum[:12]}."
    )


def _for_people(found: Report, columns: Sequence[str], names: Mapping[str, str]) -> Iterator[list[object]]:
    """On a terminal teams go by their names; a figure that the gate hides is a dot, which a 0 or a gap could not be."""
    for row in found.rows:
        shown = dict(row)
        if output.on_terminal() and row.get("team"):
            shown["team"] = names.get(row["team"], row["team"])
        if row.get("suppressed"):
            shown |= {column: output.SUPPRESSED for column in HIDDEN_TOGETHER if column in row}
        yield [shown.get(column) for column in columns]
