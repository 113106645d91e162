"""A backup comes back whole, into an empty database, as another life of the log; until then nothing serves."""

from __future__ import annotations

from pathlib import Path

import pytest
from litestar.testing import TestClient
from msgspec.structs import replace

from coopschool.answer_box import AnswerBox, Sheet
from coopschool.answer_box.survey import TokenRefused
from coopschool.api.app import SchoolApp
from coopschool.application import CoopSchool
from coopschool.backups import Backup, BackupError, restore
from coopschool.backups.manifest import MANIFEST, SEALING, written
from coopschool.backups.saving import COPIED
from coopschool.clock import FixedClock
from coopschool.database import Database, DatabaseError
from coopschool.domain.advisers.autonomy_survey import Wave
from coopschool.erasing import erase
from coopschool.erasure_ledger import LedgerDamaged
from coopschool.eventstore import log
from coopschool.eventstore.verify import verify
from coopschool.settings import Settings
from tests.answer_box.surroundings import LEARNERS, NORTH, SESSION, WAVE, hold_session, open_wave
from tests.api.callers import Callers
from tests.backups.conftest import Restore, Save, join, rows, silent
from tests.support.advisers import AGREES, FEEDBACK
from tests.support.postgres import TestServer


def test_a_restored_school_is_the_one_that_was_saved(
    school: CoopSchool, saved: Save, restored: Restore, elsewhere: Settings, clock: FixedClock
) -> None:
    ada = join(school, "Ada")
    join(school, "Bo")
    backup = saved()
    done = restored(backup)
    assert (done.position, done.erased_again, done.reopened_waves, done.lost_boxes) == (4, [], [], [])
    with Database.open(elsewhere) as database:
        database.require_restored()
        for table in {*COPIED, "event_tags"} - {"log_epochs"}:
            assert rows(database, table) == rows(school.database, table) != [], table
        with database.connect("app") as conn:
            assert list(verify(conn)) == []
            assert log.epoch(conn) == done.epoch != backup.manifest.epoch
        with CoopSchool(database, elsewhere, clock) as again:
            join(again, "Cyd")
            assert erase(again, ada).removed["people"] == 1


def test_whoever_follows_the_log_notices_that_it_is_another(
    school: CoopSchool, saved: Save, restored: Restore, elsewhere: Settings
) -> None:
    """Given a consumer at a position after the backup, when it is restored, then it is told up to where both agree."""
    join(school, "Ada")
    backup = saved()
    restored(backup)
    with Database.open(elsewhere) as database, CoopSchool(database, elsewhere) as again:
        join(again, "Bo")
        with TestClient(SchoolApp().serving(again)) as client:
            admin = Callers(client, elsewhere.signing_key()).admin
            answer = admin.get(f"/api/events?after=4&epoch={backup.manifest.epoch}")
            assert (answer.status_code, answer.json()["type"]) == (409, "/problems/another-epoch")
            advice = answer.json()["details"]
            assert advice["after"] == 2
            assert len(admin.done("GET", f"/api/events?after=2&epoch={advice['epoch']}")["events"]) == 2


def test_whoever_was_erased_since_is_erased_again(
    school: CoopSchool, saved: Save, restored: Restore, elsewhere: Settings
) -> None:
    ada, bo = join(school, "Ada Lovelace"), join(school, "Bo Derek")
    backup = saved()
    erase(school, ada)
    assert restored(backup).erased_again == [ada]
    with Database.open(elsewhere) as database:
        kept = "".join(rows(database, table) != [] and str(rows(database, table)) for table in COPIED)
    assert "Lovelace" not in kept
    assert bo in kept
    assert "Lovelace" in backup.file("vault_people").read_text(), "a backup keeps what it holds until it is deleted"


# --- waves and feedback


