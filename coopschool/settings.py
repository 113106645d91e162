"""What one installation is told: from `COOPSCHOOL_*` variables, else from `coopschool.toml`, else the defaults.

In the file the names are written small and without the prefix (`database_url = "…"`); a path in it is relative to
the file. Secrets stay in files of their own: a setting names the file, never the secret.
"""

from __future__ import annotations

import os
import re
import secrets
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import Meta

from coopschool.network import is_safe, networks

PREFIX = "COOPSCHOOL_"
FILE = "coopschool.toml"
SCHEMA = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,39}")  # roles and facts schemas append to it: 63 bytes are the limit
SECRET_BYTES = 32


class SettingsError(Exception):
    """A setting is missing or wrong; the message says which, where it was found and what to do."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One installation's settings; see `docs/deploy.md` for what each is for."""

    database_url: str | None = None
    database_password_file: Path | None = None
    data_dir: Path = Path(".coopschool")
    schema: str = "coopschool"
    secret_file: Path | None = None
    erasure_ledger_file: Path | None = None
    signing_key_file: Path | None = None
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_discovery_url: str | None = None
    trusted_proxy: str | None = None
    timezone: str = "Europe/Brussels"
    min_group: Annotated[int, Meta(ge=5)] = 5
    retention_texts_days: Annotated[int, Meta(ge=1)] | None = None
    retention_former_members_days: Annotated[int, Meta(ge=1)] | None = None
    spark_master: str = "local[2]"

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, directory: Path | None = None) -> Settings:
        """Settings from the environment and from the `coopschool.toml` of a directory (default: the current one).

        Raises `SettingsError`.
        """
        file = (directory or Path()) / FILE
        found = _from_file(file) if file.exists() else {}
        found |= _from_environment(os.environ if environ is None else environ)
        values = {name: _convert(name, value, where) for name, (value, where) in found.items()}
        settings = cls(**values)
        settings._check()
        return settings

    @property
    def embedded(self) -> bool:
        """Whether the PostgreSQL that comes along is used."""
        return self.database_url is None

    @property
    def zone(self) -> ZoneInfo:
        """Where the school's days begin and end."""
        return ZoneInfo(self.timezone)

    @property
    def keeps_own_secret(self) -> bool:
        """Whether the root secret lies in the data directory, because nobody has named another place."""
        return self.secret_file is None

    def root_secret(self) -> bytes:
        """The secret that every key derives from; made on first use where the data directory is ours."""
        if self.secret_file is not None:
            return _read_secret(self.secret_file, "COOPSCHOOL_SECRET_FILE")
        return _read_or_make_secret(self.own_secret_file)

    @property
    def own_secret_file(self) -> Path:
        """Where the root secret lies that we make ourselves."""
        return self.data_dir / "secret"

    def adopt_secret(self, secret: bytes) -> None:
        """Takes over the root secret of an installation that this one continues, unless it has one already."""
        _make_secret(self.own_secret_file, secret.decode())

    def signing_key(self) -> bytes:
        """The key of development tokens: from its file, else random per data directory."""
        if self.signing_key_file is not None:
            return _read_secret(self.signing_key_file, "COOPSCHOOL_SIGNING_KEY_FILE")
        return _read_or_make_secret(self.data_dir / "signing_key")

    @property
    def erasures_file(self) -> Path:
        """Where the erasure ledger is: outside the database and its backups."""
        return self.erasure_ledger_file or self.data_dir / "erasures"

    def derive_key(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose (HKDF-SHA256, RFC 5869): the same for ever from the same root secret."""
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"coopschool {purpose}".encode()).derive(
            self.root_secret()
        )

    def database_password(self) -> str | None:
        """The password of `database_url`, where it is kept in a file."""
        if self.database_password_file is None:
            return None
        return _read(self.database_password_file, "COOPSCHOOL_DATABASE_PASSWORD_FILE").decode().strip()

    def _check(self) -> None:
        if not SCHEMA.fullmatch(self.schema):
            raise SettingsError(
                f"COOPSCHOOL_SCHEMA={self.schema!r} is no usable schema name: at most 40 small letters, digits "
                "and underscores, not beginning with a digit or pg_."
            )
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise SettingsError(
                f"COOPSCHOOL_TIMEZONE={self.timezone!r} is not a time zone: give a name such as Europe/Brussels."
            ) from None
        self._check_issuer()
        self._check_proxy()
        if not self.embedded and self.secret_file is None:
            raise SettingsError(
                "COOPSCHOOL_SECRET_FILE is missing: with COOPSCHOOL_DATABASE_URL every process needs the same root "
                "secret. Make one with `openssl rand -base64 48 > FILE`, keep a copy apart from the database, and name "
                "the file."
            )

    def _check_issuer(self) -> None:
        if self.oidc_issuer is None:
            return
        if self.oidc_audience is None:
            raise SettingsError(
                "COOPSCHOOL_OIDC_AUDIENCE is missing: without it, tokens that the issuer made for other applications "
                "would count here. Name what the issuer puts into `aud` for this one."
            )
        # An address given on purpose may be one on an inner network.
        if not (self.oidc_discovery_url or is_safe(self.oidc_issuer)):
            raise SettingsError(
                f"COOPSCHOOL_OIDC_ISSUER={self.oidc_issuer!r} is not an https address. Where the issuer is reached on "
                "an inner network, say so with COOPSCHOOL_OIDC_DISCOVERY_URL."
            )

    def _check_proxy(self) -> None:
        try:
            networks(self.trusted_proxy or "127.0.0.1")
        except ValueError as error:
            raise SettingsError(f"COOPSCHOOL_TRUSTED_PROXY={self.trusted_proxy!r}: {error}.") from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    """The variables that are set; an empty one counts as unset."""
    names = {PREFIX + field.upper(): field for field in Settings.__struct_fields__}
    return {field: (environ[name], f"{name} in the environment") for name, field in names.items() if environ.get(name)}


def _from_file(file: Path) -> dict[str, tuple[Any, str]]:
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} cannot be read as TOML: {error}") from error
    for name in content:
        if name not in Settings.__struct_fields__:
            raise SettingsError(f"{file}: there is no setting {name!r}. {_suggest(name)}")
    hints = get_type_hints(Settings)
    return {
        name: (
            str(file.parent / value) if _is_path(hints[name]) and isinstance(value, str) else value,
            f"{name} in {file}",
        )
        for name, value in content.items()
    }


def _is_path(hint: Any) -> bool:
    return hint in (Path, Path | None)


def _suggest(name: str) -> str:
    close = get_close_matches(name, Settings.__struct_fields__, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Known are: {', '.join(Settings.__struct_fields__)}."


def _convert(name: str, value: Any, where: str) -> Any:
    hint = get_type_hints(Settings, include_extras=True)[name]
    try:
        if _is_path(hint):
            return Path(msgspec.convert(value, str)).expanduser()
        return msgspec.convert(value, hint, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where} is {value!r}: {error}") from None


def _read(file: Path, setting: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{setting}: {file} cannot be read ({error.strerror}).") from error


def _read_secret(file: Path, setting: str) -> bytes:
    secret = _read(file, setting).strip()
    if len(secret) < SECRET_BYTES:
        raise SettingsError(
            f"{setting}: {file} holds {len(secret)} bytes; a secret needs {SECRET_BYTES} or more "
            "(`openssl rand -base64 48`)."
        )
    return secret


def _read_or_make_secret(file: Path) -> bytes:
    """The secret in the file; several processes may ask at once, one of them makes it, whole or not at all."""
    if not file.exists():
        _make_secret(file, secrets.token_urlsafe(48))
    return _read_secret(file, "the data directory")


def _make_secret(file: Path, secret: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(secret)
        handle.flush()
        os.fsync(handle.fileno())
    with suppress(FileExistsError):  # another process was first: its secret counts
        os.link(draft, file)
    draft.unlink()
