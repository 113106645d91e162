"""Keys for other programs: made, listed and revoked."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from coopschool.cli import output
from coopschool.cli.running import CannotDo
from coopschool.cli.school import AsJson, DataDir, load_settings, opened

key = typer.Typer(no_args_is_help=True, help="Keys for programs that follow the school.")


class Scope(StrEnum):
    """As `coopschool.api.api_keys.Scope`; a test keeps them the same."""

    events = "events"


@key.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for: a program's name, no person's.")],
    scope: Annotated[list[Scope], typer.Option("--scope", help="What it may see; may be given several times.")],
    days: Annotated[int, typer.Option(help="How long it lasts.", min=1, max=366)] = 90,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Make a key and print it, this once: only its hash is kept."""
    from coopschool.api import api_keys
    from coopschool.clock import SystemClock

    if not name.strip() or len(name) > 100 or "\0" in name:
        raise CannotDo("a name has 1 to 100 characters.")
    settings = load_settings(data_dir)
    now = SystemClock().now()
    expires_at = now + timedelta(days=days)
    with opened(settings) as database, database.connect("app") as connection:
        scopes = [one.value for one in scope]
        id, made = api_keys.create(connection, name.strip(), scopes, now=now, expires_at=expires_at)  # type: ignore[arg-type]
    if as_json:
        output.show_json({"id": id, "key": made, "scopes": scope, "expires_at": expires_at})
        return
    typer.echo(made)
    output.note(f"is key {id}, until {expires_at:%Y-%m-%d}; it cannot be shown again.")


@key.command("list")
def list_(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show which keys there are and were, never the keys themselves."""
    from coopschool.api import api_keys

    settings = load_settings(data_dir)
    with opened(settings) as database, database.connect("app") as connection:
        found = api_keys.listed(connection)
    if as_json:
        output.show_json(found)
        return
    columns = api_keys.ApiKey.__struct_fields__
    output.show_table(columns, [[getattr(one, column) for column in columns] for one in found])


@key.command()
def revoke(
    id: Annotated[UUID, typer.Argument(help="The key's id, as `coopschool key list` shows it.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """End a key at once."""
    from coopschool.api import api_keys
    from coopschool.clock import SystemClock

    settings = load_settings(data_dir)
    with opened(settings) as database, database.connect("app") as connection:
        revoked_at = api_keys.revoke(connection, id, SystemClock().now())
    if revoked_at is None:
        raise CannotDo(f"there is no key {id}.")
    if as_json:
        output.show_json({"id": id, "revoked_at": revoked_at})
    else:
        output.note(f"key {id} counts for nothing any more.")
