"""Who may do what: development tokens, and roles for those who sign in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from uuid import UUID, uuid4

import typer

from coopschool.cli import output
from coopschool.cli.running import CannotDo
from coopschool.cli.school import AsJson, DataDir, load_settings, opened

if TYPE_CHECKING:
    from coopschool.application import CoopSchool
    from coopschool.settings import Settings


class Role(StrEnum):
    """As `coopschool.domain.base.Role`; a test keeps them the same."""

    member = "member"
    trainer = "trainer"
    adviser = "adviser"
    coordinator = "coordinator"
    researcher = "researcher"
    admin = "admin"


Person = Annotated[UUID | None, typer.Option("--person", metavar="ID", help="The person's id.", show_default=False)]


def token(
    role: Annotated[list[Role], typer.Option("--role", help="The role it is for; may be given several times.")],
    person: Person = None,
    hours: Annotated[float, typer.Option(help="How long it lasts.", min=0.01, max=24 * 366)] = 12,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Print a development token, where the development key is in use."""
    settings = load_settings(data_dir)
    minted = mint(settings, role, person, hours)
    if not as_json:
        typer.echo(minted)
        return
    output.show_json({"token": minted, "roles": role, "person_id": person, "hours": hours})


def mint(settings: Settings, roles: list[Role], person: UUID | None = None, hours: float = 12) -> str:
    """A development token. Raises `CannotDo` where people sign in with an identity provider."""
    from coopschool.api.auth import mint_token

    if settings.oidc_issuer is not None:
        raise CannotDo(
            f"people sign in at {settings.oidc_issuer} (COOPSCHOOL_OIDC_ISSUER), and a development token would not be "
            "accepted: take a token from there, and give its owner a role with `coopschool grant`."
        )
    return mint_token(
        settings.signing_key(),
        [role.value for role in roles],
        person=None if person is None else str(person),
        lifetime_seconds=round(hours * 3600),
    )


def grant(
    issuer: Annotated[str, typer.Argument(help="The identity provider, as its tokens name it (`iss`).")],
    subject: Annotated[str, typer.Argument(help="Whom it means (`sub`), never an e-mail address.")],
    role: Annotated[Role, typer.Argument(help="The role.")],
    person: Person = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day of the role.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Give a role to somebody by their sign-in: the first admin, and any other."""
    from coopschool.application import CoopSchool

    if not issuer.strip() or not subject.strip():
        raise CannotDo("issuer and subject must not be empty.")
    settings = load_settings(data_dir)
    with opened(settings, must_exist=False) as database, CoopSchool(database, settings) as school:
        granted, position = _grant(school, issuer, subject, role, person, until)
    if as_json:
        output.show_json({"person_id": granted, "role": role, "until": until and until.date(), "position": position})
    else:
        typer.echo(granted)
        output.note(f"is {role} now{f', until {until:%Y-%m-%d}' if until else ''}.")


def _grant(
    school: CoopSchool, issuer: str, subject: str, role: Role, person: UUID | None, until: datetime | None
) -> tuple[str, int]:
    """The person and the log position after it."""
    from coopschool.domain.school.appointment import Appoint
    from coopschool.domain.school.person import GrantRole
    from coopschool.identities import Identities, PutIdentity, person_of

    identity = Identities(school.settings.derive_key).identity(issuer, subject)
    with school.database.connect("app") as connection:
        known = person_of(connection, identity)
    # Whom --person names must be there; whom only a sign-in names is registered with it.
    kind = Appoint if person is None else GrantRole
    id = str(person) if person is not None else known or str(uuid4())
    command = kind(at=school.now(), person=id, role=role.value, until=until and until.date())
    outcome = school.execute_now(command, vault=[PutIdentity(identity=identity, person=id)])
    return id, outcome.position
