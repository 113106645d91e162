"""Erasing a person: the event, everything that the vault holds of them, the ledger, and a receipt.

The ledger is written in the command's transaction, once all rules are passed and before anything is deleted. So an
erasure whose commit a crash prevents is carried out at the next start, and none is ever forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import structlog

from coopschool.answer_box import AnswerBox
from coopschool.application import CoopSchool
from coopschool.command_bus import Outcome
from coopschool.domain import tags
from coopschool.domain.base import SYSTEM, Actor
from coopschool.domain.school.person import Person
from coopschool.domain.school.withdrawal import ErasePersonalData, TrainsOpenSession, UnderLegalHold
from coopschool.erasure_ledger import ErasureLedger, erased
from coopschool.sql import statements

SQL = statements("coopschool", "erasing.sql")
SHORTEST_NAME = 5  # characters: shorter ones are words of the language too often
REMAINS = "A random id with dates, sessions, attendance and codes remains in the log: pseudonymous, not anonymous."

Connection = psycopg.Connection[Any]
logger = structlog.get_logger()


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed of whom and when, by kind and number of rows; `position` is where the log says so."""

    person_id: str
    position: int
    erased_at: datetime
    removed: dict[str, int]
    remains: str = REMAINS


class EraseFromVault(msgspec.Struct, kw_only=True):
    """A vault write: everything that the vault holds of a person goes; `removed` then says how much that was."""

    person: str
    ledger: ErasureLedger
    references: tuple[bytes, ...] = ()
    removed: dict[str, int] = {}

    def check(self, conn: Connection) -> None: ...

    def write(self, conn: Connection) -> None:
        known = [bytes(reference) for (reference,) in conn.execute(SQL["references_of"], {"person": self.person})]
        references = {*self.references, *known}
        self.ledger.note([erased(self.person, references)])
        given: dict[str, Any] = {
            "person": self.person,
            "streams": [tags.tag(kind, self.person) for kind in ("person", "member")],
            "references": list(references),
            "holds_id": f"%{self.person}%",
            "mention": self._mention(conn),
        }
        mentions = ("mentions_in_texts", "mentions_in_places") if given["mention"] else ()
        kinds = ("people", "texts", "places", "references", "sign_ins", "remembered_answers", *mentions)
        self.removed = {kind: conn.execute(SQL[f"erase_{kind}"], given).rowcount for kind in kinds}

    def _mention(self, conn: Connection) -> str | None:
        """A pattern for the person's name and address as others may have typed them; None if neither is known."""
        row = conn.execute(SQL["called"], {"person": self.person}).fetchone() or (None, None)
        name, email = row
        words = [name] if name and len(name) >= SHORTEST_NAME else []
        words += [email] if email else []
        return rf"(?<!\w)({'|'.join(map(_pattern, words))})(?!\w)" if words else None


def erase(school: CoopSchool, person: str, by: Actor = SYSTEM) -> Receipt:
    """Erases a person. Blocks. Doing it again answers with the first position and removes what came back, if anything.

    Raises `Forbidden`, `Unknown`, `UnderLegalHold`, `TrainsOpenSession`; `StoreAway` and `Busy`.
    """
    command, write = erasure(school, person, by)
    return finish(school, school.execute_now(command, vault=[write]), write)


def erasure(school: CoopSchool, person: str, by: Actor) -> tuple[ErasePersonalData, EraseFromVault]:
    """The command and the vault write that belong together; `finish` comes after them."""
    command = ErasePersonalData(at=school.now(), by=by, person=person)
    return command, EraseFromVault(person=person, ledger=school.erasures)


def finish(school: CoopSchool, outcome: Outcome, write: EraseFromVault) -> Receipt:
    """Takes the person's answers that wait for a release out of their boxes; answers with the receipt. Blocks."""
    AnswerBox(school).feedback.forget(write.person)
    with school.database.connect("app") as conn:
        row = conn.execute(SQL["erased_at"], (tags.tag(Person.KIND, write.person),)).fetchone()
    assert row is not None
    at = row[0].astimezone(school.settings.zone)
    return Receipt(person_id=write.person, position=outcome.position, erased_at=at, removed=write.removed)


def replay_ledger(school: CoopSchool) -> list[str]:
    """Erases again whom a restore has brought back; who that was. To be called before anything is served.

    What speaks against an erasure (a legal hold, a session given) was looked at when it was decided. Erasures that the
    log knows and the ledger does not, as on a new machine, are added to it. Raises `LedgerDamaged`.
    """
    with school.database.connect("app") as conn:
        in_log = {person for (person,) in conn.execute(SQL["erased_in_log"])}
        entries = school.erasures.entries()
        school.erasures.note([erased(person, ()) for person in sorted(in_log - {one.person for one in entries})])
        references: dict[str, set[bytes]] = {person: set() for person in in_log}
        for one in entries:
            references.setdefault(one.person, set()).update(map(bytes.fromhex, one.references))
        back = _back(conn, list(references), in_log, [one for known in references.values() for one in known])
    if back:
        AnswerBox(school).recover()  # a box whose key the restore has left behind could not be looked into
    for person in back:
        _erase_again(school, person, tuple(references[person]))
        logger.warning("erasing.erased_again", person=person)
    return back


def _back(conn: Connection, people: Sequence[str], in_log: set[str], references: Sequence[bytes]) -> list[str]:
    """Those whom the log knows and has not erased, or of whom the vault holds anything."""
    given = {"people": [UUID(one) for one in people], "ids": people, "references": references, "gone": list(in_log)}
    return [person for (person,) in conn.execute(SQL["back"], given)]


def _erase_again(school: CoopSchool, person: str, references: tuple[bytes, ...]) -> None:
    decided_before = frozenset({UnderLegalHold.code, TrainsOpenSession.code})
    command = ErasePersonalData(at=school.now(), person=person, exceptions=decided_before)
    write = EraseFromVault(person=person, ledger=school.erasures, references=references)
    finish(school, school.execute_now(command, vault=[write]), write)


def _pattern(words: str) -> str:
    """PostgreSQL's regular expression for these very words, however they are spaced."""
    return r"\s+".join(re.sub(r"([^\w])", r"\\\1", word) for word in words.split())
