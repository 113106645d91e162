"""What is kept for a time only: each period from the settings, applied by whoever keeps time, by one process at once.

Nothing but answers to repeated requests has a period of its own accord: what the law and the statutes ask is the
cooperative's to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import structlog

from coopschool.application import CoopSchool
from coopschool.domain.base import Command, Decided, Load
from coopschool.domain.school.feedback import FeedbackReleased, TrainerReportLogged
from coopschool.domain.school.member import Member, MembershipEnded
from coopschool.domain.school.person import Person, PersonalDataErased
from coopschool.domain.school.session import AttendanceCorrected
from coopschool.domain.school.withdrawal import ErasePersonalData, TrainsOpenSession, UnderLegalHold
from coopschool.erasing import erase
from coopschool.eventstore.upcasting import stored_topics
from coopschool.sql import statements

SQL = statements("coopschool", "retention.sql")
ANSWERS_KEPT = timedelta(days=7)  # what an Idempotency-Key promises

Connection = psycopg.Connection[Any]
logger = structlog.get_logger()


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """How much was over its time and went; `refused` are former members whom a rule keeps, such as a legal hold."""

    answers: int
    texts: int
    former_members: int
    refused: int


class ForgetTexts(Command, frozen=True, kw_only=True):
    """Lets texts go that are over their time. That is no event: only the vault write that goes with it counts."""

    def decide(self, load: Load) -> Decided:  # noqa: ARG002
        return ()


class DeleteTexts(msgspec.Struct, frozen=True):
    """A vault write: these texts go."""

    ids: Sequence[UUID]

    def check(self, conn: Connection) -> None: ...

    def write(self, conn: Connection) -> None:
        conn.execute(SQL["forget_texts"], (list(self.ids),))


def apply(school: CoopSchool, *, dry_run: bool = False) -> Applied | None:
    """Lets go what is over its time, or with `dry_run` only counts it; None where another process is at it. Blocks.

    Raises `LedgerDamaged`, `StoreAway`, `Busy`.
    """
    with closing(school.database.connect("app")) as conn:
        if not _value(conn, SQL["alone"], {}):
            return None
        applied = Applied(
            answers=_answers(conn, school, dry_run=dry_run),
            texts=_texts(conn, school, dry_run=dry_run),
            **_former_members(conn, school, dry_run=dry_run),
        )
        conn.execute(SQL["done"])
    if not dry_run and any(msgspec.structs.astuple(applied)[:3]):
        logger.info("retention.applied", **msgspec.structs.asdict(applied))
    return applied


def _answers(conn: Connection, school: CoopSchool, *, dry_run: bool) -> int:
    before = {"before": school.now() - ANSWERS_KEPT}
    if dry_run:
        return int(_value(conn, SQL["count_old_answers"], before))
    return conn.execute(SQL["forget_old_answers"], before).rowcount


def _texts(conn: Connection, school: CoopSchool, *, dry_run: bool) -> int:
    days = school.settings.retention_texts_days
    if days is None:
        return 0
    given = {
        "before": school.now() - timedelta(days=days),
        "with_comments": stored_topics(FeedbackReleased.TOPIC),
        "with_note": [*stored_topics(TrainerReportLogged.TOPIC), *stored_topics(AttendanceCorrected.TOPIC)],
    }
    old = [id for (id,) in conn.execute(SQL["old_texts"], given)]
    if old and not dry_run:
        school.execute_now(ForgetTexts(at=school.now()), vault=[DeleteTexts(old)])
    return len(old)


def _former_members(conn: Connection, school: CoopSchool, *, dry_run: bool) -> dict[str, int]:
    days = school.settings.retention_former_members_days
    if days is None:
        return {"former_members": 0, "refused": 0}
    gone = refused = 0
    for person in _left_before(conn, school, school.now() - timedelta(days=days)):
        try:
            if dry_run:
                school.execute_now(ErasePersonalData(at=school.now(), person=person), preview=True)
            else:
                erase(school, person)
            gone += 1
        except (UnderLegalHold, TrainsOpenSession):
            refused += 1
    return {"former_members": gone, "refused": refused}


def _left_before(conn: Connection, school: CoopSchool, before: datetime) -> Iterator[str]:
    """Former members whose last day was before that of the moment, and who have no other role by now."""
    topics = {"ended": stored_topics(MembershipEnded.TOPIC), "erased": stored_topics(PersonalDataErased.TOPIC)}
    today = school.now().date()

    def is_gone(person: str, load: Load) -> bool:
        ended_on = load(Member, person).ended_on
        return ended_on is not None and ended_on < before.date() and not load(Person, person).granted_on(today)

    for (person,) in conn.execute(SQL["left_before"], {**topics, "before": before}).fetchall():
        if school.read_now(partial(is_gone, person)):
            yield person


def _value(conn: Connection, statement: Any, given: dict[str, Any]) -> Any:
    row = conn.execute(statement, given).fetchone()
    assert row is not None
    return row[0]
