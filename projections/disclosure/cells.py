"""One wave and one dimension, cut into cells: teams, telework bands, all teams.

Bands and all teams are made of the teams that are shown themselves, with the means that those show.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from functools import partial
from typing import Literal, NamedTuple

import msgspec

from coopschool.domain.instruments import Instrument, Scale, mean
from projections.disclosure import figures
from projections.disclosure.pooling import (
    Choice,
    Team,
    choose,
    leaves_each_undetermined,
    spread_leaves_each_undetermined,
)

Scope = Literal["team", "band", "all_teams"]
Scores = Mapping[str, Sequence[Fraction]]


class WaveRelease(msgspec.Struct, frozen=True, kw_only=True):
    """One closed wave, for ever as it was released.

    `eligible` has the adviser ids of every team that took part, frozen at opening; `scores` the persons' means by team
    and dimension, in points of the scale; `bands` each team's telework band as known at the release.
    """

    wave: str
    released_at: datetime
    instrument: Instrument
    eligible: Mapping[str, frozenset[str]]
    scores: Mapping[str, Mapping[str, Sequence[Fraction]]] = {}
    bands: Mapping[str, str] = {}


class Cell(NamedTuple):
    """The exact figures behind one row; where the row is suppressed, `mean` is None and nothing else is told.

    `mean` is as it may enter other figures (`figures.told`); `eligible` are the advisers of the teams it covers.
    """

    scope: Scope
    name: str
    eligible: frozenset[str] = frozenset()
    n: int = 0
    mean: Fraction | None = None
    sd: float | None = None


def cut(release: WaveRelease, dimension: str, min_group: int) -> Iterator[Cell]:
    """The cells of a dimension: every team that took part, every band it has, and all teams."""
    teams = {
        team: values
        for team in release.eligible
        if len(values := release.scores.get(team, {}).get(dimension, ())) >= min_group
    }
    scale = release.instrument.scale
    for team in sorted(release.eligible):
        yield _team(release, team, teams[team], scale) if team in teams else Cell("team", team)
    yield from _totals(release, teams, scale)


def _team(release: WaveRelease, team: str, values: Sequence[Fraction], scale: Scale) -> Cell:
    spread = figures.spread(values) if _spreads(values, scale) else None
    return Cell("team", team, release.eligible[team], len(values), figures.told(mean(values), scale), spread)


def _totals(release: WaveRelease, scores: Scores, scale: Scale) -> Iterator[Cell]:
    teams = {team: Team(len(values), figures.told(mean(values), scale)) for team, values in scores.items()}
    whole = frozenset(teams)
    bands = {
        band: frozenset(team for team in whole if release.bands.get(team) == band)
        for band in sorted({release.bands[team] for team in release.eligible if team in release.bands})
    }
    means, spreads = _choices(teams, scores, bands, whole, scale)
    for band, names in bands.items():
        yield _total(release, Cell("band", band), names, scores, teams, band in means.parts, band in spreads.parts)
    yield _total(release, Cell("all_teams", ""), whole, scores, teams, means.total, spreads.total)


def _choices(
    teams: Mapping[str, Team], scores: Scores, bands: Mapping[str, frozenset[str]], whole: frozenset[str], scale: Scale
) -> tuple[Choice, Choice]:
    """Which totals show their mean, and which of these their spread."""

    def persons(band: str) -> int:
        return sum(teams[team].n for team in bands[band])

    means = choose(bands, whole, persons, partial(leaves_each_undetermined, teams, scale))
    parts = {band: bands[band] for band in means.parts}
    spreads = choose(parts, whole, persons, partial(_spread_of_total, teams, scores, scale))
    # Told beside the means of its parts, the spread of the whole bounds that of each part.
    pieces = filter(None, (*parts.values(), whole.difference(*parts.values())))
    is_open = all(spread_leaves_each_undetermined(teams, scores, scale, piece) for piece in pieces)
    return means, spreads._replace(total=means.total and spreads.total and is_open)


def _total(
    release: WaveRelease,
    hidden: Cell,
    names: frozenset[str],
    scores: Scores,
    teams: Mapping[str, Team],
    has_mean: bool,
    has_spread: bool,
) -> Cell:
    if not has_mean:
        return hidden
    n = sum(teams[team].n for team in names)
    total = sum((teams[team].n * teams[team].mean for team in names), start=Fraction(0))
    return hidden._replace(
        eligible=frozenset[str]().union(*(release.eligible[team] for team in names)),
        n=n,
        mean=total / n,
        sd=figures.spread(_together(scores, names)) if has_spread else None,
    )


def _spreads(values: Sequence[Fraction], scale: Scale) -> bool:
    return figures.varied(values) and not figures.near_end(mean(values), scale)


def _spread_of_total(teams: Mapping[str, Team], scores: Scores, scale: Scale, names: frozenset[str]) -> bool:
    """Whether the spread over these teams tells that of no team which does not show its own, and no team's mean."""
    if any(figures.near_end(mean(scores[team]), scale) for team in names):
        return False
    silent = [team for team in names if not _spreads(scores[team], scale)]
    together = sum(len(scores[team]) for team in silent)
    enough = not silent or (len(silent) > 1 and together >= figures.DISTRIBUTION_FROM)
    varied = enough and figures.varied(_together(scores, names))
    return varied and spread_leaves_each_undetermined(teams, scores, scale, names)


def _together(scores: Scores, names: frozenset[str]) -> list[Fraction]:
    return [value for team in sorted(names) for value in scores[team]]
