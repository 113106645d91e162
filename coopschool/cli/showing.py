"""The demo: a simulated school where there was none, and a few lines to try it with."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from coopschool.cli import keys, output

if TYPE_CHECKING:
    from coopschool.application import CoopSchool
    from coopschool.cli.operations import Size
    from coopschool.database import Database
    from coopschool.settings import Settings

TOKEN_HOURS = 30 * 24


def seed_if_empty(settings: Settings, database: Database, size: Size) -> None:
    """Simulates a school if nothing has happened yet; otherwise what there is stays as it is."""
    from coopschool import demo
    from coopschool.application import CoopSchool

    with CoopSchool(database, settings) as school, output.progress("Simulating the school", None) as progress:
        written = demo.seed(school, size.value, progress)
    if written:
        output.note(f"Simulated a school: {written} events.")


def how_to_try(settings: Settings, database: Database, url: str) -> str:
    """The address, a token for each role, three requests, and where to read more."""
    from coopschool.application import CoopSchool

    with CoopSchool(database, settings) as school:
        people = {role: _persona(school, role) for role in keys.Role}
    tokens = {role: keys.mint(settings, [role], person, TOKEN_HOURS) for role, person in people.items()}
    lines = [f"The school is open at {url} (Ctrl-C closes it); its API is described at {url}/schema/openapi.json", ""]
    lines += [f"Tokens for {TOKEN_HOURS // 24} days, one per role:"]
    lines += [f"{role:<12} {token}" for role, token in tokens.items()]
    lines += ["", "See the modules, take the next seat in one, and see how the school is doing:"]
    lines += _requests(url, tokens)
    lines += ["", "What it has to tell, and how to ask it: docs/guide/demo.md"]
    return "\n".join(lines)


def _requests(url: str, tokens: dict[keys.Role, str]) -> list[str]:
    def curl(role: keys.Role, what: str) -> str:
        return f"curl -H 'Authorization: Bearer {tokens[role]}' {what}"

    return [
        curl(keys.Role.member, f"{url}/api/modules"),
        curl(keys.Role.member, f"-H 'Content-Type: application/json' -d '{{}}' {url}/api/modules/M01/enrolments"),
        curl(keys.Role.coordinator, f"-H 'Accept: text/csv' '{url}/api/reports/progress?group_by=module'"),
    ]


def _persona(school: CoopSchool, role: keys.Role) -> UUID | None:
    """The person of the simulated school who stands for a role, if they are there."""
    from coopschool.demo import PERSONAS
    from coopschool.domain.school.person import Person

    person = PERSONAS.get(role.value)
    if person is None or not school.read_now(lambda load: load(Person, person).exists):
        return None
    return UUID(person)