def test_a_wave_that_was_open_stops_a_restore_unless_told_otherwise(
    school: CoopSchool, saved: Save, restored: Restore, elsewhere: Settings, clock: FixedClock
) -> None:
    open_wave(school)
    box = AnswerBox(school)
    token = box.surveys.tokens(WAVE)[NORTH][0]
    backup = saved()
    box.surveys.submit(WAVE, token, AGREES)
    with pytest.raises(BackupError, match=f"open.*{WAVE}.*--reopen-waves"):
        restored(backup)
    done = restored(backup, reopen_waves=True)
    assert (done.reopened_waves, done.lost_boxes) == ([WAVE], [f"wave:{WAVE}"])
    with Database.open(elsewhere) as database, CoopSchool(database, elsewhere, clock) as again:
        assert again.read_now(lambda load: load(Wave, WAVE).reopened)
        surveys = AnswerBox(again).surveys
        fresh = surveys.tokens(WAVE)[NORTH][0]
        with pytest.raises(TokenRefused):
            surveys.submit(WAVE, token, AGREES)
        surveys.submit(WAVE, fresh, AGREES)


def test_a_wave_whose_tokens_came_after_the_backup_begins_anew_too(
    school: CoopSchool, saved: Save, restored: Restore
) -> None:
    open_wave(school)
    done = restored(saved(), reopen_waves=True)
    assert (done.reopened_waves, done.lost_boxes) == ([WAVE], [])


def test_what_waits_survives_a_move_with_its_keys(
    school: CoopSchool, saved: Save, restored: Restore, settings: Settings, elsewhere: Settings, clock: FixedClock
) -> None:
    """Given nothing was answered since the backup, when it is restored beside the keys, then nothing is lost."""
    open_wave(school)
    token, other = AnswerBox(school).surveys.tokens(WAVE)[NORTH][:2]
    AnswerBox(school).surveys.submit(WAVE, token, AGREES)
    here = replace(elsewhere, data_dir=settings.data_dir)
    done = restored(saved(), reopen_waves=True, into=here)
    assert (done.reopened_waves, done.lost_boxes) == ([], [])
    with Database.open(here) as database, CoopSchool(database, here, clock) as again:
        surveys = AnswerBox(again).surveys
        with pytest.raises(TokenRefused):
            surveys.submit(WAVE, token, AGREES)
        surveys.submit(WAVE, other, AGREES)


def test_feedback_that_waited_is_lost_and_can_be_given_again(
    school: CoopSchool, saved: Save, restored: Restore, elsewhere: Settings, clock: FixedClock
) -> None:
    hold_session(school)
    answers = dict.fromkeys([item.code for item in FEEDBACK.items_of("hot")], 4)
    given = (SESSION, "hot", LEARNERS[0], FEEDBACK.code, FEEDBACK.version, Sheet(answers))
    AnswerBox(school).feedback.submit(*given)
    done = restored(saved())
    assert (done.reopened_waves, done.lost_boxes) == ([], [f"feedback:hot:{SESSION}"])
    with Database.open(elsewhere) as database, CoopSchool(database, elsewhere, clock) as again:
        AnswerBox(again).feedback.submit(*given)


# --- what is refused


