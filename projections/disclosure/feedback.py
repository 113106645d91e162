"""Feedback: a released window's answers enter a module's figures in batches of at least the minimum group.

Comparing a report of yesterday with one of today, or a module with the sessions in it, then never tells of fewer
people. Batches are formed once, in the order of the log, item by item; `as_of` and `known_at` choose whole batches.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Literal, NamedTuple

import msgspec

from coopschool.domain.instruments import Instrument, Moment, Scale, mean
from projections.disclosure import figures
from projections.disclosure.figures import DISTRIBUTION_FROM, MIN_GROUP, Shown, near_end, told
from projections.disclosure.rounding import rounded

Source = Literal["online", "paper"]


class FeedbackRelease(msgspec.Struct, frozen=True, kw_only=True):
    """The answers of one session, moment and source, as released; `scores` by item, without persons."""

    position: int
    occurred_at: datetime
    session: str
    module: str
    instrument: Instrument
    moment: Moment
    source: Source
    scores: Mapping[str, Sequence[int]]


class FeedbackRow(msgspec.Struct, frozen=True, kw_only=True):
    """One item of one cell; `session` is set in the rows for its trainers. All figures null where suppressed.

    `distribution` counts `distribution_n` respondents by point of the scale and may lag behind `n`;
    `cold_minus_hot` compares the means of two groups of respondents, not of the same persons. `counted` are the log
    positions of the releases that the mean is made of.
    """

    module: str
    instrument: str
    version: int
    moment: Moment
    source: Source
    item: str
    session: str | None = None
    suppressed: bool = False
    n: int | None = None
    mean: Shown | None = None
    distribution: dict[str, int] | None = None
    distribution_n: int | None = None
    cold_minus_hot: float | None = None
    counted: tuple[int, ...] = ()


class Batch(NamedTuple):
    """Answers to one item that are counted together, from the releases at these log positions.

    `groups` are the parts that may have been shown by themselves.
    """

    positions: tuple[int, ...]
    occurred_at: datetime
    groups: tuple[tuple[int, ...], ...]

    @property
    def values(self) -> list[int]:
        return [value for group in self.groups for value in group]


Enough = Callable[[Sequence[Batch]], bool]


class _Cell(NamedTuple):
    module: str
    instrument: str
    version: int
    moment: Moment
    source: Source
    item: str
    session: str | None = None


def feedback(
    releases: Iterable[FeedbackRelease],
    *,
    by_session: bool,
    as_of: datetime | None = None,
    known_at: int | None = None,
    min_group: int = MIN_GROUP,
) -> list[FeedbackRow]:
    """A row for every cell and item of which something was released by then, in order of the cells.

    Give *all* releases in order of position: batches must not depend on what a report asks for. `as_of` is a moment,
    `known_at` a log position. `ValueError` for a minimum group below 5.
    """
    figures.checked_min_group(min_group)
    history: dict[_Cell, list[Batch]] = {}
    scales: dict[_Cell, Scale] = {}
    for release in releases:
        for cell, batch in _released(release, by_session):
            history.setdefault(cell, []).append(batch)
            scales[cell] = release.instrument.scale

    def chosen(batch: Batch) -> bool:
        return (as_of is None or batch.occurred_at <= as_of) and (known_at is None or max(batch.positions) <= known_at)

    means: dict[_Cell, Fraction] = {}
    rows: dict[_Cell, FeedbackRow] = {}
    for cell in sorted(history, key=lambda each: (each[:-1], each.session or "")):
        if not any(map(chosen, history[cell])):
            continue
        counted = _counted(history[cell], min_group)
        row, exact = _row(cell, counted, scales[cell], chosen)
        rows[cell] = row
        if exact is not None and not near_end(exact, scales[cell]):
            means[cell] = exact
    return [_compared(cell, row, means) for cell, row in rows.items()]


def gathered(parts: Iterable[Batch], enough: Enough) -> Iterator[Batch]:
    """Parts that are enough by themselves alone; the others together with those waiting, once that is enough."""
    waiting: list[Batch] = []
    for part in parts:
        if enough([part]):
            yield part
            continue
        waiting.append(part)
        if enough(waiting):
            yield _merged(waiting)
            waiting = []


def _released(release: FeedbackRelease, by_session: bool) -> Iterator[tuple[_Cell, Batch]]:
    for item in release.instrument.items_of(release.moment):
        values = tuple(release.scores.get(item.code, ()))
        if values:
            instrument = release.instrument
            cell = _Cell(release.module, instrument.code, instrument.version, release.moment, release.source, item.code)
            batch = Batch((release.position,), release.occurred_at, (values,))
            yield cell._replace(session=release.session if by_session else None), batch


def _counted(released: Sequence[Batch], min_group: int) -> list[Batch]:
    """The batches of one cell. First of 5, whatever the setting, so that a raised minimum joins whole batches."""
    smallest = (_as_one(batch) for batch in gathered(released, _persons(MIN_GROUP)))
    return list(gathered(smallest, _persons(min_group)))


def _persons(least: int) -> Enough:
    return lambda batches: sum(len(batch.values) for batch in batches) >= least


def _as_one(batch: Batch) -> Batch:
    """The same answers as one group: those who were too few by themselves are never told apart again."""
    return batch._replace(groups=(tuple(batch.values),))


def _merged(batches: Sequence[Batch]) -> Batch:
    return Batch(
        tuple(position for batch in batches for position in batch.positions),
        max(batch.occurred_at for batch in batches),
        tuple(group for batch in batches for group in batch.groups),
    )


def _row(
    cell: _Cell, counted: Sequence[Batch], scale: Scale, chosen: Callable[[Batch], bool]
) -> tuple[FeedbackRow, Fraction | None]:
    """The row, and its mean as it may enter a comparison."""
    row = FeedbackRow(**cell._asdict())
    batches = [batch for batch in counted if chosen(batch)]
    groups = [group for batch in batches for group in batch.groups]
    if not groups:
        return msgspec.structs.replace(row, suppressed=True), None
    n = sum(map(len, groups))
    exact = sum((len(group) * told(mean(group), scale) for group in groups), start=Fraction(0)) / n
    positions = tuple(sorted(position for batch in batches for position in batch.positions))
    row = msgspec.structs.replace(row, n=n, mean=figures.shown(exact, scale), counted=positions)
    spreading = [value for batch in _spreading(counted, scale) if chosen(batch) for value in batch.values]
    if spreading and not near_end(exact, scale):
        row = msgspec.structs.replace(
            row, distribution=figures.distribution(spreading, scale), distribution_n=len(spreading)
        )
    return row, exact


def _spreading(counted: Sequence[Batch], scale: Scale) -> Iterator[Batch]:
    """The batches of a distribution: each is large and varied, and tells the mean of no group that is near an end."""

    def enough(batches: Sequence[Batch]) -> bool:
        groups = [group for batch in batches for group in batch.groups]
        values = [value for group in groups for value in group]
        at_end = sum(near_end(mean(group), scale) for group in groups)
        return len(values) >= DISTRIBUTION_FROM and figures.varied(values) and at_end != 1

    return gathered(counted, enough)


def _compared(cell: _Cell, row: FeedbackRow, means: Mapping[_Cell, Fraction]) -> FeedbackRow:
    hot = cell._replace(moment="hot")
    if cell.moment != "cold" or cell not in means or hot not in means:
        return row
    return msgspec.structs.replace(row, cold_minus_hot=rounded(means[cell] - means[hot]))
