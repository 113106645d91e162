"""The answer: what happened, what would have, and the difference, by whatever is asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import psycopg

from coopschool.domain.base import Command, Event, Occurrence
from coopschool.domain.school.member import Member
from coopschool.domain.school.session import Session, SessionScheduled
from coopschool.eventstore.mapper import decode
from coopschool.sql import statements
from projections.disclosure import MIN_GROUP, counts
from projections.reports.asked import several
from projections.whatif.requests import Requests
from projections.whatif.rule import Rule
from projections.whatif.tally import FIGURES, Pair, Tally
from projections.whatif.world import World

SQL = statements("projections.whatif", "whatif.sql")
GROUPS = ("module", "year", "newcomer", "category")
PERSONAL = frozenset({"newcomer", "category"})
ROWS_AT_ONCE = 5_000
NOTES = (
    (
        "Requests are derived from the enrolments, waits and withdrawals in the log, and decided again under the other "
        "rule; requests that were refused are not in the log, so whoever was turned away and would get in is missing."
    ),
    (
        "Who would have had a seat but never had one is on no attendance sheet: their outcome is unknown, and requests "
        "they made later are decided as if they had not completed it."
    ),
    "Interests stay interests: whether somebody would have taken a seat instead, nobody said.",
)

Happened = tuple[Event, datetime]
Row = dict[str, Any]


class Answer(msgspec.Struct, frozen=True):
    """`rows`: the groups, a figure, how often it `happened`, would have (`what_if`), and the `difference`.

    `refused` requests were granted then and would not be under the rule.
    """

    rule: dict[str, str]
    events: int
    requests: int
    refused: int
    notes: tuple[str, ...]
    rows: list[Row]


def whatif(
    conn: psycopg.Connection[Any],
    rule: Rule,
    *,
    zone: ZoneInfo,
    group_by: str | Sequence[str] = (),
    min_group: int = MIN_GROUP,
) -> Answer:
    """What would have become of the log's requests, on a connection that is in no transaction. Raises `Invalid`."""
    columns = several("group_by", group_by, GROUPS)
    with _read_only(conn):
        return answer(_happened(conn), rule, zone, columns, min_group)


class _read_only:  # noqa: N801 - reads as a verb
    """A transaction that can change nothing and sees one moment of the log."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self._conn = conn
        self._transaction = conn.transaction()

    def __enter__(self) -> None:
        self._before = self._conn.read_only, self._conn.isolation_level
        self._conn.read_only = True
        self._conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._transaction.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._transaction.__exit__(*error)
        self._conn.read_only, self._conn.isolation_level = self._before


def _happened(conn: psycopg.Connection[Any]) -> Iterator[Happened]:
    with conn.cursor("whatif") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        for topic, data, occurred_at in cursor.execute(SQL["log"]):
            yield decode(topic, data), occurred_at


def answer(
    happened: Iterable[Happened], rule: Rule, zone: ZoneInfo, columns: tuple[str, ...], min_group: int = MIN_GROUP
) -> Answer:
    """The answer for any log."""
    world = World(rule)
    requests = Requests(rule, world, zone)
    real, other = Tally(), Tally()
    days: dict[str, tuple[str, str]] = {}  # by session: module and year
    events = asked = refused = 0
    for event, occurred_at in happened:
        events += 1
        real.see(event)
        if isinstance(event, SessionScheduled):
            first = min(slot.starts_at for slot in event.slots).astimezone(zone)
            days[event.session] = event.module, str(first.year)
        for derived in requests.derive(event, occurred_at):
            decided = _carry_out(world, derived)
            asked += isinstance(derived, Command)
            refused += decided is None
            for occurrence in decided or ():
                other.see(occurrence.event)
    other.forget_outcomes(real)
    groups = {pair: _group(pair, tally, world, days, columns, zone) for tally in (real, other) for pair in tally.marks}
    return Answer(_told(rule), events, asked, refused, NOTES, _rows(real, other, groups, columns, min_group))


def _carry_out(world: World, derived: Command | Occurrence) -> Sequence[Occurrence] | None:
    if isinstance(derived, Command):
        return world.decide(derived)
    world.record([derived])
    return [derived]


def _group(
    pair: Pair, tally: Tally, world: World, days: dict[str, tuple[str, str]], columns: tuple[str, ...], zone: ZoneInfo
) -> tuple[str, ...]:
    session, member = pair
    module, year = days.get(session, ("", ""))
    values = {"module": module, "year": year, "newcomer": "yes" if pair in tally.newcomers else "no"}
    if "category" in columns:
        known = world.load(Session, session)
        day = known.starts_at.astimezone(zone).date() if known.exists and known.timetable else None
        values["category"] = (day and world.load(Member, member).category_on(day)) or "none"
    return tuple(values[column] for column in columns)


def _rows(
    real: Tally, other: Tally, groups: dict[Pair, tuple[str, ...]], columns: tuple[str, ...], min_group: int
) -> list[Row]:
    sums: dict[tuple[str, ...], Row] = defaultdict(lambda: dict.fromkeys(_SIDES, 0))
    people: dict[tuple[str, ...], set[str]] = defaultdict(set)
    if not columns:
        sums[()]
    for side, tally in (("happened", real), ("what_if", other)):
        for pair, marks in tally.marks.items():
            people[groups[pair]].add(pair[1])
            for mark in marks:
                sums[groups[pair]][f"{side} {mark}"] += 1
    wide = [
        {**dict(zip(columns, group, strict=True)), **sides, "people": len(people[group])}
        for group, sides in sorted(sums.items())
    ]
    if PERSONAL.isdisjoint(columns):
        return [line for row in wide for line in _lines(row, columns)]
    within = [column for column in columns if column not in PERSONAL]
    shown = counts(wide, within=within, figures=_SIDES, people="people", min_group=min_group)
    return [line for row in shown for line in _lines(row, columns)]


_SIDES = tuple(f"{side} {figure}" for side in ("happened", "what_if") for figure in FIGURES)


def _lines(row: Row, columns: tuple[str, ...]) -> Iterator[Row]:
    for figure in FIGURES:
        happened, other = row[f"happened {figure}"], row[f"what_if {figure}"]
        line = {
            **{column: row[column] for column in columns},
            "figure": figure,
            "happened": happened,
            "what_if": other,
            "difference": None if happened is None else other - happened,
        }
        yield line | ({"suppressed": True} if row.get("suppressed") else {})


def _told(rule: Rule) -> dict[str, str]:
    told = {
        "min_attendance": None if rule.min_attendance is None else str(rule.min_attendance),
        "seats": None if rule.seats is None else f"x{float(rule.seats):g}",
        "waitlist": rule.waitlist,
    }
    return {name: value for name, value in told.items() if value is not None}
