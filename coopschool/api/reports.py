"""Reports: one route each, so that who may ask stands in the route table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter

from coopschool import vault
from coopschool.api.access import SIGNED_IN, may
from coopschool.api.answers import csv_answer, prefers_csv
from coopschool.api.body import PersonPath
from coopschool.api.examples import REPORT_FILTERS
from coopschool.api.problems import NotAllowed, parameter_fault
from coopschool.api.reads import position_of
from coopschool.api.request import ApiRequest
from coopschool.domain.advisers.adviser_team import Adviser, AdviserTeam
from coopschool.domain.base import Role, existing
from coopschool.domain.school.member import Member
from coopschool.domain.school.session import Session
from coopschool.pseudonyms import Pseudonyms
from coopschool.researcher_feed import names_of_grant
from projections import reports
from projections.disclosure import Viewer
from projections.reports import Definition, Report, Row

# Who may ask for a report besides its roles, for what is their own: see `refuse_others`.
OWNERS: Mapping[str, Role] = {
    "member_progress": "member",
    "attendance": "trainer",
    "feedback": "trainer",
    "autonomy": "adviser",
    "workshops": "adviser",
}

COMMON = {
    "as_of": "Only what had happened by then: a date (its end) or a moment; now, unless given",
    "known_at": "Only what had been recorded by then: a date (its end) or a moment",
    "group_by": "Columns to group by, separated by commas",
    "min_position": "Wait up to 5 s until what was written at this log position is in the figures",
    "format": "The form of the answer: csv or json; what `Accept` prefers, unless given",
}

# Given as `format`, these are the answer's form; anything else is a filter on how sessions are given.
FORMS = "csv", "json"


class ReportShown(msgspec.Struct, frozen=True, kw_only=True):
    """A report with what it rests on. `places` and `teams` give names behind codes and ids in its rows."""

    report: str
    parameters: dict[str, Any]
    provenance: reports.Provenance
    notes: list[str]
    rows: list[Row]
    places: dict[str, str] = {}
    teams: dict[str, str] = {}


def _route(about: Definition) -> HTTPRouteHandler:
    owner = OWNERS.get(about.name)
    roles = may(*about.roles, *([owner] if owner else []))
    filters = {parameter.name: parameter.description for parameter in about.parameters}
    if "format" in filters:
        filters["format"] += "; csv or json: the form of the answer"

    @get(
        f"/api/reports/{about.name}",
        operation_id=f"Report{''.join(part.title() for part in about.name.split('_'))}",
        roles=roles,
        tags=["reports"],
        summary=about.title,
        query_parameters={**COMMON, **filters},
        shows="a person's learning" if about.name == "member_progress" else None,
        query_example=REPORT_FILTERS.get(about.name, {}),
        csv=True,
    )
    async def report(request: ApiRequest) -> Response[ReportShown]:
        asked = dict(request.query_params.items())
        await refuse_others(request, about, asked)
        return await show(request, about, asked, await viewer_of(request, about, asked))

    report.fn.__doc__ = f"{about.title}: `{'`, `'.join(about.figures)}`."
    return report


# Columns and filters of reports that hold ids which researchers know by other names; none of theirs names people.
NAMED = "session", "team", "wave"


class Names:
    """Under which names somebody sees sessions, teams and waves in reports: researchers under their pseudonyms."""

    def __init__(self, pseudonyms: Pseudonyms | None) -> None:
        self._pseudonyms = pseudonyms

    @property
    def are_ids(self) -> bool:
        return self._pseudonyms is None

    def meant(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters, with the ids that are meant."""
        if self._pseudonyms is None:
            return dict(asked)
        meant = {name: self._pseudonyms.id_of(asked[name]) or asked[name] for name in NAMED if name in asked}
        return {**asked, **meant}

    def shown(self, about: Definition, rows: list[Row]) -> list[Row]:
        """The report's rows, or parts of them, with ids as they are to be seen, and then in the order of those."""
        if self._pseudonyms is None or not any(row.get(name) for row in rows for name in NAMED):
            return rows
        of = self._pseudonyms.of
        return about.in_order([row | {name: of(row[name]) for name in NAMED if row.get(name)} for row in rows])


def names_for(request: ApiRequest) -> Names:
    """Whoever runs the school knows its sessions; researchers know those of their feed."""
    if not request.is_any("researcher") or request.is_any("coordinator", "admin"):
        return Names(None)
    return Names(names_of_grant(request.school.settings, request.actor.person))


async def show(
    request: ApiRequest, about: Definition, asked: Mapping[str, Any], viewer: Viewer
) -> Response[ReportShown]:
    """The report as JSON or CSV, once it knows what was written at `min_position`."""
    wanted = dict(asked)
    position = position_of(wanted.pop("min_position", None))
    form = wanted.pop("format") if wanted.get("format") in FORMS else None
    settings, names = request.school.settings, names_for(request)
    reports.refuse_future(wanted, settings.zone, request.school.now())
    await request.reads.caught_up(about.projections, position)
    look = request.reads.vault if about.read_by == "app" else request.reads.plainly
    report = await look(
        partial(
            reports.run,
            name=about.name,
            parameters=names.meant(wanted),
            zone=settings.zone,
            min_group=settings.min_group,
            now=request.school.now(),
            viewer=viewer,
        )
    )
    report = renamed(about, report, names, wanted)
    if form == "csv" or (form is None and prefers_csv(request.call.header(b"accept"))):
        return _as_csv(request, about, report)
    return Response(
        ReportShown(
            report=report.report,
            parameters=report.parameters,
            provenance=report.provenance,
            notes=report.notes,
            rows=report.rows,
            places=await _places(request, report),
            teams=await _teams(request, report) if names.are_ids else {},
        )
    )


