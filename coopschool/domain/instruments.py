"""Questionnaires: their items, what an acceptable answer is, and how answers become figures.

One machinery for both kinds. A survey instrument groups its items in `dimensions`; a feedback instrument lists the
items of each moment (`hot`, `cold`) and of the trainers' own report. Scores are exact fractions: nothing here rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, Literal

import msgspec

from coopschool.domain.errors import Invalid

Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}\Z")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Version = Annotated[int, msgspec.Meta(ge=1, le=9999)]
Language = Literal["fr", "nl", "en"]
Moment = Literal["hot", "cold", "trainer_report"]

MOMENTS: tuple[Moment, ...] = ("hot", "cold", "trainer_report")


class InstrumentInvalid(Invalid):
    """The instrument is not well formed."""


class UnknownItem(Invalid):
    """The instrument has no such item."""


class OutsideScale(Invalid):
    """The answer lies outside the scale."""


class TooFewItems(Invalid):
    """Too few items were answered."""


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One statement to agree or disagree with, in the languages it exists in."""

    code: Code
    fr: Text
    nl: Text | None = None
    en: Text | None = None

    def text(self, language: str) -> str:
        """The wording in this language; French where there is none."""
        return getattr(self, language, None) or self.fr


class Scale(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whole points from `min` to `max`, with a label for each or none."""

    min: Annotated[int, msgspec.Meta(ge=0, le=100)]
    max: Annotated[int, msgspec.Meta(ge=1, le=100)]
    labels_fr: tuple[Text, ...] = ()
    labels_nl: tuple[Text, ...] = ()
    labels_en: tuple[Text, ...] = ()

    @property
    def points(self) -> range:
        return range(self.min, self.max + 1)

    def label(self, point: int, language: str) -> str:
        """What a point is called in this language; its number where it has no name."""
        labels = getattr(self, f"labels_{language}", ()) or self.labels_fr
        return labels[point - self.min] if labels else str(point)


class Dimension(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Items that are averaged into one figure a person."""

    code: Code
    items: Annotated[tuple[Item, ...], msgspec.Meta(min_length=1)]


class Continuation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A published map: which series of an older version the new one goes on with. New code to old code."""

    version: Version
    dimensions: Mapping[Code, Code] = {}
    items: Mapping[Code, Code] = {}


class Instrument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A version of a questionnaire, as published; encoding it gives that JSON again, without what goes unsaid."""

    code: Code
    version: Version
    scale: Scale
    note: Text
    min_items_per_dimension: Annotated[int, msgspec.Meta(ge=1, le=50)] = 2
    dimensions: tuple[Dimension, ...] = ()
    hot: tuple[Code | Item, ...] = ()
    cold: tuple[Code | Item, ...] = ()
    trainer_report: tuple[Code | Item, ...] = ()
    continues: tuple[Continuation, ...] = ()

    @property
    def items(self) -> dict[str, Item]:
        """Every item by its code, in the order of the questionnaire."""
        return {item.code: item for _, item in _defined(self)}

    @property
    def dimension_codes(self) -> tuple[str, ...]:
        return tuple(dimension.code for dimension in self.dimensions)

    def items_of(self, moment: Moment | None = None) -> tuple[Item, ...]:
        """The items asked at a moment, or those of a survey (all dimensions) without one."""
        if moment is None:
            return tuple(item for dimension in self.dimensions for item in dimension.items)
        known = self.items
        return tuple(known[_code(entry)] for entry in getattr(self, moment))

    def shared_items(self) -> tuple[str, ...]:
        """Items asked both hot and cold, so that the two can be set side by side."""
        cold = {item.code for item in self.items_of("cold")}
        return tuple(item.code for item in self.items_of("hot") if item.code in cold)

    def check(self, answers: Mapping[str, Any], moment: Moment | None = None, field: str = "answers") -> None:
        """Refuses an answer that does not fit; the error's field names the item, below the `field` that holds them.

        Items may be left out, but something must count: one dimension with enough items, or one item of the moment.
        Raises `UnknownItem`, `OutsideScale` or `TooFewItems`.
        """
        asked = {item.code for item in self.items_of(moment)}
        for code, value in answers.items():
            if code not in asked:
                raise UnknownItem(f"{field}.{code}")
            if type(value) is not int or value not in self.scale.points:
                raise OutsideScale(f"{field}.{code}", least=self.scale.min, most=self.scale.max)
        if moment is None:
            self._check_dimensions(answers, field)
        elif not answers:
            raise TooFewItems(f"{field}.{self.items_of(moment)[0].code}", least=1)

    def in_order(self, answers: Mapping[str, int]) -> dict[str, int]:
        """The answers in the order of the questionnaire, so that the order they came in tells nothing."""
        return {code: answers[code] for code in self.items if code in answers}

    def score(self, dimension: str, answers: Mapping[str, int]) -> Fraction | None:
        """A person's mean on a dimension, in points of the scale; None with fewer items than the instrument asks."""
        given = [answers[item.code] for item in self._dimension(dimension).items if item.code in answers]
        return mean(given) if len(given) >= self.min_items_per_dimension else None

    def _dimension(self, code: str) -> Dimension:
        return next(dimension for dimension in self.dimensions if dimension.code == code)

    def _check_dimensions(self, answers: Mapping[str, int], field: str) -> None:
        if any(self.score(code, answers) is not None for code in self.dimension_codes):
            return
        items = self.items_of()
        missing = next((item for item in items if item.code not in answers), items[0])
        raise TooFewItems(f"{field}.{missing.code}", least=self.min_items_per_dimension)


def parse(published: bytes | str | Mapping[str, Any]) -> Instrument:
    """An instrument from its JSON, or from what was decoded from it. Raises `InstrumentInvalid`."""
    try:
        if isinstance(published, Mapping):
            instrument = msgspec.convert(published, Instrument)
        else:
            instrument = msgspec.json.decode(published, type=Instrument)
    except (msgspec.ValidationError, msgspec.DecodeError) as problem:
        raise InstrumentInvalid("instrument", problem=str(problem)) from None
    check_form(instrument)
    return instrument


def check_form(instrument: Instrument) -> None:
    """Raises `InstrumentInvalid`, whose field says where, if the parts of a questionnaire do not fit together."""
    _check_scale(instrument.scale)
    if not instrument.dimensions and not instrument.hot and not instrument.cold:
        raise InstrumentInvalid("dimensions", problem="no items")
    _check_items(instrument)
    _check_moments(instrument)
    _check_continuations(instrument)


def continued(versions: Mapping[int, Instrument], new: int, old: int, code: str) -> str | None:
    """The dimension or item of version `old` that `code` of version `new` goes on with, by published maps only.

    Maps may be chained. None means the series is broken there.
    """
    if new == old:
        return code
    for step in versions[new].continues if new in versions else ():
        before = step.dimensions.get(code) or step.items.get(code)
        if before is not None and (found := continued(versions, step.version, old, before)) is not None:
            return found
    return None


def mean(values: Sequence[int | Fraction]) -> Fraction:
    """The unweighted mean, exact."""
    return Fraction(sum(values), len(values))


def variance(values: Sequence[int | Fraction]) -> Fraction:
    """The sample variance (n - 1), exact; of at least two values."""
    centre = mean(values)
    return sum(((value - centre) ** 2 for value in values), start=Fraction(0)) / (len(values) - 1)


def percent(score: Fraction, scale: Scale) -> Fraction:
    """The score on 0-100: ``(mean - 1) * 25`` on a scale from 1 to 5."""
    return (score - scale.min) * Fraction(100, scale.max - scale.min)


def _code(entry: str | Item) -> str:
    return entry if isinstance(entry, str) else entry.code


def _defined(instrument: Instrument) -> Iterator[tuple[str, Item]]:
    """Every item where it is spelt out, with the path to it."""
    for d, dimension in enumerate(instrument.dimensions):
        for i, item in enumerate(dimension.items):
            yield f"dimensions.{d}.items.{i}", item
    for moment in MOMENTS:
        for i, entry in enumerate(getattr(instrument, moment)):
            if isinstance(entry, Item):
                yield f"{moment}.{i}", entry


def _check_scale(scale: Scale) -> None:
    if scale.min >= scale.max:
        raise InstrumentInvalid("scale.max", problem="not above min")
    for name in ("labels_fr", "labels_nl", "labels_en"):
        if getattr(scale, name) and len(getattr(scale, name)) != len(scale.points):
            raise InstrumentInvalid(f"scale.{name}", problem="not one label a point")


def _check_items(instrument: Instrument) -> None:
    seen: set[str] = set()
    for path, item in _defined(instrument):
        if item.code in seen:
            raise InstrumentInvalid(f"{path}.code", problem="used twice")
        seen.add(item.code)
    codes = instrument.dimension_codes
    for d, dimension in enumerate(instrument.dimensions):
        if codes.index(dimension.code) != d or dimension.code in seen:
            raise InstrumentInvalid(f"dimensions.{d}.code", problem="used twice")
        if len(dimension.items) < instrument.min_items_per_dimension:
            raise InstrumentInvalid(f"dimensions.{d}.items", problem="fewer than min_items_per_dimension")


def _check_moments(instrument: Instrument) -> None:
    known = instrument.items
    for moment in MOMENTS:
        codes = [_code(entry) for entry in getattr(instrument, moment)]
        for i, code in enumerate(codes):
            if code not in known:
                raise InstrumentInvalid(f"{moment}.{i}", problem="no such item")
            if codes.index(code) != i:
                raise InstrumentInvalid(f"{moment}.{i}", problem="used twice")


def _check_continuations(instrument: Instrument) -> None:
    for c, step in enumerate(instrument.continues):
        if step.version >= instrument.version:
            raise InstrumentInvalid(f"continues.{c}.version", problem="not an older version")
        for field, mapped, known in (
            ("dimensions", step.dimensions, instrument.dimension_codes),
            ("items", step.items, tuple(instrument.items)),
        ):
            for code in mapped:
                if code not in known:
                    raise InstrumentInvalid(f"continues.{c}.{field}.{code}", problem="no such code")
            if len(set(mapped.values())) != len(mapped):
                raise InstrumentInvalid(f"continues.{c}.{field}", problem="two codes continue the same one")
