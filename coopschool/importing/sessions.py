"""Steps of modules and sessions: from the module's publication to the session's closing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import uuid4

from coopschool.catalogue import ModuleWords, Titles
from coopschool.domain.base import Command, Load, existing
from coopschool.domain.school.closing import CloseSession
from coopschool.domain.school.learning_module import DraftModule, LearningModule, PublishModule
from coopschool.domain.school.person import GrantRole, Person, RegisterPerson
from coopschool.domain.school.scheduling import CancelSession, ScheduleSession
from coopschool.domain.school.session import Session, Slot
from coopschool.domain.school.waiting_list import LapseWaitlist
from coopschool.importing.context import Context
from coopschool.importing.files import MODULES, SESSIONS, SLOTS, ModuleRow, SessionRow, SlotRow
from coopschool.importing.references import module, person, session
from coopschool.importing.steps import Step, Turn
from coopschool.vault import PutText

MINUTES_A_HALF_DAY = 180
NOWHERE = "unknown"
"""The place code of a session whose row does not say where it was."""


def modules(context: Context) -> Iterator[Step]:
    """Writing down and publishing; what others build on comes first where they were published together."""
    rows = context.files.rows(MODULES)
    depths = _depths({row.module: row.prerequisites for row in rows})
    for row in rows:
        if context.is_new(module(row.module)):
            yield from _module(context, row, depths[row.module])


def _depths(needed: Mapping[str, Sequence[str]]) -> Mapping[str, int]:
    """How many modules of the file come before each, one building on the other."""
    depths: dict[str, int] = {}

    def depth(code: str) -> int:
        if code not in depths:
            depths[code] = 0  # as long as it is being counted: a cycle ends here, and the rule will say so
            depths[code] = max((1 + depth(other) for other in needed.get(code, ())), default=0)
        return depths[code]

    for code in needed:
        depth(code)
    return depths


def _module(context: Context, row: ModuleRow, depth: int) -> Iterator[Step]:
    text = str(uuid4())
    words = ModuleWords(title=Titles(fr=row.title_fr, nl=row.title_nl, en=row.title_en))
    context.personal.texts.append(PutText(id=text, body=words.as_text()))

    def commands(_: Load) -> Iterable[Command]:
        yield DraftModule(
            at=row.published_on,
            module=row.module,
            half_days=row.half_days,
            minutes=row.hours or row.half_days * MINUTES_A_HALF_DAY,
            format=row.format,
            min_attendance=row.min_attendance,
            prerequisites=row.prerequisites,
            audience=row.audience,
            text=text,
        )
        yield PublishModule(at=row.published_on, module=row.module)

    yield from context.step(
        MODULES,
        row,
        at=row.published_on,
        dated="published_on",
        column="module",
        turn=Turn.MODULE,
        depth=depth,
        key=module(row.module),
        needs=[module(code) for code in row.prerequisites],
        gives=module(row.module),
        id=row.module,
        module=row.module,
        commands=commands,
    )


def sessions(context: Context) -> Iterator[Step]:
    """Scheduling, the end of the waiting list at the first slot, calling off and closing."""
    slots = _slots(context)
    for row in context.files.rows(SESSIONS):
        key = session(row.session_ref)
        was_imported = not context.is_new(key)
        id = context.references.id_of(key)
        if not was_imported:
            yield from _scheduling(context, row, id, slots.get(row.session_ref, []))
        yield from _ending(context, row, id)


def _slots(context: Context) -> Mapping[str, list[SlotRow]]:
    slots: defaultdict[str, list[SlotRow]] = defaultdict(list)
    known = {row.session_ref for row in context.files.rows(SESSIONS)}
    for row in context.files.rows(SLOTS):
        if row.session_ref not in known:
            context.find(SLOTS, row, "session_ref", session(row.session_ref), spoils=())
        elif (wrong := _wrong(row, slots[row.session_ref])) is not None:
            context.problem(SLOTS, row, wrong[0], wrong[1], wrong[2], "Correct the cell.")
            context.problems.spoil("session", row.session_ref)
        slots[row.session_ref].append(row)
    return slots


def _wrong(row: SlotRow, before: Sequence[SlotRow]) -> tuple[str, str, str] | None:
    """What is wrong with a slot, given those of its session on the lines before: column, rule and message."""
    if row.ends_at <= row.starts_at:
        return "ends_at", "invalid", "This slot ends before it begins."
    for other in before:
        if other.slot == row.slot:
            return "slot", "twice", f"Line {other.line} has slot {row.slot} of this session."
        if row.starts_at < other.ends_at and other.starts_at < row.ends_at:
            return "starts_at", "slots-overlap", f"This slot overlaps with that on line {other.line}."
    return None


def _scheduling(context: Context, row: SessionRow, id: str, rows: Sequence[SlotRow]) -> Iterator[Step]:
    slots = tuple(Slot(number=one.slot, starts_at=one.starts_at, ends_at=one.ends_at) for one in rows)
    trainers = [
        context.references.id_of(person(trainer))
        for trainer in row.trainers
        if not context.is_erased(SESSIONS, row, trainer)
    ]
    place = _place(context, row)

    def commands(load: Load) -> Iterable[Command]:
        for trainer in trainers:
            if not load(Person, trainer).exists:
                yield RegisterPerson(at=row.scheduled_on, person=trainer)
            if "trainer" not in load(Person, trainer).roles:
                yield GrantRole(at=row.scheduled_on, person=trainer, role="trainer")
        yield ScheduleSession(
            at=row.scheduled_on,
            session=id,
            module=row.module,
            seats=row.seats,
            slots=slots,
            languages=row.languages,
            place=place,
            format=row.format or existing(load, LearningModule, row.module).format,
            trainers=tuple(trainers),
        )

    if not slots and not context.problems.is_spoilt("session", row.session_ref):
        advice = "Give it at least one slot in slots.csv."
        context.problem(SESSIONS, row, "session_ref", "no-slots", "This session has no slots.", advice)
        context.problems.spoil("session", row.session_ref)
    yield from context.step(
        SESSIONS,
        row,
        at=row.scheduled_on,
        dated="scheduled_on",
        column="session_ref",
        turn=Turn.SESSION,
        key=session(row.session_ref),
        needs=[module(row.module), ("session", row.session_ref)],
        gives=("session", row.session_ref),
        id=id,
        module=row.module,
        session=id,
        commands=commands,
    )
    if slots and (begins := min(slot.starts_at for slot in slots)) <= context.now:
        yield from _lapse(context, row, id, begins)


def _place(context: Context, row: SessionRow) -> str:
    if row.place is None:
        return "online" if row.format == "online" else NOWHERE
    code, words = context.vault.place(row.place)
    if words is not None:
        context.personal.places[code] = words
    return code


def _lapse(context: Context, row: SessionRow, id: str, begins: datetime) -> Iterator[Step]:
    at = max(begins, row.scheduled_on)

    def commands(load: Load) -> Iterable[Command]:
        if load(Session, id).is_open and load(Session, id).waitlist:
            yield LapseWaitlist(at=at, session=id)

    yield from context.step(
        SESSIONS,
        row,
        at=at,
        dated="scheduled_on",
        column="session_ref",
        turn=Turn.LAPSE,
        key=None,
        needs=[("session", row.session_ref)],
        id=id,
        session=id,
        commands=commands,
    )


def _ending(context: Context, row: SessionRow, id: str) -> Iterator[Step]:
    if row.cancelled_on is not None and context.is_new(row.cancelling):
        cancel = CancelSession(at=row.cancelled_on, session=id, reason_code="other")
        yield from context.step(
            SESSIONS,
            row,
            at=cancel.at,
            dated="cancelled_on",
            turn=Turn.CLOSING,
            key=row.cancelling,
            needs=[("session", row.session_ref)],
            id=id,
            session=id,
            commands=lambda _: [cancel],
        )
    if row.closed_on is not None and context.is_new(row.closing):
        close = CloseSession(at=row.closed_on, session=id)
        yield from context.step(
            SESSIONS,
            row,
            at=close.at,
            dated="closed_on",
            turn=Turn.CLOSING,
            depth=1,
            key=row.closing,
            needs=[("session", row.session_ref), ("sheets", row.session_ref)],
            id=id,
            session=id,
            commands=lambda _: [close],
        )
