"""Steps of those who learn: enrolling, withdrawing, being there."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from coopschool.domain.base import Command, Load
from coopschool.domain.errors import Invalid
from coopschool.domain.school.attendance import LogAttendance, NotEnrolled, check_minutes, expected_at
from coopschool.domain.school.enrolling import EnrolInSession
from coopschool.domain.school.session import AttendanceRecord, Session, Slot
from coopschool.domain.school.withdrawal import WithdrawEnrolment
from coopschool.importing.context import Context
from coopschool.importing.exceptions import may_set_aside
from coopschool.importing.files import (
    ATTENDANCE,
    ENROLMENTS,
    SESSIONS,
    SLOTS,
    WITHDRAWALS,
    AttendanceRow,
    EnrolmentRow,
    Files,
    WithdrawalRow,
)
from coopschool.importing.problems import BY_EXCEPTION
from coopschool.importing.references import Key, person, session
from coopschool.importing.steps import Step, Turn

Sheet = tuple[str, int]
"""A session's reference and the number of a slot."""
Slots = Mapping[Sheet, Slot]


def enrolments(context: Context) -> Iterator[Step]:
    for row in context.rows_of(ENROLMENTS):
        if context.is_new(row.keys[0]):
            spoils = ("enrolled", row.session_ref, row.member_ref)
            session_id = context.find(ENROLMENTS, row, "session_ref", session(row.session_ref), spoils=spoils)
            member_id = context.find(ENROLMENTS, row, "member_ref", person(row.member_ref), spoils=spoils)
            if session_id is not None and member_id is not None:
                yield from _enrolment(context, row, session_id, member_id)


def _enrolment(context: Context, row: EnrolmentRow, session_id: str, member_id: str) -> Iterator[Step]:
    enrol = EnrolInSession(at=row.enrolled_at, session=session_id, member=member_id)
    yield from context.step(
        ENROLMENTS,
        row,
        at=row.enrolled_at,
        dated="enrolled_at",
        column="member_ref",
        turn=Turn.ENROLMENT,
        key=row.keys[0],
        needs=[("session", row.session_ref), ("member", row.member_ref)],
        gives=("enrolled", row.session_ref, row.member_ref),
        id=member_id,
        session=session_id,
        member=member_id,
        exception=row.exception,
        commands=lambda _: [enrol],
    )


def withdrawals(context: Context) -> Iterator[Step]:
    for row in context.rows_of(WITHDRAWALS):
        if context.is_new(row.keys[0]):
            session_id = context.find(WITHDRAWALS, row, "session_ref", session(row.session_ref), spoils=())
            member_id = context.find(WITHDRAWALS, row, "member_ref", person(row.member_ref), spoils=())
            if session_id is not None and member_id is not None:
                yield from _withdrawal(context, row, session_id, member_id)


def _withdrawal(context: Context, row: WithdrawalRow, session_id: str, member_id: str) -> Iterator[Step]:
    withdraw = WithdrawEnrolment(at=row.withdrawn_at, session=session_id, member=member_id, reason_code=row.reason_code)
    yield from context.step(
        WITHDRAWALS,
        row,
        at=row.withdrawn_at,
        dated="withdrawn_at",
        turn=Turn.WITHDRAWAL,
        key=row.keys[0],
        needs=[
            ("session", row.session_ref),
            ("member", row.member_ref),
            ("enrolled", row.session_ref, row.member_ref),
        ],
        id=member_id,
        session=session_id,
        member=member_id,
        commands=lambda _: [withdraw],
    )


def attendance(context: Context) -> Iterator[Step]:
    """One sheet a slot that has rows; who is enrolled and not listed is absent.

    A slot without rows at which nobody was enrolled has an empty sheet, so that its session can be closed.
    """
    slots = _slots(context)
    sheets = _sheets(context.files)
    for sheet, rows in sheets.items():
        key = _key(sheet, rows)
        if context.is_new(key):
            yield from _sheet(context, sheet, rows, key, slots)
    yield from _empty_sheets(context, sheets, slots)


def sheet_keys(files: Files) -> Iterator[Key]:
    """By what each sheet is known: a later import brings another content of a sheet to be refused, not passed over."""
    return (_key(sheet, rows) for sheet, rows in _sheets(files).items())


def _sheets(files: Files) -> Mapping[Sheet, list[AttendanceRow]]:
    sheets: defaultdict[Sheet, list[AttendanceRow]] = defaultdict(list)
    for row in files.rows(ATTENDANCE):
        sheets[row.session_ref, row.slot].append(row)
    return sheets


def _slots(context: Context) -> Slots:
    return {
        (row.session_ref, row.slot): Slot(number=row.slot, starts_at=row.starts_at, ends_at=row.ends_at)
        for row in context.files.rows(SLOTS)
    }


