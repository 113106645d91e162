"""What must be true afterwards: of the log, of what was acknowledged, and of the facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from coopschool.database import Database
from coopschool.eventstore.verify import verify
from coopschool.settings import Settings
from projections.replay import rebuild
from projections.runner import wait_for
from torture.asking import Wish

PLACES = """
    select type, data::jsonb ->> 'member', data::jsonb ->> 'session', position
    from events where type = any(array['MemberEnrolled.v1', 'MemberWaitlisted.v1'])
"""


class Granted(msgspec.Struct):
    """The answer to an enrolment."""

    status: str
    position: int
    rank: int | None = None


def log_is_whole(database: Database) -> Iterator[str]:
    """Whatever `verify` finds wrong with the log: gaps, the hash chain, times, decoding, the tag index."""
    with database.connect("app") as conn:
        for finding in verify(conn):
            yield f"position {finding.position}: {finding.check}: {finding.detail}"


@dataclass
class Effects:
    """What is wrong with acknowledged enrolments: not in the log; there more than once, or answered in several ways."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    def wrong(self) -> list[str]:
        return [*self.lost, *self.doubled]


def effects_of(database: Database, wishes: Sequence[Wish]) -> Effects:
    """Looks for the effects of wishes that were all granted."""
    found = Effects()
    with database.connect("app") as conn:
        rows = conn.execute(PLACES).fetchall()
    times = Counter((member, session) for _, member, session, _ in rows)
    events = {position: (kind, member, session) for kind, member, session, position in rows}
    for wish in wishes:
        if len(set(wish.answers)) != 1:
            found.doubled.append(f"{wish.key} has {len(set(wish.answers))} different answers")
            continue
        answer = msgspec.json.decode(wish.answers[0], type=Granted)
        kind = "MemberEnrolled.v1" if answer.status == "confirmed" else "MemberWaitlisted.v1"
        if events.get(answer.position) != (kind, wish.member, wish.session):
            held = events.get(answer.position)
            found.lost.append(f"{wish.key} was acknowledged at position {answer.position}, which holds {held}")
        if times[wish.member, wish.session] > 1:
            found.doubled.append(f"{wish.key} had {times[wish.member, wish.session]} effects")
    return found


def facts_equal_a_replay(database: Database, settings: Settings) -> Iterator[str]:
    """Fact tables whose live rows are not what a fresh replay of the log gives, once they have caught up."""
    with database.connect("reader") as conn:
        wait_for(conn, head(database), timeout=30)
    for table in rebuild(database, settings.zone, dry_run=True).differing:
        yield f"facts in {table} are not what the log gives"


def head(database: Database) -> int:
    """The position of the last event."""
    with database.connect("app") as conn:
        row = conn.execute("select coalesce(max(position), 0) from events").fetchone()
    return int(row[0]) if row else 0
