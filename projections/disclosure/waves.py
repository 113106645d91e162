"""The autonomy figures: rows by wave, dimension and team, telework band or all teams, and who sees them when.

Rows follow from frozen releases alone, so a figure once shown never changes, and whoever joins or leaves a team later
changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

import msgspec

from coopschool.domain.instruments import Instrument, continued
from projections.disclosure import figures
from projections.disclosure.cells import Cell, Scope, WaveRelease, cut
from projections.disclosure.figures import Shown
from projections.disclosure.rounding import rounded

OTHERS_SEE_AFTER = timedelta(days=14)
LOW_RESPONSE = Fraction(60, 100)

Versions = Mapping[int, Instrument]


class AutonomyRow(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody who may see this row sees. In a suppressed row all figures are null.

    `eligible`, `stayers` (eligible in the wave before as well) and `n` are persons, `response_rate` is n / eligible,
    `mean` and `sd` are points of the scale, `change` is the mean minus that of the wave before; `series_broken` says
    that the instrument changed without a published map.
    """

    scope: Scope
    wave: str
    released_at: datetime
    instrument: str
    version: int
    dimension: str
    team: str | None = None
    band: str | None = None
    suppressed: bool = False
    eligible: int | None = None
    stayers: int | None = None
    n: int | None = None
    response_rate: float | None = None
    low_response: bool | None = None
    mean: Shown | None = None
    sd: float | None = None
    change: float | None = None
    series_broken: bool = False


class Viewer(NamedTuple):
    """Who looks: their roles, the teams whose figures are theirs to see first, the sessions that they give."""

    roles: frozenset[str]
    teams: frozenset[str] = frozenset()
    sessions: frozenset[str] = frozenset()


RESEARCHER = Viewer(frozenset({"researcher"}))


def visible(row: AutonomyRow, viewer: Viewer, now: datetime) -> bool:
    """Whether this viewer may see the row yet: own team first, other advisers 14 days later, coordinators no team."""
    if "researcher" in viewer.roles or row.team in viewer.teams:
        return True
    if "coordinator" in viewer.roles and row.scope != "team":
        return True
    return "adviser" in viewer.roles and now >= row.released_at + OTHERS_SEE_AFTER


def scored(instrument: Instrument, answers: Iterable[Mapping[str, int]]) -> dict[str, tuple[Fraction, ...]]:
    """The persons' means by dimension; a person counts where enough items were answered."""
    given = list(answers)
    return {
        dimension: tuple(score for answer in given if (score := instrument.score(dimension, answer)) is not None)
        for dimension in instrument.dimension_codes
    }


def autonomy(
    releases: Iterable[WaveRelease], versions: Versions, min_group: int = figures.MIN_GROUP
) -> list[AutonomyRow]:
    """Every row there is, in order of release and dimension, teams before bands before all teams.

    `releases` are those that the report's `as_of` and `known_at` choose, whole; `versions` the published instruments,
    for the maps by which a series continues. `ValueError` for a minimum group below 5.
    """
    figures.checked_min_group(min_group)
    ordered = sorted(releases, key=lambda release: (release.released_at, release.wave))
    waves = [_Wave(release, min_group) for release in ordered]
    return [
        _row(wave, dimension, cell, _before(waves[:number], cell), versions)
        for number, wave in enumerate(waves)
        for dimension, cells in wave.cells.items()
        for cell in cells.values()
    ]


class _Wave:
    """A release with its cells, by dimension and then by scope and name."""

    def __init__(self, release: WaveRelease, min_group: int) -> None:
        self.release = release
        self.min_group = min_group
        self.cells = {
            dimension: {(cell.scope, cell.name): cell for cell in cut(release, dimension, min_group)}
            for dimension in release.instrument.dimension_codes
        }


def _before(earlier: Sequence[_Wave], cell: Cell) -> _Wave | None:
    """The wave that a cell's change is counted from: the last one, for a team the last that it took part in."""
    took_part = (w for w in reversed(earlier) if cell.scope != "team" or cell.name in w.release.eligible)
    return next(took_part, None)


def _row(wave: _Wave, dimension: str, cell: Cell, before: _Wave | None, versions: Versions) -> AutonomyRow:
    release = wave.release
    continues = _continued(release, before, dimension, versions)
    row = AutonomyRow(
        scope=cell.scope,
        wave=release.wave,
        released_at=release.released_at,
        instrument=release.instrument.code,
        version=release.instrument.version,
        dimension=dimension,
        team=cell.name if cell.scope == "team" else None,
        band=cell.name if cell.scope == "band" else None,
        suppressed=cell.mean is None,
        series_broken=before is not None and continues is None,
    )
    if cell.mean is None:
        return row
    rate = Fraction(cell.n, len(cell.eligible))
    row = msgspec.structs.replace(
        row,
        eligible=len(cell.eligible),
        n=cell.n,
        response_rate=rounded(rate, 3),
        low_response=rate < LOW_RESPONSE,
        mean=figures.shown(cell.mean, release.instrument.scale),
        sd=cell.sd,
    )
    previous = before.cells[continues].get((cell.scope, cell.name)) if before and continues else None
    if previous is None or previous.mean is None:
        return row
    stayers = len(cell.eligible & previous.eligible)
    ends = any(figures.near_end(mean, release.instrument.scale) for mean in (cell.mean, previous.mean))
    change = rounded(cell.mean - previous.mean) if stayers >= wave.min_group and not ends else None
    return msgspec.structs.replace(row, stayers=stayers, change=change)


def _continued(release: WaveRelease, before: _Wave | None, dimension: str, versions: Versions) -> str | None:
    """The dimension of the wave before that this one goes on with, if an instrument map says so."""
    if before is None:
        return None
    new, old = release.instrument, before.release.instrument
    if (new.code, new.scale.points) != (old.code, old.scale.points):
        return None
    found = continued(versions, new.version, old.version, dimension)
    return found if found in old.dimension_codes else None
