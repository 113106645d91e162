"""What is asked: of 100 requests 70 reads, 20 enrolments and 10 of trainers' work, drawn at random."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec

from benchmarks.client import request
from torture.load.supply import MINUTES, Supply, Wish

Kind = Literal["read", "enrol", "sheet", "correct"]

# Of 100 requests. A sheet is handed in once for each slot and the corrections come one by one.
ENROLMENTS, SHEETS, CORRECTIONS = 20, 4, 6
READS: dict[str, int] = {
    "a session": 18,
    "the next sessions": 12,
    "a module": 10,
    "the catalogue": 5,
    "my enrolments": 12,
    "myself": 5,
    "my progress": 2,
    "a session of mine, as trainer": 4,
    "members, page by page": 1,
    "progress report": 1,
}


class Event(NamedTuple):
    """What an acknowledged write must have put into the log: the event of one of these types, with these ids."""

    types: frozenset[str]
    session: str
    about: str


class Asked(NamedTuple):
    """One request; `event` where it writes, `kind` says what was asked."""

    request: bytes
    event: Event | None = None
    kind: str = ""


ENROLLED = frozenset({"MemberEnrolled.v1", "MemberWaitlisted.v1"})
HANDED_IN = frozenset({"AttendanceLogged.v1"})
CORRECTED = frozenset({"AttendanceCorrected.v1"})


@dataclass
class Known:
    """What there is to read: ids of the demo's school, and tokens."""

    modules: Sequence[str]
    sessions: Sequence[str]
    members: Sequence[str]  # tokens of members
    coordinator: str


def traffic(known: Known, supply: Supply, random: Random) -> Iterator[Asked]:
    """Requests without end; uses up the supply, and raises `IndexError` when it is gone."""
    wishes = supply.wishes
    reads = _reads(known, supply, random)
    kinds: list[tuple[int, str, Callable[[], Asked]]] = [
        (ENROLMENTS, "enrolment", lambda: _enrol(wishes.pop(), random)),
        (SHEETS, "sheet", lambda: _sheet(supply, random)),
        (CORRECTIONS, "correction", lambda: _correct(supply, random)),
        *((weight, name, reads[name]) for name, weight in READS.items()),
    ]
    weights = list(accumulate(weight for weight, _, _ in kinds))
    choices = [(kind, ask) for _, kind, ask in kinds]
    while True:
        kind, ask = random.choices(choices, cum_weights=weights)[0]
        yield ask()._replace(kind=kind)


def _reads(known: Known, supply: Supply, random: Random) -> dict[str, Callable[[], Asked]]:
    pick = random.choice

    def by_member(path: str) -> Asked:
        return Asked(request("GET", path, token=pick(known.members)))

    def by_coordinator(path: str) -> Asked:
        return Asked(request("GET", path, token=known.coordinator))

    def as_trainer() -> Asked:
        course = pick(supply.courses)
        return Asked(request("GET", f"/api/sessions/{course.session}", token=course.token))

    return {
        "a session": lambda: by_member(f"/api/sessions/{pick(known.sessions)}"),
        "the next sessions": lambda: by_member("/api/sessions?status=open&limit=20"),
        "a module": lambda: by_member(f"/api/modules/{pick(known.modules)}"),
        "the catalogue": lambda: by_member("/api/modules"),
        "my enrolments": lambda: by_member("/api/members/me/enrolments"),
        "myself": lambda: by_member("/api/members/me"),
        "my progress": lambda: by_member("/api/members/me/progress"),
        "a session of mine, as trainer": as_trainer,
        "members, page by page": lambda: by_coordinator("/api/members?limit=50"),
        "progress report": lambda: by_coordinator("/api/reports/progress?group_by=module"),
    }


def _enrol(wish: Wish, random: Random) -> Asked:
    sent = _post(f"/api/sessions/{wish.session}/enrolments", {"person_id": wish.member}, wish.token, random)
    return Asked(sent, Event(ENROLLED, wish.session, wish.member))


def _sheet(supply: Supply, random: Random) -> Asked:
    """The next sheet of a course; one that has handed in all of them is corrected instead."""
    course = random.choice(supply.courses)
    if not course.due:
        return _correct(supply, random)
    slot = course.due.pop()
    records = [{"person_id": member, "status": "present"} for member in course.members]
    path = f"/api/sessions/{course.session}/slots/{slot}/attendance"
    sent = request("PUT", path, token=course.token, body=msgspec.json.encode({"records": records}))
    return Asked(sent, Event(HANDED_IN, course.session, str(slot)))


def _correct(supply: Supply, random: Random) -> Asked:
    """Another number of minutes for each line of the first sheet in turn, so that each correction changes something."""
    course = random.choice(supply.courses)
    member = course.members[course.corrected % len(course.members)]
    minutes = course.corrected // len(course.members) % (MINUTES - 1) + 1
    course.corrected += 1
    body = {"person_id": member, "status": "partial", "minutes": minutes, "reason_code": "typing_error"}
    sent = _post(f"/api/sessions/{course.session}/slots/1/corrections", body, course.token, random)
    return Asked(sent, Event(CORRECTED, course.session, member))


def _post(path: str, body: Any, token: str, random: Random) -> bytes:
    key = UUID(int=random.getrandbits(128), version=4)
    return request("POST", path, token=token, body=msgspec.json.encode(body), headers=(f"Idempotency-Key: {key}",))
