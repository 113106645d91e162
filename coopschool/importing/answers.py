"""Steps of what people answered: feedback on sessions, and waves of a survey.

Answers come without persons; they are released as live ones are, all of one release together and in random order.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from coopschool.domain.advisers.autonomy_survey import MoreAnswersThanEligible
from coopschool.domain.advisers.survey_waves import CloseWave, OpenWave
from coopschool.domain.errors import Invalid
from coopschool.domain.instruments import Instrument, Moment
from coopschool.domain.school.feedback import Answers, FeedbackMoment, MoreSheetsThanPresent
from coopschool.domain.school.feedback_release import ReleaseFeedback, window_after
from coopschool.domain.school.session import Session
from coopschool.importing.answer_files import FEEDBACK, WAVE_RESPONSES, FeedbackRow, Source, WaveResponseRow
from coopschool.importing.context import Context
from coopschool.importing.files import ATTENDANCE, SLOTS, Files
from coopschool.importing.questionnaires import publishing, questions
from coopschool.importing.references import Key, session, team
from coopschool.importing.steps import Step, Turn
from coopschool.importing.tables import Table
from coopschool.importing.team_files import TEAM_MEMBERS

_RANDOM = secrets.SystemRandom()
_NEXT = timedelta(microseconds=1)

AnswerRow = FeedbackRow | WaveResponseRow
R = TypeVar("R", FeedbackRow, WaveResponseRow)
H = TypeVar("H", bound=Hashable)


class Asked(NamedTuple):
    """One release of feedback: a session, a moment, and the questionnaire that was handed out."""

    session_ref: str
    moment: FeedbackMoment
    instrument: str
    version: int


# --- feedback


def feedback(context: Context) -> Iterator[Step]:
    """One release for each session, moment and questionnaire, when its window is over."""
    last_slots = _last_slots(context)
    for asked, rows in _by_release(context.files).items():
        if context.is_new(_release_key(asked, rows)):
            yield from _release(context, asked, rows, last_slots)


def release_keys(files: Files) -> Iterator[Key]:
    """By what releases are known: other answers than those an earlier import brought are refused, not passed over."""
    yield from (_release_key(asked, rows) for asked, rows in _by_release(files).items())
    yield from (_wave_key(wave, rows) for wave, rows in _by_wave(files).items())


def _by_release(files: Files) -> Mapping[Asked, list[FeedbackRow]]:
    return _grouped(files.rows(FEEDBACK), lambda row: Asked(row.session_ref, row.moment, row.instrument, row.version))


def _release_key(asked: Asked, rows: Iterable[FeedbackRow]) -> Key:
    sheets = {(row.source, row.sheet) for row in rows}
    return "feedback", *map(str, asked), str(len(sheets))


def _last_slots(context: Context) -> Mapping[str, datetime]:
    last: dict[str, datetime] = {}
    for row in context.files.rows(SLOTS):
        last[row.session_ref] = max(row.starts_at, last.get(row.session_ref, row.starts_at))
    return last


def _release(
    context: Context, asked: Asked, rows: Sequence[FeedbackRow], last_slots: Mapping[str, datetime]
) -> Iterator[Step]:
    row = rows[0]
    key, spoils = session(asked.session_ref), ("feedback", asked.session_ref)
    session_id = context.find(FEEDBACK, row, "session_ref", key, spoils=spoils)
    if session_id is None:
        return
    last = last_slots.get(asked.session_ref)
    if session_id not in context.references.made:
        last = context.load(Session, session_id).timetable[-1].starts_at.astimezone(context.now.tzinfo)
    if last is None:
        return  # the session has no slots, which is a problem of its own
    at = window_after(last, asked.moment).closes + _NEXT
    found = questions(context, FEEDBACK, row, asked.moment)
    if found is None:
        return
    given = {source: _answers(context, FEEDBACK, _of(source, rows), found, asked.moment) for source in _SOURCES}
    release = ReleaseFeedback(
        at=at,
        session=session_id,
        moment=asked.moment,
        instrument=asked.instrument,
        version=asked.version,
        online=tuple(given["online"]),
        paper=tuple(given["paper"]),
        exceptions=frozenset({MoreSheetsThanPresent.code} if _was_with_erased(context, asked.session_ref) else ()),
    )
    yield from context.step(
        FEEDBACK,
        row,
        at=at,
        dated="moment",
        column="sheet",
        turn=Turn.FEEDBACK,
        key=_release_key(asked, rows),
        needs=[key, ("sheets", asked.session_ref), spoils],
        id=session_id,
        session=session_id,
        commands=lambda load: [*publishing(context, row, load, at), release],
    )


def _was_with_erased(context: Context, session_ref: str) -> bool:
    """Whether somebody attended who was erased: their sheet is there, their attendance is not."""
    return context.names_erased(row for row in context.files.rows(ATTENDANCE) if row.session_ref == session_ref)


_SOURCES: tuple[Source, ...] = ("online", "paper")


def _of(source: Source, rows: Iterable[FeedbackRow]) -> list[FeedbackRow]:
    return [row for row in rows if row.source == source]


# --- waves


def waves(context: Context) -> Iterator[Step]:
    """Opening on the first day, for the advisers whom the teams had then, and closing when the last day is over."""
    for wave, rows in _by_wave(context.files).items():
        if context.is_new(_wave_key(wave, rows)) and _has_one_time(context, rows):
            yield from _wave(context, wave, rows)


def _by_wave(files: Files) -> Mapping[str, list[WaveResponseRow]]:
    return _grouped(files.rows(WAVE_RESPONSES), lambda row: row.wave_ref)


def _wave_key(wave: str, rows: Iterable[WaveResponseRow]) -> Key:
    """With how many have answered in each team, and nothing of what."""
    sheets: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        sheets[row.team_ref].update([row.sheet] if row.sheet else [])
    return "wave released", wave, *(f"{team}\x1e{len(answers)}" for team, answers in sorted(sheets.items()))


def _has_one_time(context: Context, rows: Sequence[WaveResponseRow]) -> bool:
    if rows[0].closes_on < rows[0].opened_on:
        message, advice = "closes_on is before opened_on.", "Correct one of the days."
        context.problem(WAVE_RESPONSES, rows[0], "closes_on", "invalid", message, advice)
        return False
    differing = [row for row in rows if row.asked != rows[0].asked]
    for row in differing:
        message = f"Line {rows[0].line} says something else of this wave."
        advice = "A wave has one questionnaire and one time; repeat them in each row."
        context.problem(WAVE_RESPONSES, row, "wave_ref", "differs", message, advice)
    return not differing


def _wave(context: Context, wave: str, rows: Sequence[WaveResponseRow]) -> Iterator[Step]:
    row, spoils = rows[0], ("wave", wave)
    by_team = _grouped(rows, lambda one: one.team_ref)
    teams = {
        reference: context.find(WAVE_RESPONSES, some[0], "team_ref", team(reference), spoils=spoils)
        for reference, some in by_team.items()
    }
    opens = context.start_of(row.opened_on)
    found = questions(context, WAVE_RESPONSES, row, None)
    if found is None:
        return
    responses = {
        id: _answers(context, WAVE_RESPONSES, by_team[reference], found, None)
        for reference, id in teams.items()
        if id is not None
    }
    id = context.references.id_of(spoils)
    needs = [spoils, *(one for reference in teams for one in (team(reference), ("stays", reference)))]
    if context.is_new(spoils):
        open_ = OpenWave(
            at=opens,
            wave=id,
            instrument=row.instrument,
            version=row.version,
            teams=tuple(responses),
            closes_on=row.closes_on,
        )
        yield from context.step(
            WAVE_RESPONSES,
            row,
            at=opens,
            dated="opened_on",
            turn=Turn.WAVE_OPENING,
            key=spoils,
            needs=needs,
            gives=spoils,
            id=id,
            commands=lambda load: [*publishing(context, row, load, opens), open_],
        )
    at = context.end_of(row.closes_on)
    had_erased = context.names_erased(stay for stay in context.files.rows(TEAM_MEMBERS) if stay.team_ref in teams)
    excused = frozenset({MoreAnswersThanEligible.code} if had_erased else ())
    close = CloseWave(at=at, wave=id, responses=responses, exceptions=excused)
    yield from context.step(
        WAVE_RESPONSES,
        row,
        at=at,
        dated="closes_on",
        column="wave_ref",
        turn=Turn.WAVE_CLOSING,
        key=_wave_key(wave, rows),
        needs=needs,
        id=id,
        commands=lambda _: [close],
    )


# --- answers


def _answers(
    context: Context, table: Table[R], rows: Iterable[R], asked: Instrument, moment: Moment | None
) -> list[Answers]:
    """The answers of each sheet, in random order; what does not fit is noted, and its sheet left out."""
    sheets = _grouped((row for row in rows if _is_answer(context, table, row)), lambda row: row.sheet)
    read = (_sheet(context, table, some, asked, moment) for some in sheets.values())
    answers = [asked.in_order(one) for one in read if one is not None]
    _RANDOM.shuffle(answers)
    return answers


def _is_answer(context: Context, table: Table[R], row: R) -> bool:
    """Whether the row holds an answer, and not only that a team was asked; notes where a part is missing."""
    parts: dict[str, object] = {"sheet": row.sheet, "item": row.item, "score": row.score}
    missing = [name for name, value in parts.items() if value is None]
    if missing and len(missing) < len(parts):
        advice = "Fill it, or leave sheet, item and score empty where nobody has answered."
        context.problem(table, row, missing[0], "cell", f"{missing[0]} is missing.", advice)
    return not missing


def _sheet(
    context: Context, table: Table[R], rows: Sequence[R], asked: Instrument, moment: Moment | None
) -> Answers | None:
    answers: Answers = {}
    good = True
    for row in rows:
        assert row.item is not None
        assert row.score is not None
        if row.item in answers:
            context.problem(table, row, "item", "twice", "This sheet answers the item already.", "Remove one row.")
            good = False
        answers[row.item] = row.score
        good &= _fits(context, table, row, asked, moment)
    if not good:
        return None
    try:
        asked.check(answers, moment)
    except Invalid as error:
        advice = "Leave the sheet out: it counts in no figure."
        context.problem(table, rows[0], "sheet", error.code, f"{error.args[0]}.", advice)
        return None
    return answers


def _fits(context: Context, table: Table[R], row: R, asked: Instrument, moment: Moment | None) -> bool:
    items, points = [item.code for item in asked.items_of(moment)], asked.scale.points
    if row.item not in items:
        message = f"{asked.code}, version {asked.version}, does not ask {row.item!r} there."
        context.problem(table, row, "item", "unknown-item", message, f"Its items are {', '.join(items)}.")
        return False
    if row.score not in points:
        message = f"score must be from {points[0]} to {points[-1]}."
        context.problem(table, row, "score", "outside-scale", message, "Correct the cell.")
        return False
    return True


def _grouped(rows: Iterable[R], by: Callable[[R], H]) -> Mapping[H, list[R]]:
    groups: defaultdict[H, list[R]] = defaultdict(list)
    for row in rows:
        groups[by(row)].append(row)
    return groups
