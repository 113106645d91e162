"""What was stored once is read for ever: one encoded sample of every version of every event.

A new event, or a new version of one, gets its sample in ``tests/golden/`` once; a sample is never changed.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from coopschool.domain import events, tags
from coopschool.domain.base import Event
from coopschool.eventstore.mapper import decode, encode, topics_of

GOLDEN = Path(__file__).parents[1] / "golden"
SAMPLES: dict[str, dict[str, Any]] = {
    path.name.removesuffix(".json"): json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))
}
TODAY = {
    topic: event for topic, event in Event.BY_TOPIC.items() if event.__module__.startswith(f"{events.__package__}.")
}


@pytest.mark.parametrize("topic", TODAY)
def test_every_stored_name_of_an_event_has_a_sample(topic: str) -> None:
    assert set(topics_of(TODAY[topic])) <= set(SAMPLES)


@pytest.mark.parametrize("topic", SAMPLES)
def test_a_sample_is_read_as_the_event_it_was(topic: str) -> None:
    sample = SAMPLES[topic]
    event = decode(topic, json.dumps(sample["data"]))
    assert topic == sample["type"]
    assert topic in topics_of(type(event))
    assert tags.of(event) == sample["tags"]


@pytest.mark.parametrize("topic", TODAY)
def test_an_event_is_written_as_its_sample(topic: str) -> None:
    sample = SAMPLES[topic]
    written, data = encode(decode(topic, json.dumps(sample["data"])))
    assert (written, json.loads(data)) == (topic, sample["data"])
