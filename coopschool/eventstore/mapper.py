"""Events to stored JSON and back. Old versions are upcast on the way back."""

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from eventsourcing.dcb.api import DCBEvent
from eventsourcing.dcb.domain import Tagged
from eventsourcing.dcb.persistence import DCBMapper

# Every module that defines events is imported here, so that whatever the log holds can be decoded.
import coopschool.domain.events  # noqa: F401
from coopschool.domain.base import Event
from coopschool.eventstore.upcasting import current_topic, stored_topics, upcast

_encoder = msgspec.json.Encoder()


class UnknownEvent(Exception):
    """The log holds an event that this version does not know: it was written by a newer one, or by hand."""


def encode(event: Event) -> tuple[str, bytes]:
    """The stored name and the JSON of an event."""
    return event.TOPIC, _encoder.encode(event)


def decode(topic: str, data: bytes | str) -> Event:
    """The event, as today's version. Raises `UnknownEvent`, or `msgspec.ValidationError` for odd data."""
    return decoder(topic)(data)


def topics_of(event: type[Event]) -> list[str]:
    """Every stored name that is read as this event."""
    return stored_topics(event.TOPIC)


def topics_named(name: str) -> list[str]:
    """The stored names meant by ``MemberEnrolled`` or by any of its versions; none if there is no such event."""
    return [
        stored
        for topic in Event.BY_TOPIC
        if name == topic.rpartition(".")[0] or name in stored_topics(topic)
        for stored in stored_topics(topic)
    ]


@cache
def decoder(topic: str) -> Callable[[bytes | str], Event]:
    """What reads the events of that stored name. Raises `UnknownEvent`."""
    event = Event.BY_TOPIC.get(current_topic(topic))
    if event is None:
        raise UnknownEvent(topic)
    if topic == event.TOPIC:
        return msgspec.json.Decoder(event).decode
    return lambda data: msgspec.convert(upcast(topic, msgspec.json.decode(data)), event)


class JSONMapper(DCBMapper[Event]):
    """The library's mapper interface over `encode` and `decode`."""

    def to_dcb_event(self, event: Tagged[Any]) -> DCBEvent:
        topic, data = encode(event.decision)
        return DCBEvent(type=topic, data=data, tags=event.tags)

    def to_domain_event(self, event: DCBEvent) -> Tagged[Event]:
        return Tagged(tags=event.tags, decision=decode(event.type, event.data))
