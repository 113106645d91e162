"""Questionnaires as the facts have them, and what is said wherever answers to them are shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from coopschool.domain.instrument_versions import Outline, instrument_of
from coopschool.domain.instruments import Instrument
from projections.reports.report import Row

NOT_VALIDATED = "The questionnaire's wording and translations are our own and were not validated."
HIDDEN = (
    "suppressed: fewer than the minimum group answered, or the figure would give away others; then all figures of the "
    "row are left out."
)

Versions = Mapping[int, Instrument]


def published(rows: Iterable[Row]) -> dict[str, Versions]:
    """The versions of each questionnaire, by its code."""
    found: dict[str, dict[int, Instrument]] = defaultdict(dict)
    for row in rows:
        outline = msgspec.json.decode(row["outline"], type=Outline)
        found[row["instrument"]][row["version"]] = instrument_of(row["instrument"], row["version"], outline)
    return dict(found)
