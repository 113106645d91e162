"""A backup holds the truth, of one moment, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from coopschool.answer_box import AnswerBox
from coopschool.application import CoopSchool
from coopschool.backups import BackupError
from coopschool.backups.saving import BOXES, COPIED, MADE_ANEW
from coopschool.database import Database
from tests.answer_box.surroundings import WAVE, open_wave
from tests.backups.conftest import Restore, Save, join


def test_every_table_is_copied_or_made_anew(database: Database) -> None:
    with database.connect("owner") as conn:
        found = {
            name for (name,) in conn.execute("select tablename from pg_tables where schemaname = %s", ["coopschool"])
        }
    assert found == {*COPIED, BOXES, *MADE_ANEW}


def test_what_is_copied_is_sorted_by_its_key(database: Database) -> None:
    """So that the order of the rows in a file tells nothing of which were written together."""
    with database.connect("owner") as conn:
        for table in (*COPIED, BOXES):
            first = conn.execute(
                "select attnum from pg_attribute join pg_index on attrelid = indrelid and attnum = indkey[0] "
                "where indisprimary and indrelid = %s::regclass",
                [table],
            ).fetchone()
            assert first == (1,), table


def test_what_happens_while_a_backup_is_made_is_in_it_whole_or_not_at_all(
    school: CoopSchool, saved: Save, restored: Restore
) -> None:
    """Given a member, when others join and a wave closes between the tables, then only the first is in the backup."""
    open_wave(school)
    AnswerBox(school).surveys.tokens(WAVE)
    ada = join(school, "Ada")
    stages: list[str] = []

    def meanwhile(stage: str, _done: int, _total: int | None) -> None:
        if stage not in stages:
            stages.append(stage)
            join(school, f"Bo {len(stages)}")
            if len(stages) == 2:
                AnswerBox(school).surveys.close(WAVE)

    backup = saved(progress=meanwhile)
    assert len(stages) == len(COPIED)
    assert backup.manifest.open_waves == (WAVE,)
    assert backup.manifest.tables["vault_people"].rows == 1
    assert backup.manifest.tables[BOXES].rows == 1
    assert ada in backup.file("vault_people").read_text()
    restored(backup, reopen_waves=True)


def test_a_backup_is_for_its_owner_only_and_never_overwrites(school: CoopSchool, saved: Save) -> None:
    backup = saved()
    assert backup.directory.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in backup.directory.iterdir())
    with pytest.raises(BackupError, match="exists"):
        saved()


def test_a_backup_that_fails_leaves_nothing_that_could_be_taken_for_one(
    school: CoopSchool, saved: Save, tmp_path: Path
) -> None:
    def interrupt(stage: str, _done: int, _total: int | None) -> None:
        if stage == "Saving vault_texts":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        saved("interrupted", interrupt)
    assert [file.name for file in tmp_path.iterdir() if "interrupted" in file.name] == []


def test_a_directory_that_appears_meanwhile_is_not_touched(school: CoopSchool, saved: Save, tmp_path: Path) -> None:
    def make(_stage: str, _done: int, _total: int | None) -> None:
        (tmp_path / "taken").mkdir(exist_ok=True)
        (tmp_path / "taken" / "mine").touch()

    with pytest.raises(BackupError, match="exists"):
        saved("taken", make)
    assert [file.name for file in tmp_path.iterdir() if "taken" in file.name] == ["taken"]


def test_where_nothing_can_be_written_it_is_said(school: CoopSchool, saved: Save, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BackupError, match="cannot be written"):
        saved("file/backup")


def test_a_box_that_is_released_meanwhile_is_left_out(school: CoopSchool, saved: Save, database: Database) -> None:
    """As the snapshot sees it, the box is there; its table is not."""
    open_wave(school)
    AnswerBox(school).surveys.tokens(WAVE)
    (box,) = AnswerBox(school).boxes.all().values()
    with database.connect("owner") as conn:
        conn.execute(f"drop table answer_box_{box.hex}")  # type: ignore[call-overload]
    assert saved().manifest.tables[BOXES].rows == 0
