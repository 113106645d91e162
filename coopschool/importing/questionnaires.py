"""The questionnaires that answers of the past were given to: published ones, and those that come with the product."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import TypeVar
from uuid import uuid4

from coopschool import data
from coopschool.domain import instruments
from coopschool.domain.base import Command, Load
from coopschool.domain.instrument_versions import PublishedInstrument, PublishInstrument, wording_of
from coopschool.domain.instruments import Instrument, Moment
from coopschool.importing.answer_files import FeedbackRow, WaveResponseRow
from coopschool.importing.context import Context
from coopschool.importing.tables import Table
from coopschool.vault import PutText

R = TypeVar("R", FeedbackRow, WaveResponseRow)


@cache
def _shipped() -> dict[tuple[str, int], Instrument]:
    found = (instruments.parse(data.read(f"instrument-{code}.json")) for code in ("autonomy", "feedback"))
    return {(instrument.code, instrument.version): instrument for instrument in found}


def questions(context: Context, table: Table[R], row: R, moment: Moment | None) -> Instrument | None:
    """What a row's questionnaire asks at that moment (a survey: without one); a problem where there is none."""
    published = context.load(PublishedInstrument, row.instrument)
    if row.version in published.versions:
        found: Instrument | None = published.questions(row.version)
    else:
        found = _shipped().get((row.instrument, row.version))
    if found is not None and found.items_of(moment):
        return found
    message = f"There is no {row.instrument!r}, version {row.version}, that asks anything there."
    context.problem(table, row, "instrument", "unknown", message, "Publish it first, or correct the cell.")
    return None


def publishing(context: Context, row: FeedbackRow | WaveResponseRow, load: Load, at: datetime) -> Iterator[Command]:
    """Publishes a questionnaire that comes with the product where it was not yet; its wording goes to the vault."""
    if row.version in load(PublishedInstrument, row.instrument).versions:
        return
    instrument, wording = _shipped()[row.instrument, row.version], str(uuid4())
    context.personal.texts.append(PutText(id=wording, body=wording_of(instrument)))
    yield PublishInstrument(at=at, instrument=instrument, wording=wording)
