"""Old versions of events. A stored event is never rewritten; it is read as the version that the code knows today.

An upcast takes the decoded JSON of one version and returns that of the next. To change an event: raise its `TOPIC`,
add the step here, keep the golden sample of the old version.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

Fields = dict[str, Any]


class Upcast(NamedTuple):
    """One step: what the old version is called, what it becomes, and how."""

    old: str
    new: str
    change: Callable[[Fields], Fields]


def _member_enrolled_v0(fields: Fields) -> Fields:
    """The pilot of 2019 called the member `person` and knew no walk-ins."""
    return {"member": fields["person"], "session": fields["session"], "module": fields["module"], "walk_in": False}


UPCASTS: dict[str, Upcast] = {
    step.old: step
    for step in (Upcast("MemberEnrolled.v0", "MemberEnrolled.v1", _member_enrolled_v0),)
}  # fmt: skip


def current_topic(topic: str) -> str:
    """The name that today's code knows a stored event by."""
    while topic in UPCASTS:
        topic = UPCASTS[topic].new
    return topic


def upcast(topic: str, fields: Fields) -> Fields:
    """The fields as today's version has them."""
    while topic in UPCASTS:
        topic, fields = UPCASTS[topic].new, UPCASTS[topic].change(fields)
    return fields


def stored_topics(topic: str) -> list[str]:
    """Every stored name that is read as this event: its own and those of all older versions."""
    return [topic, *(old for old in UPCASTS if current_topic(old) == topic)]
