"""Which versions of a questionnaire were published, for surveys and feedback alike.

The log holds what figures need: codes, scale, maps. The wording, which people type, is in the vault.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

import msgspec
from eventsourcing.domain import event

from coopschool.domain import tags
from coopschool.domain.base import Aggregate, Command, Decided, Event, Load, Unchanged, existing
from coopschool.domain.errors import Forbidden, RuleBroken, Unknown
from coopschool.domain.instruments import Continuation, Dimension, Instrument, Item, Moment, Scale, check_form


class DimensionOutline(msgspec.Struct, frozen=True, kw_only=True):
    """The codes of a dimension and of its items."""

    code: str
    items: tuple[str, ...]


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument without its wording."""

    least: int
    most: int
    min_items_per_dimension: int
    dimensions: tuple[DimensionOutline, ...] = ()
    hot: tuple[str, ...] = ()
    cold: tuple[str, ...] = ()
    trainer_report: tuple[str, ...] = ()
    continues: tuple[Continuation, ...] = ()


# --- events


class InstrumentPublished(Event, frozen=True, kw_only=True):
    """A version of a questionnaire may be used from now on; `digest` is the SHA-256 of its wording, as JSON."""

    TOPIC: ClassVar[str] = "InstrumentPublished.v1"
    instrument: tags.InstrumentCode
    version: int
    outline: Outline
    wording: tags.TextId
    digest: str


# --- errors


class VersionNotNewer(RuleBroken):
    """A version of this instrument with the same or a higher number is published already."""


class ContinuesUnknown(RuleBroken):
    """The map names a version, a dimension or an item that was never published."""


# --- aggregate


class PublishedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version as it was published."""

    outline: Outline
    wording: str
    digest: str
    position: int
    published_at: datetime


class PublishedInstrument(Aggregate):
    """A questionnaire: its versions by number, in ascending order."""

    KIND = "instrument"

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.versions: dict[int, PublishedVersion] = {}

    @property
    def exists(self) -> bool:
        return bool(self.versions)

    def version(self, number: int) -> PublishedVersion:
        """Raises `Unknown`."""
        if number not in self.versions:
            raise Unknown("instrument", f"{self.id}.{number}")
        return self.versions[number]

    def questions(self, number: int) -> Instrument:
        """A version to check and score answers with; codes stand where the wording would. Raises `Unknown`."""
        return instrument_of(self.id, number, self.version(number).outline)

    def in_use_at(self, moment: datetime) -> int:
        """The newest version published by then; the first one for a moment before that. Raises `Unknown`."""
        if not self.versions:
            raise Unknown(self.KIND, self.id)
        published = [number for number, version in self.versions.items() if version.published_at <= moment]
        return max(published, default=min(self.versions))

    @event(InstrumentPublished)
    def _(self, version: int, outline: Outline, wording: str, digest: str) -> None:
        self.versions[version] = PublishedVersion(
            outline=outline, wording=wording, digest=digest, position=self.position, published_at=self.moment
        )


# --- decisions


class PublishInstrument(Command, frozen=True, kw_only=True):
    """Publishes a version; its JSON (`wording_of`) goes to the vault under `wording` in the same transaction."""

    instrument: Instrument
    wording: str

    def needs(self) -> Sequence[tuple[type[Aggregate], str]]:
        return [(PublishedInstrument, self.instrument.code)]

    def decide(self, load: Load) -> Decided:
        if not self.by.is_any("coordinator", "researcher"):
            raise Forbidden
        new = self.instrument
        check_form(new)
        published = load(PublishedInstrument, new.code)
        digest = hashlib.sha256(wording_of(new).encode()).hexdigest()
        same = published.versions.get(new.version)
        if same is not None and same.digest == digest:
            return Unchanged(same.position)
        if any(new.version <= version for version in published.versions):
            raise VersionNotNewer(instrument=new.code, version=new.version, newest=max(published.versions))
        _check_continued(new, published)
        return self.occurs(
            InstrumentPublished(
                instrument=new.code, version=new.version, outline=outline_of(new), wording=self.wording, digest=digest
            )
        )


def _check_continued(new: Instrument, published: PublishedInstrument) -> None:
    for step in new.continues:
        if step.version not in published.versions:
            raise ContinuesUnknown(continues=step.version)
        old = published.questions(step.version)
        for codes, known in ((step.dimensions, old.dimension_codes), (step.items, tuple(old.items))):
            if missing := sorted(set(codes.values()) - set(known)):
                raise ContinuesUnknown(continues=step.version, codes=missing)


def used(load: Load, code: str, number: int, moment: Moment | None = None) -> Instrument:
    """A published version that asks something: at a moment of feedback, or as a survey. Raises `Unknown`."""
    questions = existing(load, PublishedInstrument, code).questions(number)
    if not questions.items_of(moment):
        raise Unknown("instrument", f"{code}.{number}")
    return questions


# --- an instrument and its outline


def wording_of(instrument: Instrument) -> str:
    """The instrument as published, as JSON."""
    return msgspec.json.encode(instrument).decode()


def outline_of(instrument: Instrument) -> Outline:
    """What figures need of an instrument."""
    return Outline(
        least=instrument.scale.min,
        most=instrument.scale.max,
        min_items_per_dimension=instrument.min_items_per_dimension,
        dimensions=tuple(
            DimensionOutline(code=dimension.code, items=tuple(item.code for item in dimension.items))
            for dimension in instrument.dimensions
        ),
        hot=_codes(instrument, "hot"),
        cold=_codes(instrument, "cold"),
        trainer_report=_codes(instrument, "trainer_report"),
        continues=instrument.continues,
    )


def instrument_of(code: str, version: int, outline: Outline) -> Instrument:
    """The instrument behind an outline, with codes for wording: good for checking and scoring."""
    return Instrument(
        code=code,
        version=version,
        scale=Scale(min=outline.least, max=outline.most),
        note=code,
        min_items_per_dimension=outline.min_items_per_dimension,
        dimensions=tuple(
            Dimension(code=dimension.code, items=_items(dimension.items)) for dimension in outline.dimensions
        ),
        hot=_items(outline.hot),
        cold=_items(outline.cold),
        trainer_report=_items(outline.trainer_report),
        continues=outline.continues,
    )


def _codes(instrument: Instrument, moment: Moment) -> tuple[str, ...]:
    return tuple(item.code for item in instrument.items_of(moment))


def _items(codes: tuple[str, ...]) -> tuple[Item, ...]:
    return tuple(Item(code=code, fr=code) for code in codes)
