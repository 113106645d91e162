"""What is kept about a person, gathered for them: in a form that machines read, with words beside every id and code."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec
from psycopg import Connection

from coopschool import vault
from coopschool.catalogue import ModuleWords
from coopschool.domain import tags
from coopschool.domain.advisers.adviser_team import TeamFormed
from coopschool.domain.advisers.autonomy_survey import WaveOpened
from coopschool.domain.advisers.workshop import (
    DecisionReviewed,
    DecisionTaken,
    WorkshopHeld,
    WorkshopNoteAdded,
    WorkshopPlanned,
)
from coopschool.domain.base import Event, Load, Role, existing
from coopschool.domain.school.learning_module import ModuleDrafted, ModuleRevised
from coopschool.domain.school.person import Person
from coopschool.domain.school.words import Language
from coopschool.eventstore.mapper import decode, topics_of
from coopschool.sql import statements

SQL = statements("coopschool.api.school", "personal_data.sql")
PEOPLE = frozenset({"person", "member", "trainer", "adviser"})
# Events that are in no stream of a person and yet say something of them: who took part, who could answer, who wrote.
NAMING: tuple[type[Event], ...] = (WorkshopPlanned, WorkshopHeld, WaveOpened)
WORDING: tuple[type[Event], ...] = (WorkshopNoteAdded, DecisionTaken, DecisionReviewed)
NOT_HERE = (
    "What you answered in a survey is not kept with your name: nobody can find it for you.",
    "Feedback on a session waits sealed until it is released without names; until then you alone can take it back.",
    "The name and address that you sign in with are kept by the sign-in service; here is only a keyed hash of them.",
    "Others may have written of you in notes that are about somebody else; they are not searched for here.",
    "Backups hold the same until they are deleted.",
)


class EventAboutPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, and what it means; of lists such as attendance sheets, the person's own line only."""

    position: int
    type: str
    meaning: str
    occurred_at: datetime
    recorded_at: datetime
    data: dict[str, Any]


class PersonalData(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept about a person.

    `texts` are what was written about or by them, `events` what happened; `names` says what teams, modules and places
    in the events are called. `references` counts hashed references of other systems, `remembered_answers` answers to
    repeated requests, which go after seven days. `not_here` says what nobody can give.
    """

    person_id: str
    name: str | None
    email: str | None
    language: Language | None
    roles: dict[Role, date | None]
    legal_hold: bool
    erased: bool
    signs_in: bool
    references: int
    remembered_answers: int
    api_keys_made: list[str]
    texts: dict[str, str]
    events: list[EventAboutPerson]
    names: dict[str, str]
    not_here: tuple[str, ...] = NOT_HERE


class Known(NamedTuple):
    """What the log says of the person themselves."""

    id: str
    revision: int
    language: Language | None
    roles: dict[Role, date | None]
    legal_hold: bool
    erased: bool


def known(load: Load, id: str) -> Known:
    """Raises `Unknown`."""
    person = existing(load, Person, id)
    return Known(id, person.revision, person.language, dict(person.roles), person.legal_hold, person.erased)


def gathered(connection: Connection[Any], person: Known, language: Language) -> tuple[int, PersonalData]:
    """The version of name and address, and all that is kept; titles of modules in the language."""
    details, texts = vault.person(connection, person.id), vault.texts_of(connection, person.id)
    found = _events(connection, person.id, texts)
    signs_in, references, answers, keys = _also(connection, person.id)
    kept = PersonalData(
        person_id=person.id,
        name=details.name,
        email=details.email,
        language=person.language,
        roles=person.roles,
        legal_hold=person.legal_hold,
        erased=person.erased,
        signs_in=signs_in,
        references=references,
        remembered_answers=answers,
        api_keys_made=keys,
        texts=texts,
        events=found,
        names=_names(connection, [event.data for event in found], language),
    )
    return details.version, kept


def _also(connection: Connection[Any], person: str) -> tuple[bool, int, int, list[str]]:
    row = connection.execute(SQL["also_kept"], {"person": person, "holds_id": f"%{person}%"}).fetchone()
    assert row is not None
    return row[0], row[1], row[2], row[3]


def _events(connection: Connection[Any], person: str, texts: Mapping[str, str]) -> list[EventAboutPerson]:
    given = {
        "streams": [tags.tag(kind, person) for kind in sorted(PEOPLE)],
        "naming": [topic for event in NAMING for topic in topics_of(event)],
        "wording": [topic for event in WORDING for topic in topics_of(event)],
        "holds_id": f"%{person}%",
        "holds_texts": [f"%{text}%" for text in texts],
    }
    return [
        _seen(position, type, decode(type, data), occurred_at, recorded_at, person)
        for position, type, data, occurred_at, recorded_at in connection.execute(SQL["concerning"], given)
    ]


def _seen(
    position: int, type: str, event: Event, occurred_at: datetime, recorded_at: datetime, person: str
) -> EventAboutPerson:
    return EventAboutPerson(
        position=position,
        type=type,
        meaning=(inspect.getdoc(event.__class__) or type).partition("\n")[0],
        occurred_at=occurred_at,
        recorded_at=recorded_at,
        data=own_part(event, person),
    )


def own_part(event: Event, person: str) -> dict[str, Any]:
    """The event's data without what it says about others."""
    data: dict[str, Any] = msgspec.to_builtins(event)
    data.pop("passed_over", None)  # the ranks of others on a waiting list
    return _own(data, tags.identifying_fields(event.__class__), person)


def _own(data: dict[str, Any], fields: Mapping[str, Any], person: str) -> dict[str, Any]:
    kept = dict(data)
    for name, field in fields.items():
        value = data.get(name)
        if value is None:
            continue
        if isinstance(field, tags.Identifies):
            if field.kind not in PEOPLE:
                continue
            if isinstance(value, list | tuple):
                kept[name] = [one for one in value if one == person]
            elif value != person:
                del kept[name]
        elif isinstance(value, list | tuple):
            kept[name] = [_own(one, field, person) for one in value if _concerns(one, field, person)]
        else:
            kept[name] = _own(value, field, person)
    return kept


def _concerns(line: Mapping[str, Any], fields: Mapping[str, Any], person: str) -> bool:
    """Whether a line of a list names nobody, or this person among others."""
    named = [line.get(name) for name, field in fields.items() if _is_person(field)]
    return not named or any(person == one or (isinstance(one, list | tuple) and person in one) for one in named)


def _is_person(field: Any) -> bool:
    return isinstance(field, tags.Identifies) and field.kind in PEOPLE


def _names(connection: Connection[Any], found: Iterable[Mapping[str, Any]], language: Language) -> dict[str, str]:
    """What the teams, modules and places in events are called."""
    events = list(found)
    teams = {event["team"] for event in events if event.get("team")}
    modules = {event["module"] for event in events if event.get("module")}
    places = {event["place"] for event in events if event.get("place")}
    places |= {place for event in events for place in event.get("places") or ()}
    words = connection.execute(
        SQL["module_words"],
        {"topics": [*topics_of(ModuleDrafted), *topics_of(ModuleRevised)], "modules": sorted(modules)},
    )
    titles = {module: ModuleWords.from_text(body).title for module, body in words}
    named = connection.execute(SQL["team_names"], {"topics": topics_of(TeamFormed), "teams": sorted(teams)})
    return {
        **{module: getattr(title, language) or title.fr for module, title in titles.items()},
        **dict(named.fetchall()),
        **vault.places(connection, sorted(places)),
    }
