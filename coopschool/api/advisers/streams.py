"""Whatever there is of a kind, as it stands now, from one look at the log. For what a cooperative has hundreds of."""

from __future__ import annotations

from typing import Any, TypeVar

from psycopg import Connection

from coopschool.domain import tags
from coopschool.domain.base import Aggregate
from coopschool.eventstore.mapper import decode
from coopschool.eventstore.repository import projected_topics
from coopschool.sql import statements

SQL = statements("coopschool.api.advisers", "streams.sql")

A = TypeVar("A", bound=Aggregate)


def folded(connection: Connection[Any], kind: type[A], team: str | None = None) -> list[A]:
    """All aggregates of a kind; with `team`, from the events of that team alone."""
    tag = None if team is None else tags.tag("team", team)
    wanted = {"types": list(projected_topics(kind)), "tag": tag}
    prefix = tags.tag(kind.KIND, "")
    found: dict[str, A] = {}
    for position, topic, carried, data, occurred_at in connection.execute(
        SQL["of_all" if tag is None else "of_tag"], wanted
    ):
        event = decode(topic, data)
        for id in (tag.removeprefix(prefix) for tag in carried if tag.startswith(prefix)):
            if id not in found:
                found[id] = kind(id)
            found[id].fold(event, position, occurred_at)
    return [aggregate for aggregate in found.values() if aggregate.exists]
