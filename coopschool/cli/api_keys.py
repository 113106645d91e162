"""Keys for other systems, from the command line: make one, list them, take one back."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from coopschool.cli import output
from coopschool.cli.school import AsJson, DataDir, load_settings, opened

app = typer.Typer(help="Make, list and take back the keys of other systems.", no_args_is_help=True)


class Scope(StrEnum):
    """As `coopschool.api_keys.Scope`; a test keeps them the same."""

    events = "events"


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the other system is called: a code such as data-warehouse.")],
    scope: Annotated[list[Scope], typer.Option("--scope", help="What it is for; may be given several times.")],
    days: Annotated[int, typer.Option(help="How long it lasts.", min=1, max=366)] = 90,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Make a key and print it, this once."""
    import msgspec

    from coopschool.api_keys import ApiKeys, ChangeApiKeys
    from coopschool.application import CoopSchool
    from coopschool.domain.bounds import Code
    from coopschool.domain.errors import Invalid

    settings = load_settings(data_dir)
    try:
        msgspec.convert(name, Code)
    except msgspec.ValidationError:
        raise Invalid("name", name=name) from None
    with opened(settings) as database, CoopSchool(database, settings) as school:
        now = school.now()
        key, write = ApiKeys(settings.derive_key).new(name=name, scopes=[one.value for one in scope], at=now, days=days)
        school.execute_now(ChangeApiKeys(at=now), vault=[write])
    if as_json:
        output.show_json({**msgspec.structs.asdict(write.kept), "key": key})
        return
    typer.echo(key)
    output.note(f"is shown this once. It lasts until {write.kept.expires_at:%Y-%m-%d}; its id is {write.kept.key_id}.")


@app.command("list")
def list_(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List every key, also those that no longer count."""
    from coopschool.api_keys import all_keys

    with opened(load_settings(data_dir)) as database, database.connect("app") as connection:
        found = all_keys(connection)
    if as_json:
        output.show_json(found)
        return
    columns = ("key_id", "name", "scopes", "created_at", "expires_at", "revoked_at")
    output.show_table(columns, [[getattr(key, column) for column in columns] for key in found])


@app.command()
def revoke(
    key_id: Annotated[UUID, typer.Argument(metavar="KEY_ID", help="The key's id.", show_default=False)],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Take a key back, at once and for good."""
    from coopschool.api_keys import ChangeApiKeys, RevokeApiKey
    from coopschool.application import CoopSchool

    settings, key = load_settings(data_dir), str(key_id)
    with opened(settings) as database, CoopSchool(database, settings) as school:
        now = school.now()
        position = school.execute_now(ChangeApiKeys(at=now), vault=[RevokeApiKey(key_id=key, at=now)]).position
    if as_json:
        output.show_json({"key_id": key, "position": position})
    else:
        output.note("It opens nothing any more.")
