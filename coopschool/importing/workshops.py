"""Steps of workshops: planning and holding them, what they decide, and what becomes of that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from uuid import uuid4

from coopschool.domain.advisers.workshop import Workshop
from coopschool.domain.advisers.workshop_log import (
    AddWorkshopNote,
    HoldWorkshop,
    PlanWorkshop,
    ReviewDecision,
    TakeDecision,
)
from coopschool.domain.base import Command, Load
from coopschool.domain.school.person import Person, RegisterPerson
from coopschool.importing.context import Context
from coopschool.importing.references import decision, person, team, workshop
from coopschool.importing.steps import Step, Turn
from coopschool.importing.team_files import DECISIONS, WORKSHOPS, DecisionRow, WorkshopRow
from coopschool.vault import PutText


def workshops(context: Context) -> Iterator[Step]:
    for row in context.files.rows(WORKSHOPS):
        spoils = workshop(row.workshop_ref)
        id = context.references.id_of(spoils)
        day = row.planned_for or row.held_on
        if day is None:
            message, advice = "This workshop has no day.", "Say for when it was planned, or when it was held."
            context.problem(WORKSHOPS, row, "planned_for", "cell", message, advice)
            context.problems.spoil(*spoils)
            continue
        team_id = context.find(WORKSHOPS, row, "team_ref", team(row.team_ref), spoils=spoils)
        if team_id is not None and context.is_new(row.planning):
            yield from _planning(context, row, id, team_id, day)
        if team_id is not None and row.held_on is not None and context.is_new(row.holding):
            yield from _holding(context, row, id, row.held_on)


def _planning(context: Context, row: WorkshopRow, id: str, team_id: str, day: date) -> Iterator[Step]:
    at = row.planned_on or context.by_now(context.start_of(min(day, row.held_on or day)))
    facilitators = tuple(
        context.references.id_of(person(one)) for one in row.facilitators if not context.is_erased(WORKSHOPS, row, one)
    )

    def commands(load: Load) -> Iterable[Command]:
        for one in facilitators:
            if not load(Person, one).exists:
                yield RegisterPerson(at=at, person=one)
        yield PlanWorkshop(at=at, workshop=id, team=team_id, planned_for=day, facilitators=facilitators)

    yield from context.step(
        WORKSHOPS,
        row,
        at=at,
        dated="planned_on",
        column="workshop_ref",
        turn=Turn.WORKSHOP,
        key=row.planning,
        needs=[team(row.team_ref), *(("member", one) for one in row.facilitators)],
        gives=workshop(row.workshop_ref),
        id=id,
        commands=commands,
    )


def _holding(context: Context, row: WorkshopRow, id: str, held_on: date) -> Iterator[Step]:
    at, spoils = context.start_of(held_on), workshop(row.workshop_ref)
    there = [one for one in row.participants if not context.is_erased(WORKSHOPS, row, one)]
    if _is_forgotten(context, row):
        context.leave_out(WORKSHOPS, row, "nobody is left who took part in this workshop")
        return
    found = [context.find(WORKSHOPS, row, "participants", person(one), spoils=spoils) for one in there]
    participants = tuple(one for one in found if one is not None)
    if len(participants) < len(found):
        return
    commands: list[Command] = [
        HoldWorkshop(at=at, workshop=id, participants=participants, themes=row.themes, held_on=held_on)
    ]
    if row.note is not None:
        commands.append(AddWorkshopNote(at=at, workshop=id, note=_kept(context, row.note)))
    yield from context.step(
        WORKSHOPS,
        row,
        at=at,
        dated="held_on",
        turn=Turn.WORKSHOP_HELD,
        key=row.holding,
        needs=[spoils, *(("member", one) for one in there)],
        gives=spoils,
        id=id,
        commands=lambda _: commands,
    )


def _is_forgotten(context: Context, row: WorkshopRow) -> bool:
    """Whether everybody who took part was erased."""
    erased = [context.references.was_erased(person(one)) for one in row.participants]
    return bool(erased) and all(erased)


def decisions(context: Context) -> Iterator[Step]:
    """What was decided, from the first row of each decision, and every review."""
    held = {row.workshop_ref: row.held_on for row in context.files.rows(WORKSHOPS)}
    forgotten = {row.workshop_ref for row in context.files.rows(WORKSHOPS) if _is_forgotten(context, row)}
    first: dict[str, DecisionRow] = {}
    for row in context.files.rows(DECISIONS):
        if row.workshop_ref in forgotten:
            context.leave_out(DECISIONS, row, "nobody is left who took part in this workshop")
            continue
        spoils = decision(row.decision_ref)
        id = context.references.id_of(spoils)
        workshop_id = context.find(DECISIONS, row, "workshop_ref", workshop(row.workshop_ref), spoils=spoils)
        if workshop_id is None:
            continue
        before = first.setdefault(row.decision_ref, row)
        if before.taken != row.taken:
            message = f"Line {before.line} says something else of this decision."
            context.problem(DECISIONS, row, "decision_ref", "differs", message, "Repeat what the first row says.")
            continue
        if before is row and context.is_new(row.taking):
            held_on = held.get(row.workshop_ref) or context.load(Workshop, workshop_id).held_on
            yield from _taking(context, row, id, workshop_id, held_on)
        yield from _review(context, row, id)


def _taking(context: Context, row: DecisionRow, id: str, workshop_id: str, held_on: date | None) -> Iterator[Step]:
    at = row.taken_on or (context.start_of(held_on) if held_on else context.now)
    take = TakeDecision(
        at=at,
        workshop=workshop_id,
        decision=id,
        theme=row.theme,
        decided_by=row.decided_by,
        review_on=row.review_on,
        text=_kept(context, row.text),
    )
    yield from context.step(
        DECISIONS,
        row,
        at=at,
        dated="taken_on",
        column="review_on",
        turn=Turn.DECISION,
        key=row.taking,
        needs=[workshop(row.workshop_ref)],
        gives=decision(row.decision_ref),
        id=id,
        commands=lambda _: [take],
    )


def _review(context: Context, row: DecisionRow, id: str) -> Iterator[Step]:
    said: Mapping[str, object] = {
        name: getattr(row, name) for name in ("outcome", "reviewed_on", "next_review_on", "new_text")
    }
    if all(value is None for value in said.values()) or not context.is_new(row.reviewing):
        return
    for name in ("outcome", "reviewed_on"):
        if said[name] is None:
            context.problem(DECISIONS, row, name, "cell", f"{name} is missing.", "A review has a day and an outcome.")
    if row.outcome is not None and row.reviewed_on is not None:
        yield from _reviewing(context, row, id, row.reviewed_on)


def _reviewing(context: Context, row: DecisionRow, id: str, at: datetime) -> Iterator[Step]:
    assert row.outcome is not None
    review = ReviewDecision(
        at=at,
        decision=id,
        outcome=row.outcome,
        review_on=row.next_review_on,
        text=None if row.new_text is None else _kept(context, row.new_text),
    )
    yield from context.step(
        DECISIONS,
        row,
        at=at,
        dated="reviewed_on",
        turn=Turn.REVIEW,
        key=row.reviewing,
        needs=[decision(row.decision_ref), workshop(row.workshop_ref)],
        id=id,
        commands=lambda _: [review],
    )


def _kept(context: Context, text: str | None) -> str:
    """The id under which the vault will keep a text; of one that is lost, an id that leads nowhere."""
    id = str(uuid4())
    if text is not None:
        context.personal.texts.append(PutText(id=id, body=text))
    return id
