"""How long a thread that computes may keep another one waiting that has heard from PostgreSQL or a client."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 0.0005


@contextmanager
def short_turns() -> Iterator[None]:
    """Has threads, also of processes forked meanwhile, take turns ten times as often as Python has them by default.

    One that talks to PostgreSQL while another computes would otherwise lose up to 5 ms each time it hears something.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
