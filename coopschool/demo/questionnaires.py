"""How the simulated school's questionnaires came to be: a pilot, a revision that starts anew, and one that goes on."""

from __future__ import annotations

import msgspec

from coopschool import data
from coopschool.domain import instruments
from coopschool.domain.instruments import Continuation, Dimension, Instrument, Item

FEEDBACK = instruments.parse(data.read("instrument-feedback.json"))
PILOT = instruments.parse(data.read("instrument-autonomy.json"))

EXPLAINED = Item(
    code="d4",
    fr="On m'explique les décisions qui changent mon travail.",
    nl="Beslissingen die mijn werk veranderen, worden mij uitgelegd.",
    en="Decisions that change my work are explained to me.",
)
MEETING = Item(
    code="t5",
    fr="Notre équipe décide elle-même quand elle se réunit en ligne ou sur place.",
    nl="Ons team beslist zelf wanneer het online of ter plaatse samenkomt.",
    en="Our team decides itself when it meets online or on site.",
)


def _revised(old: Instrument, dimension: str, item: Item, continues: tuple[Continuation, ...]) -> Instrument:
    """The next version, with one more item in a dimension."""

    def with_item(one: Dimension) -> Dimension:
        return msgspec.structs.replace(one, items=(*one.items, item)) if one.code == dimension else one

    return msgspec.structs.replace(
        old, version=old.version + 1, dimensions=tuple(map(with_item, old.dimensions)), continues=continues
    )


# Nobody looked whether the pilot's answers can be set beside those to the second version: no map, the series is broken.
SECOND = _revised(PILOT, "decision_making", EXPLAINED, ())
THIRD = _revised(
    SECOND,
    "team_autonomy",
    MEETING,
    (
        Continuation(
            version=SECOND.version,
            dimensions={code: code for code in SECOND.dimension_codes},
            items={code: code for code in SECOND.items},
        ),
    ),
)
