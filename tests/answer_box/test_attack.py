"""The answer box as somebody sees it who has the database's files: row versions, dropped tables, WAL, logs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from psycopg import sql

from coopschool.answer_box import AnswerBox, Sheet
from coopschool.answer_box.survey import hash_of
from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.database import Database
from tests.answer_box.surroundings import LEARNERS, NORTH, SESSION, WAVE, hold_session, open_wave
from tests.answer_box.test_feedback_box import WEEK
from tests.support.advisers import AGREES

COMMENT = "Zuleika-Quetzalcoatl said so"
# Answers that no other test gives: the WAL of the tests' server holds what those have released.
ODD = {code: 1 + number * number % 5 for number, code in enumerate(AGREES)}
GIVEN = [dict.fromkeys(AGREES, value) for value in (1, 2, 3, 4, 5, 1)]


def rows(database: Database, *, of_boxes: bool = False) -> dict[str, list[Any]]:
    """Every row of every table, with the transaction that wrote it and its place in the heap; of the boxes', or not."""
    with database.connect("owner") as conn:
        names = [
            name
            for (name,) in conn.execute("select tablename from pg_tables where schemaname = %s", [database.schema])
            if name.startswith("answer_box_") == of_boxes
        ]
        return {
            name: conn.execute(
                sql.SQL("select xmin::text, ctid::text, t::text from {} t order by ctid").format(sql.Identifier(name))
            ).fetchall()
            for name in names
        }


def sealed(database: Database) -> bytes:
    """What is in the only box."""
    with database.connect("owner") as conn:
        found = conn.execute(
            "select tablename from pg_tables where schemaname = %s and tablename like 'answer_box_%%'",
            [database.schema],
        ).fetchone()
        assert found is not None
        row = conn.execute(sql.SQL("select sealed from {}").format(sql.Identifier(found[0]))).fetchone()
        assert row is not None
        return bytes(row[0])


def files(database: Database, directory: Path) -> Iterator[tuple[Path, bytes]]:
    """This database's files, those of dropped tables included, the WAL and the server's logs, as they are on disk."""
    with database.connect("owner") as conn:
        (oid,) = conn.execute("select oid from pg_database where datname = current_database()").fetchone() or (0,)
    pgdata = directory / "pgdata"
    for file in [*pgdata.glob(f"base/{oid}/*"), *pgdata.glob("pg_wal/*"), *pgdata.glob("*.log")]:
        with suppress(FileNotFoundError):  # PostgreSQL takes old segments of the WAL away
            if file.is_file():
                yield file, file.read_bytes()


def traces(database: Database, directory: Path, secrets: list[bytes]) -> list[str]:
    return [file.name for file, content in files(database, directory) if any(one in content for one in secrets)]


def test_answering_changes_one_row_of_one_size_and_nothing_else(
    school: CoopSchool, box: AnswerBox, database: Database
) -> None:
    open_wave(school)
    tokens = box.surveys.tokens(WAVE)[NORTH]
    before, states = rows(database), [sealed(database)]
    for token, answers in zip(tokens, GIVEN, strict=True):
        box.surveys.submit(WAVE, token, answers)
        states.append(sealed(database))
        assert [len(found) for found in rows(database, of_boxes=True).values()] == [1]
    assert rows(database) == before, "no other row shares its transaction, its place or its time"
    assert len({len(state) for state in states}) == 1
    blocks = [{state[at : at + 16] for at in range(0, len(state), 16)} for state in states]
    assert len(set.union(*blocks)) == sum(map(len, blocks)), "no two states have a part in common"


def test_giving_feedback_and_taking_it_back_change_nothing_else_either(
    school: CoopSchool, box: AnswerBox, database: Database
) -> None:
    hold_session(school)
    box.feedback.submit(SESSION, "hot", "ann", "feedback", 1, Sheet({"clarity": 4}))
    before, sizes = rows(database), {len(sealed(database))}
    for person in LEARNERS[1:]:
        box.feedback.submit(SESSION, "hot", person, "feedback", 1, Sheet({"clarity": 4}, COMMENT))
        sizes.add(len(sealed(database)))
    box.feedback.retract(SESSION, "hot", "bob")
    sizes.add(len(sealed(database)))
    assert rows(database) == before
    assert len(sizes) == 1


def test_what_is_released_was_written_by_one_transaction_in_an_order_of_its_own(
    school: CoopSchool, box: AnswerBox, database: Database
) -> None:
    open_wave(school)
    for token, answers in zip(box.surveys.tokens(WAVE)[NORTH], GIVEN, strict=True):
        box.surveys.submit(WAVE, token, answers)
    before = rows(database)
    box.surveys.close(WAVE)
    after = rows(database)
    new = {name: [row for row in found if row not in before[name]] for name, found in after.items()}
    assert {name for name, found in new.items() if found} <= {"events", "event_tags"}
    assert len({xmin for found in new.values() for xmin, _, _ in found}) == 1
    assert len(new["events"]) == 2
    assert rows(database, of_boxes=True) == {}


def test_no_file_of_the_database_ever_holds_a_token_an_answer_or_a_comment(
    school: CoopSchool, box: AnswerBox, database: Database, test_server_directory: Path, clock: FixedClock
) -> None:
    open_wave(school)
    hold_session(school)
    tokens = box.surveys.tokens(WAVE)[NORTH]
    for token in tokens[:4]:
        box.surveys.submit(WAVE, token, ODD)
    for person in LEARNERS[:4]:
        box.feedback.submit(SESSION, "hot", person, "feedback", 1, Sheet({"clarity": 4}, COMMENT))
    secrets = [
        COMMENT.encode(),
        msgspec.msgpack.encode(ODD),
        msgspec.json.encode(ODD),
        *(token.encode() for token in tokens),
        *map(hash_of, tokens),
    ]
    assert sum(1 for _ in files(database, test_server_directory)) > 50, "there is something to look at"
    assert traces(database, test_server_directory, secrets) == []
    clock.advance(WEEK)
    box.feedback.release_due()
    box.surveys.close(WAVE)
    assert traces(database, test_server_directory, secrets) == [], "too few: destroyed with box and key"


def test_old_states_and_a_backup_cannot_be_opened_with_the_key_of_today(
    school: CoopSchool, box: AnswerBox, database: Database
) -> None:
    open_wave(school)
    first, second, *_ = box.surveys.tokens(WAVE)[NORTH]
    box.surveys.submit(WAVE, first, AGREES)
    old = sealed(database)
    box.surveys.submit(WAVE, second, AGREES)
    (about,) = box.boxes.all().values()
    assert not box.boxes.keys.has(about, old[:16])
    assert box.boxes.keys.has(about, sealed(database)[:16])
    assert len(list(box.boxes.keys.older_than(-60))) == 1
