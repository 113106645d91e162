"""Nothing lost, nothing doubled: every write that was acknowledged is in the log exactly once, and nothing else is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from coopschool.database import Database
from torture.load.offering import Offered
from torture.load.traffic import CORRECTED, ENROLLED, HANDED_IN, Event

WRITTEN = """
    select position, type, data::jsonb ->> 'session', coalesce(data::jsonb ->> 'member', data::jsonb ->> 'slot')
    from events where position > %s and type = any(%s)
"""
# What a 503 may be: a refusal before anything was done.
SHED = frozenset({"/problems/busy"})


class Acknowledged(msgspec.Struct):
    """The answer to a write."""

    position: int


class Refusal(msgspec.Struct):
    """A problem answer."""

    type: str
    title: str
    status: int


def every_write_is_in_the_log_once(database: Database, after: int, offered: Offered) -> Iterator[str]:
    """Compares the events after a position with what was acknowledged meanwhile."""
    acknowledged: dict[int, Event] = {}
    unanswered = Counter[tuple[str, str]]()
    for event, status, body in offered.writes:
        if 200 <= status < 300:
            position = msgspec.json.decode(body, type=Acknowledged).position
            if position in acknowledged:
                yield f"two writes were acknowledged at position {position}"
            acknowledged[position] = event
        elif status != 503:
            unanswered[event.session, event.about] += 1
    written = _written(database, after)
    for position, event in acknowledged.items():
        kind, *ids = written.pop(position, ("nothing", "", ""))
        if kind not in event.types or ids != [event.session, event.about]:
            yield f"acknowledged at position {position} was {event}, which holds {kind} {ids}"
    for position, (kind, session, about) in written.items():
        if unanswered[session, about] <= 0:
            yield f"position {position} holds {kind} {session} {about}, which nobody was told"
        unanswered[session, about] -= 1


def refusals_say_what_to_do(offered: Offered) -> Iterator[str]:
    """503 answers that are not problem details of the agreed form, or without a `Retry-After`."""
    for head, body in offered.refused:
        try:
            said = msgspec.json.decode(body, type=Refusal)
        except msgspec.DecodeError:
            yield f"a 503 with the body {body[:100]!r}"
            continue
        fields = head.lower()
        if b"\r\nretry-after: " not in fields or b"application/problem+json" not in fields:
            yield f"a 503 with the head {head!r}"
        if said.type not in SHED or said.status != 503:
            yield f"a 503 that says {said}"


def _written(database: Database, after: int) -> dict[int, tuple[str, str, str]]:
    types: Sequence[str] = sorted(ENROLLED | HANDED_IN | CORRECTED)
    with database.connect("app") as conn:
        rows = conn.execute(WRITTEN, (after, types)).fetchall()
    return {position: (kind, session, about) for position, kind, session, about in rows}
