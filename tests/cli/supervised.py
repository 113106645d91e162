"""Supervisors and children for the tests of `coopschool.serving`: run as `python -m tests.cli.supervised WHAT`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

from coopschool.serving import Child, Supervisor, end_with_supervisor


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())  # one write, so that lines of several processes do not mix


def obedient(name: str) -> None:
    """Lives until it is asked to end."""
    end_with_supervisor()
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    signal.signal(signal.SIGINT, lambda *_: say(f"{name} was interrupted"))
    say(f"{name} {os.getpid()}")
    asked.wait()
    say(f"{name} ended")


def deaf(name: str) -> None:
    """Never ends by itself, but says that it was asked."""
    end_with_supervisor(patience=0.2)
    signal.signal(signal.SIGTERM, lambda *_: say(f"{name} was asked"))
    say(f"{name} {os.getpid()}")
    while True:
        signal.pause()


def brief(name: str) -> None:
    """Ends at once."""
    say(f"{name} {os.getpid()}")


def parent(name: str) -> None:
    """Ends at once and leaves a child of its own behind."""
    subprocess.Popen(command(obedient, f"child of {name}"))
    brief(name)


def command(what: Callable[[str], None], name: str) -> list[str]:
    return [sys.executable, "-m", "tests.cli.supervised", what.__name__, name]


def child(what: Callable[[str], None], name: str, *, essential: bool = False) -> Child:
    return Child(name, command(what, name), essential)


CHILDREN = {
    "two": [child(obedient, "first"), child(obedient, "second", essential=True)],
    "restarted": [child(brief, "short-lived"), child(obedient, "essential", essential=True)],
    "essential ends": [child(obedient, "other"), child(brief, "essential", essential=True)],
    "deaf": [child(deaf, "deaf", essential=True)],
    "leaves a child": [child(parent, "parent"), child(obedient, "essential", essential=True)],
}


def supervise(name: str) -> None:
    told = threading.Event()

    def tend() -> None:
        if not told.is_set():
            told.set()
            say("tended")

    patience = 0.2 if name == "deaf" and "--impatient" in sys.argv else 600.0
    sys.exit(Supervisor(CHILDREN[name], tend=tend, patience=patience, shortest_pause=0.01).run())


if __name__ == "__main__":
    globals()[sys.argv[1]](sys.argv[2])
