"""Erasing people: their names, addresses and texts go, what happened stays, under a random id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from coopschool.cli import output
from coopschool.cli.running import CANNOT, CannotDo, fail
from coopschool.cli.school import AsJson, DataDir, load_settings, opened

if TYPE_CHECKING:
    from coopschool.application import CoopSchool

SHOWN = 20


def erase(
    person: Annotated[
        UUID | None,
        typer.Argument(metavar="[PERSON]", help="The person's id; without it you are asked.", show_default=False),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether it is meant.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Erase a person: names, addresses and texts go for good, the membership ends; prints a receipt.

    Refused while the person gives a session that is not closed, or under a legal hold. Without an id you are asked for
    a part of the name or address, so that it does not stand in the shell's history. A note of the erasure goes to the
    erasure ledger, so that no backup and no import brings the person back.
    """
    from coopschool.application import CoopSchool
    from coopschool.erasing import erase as erase_from

    settings = load_settings(data_dir)
    with opened(settings) as database, CoopSchool(database, settings) as school:
        id = _ask_for(school) if person is None else str(person)
        if not yes and not _is_meant(id):
            output.note("Nothing was erased.")
            fail(CANNOT)
        receipt = erase_from(school, id)
    if as_json:
        output.show_json(receipt)
        return
    output.show_pairs(
        {"person": id, "position": receipt.position, "erased at": receipt.erased_at, **_counted(receipt.removed)}
    )
    output.note(receipt.remains)


def _counted(removed: dict[str, int]) -> dict[str, int]:
    return {f"removed {kind.replace('_', ' ')}": count for kind, count in removed.items()}


def _is_meant(person: str) -> bool:
    try:
        return typer.confirm(f"Erase {person}? It cannot be undone.", err=True)
    except typer.Abort:
        raise CannotDo("there is nobody to ask: say --yes if it is meant.") from None


def _ask_for(school: CoopSchool) -> str:
    """The id of somebody who is found by name, on the terminal or by what is piped in."""
    from coopschool import vault

    try:
        words = str(typer.prompt("A part of the name or e-mail address", err=True)).strip()
        with school.database.connect("app") as connection:
            found = vault.search(connection, words, SHOWN)
            details = vault.people(connection, found)
        if not found:
            raise CannotDo("nobody is called that.")
        output.note_for_audit("shown", what="names and addresses")
        for number, id in enumerate(found, start=1):
            output.note(f"{number:>3}  {id}  {details[id].name or ''}  {details[id].email or ''}")
        chosen: int = typer.prompt("Which one, by number", type=int, err=True)
    except typer.Abort:
        raise CannotDo("there is nobody to ask: give the person's id.") from None
    if not 1 <= chosen <= len(found):
        raise CannotDo("there is no such number in the list.")
    return found[chosen - 1]
