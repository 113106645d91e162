"""What the document's examples use: ids, and days that are still to come whenever somebody reads them.

The test that sends every example builds a school that has these ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

PERSON = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e01"
TRAINER = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e02"
# Members: without any enrolment; with a seat to come; with a seat in what is given now; whose session is over; who
# waits; who is interested.
MEMBER = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e03"
ENROLLED = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e04"
ATTENDING = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e05"
LEAVER = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e06"
WAITING = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e07"
INTERESTED = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e08"

# Sessions: one to come, one with a free seat and somebody who waits for it, one that is given now, one that is over.
SESSION = "7d3e9a10-52b4-4f8c-a6d1-0c9b8e7f6a01"
SESSION_WITH_LIST = "7d3e9a10-52b4-4f8c-a6d1-0c9b8e7f6a02"
RUNNING_SESSION = "7d3e9a10-52b4-4f8c-a6d1-0c9b8e7f6a03"
ENDED_SESSION = "7d3e9a10-52b4-4f8c-a6d1-0c9b8e7f6a04"

# A team and its advisers, somebody who could join them, and the session reserved for them.
TEAM = "9a1d4c70-8e25-4b3f-9c6d-2f7e5a8b1c01"
ADVISER = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e11"
OTHER_ADVISER = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e12"
NEW_ADVISER = "5f0c1d9e-3b6a-4c7d-9e2f-8a1b4c6d7e13"
TEAM_SESSION = "7d3e9a10-52b4-4f8c-a6d1-0c9b8e7f6a05"

# Workshops: one to come, one that was held and led to a decision.
WORKSHOP = "c2b7e840-1f93-4d5a-b8e6-4a0d9c3f7b01"
HELD_WORKSHOP = "c2b7e840-1f93-4d5a-b8e6-4a0d9c3f7b02"
DECISION = "e6f3a915-7c48-4e0b-8d2a-1b5c9f0e6d01"

# Sessions whose feedback is asked for: the adviser attended the first, has answered on the second, and gave the third.
FEEDBACK_SESSION = "7d3e9a10-52b4-4f8c-a6d1-0c9b8e7f6a06"
ANSWERED_SESSION = "7d3e9a10-52b4-4f8c-a6d1-0c9b8e7f6a07"
OWN_SESSION = "7d3e9a10-52b4-4f8c-a6d1-0c9b8e7f6a08"

# A wave that is open, of another team, with a token that was handed out.
OPEN_WAVE = "3c8b1f52-9d04-4e6a-b7f1-2a5d8c9e0b11"
TOKEN = "7K3M-Q9TX-4WBN-2HCD"  # noqa: S105 - of an example
API_KEY = "c4a1e7d0-6b2f-4d38-9a57-1f0e8c3b2a01"


class In(NamedTuple):
    """A day that is so many days ahead when the document is read, or a moment of that day."""

    days: int
    at: time | None = None

    def seen(self, now: datetime) -> str:
        day = (now + timedelta(days=self.days)).date()
        return day.isoformat() if self.at is None else datetime.combine(day, self.at, now.tzinfo).isoformat()


def dated(value: Any, now: datetime) -> Any:
    """The same with days in place of every `In`; `now` in the school's zone."""
    if isinstance(value, In):
        return value.seen(now)
    if isinstance(value, Mapping):
        return {name: dated(inner, now) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [dated(inner, now) for inner in value]
    return value


MODULE = "M01"
NEW_MODULE = "M05"

# What stands in a path or a query, unless a route says otherwise.
PARAMETERS = {
    "person_id": MEMBER,
    "session_id": SESSION,
    "code": MODULE,
    "number": 1,
    "team_id": TEAM,
    "workshop_id": HELD_WORKSHOP,
    "decision_id": DECISION,
    "quarter": "2026Q1",
    "wave_id": OPEN_WAVE,
    "reason_code": "illness",
    "limit": 50,
    "trainer": TRAINER,
    "type": ["MemberEnrolled"],
    "tag": f"member:{MEMBER}",
    "q": "Jo",
    "from": "2026-03-01",
}
REPORT_FILTERS: Mapping[str, Mapping[str, Any]] = {
    "member_progress": {"member": MEMBER},
    "progress": {"group_by": "module,period", "as_of": In(0)},
    "demand": {"module": MODULE},
    "attendance": {"session": RUNNING_SESSION},
    "feedback": {"session": OWN_SESSION},
}
# A figure of each report, and what names its row.
EXPLAINED: dict[str, dict[str, str | None]] = {
    "member_progress": {"figure": "status", "module": MODULE},
    "progress": {"figure": "enrolled", "module": MODULE},
    "cohorts": {"figure": "people"},
    "demand": {"figure": "interested"},
    "attendance": {"figure": "absent", "slot": "1"},
    "workshops": {"figure": "held"},
    "autonomy": {"figure": "mean"},
    "feedback": {"figure": "mean", "session": None},
}
