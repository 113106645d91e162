"""The command line. Commands import what they need when they run, so that `--help` and completion are quick."""

from __future__ import annotations

import typer

from coopschool.cli import (
    analyst,
    api_keys,
    backups,
    erasing,
    explaining,
    history,
    keys,
    lake,
    operations,
    retention,
    upkeep,
    waves,
    whatif,
)
from coopschool.cli.diagnosis import doctor
from coopschool.cli.running import Commands

HELP = """
The school of a cooperative: members, sessions, learning, and reports for any date.

Settings come from COOPSCHOOL_* variables or from coopschool.toml; without any, coopschool brings its own PostgreSQL.

Exit status:

0: done.

1: something is wrong with the data or the installation, or the server ended by itself.

2: what was asked cannot be done: usage, settings, files, a rule.

3: the database is away or cannot be used.

130: interrupted.
"""

app = typer.Typer(
    name="coopschool",
    cls=Commands,
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

RUN, SET_UP, STUDY, LOOK_AFTER = "Run it", "Set it up", "Study", "Look after it"

app.command(rich_help_panel=RUN)(operations.serve)
app.command(rich_help_panel=RUN)(operations.demo)
app.command(rich_help_panel=RUN)(operations.project)
app.command(hidden=True)(operations.api)
app.command(hidden=True)(operations.keep_time)
app.command(rich_help_panel=SET_UP)(keys.token)
app.command(rich_help_panel=SET_UP)(keys.grant)
app.add_typer(api_keys.app, name="api-key", rich_help_panel=SET_UP)
app.command(rich_help_panel=SET_UP)(upkeep.migrate)
app.command("import", rich_help_panel=SET_UP)(history.import_)
app.add_typer(waves.app, name="wave", rich_help_panel=RUN)
app.command(rich_help_panel=STUDY, context_settings=analyst.FILTERS)(analyst.report)
app.command(rich_help_panel=STUDY)(analyst.events)
app.command(rich_help_panel=STUDY, context_settings=analyst.FILTERS)(explaining.explain)
app.command(rich_help_panel=STUDY)(lake.export)
app.command(rich_help_panel=STUDY)(whatif.whatif)

app.command(rich_help_panel=LOOK_AFTER)(upkeep.replay)
app.command(rich_help_panel=LOOK_AFTER)(upkeep.verify)
app.command(rich_help_panel=LOOK_AFTER)(upkeep.checkpoint)
app.command(rich_help_panel=LOOK_AFTER)(backups.backup)
app.command(rich_help_panel=LOOK_AFTER)(backups.restore)
app.command(rich_help_panel=LOOK_AFTER)(erasing.erase)
app.command(rich_help_panel=LOOK_AFTER)(retention.retention)
app.command(rich_help_panel=LOOK_AFTER)(doctor)


def main() -> None:
    """The entry point of `coopschool`."""
    app()
