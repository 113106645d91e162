"""Steps of members: joining, changing category, what they need not have done before, leaving."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from coopschool.domain.base import Command, Load
from coopschool.domain.school.membership import ChangeCategory, JoinAsMember, WaivePrerequisite
from coopschool.domain.school.withdrawal import EndMembership
from coopschool.importing.context import Context
from coopschool.importing.files import (
    CATEGORIES,
    MEMBERS,
    WAIVERS,
    CategoryRow,
    MemberRow,
    WaiverRow,
)
from coopschool.importing.references import module, person
from coopschool.importing.steps import Step, Turn


def members(context: Context) -> Iterator[Step]:
    """Joining, and leaving where the row says when; a day still to come is announced now."""
    for row in context.rows_of(MEMBERS):
        id = context.references.id_of(person(row.member_ref))
        if context.is_new(row.joining):
            yield from _joining(context, row, id)
        if row.ended_on is not None and context.is_new(row.leaving):
            yield from _leaving(context, row, id)


def _joining(context: Context, row: MemberRow, id: str) -> Iterator[Step]:
    at = context.start_of(row.joined_on)
    if row.name is not None or row.email is not None:
        context.personal.people.append((row.line, context.vault.put_person(id, name=row.name, email=row.email)))

    def commands(_: Load) -> Iterable[Command]:
        yield JoinAsMember(at=at, person=id, category=row.category, joined_on=row.joined_on, language=row.language)

    yield from context.step(
        MEMBERS,
        row,
        at=at,
        dated="joined_on",
        turn=Turn.MEMBER,
        key=row.joining,
        gives=("member", row.member_ref),
        id=id,
        member=id,
        commands=commands,
    )


def _leaving(context: Context, row: MemberRow, id: str) -> Iterator[Step]:
    assert row.ended_on is not None
    ended_on, at = row.ended_on, context.by_now(context.end_of(row.ended_on))
    yield from context.step(
        MEMBERS,
        row,
        at=at,
        dated="ended_on",
        turn=Turn.LEAVING,
        key=row.leaving,
        needs=[("member", row.member_ref)],
        id=id,
        member=id,
        commands=lambda _: [EndMembership(at=at, member=id, ended_on=ended_on)],
    )


def categories(context: Context) -> Iterator[Step]:
    for row in context.rows_of(CATEGORIES):
        key = row.keys[0]
        if context.is_new(key):
            id = context.find(CATEGORIES, row, "member_ref", person(row.member_ref), spoils=())
            if id is not None:
                yield from _category(context, row, id)


def _category(context: Context, row: CategoryRow, id: str) -> Iterator[Step]:
    at = context.by_now(context.start_of(row.effective_on))
    yield from context.step(
        CATEGORIES,
        row,
        at=at,
        dated="effective_on",
        turn=Turn.CATEGORY,
        key=row.keys[0],
        needs=[("member", row.member_ref)],
        id=id,
        member=id,
        commands=lambda _: [ChangeCategory(at=at, member=id, category=row.category, effective_on=row.effective_on)],
    )


def waivers(context: Context) -> Iterator[Step]:
    for row in context.rows_of(WAIVERS):
        key = row.keys[0]
        if context.is_new(key):
            id = context.find(WAIVERS, row, "member_ref", person(row.member_ref), spoils=())
            if id is not None:
                yield from _waiver(context, row, id)


def _waiver(context: Context, row: WaiverRow, id: str) -> Iterator[Step]:
    yield from context.step(
        WAIVERS,
        row,
        at=row.granted_on,
        dated="granted_on",
        column="module",
        turn=Turn.WAIVER,
        key=row.keys[0],
        needs=[("member", row.member_ref), module(row.module)],
        id=id,
        member=id,
        module=row.module,
        commands=lambda _: [WaivePrerequisite(at=row.granted_on, member=id, module=row.module, reason_code="other")],
    )
