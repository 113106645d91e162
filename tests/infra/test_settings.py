"""Settings: from the environment, else the file, else the defaults; what is wrong is said with its remedy."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from coopschool.settings import Settings, SettingsError

SECRET = "a secret that is long enough to be one"


def load(directory: Path, toml: str = "", **environ: str) -> Settings:
    if toml:
        (directory / "coopschool.toml").write_text(toml)
    return Settings.load({f"COOPSCHOOL_{name}": value for name, value in environ.items()}, directory)


def test_without_any_setting_the_embedded_database_is_used(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.embedded
    assert (settings.schema, settings.zone, settings.min_group) == ("coopschool", ZoneInfo("Europe/Brussels"), 5)
    assert settings.data_dir == Path(".coopschool")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    settings = load(tmp_path, 'schema = "from_file"\nmin_group = 7\n', SCHEMA="from_environment")
    assert (settings.schema, settings.min_group) == ("from_environment", 7)


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    assert load(tmp_path, DATABASE_URL="", SCHEMA="").embedded


def test_a_path_in_the_file_is_relative_to_the_file(tmp_path: Path) -> None:
    assert load(tmp_path, 'data_dir = "data"').data_dir == tmp_path / "data"


def test_the_process_environment_and_the_current_directory_are_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "coopschool.toml").write_text('timezone = "Europe/Paris"')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOPSCHOOL_SCHEMA", "elsewhere")
    settings = Settings.load()
    assert (settings.schema, settings.timezone) == ("elsewhere", "Europe/Paris")


@pytest.mark.parametrize(
    ("toml", "environ", "complaint"),
    [
        (
            "databse_url = 'x'",
            {},
            r"coopschool\.toml: there is no setting 'databse_url'\. Did you mean 'database_url'\?",
        ),
        ("colour = 'red'", {}, "no setting 'colour'. Known are: database_url"),
        ("schema = [", {}, r"coopschool\.toml cannot be read as TOML"),
        ("min_group = 'many'", {}, "min_group in .*many"),
        ("data_dir = 7", {}, "data_dir in .*7"),
        ("", {"MIN_GROUP": "4"}, "COOPSCHOOL_MIN_GROUP in the environment is '4': .*>= 5"),
        ("", {"SCHEMA": "Two Words"}, "COOPSCHOOL_SCHEMA='Two Words'"),
        ("", {"SCHEMA": "pg_school"}, "COOPSCHOOL_SCHEMA"),
        ("", {"SCHEMA": "s" * 41}, "at most 40"),
        ("", {"SCHEMA": 'x"; drop schema y; --'}, "COOPSCHOOL_SCHEMA"),
        ("", {"TIMEZONE": "Brussels"}, "such as Europe/Brussels"),
        ("", {"TIMEZONE": "../../etc/passwd"}, "such as Europe/Brussels"),
        ("", {"DATABASE_URL": "postgresql://db/school"}, "COOPSCHOOL_SECRET_FILE is missing.*openssl rand"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, toml: str, environ: dict[str, str], complaint: str
) -> None:
    with pytest.raises(SettingsError, match=complaint):
        load(tmp_path, toml, **environ)


def test_the_root_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    secret = settings.root_secret()
    assert len(secret) >= 32
    assert settings.root_secret() == secret
    assert (tmp_path / "data" / "secret").stat().st_mode & 0o777 == 0o600
    assert Settings(data_dir=tmp_path / "other").root_secret() != secret


def test_making_a_secret_leaves_no_draft_behind(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    settings.root_secret()
    settings.signing_key()
    assert {file.name for file in tmp_path.iterdir()} == {"secret", "signing_key"}


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret.txt"
    file.write_text(f"{SECRET}\n")
    assert Settings(secret_file=file).root_secret() == SECRET.encode()
    assert Settings(signing_key_file=file).signing_key() == SECRET.encode()


def test_a_secret_file_that_is_missing_or_short_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"COOPSCHOOL_SECRET_FILE: .*absent cannot be read \(No such file"):
        Settings(secret_file=tmp_path / "absent").root_secret()
    (tmp_path / "short").write_text("hunter2")
    with pytest.raises(SettingsError, match="holds 7 bytes; a secret needs 32") as refusal:
        Settings(signing_key_file=tmp_path / "short").signing_key()
    assert "hunter2" not in str(refusal.value)


def test_keys_differ_by_purpose_and_stay_the_same_for_ever(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    settings = Settings(secret_file=file)
    assert settings.derive_key("e-mail") != settings.derive_key("pseudonyms")
    # Changing this value would orphan every hash that is stored.
    assert settings.derive_key("e-mail").hex() == "95701bc96c51375c9e6a53ab19490b0e65f29348a95087a18c17881dacfdc399"


def test_the_database_password_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("open sesame\n")
    assert Settings(database_password_file=tmp_path / "password").database_password() == "open sesame"
    assert Settings().database_password() is None