def _key(sheet: Sheet, rows: Sequence[AttendanceRow]) -> Key:
    content = "\x1e".join(sorted(f"{row.member_ref}\x1f{row.status}\x1f{row.minutes}" for row in rows))
    return "sheet", sheet[0], str(sheet[1]), hashlib.sha256(content.encode()).hexdigest()


def _sheet(context: Context, sheet: Sheet, rows: Sequence[AttendanceRow], key: Key, slots: Slots) -> Iterator[Step]:
    session_ref, number = sheet
    spoils = ("sheets", session_ref)
    session_id = context.find(ATTENDANCE, rows[0], "session_ref", session(session_ref), spoils=spoils)
    if session_id is None:
        return
    is_new = session_id in context.references.made
    slot = slots.get(sheet) if is_new else context.load(Session, session_id).slots.get(number)
    if slot is None:
        advice = "Correct the number, or add the slot to slots.csv."
        context.problem(ATTENDANCE, rows[0], "slot", "unknown", f"The session has no slot {number}.", advice)
        context.problems.spoil(*spoils)
        return
    lines = list(_lines(context, rows, slot))
    yield from context.step(
        ATTENDANCE,
        rows[0],
        at=slot.starts_at,
        dated="slot",
        turn=Turn.ATTENDANCE,
        key=key,
        needs=[("session", session_ref)],
        gives=spoils,
        id=session_id,
        session=session_id,
        exception=next((row.exception for row, _ in lines if row.exception), None),
        commands=lambda load: [_log(context, load(Session, session_id), slot, lines)],
    )


def _lines(context: Context, rows: Sequence[AttendanceRow], slot: Slot) -> Iterator[tuple[AttendanceRow, str]]:
    """The good rows of a sheet, with the ids of their members."""
    seen: dict[str, int] = {}
    for row in rows:
        if context.is_erased(ATTENDANCE, row, row.member_ref):
            continue
        spoils = ("sheets", row.session_ref)
        member_id = context.find(ATTENDANCE, row, "member_ref", person(row.member_ref), spoils=spoils)
        if member_id is None:
            continue
        if member_id in seen:
            message = f"This member is on the sheet already, on line {seen[member_id]}."
            context.problem(ATTENDANCE, row, "member_ref", "twice", message, "Remove one of the two rows.")
            continue
        try:
            check_minutes(row.status, row.minutes if row.status == "partial" else None, slot)
        except Invalid as error:
            message = f"minutes must be from 1 to {error.details['most']} with status partial."
            context.problem(ATTENDANCE, row, "minutes", "invalid", message, "Correct the cell.")
            continue
        seen[member_id] = row.line
        yield row, member_id


def _log(context: Context, at_slot: Session, slot: Slot, lines: Sequence[tuple[AttendanceRow, str]]) -> LogAttendance:
    expected = expected_at(at_slot, slot)
    records = [
        AttendanceRecord(member=member_id, status=row.status, minutes=row.minutes if row.status == "partial" else None)
        for row, member_id in lines
        if member_id in expected or _is_excused(context, row)
    ]
    unlisted = sorted(expected.difference(record.member for record in records))
    records += [AttendanceRecord(member=member_id, status="absent") for member_id in unlisted]
    return LogAttendance(at=slot.starts_at, session=at_slot.id, slot=slot.number, records=tuple(records))


def _is_excused(context: Context, row: AttendanceRow) -> bool:
    """Whether somebody who is not enrolled may be on the sheet; notes the problem if not."""
    if may_set_aside(row.exception, NotEnrolled.code):
        return True
    if not context.problems.is_spoilt("enrolled", row.session_ref, row.member_ref):
        message = "This member is not enrolled at that slot."
        context.problem(ATTENDANCE, row, "member_ref", NotEnrolled.code, message, BY_EXCEPTION)
    return False


def _empty_sheets(context: Context, sheets: Mapping[Sheet, object], slots: Slots) -> Iterator[Step]:
    closed = {row.session_ref: row for row in context.files.rows(SESSIONS) if row.closed_on is not None}
    for sheet, slot in slots.items():
        row = closed.get(sheet[0])
        if row is not None and sheet not in sheets and context.is_new(row.closing):
            session_id = context.references.id_of(session(row.session_ref))
            yield from context.step(
                SESSIONS,
                row,
                at=slot.starts_at,
                dated="closed_on",
                turn=Turn.ATTENDANCE,
                key=None,
                needs=[("session", row.session_ref), ("sheets", row.session_ref)],
                id=session_id,
                session=session_id,
                commands=partial(_log_nobody, session_id, slot),
            )


def _log_nobody(session_id: str, slot: Slot, load: Load) -> Iterable[Command]:
    found = load(Session, session_id)
    if found.is_open and not expected_at(found, slot):
        yield LogAttendance(at=slot.starts_at, session=session_id, slot=slot.number, records=())