async def _places(request: ApiRequest, report: Report) -> dict[str, str]:
    """The words behind the place codes in the rows."""
    codes = {row["place"] for row in report.rows if row.get("place")}
    return await request.reads.vault(lambda connection: vault.places(connection, codes)) if codes else {}


async def _teams(request: ApiRequest, report: Report) -> dict[str, str]:
    """The names of the teams in the rows, for those who work with them; researchers do not see the vault."""
    ids = sorted({row["team"] for row in report.rows if row.get("team")})
    if not ids or not request.is_any("coordinator", "adviser"):
        return {}
    names = await request.school.read(lambda load: {team: load(AdviserTeam, team).name for team in ids})
    texts = await request.reads.vault(lambda connection: vault.texts(connection, names.values()))
    return {team: texts[name] for team, name in names.items() if name in texts}


@get(
    "/api/members/{person_id:str}/progress",
    operation_id="GetProgress",
    shows="a person's learning",
    roles=may("member", "coordinator"),
    tags=["members"],
    query_parameters={name: says for name, says in COMMON.items() if name != "group_by"},
    csv=True,
)
async def member_progress(request: ApiRequest, person_id: PersonPath) -> Response[ReportShown]:
    """A member's modules, and which they may take next: the report `member_progress`."""
    asked = {**request.query_params, "member": request.self_or(person_id, "coordinator")}
    await _refuse_unknown(request, asked["member"])
    return await show(request, reports.definition("member_progress"), asked, Viewer(request.actor.roles))


@get("/api/reports/{name:str}", operation_id="UnknownReport", roles=SIGNED_IN, include_in_schema=False)
async def unknown_report(request: ApiRequest, name: Annotated[str, PathParameter()]) -> None:  # noqa: ARG001
    """Says which reports there are."""
    reports.definition(name)


async def refuse_others(request: ApiRequest, about: Definition, asked: dict[str, Any]) -> None:
    """Those who do not hold one of the report's roles see what is their own: their progress, their sessions' sheets."""
    if "member" in asked and about.name == "member_progress":
        asked["member"] = request.person(asked["member"])
        await _refuse_unknown(request, asked["member"])
    if request.is_any(*about.roles) or OWNERS[about.name] == "adviser":
        return
    if about.name == "member_progress":
        allowed = asked.setdefault("member", request.me()) == request.actor.person
    else:
        allowed = await _gives(request, asked.get("session"))
    if not allowed:
        raise NotAllowed


async def viewer_of(request: ApiRequest, about: Definition, asked: Mapping[str, Any]) -> Viewer:
    """Who will see the rows: for ratings it matters which team and which session are their own."""
    roles, person = request.actor.roles, request.actor.person
    teams: frozenset[str] = frozenset()
    sessions: frozenset[str] = frozenset()
    if OWNERS.get(about.name) == "adviser" and "adviser" in roles and person is not None:
        today = request.school.now().astimezone(request.school.settings.zone).date()
        team = await request.school.read(lambda load: load(Adviser, person).team_on(today))
        teams = frozenset({team} if team else ())
    if about.name == "feedback" and asked.get("session") and "trainer" in roles:
        sessions = frozenset({asked["session"]} if await _gives(request, asked["session"]) else ())
    return Viewer(roles, teams, sessions)


async def _refuse_unknown(request: ApiRequest, member: str) -> None:
    await request.school.read(lambda load: existing(load, Member, member).exists)


async def _gives(request: ApiRequest, session: str | None) -> bool:
    if session is None:
        raise parameter_fault("missing", "session")
    person = request.actor.person
    return await request.school.read(lambda load: existing(load, Session, session).is_given_by(person))


def renamed(about: Definition, report: Report, names: Names, asked: Mapping[str, Any]) -> Report:
    """The report under the names that the caller knows; the checksum is over the rows as shown."""
    rows = names.shown(about, report.rows)
    parameters = report.parameters | {name: asked[name] for name in NAMED if name in asked}
    provenance = msgspec.structs.replace(report.provenance, checksum=reports.checksum(rows))
    return msgspec.structs.replace(report, rows=rows, parameters=parameters, provenance=provenance)


def _as_csv(request: ApiRequest, about: Definition, report: Report) -> Response[Any]:
    request.call.shows = request.call.shows or "figures to keep"
    columns, rows = about.columns_of(report), report.rows
    if about.gated:  # what must be said of ratings stays with them, whatever becomes of the file
        columns.append("notes")
        rows = [{**row, "notes": " ".join(report.notes)} for row in rows]
    provenance = {
        "X-Log-Position": str(report.provenance.position),
        "X-Report-Checksum": report.provenance.checksum,
    }
    return csv_answer(columns, rows, provenance)


def _routes() -> Iterator[HTTPRouteHandler]:
    for about in reports.REPORTS.values():
        yield _route(about)
    yield member_progress
    yield unknown_report


ROUTES: tuple[HTTPRouteHandler, ...] = tuple(_routes())