def damaged(backup: Backup, table: str) -> None:
    file = backup.file(table)
    content = bytearray(file.read_bytes())
    content[-2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("table", ["events", "vault_people"])
def test_a_changed_file_is_refused_before_anything_is_touched(
    school: CoopSchool, saved: Save, restored: Restore, elsewhere: Settings, table: str
) -> None:
    join(school, "Ada")
    backup = saved()
    damaged(backup, table)
    with pytest.raises(BackupError, match=f"{table}.copy is not as it was written"):
        restored(backup)
    with Database.open(elsewhere) as database:
        database.require_restored()
        assert rows(database, "events") == []


def test_a_missing_file_or_manifest_is_refused(school: CoopSchool, saved: Save, restored: Restore) -> None:
    backup = saved()
    backup.file("idempotency").unlink()
    with pytest.raises(BackupError, match=r"idempotency.copy cannot be read: No such file"):
        restored(backup)
    (backup.directory / MANIFEST).unlink()
    with pytest.raises(BackupError, match="not a whole one"):
        restored(backup)


def test_a_manifest_that_was_changed_or_is_of_another_school_is_refused(
    school: CoopSchool, saved: Save, restored: Restore, elsewhere: Settings, tmp_path: Path
) -> None:
    backup = saved()
    other = tmp_path / "other-secret"
    other.write_text("another root secret that is only ever used in tests")
    with pytest.raises(BackupError, match="another root secret"):
        restored(backup, into=replace(elsewhere, secret_file=other))
    with pytest.raises(BackupError, match="no root secret in"):
        restored(backup, into=Settings(data_dir=tmp_path / "none"))
    assert not (tmp_path / "none").exists()
    manifest = backup.directory / MANIFEST
    manifest.write_bytes(manifest.read_bytes().replace(b'"position": 0', b'"position": 1'))
    with pytest.raises(BackupError, match="seal"):
        restored(backup)
    for content, said in ((b"{", "not a manifest"), (b'{"manifest": {"format": 2}, "seal": ""}', "newer coopschool")):
        manifest.write_bytes(content)
        with pytest.raises(BackupError, match=said):
            restored(backup)


@pytest.mark.parametrize(
    ("claim", "said"), [({"migration": "9999_later"}, "newer schema"), ({"position": 1}, "ends at 2, not where")]
)
def test_a_manifest_that_does_not_fit_is_refused_and_nothing_is_kept(
    school: CoopSchool, saved: Save, restored: Restore, elsewhere: Settings, claim: dict[str, object], said: str
) -> None:
    join(school, "Ada")
    backup = saved()
    key = school.settings.derive_key(SEALING)
    (backup.directory / MANIFEST).write_bytes(written(replace(backup.manifest, **claim), key))
    with pytest.raises(BackupError, match=said):
        restored(backup)
    with Database.open(elsewhere) as database:
        database.require_restored()
        assert rows(database, "events") == []


def test_a_log_that_was_changed_before_the_backup_is_not_restored(
    school: CoopSchool, saved: Save, restored: Restore
) -> None:
    join(school, "Ada")
    with school.database.connect("owner") as conn:
        conn.execute("update events set actor = 'nobody' where position = 2")
    with pytest.raises(BackupError, match="not whole: position 2, hash chain"):
        restored(saved())


def test_a_database_that_is_not_empty_or_in_use_is_refused(
    school: CoopSchool, saved: Save, restored: Restore, settings: Settings, elsewhere: Settings
) -> None:
    join(school, "Ada")
    backup = saved()
    with pytest.raises(BackupError, match="not empty"):
        restored(backup, into=settings)
    with Database.open(elsewhere) as database, database.connect("projector"):
        with pytest.raises(BackupError, match=r"others work .*projector"):
            restored(backup)
        database.require_restored()
    restored(backup)


# --- a crash in the middle


def test_after_a_crash_while_loading_nothing_serves_until_it_is_restored_again(
    school: CoopSchool, saved: Save, elsewhere: Settings, restored: Restore
) -> None:
    join(school, "Ada")
    backup = saved()

    def crash(stage: str, _done: int, _total: int | None) -> None:
        if stage == "Loading vault_texts":
            raise SystemExit

    with pytest.raises(SystemExit):
        restore(elsewhere, backup.directory, reopen_waves=False, progress=crash)
    with Database.open(elsewhere) as database, pytest.raises(DatabaseError, match="not finished: run the same"):
        database.require_restored()
    assert restored(backup).position == 2


def test_after_a_crash_behind_the_loading_the_same_restore_finishes_it(
    school: CoopSchool, saved: Save, elsewhere: Settings, restored: Restore
) -> None:
    ada = join(school, "Ada")
    backup = saved()
    erase(school, ada)
    other = saved("other")
    ledger = elsewhere.erasures_file
    whole = ledger.read_bytes()

    def crash(stage: str, _done: int, _total: int | None) -> None:
        if stage == "Verifying the log":
            ledger.write_bytes(b"nonsense\n")

    with pytest.raises(LedgerDamaged):
        restore(elsewhere, backup.directory, reopen_waves=False, progress=crash)
    with pytest.raises(LedgerDamaged):
        restored(backup)
    with Database.open(elsewhere) as database, pytest.raises(DatabaseError, match="not finished"):
        database.require_restored()
    ledger.write_bytes(whole)
    with pytest.raises(BackupError, match="another backup was loaded"):
        restored(other)
    assert restored(backup).erased_again == [ada]
    with Database.open(elsewhere) as database:
        database.require_restored()
        assert len(rows(database, "log_epochs")) == 2


def test_a_new_database_is_migrated_first(
    school: CoopSchool, saved: Save, elsewhere: Settings, test_server: TestServer
) -> None:
    with test_server.empty_database() as url:
        new = replace(elsewhere, database_url=url)
        assert restore(new, saved().directory, reopen_waves=False, progress=silent).position == 0
