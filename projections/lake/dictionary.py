"""The data dictionary: every table and column as the database describes it, every event as its class does."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any, get_type_hints

import msgspec

from coopschool.domain.base import Event
from coopschool.domain.tags import Identifies, identifying_fields, withheld_fields
from projections.lake.columns import Column, Described
from projections.lake.reading import EVENTS, RECORDED

SECRET = "A pseudonym, the same in all tables of a release."  # noqa: S105 - a description

OTHERS = {
    "events": (
        "What happened, as researchers see it: once its session or wave has ended.",
        EVENTS,
        {
            "position": "Where it stands in the log.",
            "type": "Its name and version; what its data means is below.",
            "tags": "What it concerns: kind:pseudonym, or kind:code of modules and questionnaires.",
            "occurred_on": "The school's day on which it happened.",
            "recorded_on": "The school's day on which it was recorded.",
            "data": "JSON: ids are pseudonyms, moments are days, answers are left out.",
        },
    ),
    "recorded": (
        "What was known when: the last position recorded on each of the school's days.",
        RECORDED,
        {"recorded_on": "The day.", "position": "The last position recorded on it, as far as this release goes."},
    ),
}
SMALL = {
    "occurred_on": "The first day of the year in which they happened.",
    "type": "The name and version of the events.",
    "events": "How many there were.",
}


def entries(tables: Iterable[Described], small: Any) -> list[dict[str, Any]]:
    """One entry a table: name, description, columns."""
    found = [_entry(table.name, table.description, table.columns) for table in tables]
    for name, (description, schema, meanings) in OTHERS.items():
        found.append(_entry(name, description, _columns(schema, meanings)))
    description = "Events of sessions with too few people to show them one by one: how many a year and type."
    return [*found, _entry("small_sessions", description, _columns(small, SMALL))]


def _columns(schema: Any, meanings: dict[str, str]) -> list[Column]:
    return [Column(field.name, field.type, meanings[field.name], False) for field in schema]


def _entry(name: str, description: str, columns: Sequence[Column]) -> dict[str, Any]:
    told = [
        {
            "column": column.name,
            "type": str(column.type),
            "description": f"{column.description} {SECRET}" if column.secret else column.description,
        }
        for column in columns
    ]
    return {"table": name, "description": description, "columns": told}


def event_types() -> list[dict[str, Any]]:
    """One entry a type of event: its name, what happened, its fields."""
    return [
        {"type": topic, "description": inspect.cleandoc(event.__doc__ or "").split("\n\n")[0], "fields": _fields(event)}
        for topic, event in sorted(Event.BY_TOPIC.items())
    ]


def _fields(event: type[Event]) -> list[dict[str, str]]:
    identifying, withheld, hints = identifying_fields(event), withheld_fields(event), get_type_hints(event)
    names = zip(event.__struct_fields__, event.__struct_encode_fields__, strict=True)
    return [
        {"field": stored, "type": _type(hints[name]), "holds": _holds(identifying.get(stored))}
        for name, stored in names
        if stored not in withheld
    ]


def _type(hint: Any) -> str:
    return (
        hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "").replace("coopschool.domain.", "")
    )


def _holds(identifies: Any) -> str:
    if isinstance(identifies, Identifies):
        return f"pseudonym of a {identifies.kind}" if identifies.confidential else f"code of a {identifies.kind}"
    return "with pseudonyms inside" if identifies else ""


def as_json(tables: list[dict[str, Any]]) -> bytes:
    return msgspec.json.format(msgspec.json.encode({"tables": tables, "events": event_types()}), indent=1)


def as_markdown(tables: list[dict[str, Any]]) -> bytes:
    """The same, for people."""
    lines = ["# Data dictionary", ""]
    for table in tables:
        lines += [f"## {table['table']}", "", table["description"], "", "| column | type | meaning |", "|---|---|---|"]
        lines += [f"| {c['column']} | {c['type']} | {_cell(c['description'])} |" for c in table["columns"]]
        lines.append("")
    lines += ["# Types of events", ""]
    for event in event_types():
        lines += [f"## {event['type']}", "", " ".join(event["description"].split()), ""]
        lines += [f"- `{f['field']}` ({f['type']}) {f['holds']}".rstrip() for f in event["fields"]]
        lines.append("")
    return "\n".join(lines).encode()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
