"""Steps of adviser teams: forming, joining and leaving, telework."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from uuid import uuid4

from coopschool.domain import quarters
from coopschool.domain.advisers.team_membership import FormTeam, JoinTeam, LeaveTeam
from coopschool.domain.advisers.telework import RecordTelework
from coopschool.importing.context import Context
from coopschool.importing.references import person, team
from coopschool.importing.steps import Step, Turn
from coopschool.importing.team_files import (
    TEAM_MEMBERS,
    TEAMS,
    TELEWORK,
    WORKSHOPS,
    TeamMemberRow,
    TeamRow,
    TeleworkRow,
)
from coopschool.vault import PutText

MONTHS_A_QUARTER = 3


def teams(context: Context) -> Iterator[Step]:
    first_days = _first_days(context)
    for row in context.files.rows(TEAMS):
        if context.is_new(row.forming):
            yield from _forming(context, row, first_days)


def _first_days(context: Context) -> Mapping[str, date]:
    """The first day on which the files know something of each team."""
    days: defaultdict[str, list[date]] = defaultdict(list)
    for stay in context.files.rows(TEAM_MEMBERS):
        days[stay.team_ref].append(stay.from_)
    for worked in context.files.rows(TELEWORK):
        days[worked.team_ref].append(quarters.first_day(worked.quarter))
    for workshop in context.files.rows(WORKSHOPS):
        known = (workshop.planned_on and workshop.planned_on.date(), workshop.planned_for, workshop.held_on)
        days[workshop.team_ref] += [day for day in known if day is not None]
    return {reference: min(found) for reference, found in days.items() if found}


def _forming(context: Context, row: TeamRow, first_days: Mapping[str, date]) -> Iterator[Step]:
    id, name = context.references.id_of(team(row.team_ref)), str(uuid4())
    context.personal.texts.append(PutText(id=name, body=row.name))
    first = first_days.get(row.team_ref)
    at = row.formed_on or (context.by_now(context.start_of(first)) if first else context.now)
    form = FormTeam(at=at, team=id, name=name)
    yield from context.step(
        TEAMS,
        row,
        at=at,
        dated="formed_on",
        column="team_ref",
        turn=Turn.TEAM,
        key=row.forming,
        gives=team(row.team_ref),
        id=id,
        commands=lambda _: [form],
    )


def stays(context: Context) -> Iterator[Step]:
    """Joining and leaving a team; a day still to come is announced now."""
    for row in context.rows_of(TEAM_MEMBERS):
        joins, leaves = context.is_new(row.joining), row.to is not None and context.is_new(row.leaving)
        if not joins and not leaves:
            continue
        spoils = ("stays", row.team_ref)
        team_id = context.find(TEAM_MEMBERS, row, "team_ref", team(row.team_ref), spoils=spoils)
        adviser = context.find(TEAM_MEMBERS, row, "member_ref", person(row.member_ref), spoils=spoils)
        if team_id is None or adviser is None:
            continue
        if row.to is not None and row.to < row.from_:
            context.problem(TEAM_MEMBERS, row, "to", "invalid", "to is before from.", "Correct one of the days.")
            continue
        if joins:
            yield from _joining(context, row, team_id, adviser)
        if leaves and row.to is not None:
            yield from _leaving(context, row, row.to, team_id, adviser)


def _joining(context: Context, row: TeamMemberRow, team_id: str, adviser: str) -> Iterator[Step]:
    at = context.by_now(context.start_of(row.from_))
    join = JoinTeam(at=at, team=team_id, adviser=adviser, from_=row.from_)
    yield from context.step(
        TEAM_MEMBERS,
        row,
        at=at,
        dated="from",
        turn=Turn.TEAM_JOINING,
        key=row.joining,
        needs=[team(row.team_ref), ("member", row.member_ref)],
        gives=("stay", *row.joining[1:]),
        id=adviser,
        member=adviser,
        commands=lambda _: [join],
    )


def _leaving(context: Context, row: TeamMemberRow, to: date, team_id: str, adviser: str) -> Iterator[Step]:
    at = context.by_now(context.end_of(to))
    leave = LeaveTeam(at=at, team=team_id, adviser=adviser, to=to)
    yield from context.step(
        TEAM_MEMBERS,
        row,
        at=at,
        dated="to",
        turn=Turn.TEAM_LEAVING,
        key=row.leaving,
        needs=[team(row.team_ref), ("member", row.member_ref), ("stay", *row.joining[1:])],
        id=adviser,
        member=adviser,
        commands=lambda _: [leave],
    )


def telework(context: Context) -> Iterator[Step]:
    for row in context.files.rows(TELEWORK):
        if context.is_new(row.keys[0]):
            team_id = context.find(TELEWORK, row, "team_ref", team(row.team_ref), spoils=())
            if team_id is not None:
                yield from _telework(context, row, team_id)


def _telework(context: Context, row: TeleworkRow, team_id: str) -> Iterator[Step]:
    over = quarters.months_later(quarters.first_day(row.quarter), MONTHS_A_QUARTER)
    at = row.recorded_on or context.by_now(context.start_of(over))
    record = RecordTelework(
        at=at,
        team=team_id,
        quarter=row.quarter,
        regime=row.regime,
        days_teleworked=row.days_teleworked,
        days_worked=row.days_worked,
    )
    yield from context.step(
        TELEWORK,
        row,
        at=at,
        dated="recorded_on",
        column="quarter",
        turn=Turn.TELEWORK,
        key=row.keys[0],
        needs=[team(row.team_ref)],
        id=team_id,
        commands=lambda _: [record],
    )
