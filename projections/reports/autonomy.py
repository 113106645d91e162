"""`autonomy`: how far teams decide about their own work, wave by wave, beside telework and what workshops decided.

The figures about answers come from `projections.disclosure` as they are. What stands beside them (telework, decisions)
is known without the survey; in a row that the gate hides it is left out as well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from projections.disclosure import AutonomyRow, Gate, Viewer, WaveRelease, visible
from projections.reports.arithmetic import rate
from projections.reports.asked import Asked, Parameter
from projections.reports.questionnaires import HIDDEN, NOT_VALIDATED, Versions, published
from projections.reports.report import Definition, Row, Rows

SCOPES = ("team", "band", "all_teams")
COLUMNS = ("scope", "team", "band", "wave", "released_on", "instrument", "version", "dimension")
OF_ANSWERS = ("eligible", "stayers", "n", "response_rate", "low_response", "mean", "sd", "change")
OF_DECISIONS = ("decisions", "decisions_by_theme", "decisions_by_outcome", "decisions_by_decided_by", "overdue")
FIGURES = (*OF_ANSWERS, "telework_share", "regime", *OF_DECISIONS)
BANDS = (("<=20%", Fraction(1, 5)), ("<=50%", Fraction(1, 2)))

Key = tuple[str, str]  # wave, team


class Telework(NamedTuple):
    """Days at home and days worked, by regime."""

    home: Counter[str]
    worked: Counter[str]

    @property
    def share(self) -> Fraction | None:
        worked = self.worked.total()
        return Fraction(self.home.total(), worked) if worked else None

    @property
    def regime(self) -> str | None:
        """That under which most days were worked; the first by name of several."""
        return min(self.worked, key=lambda regime: (-self.worked[regime], regime), default=None)


class Beside(NamedTuple):
    """What stands beside the answers of each team in each wave."""

    telework: Mapping[Key, Telework]
    decisions: Mapping[Key, Sequence[Row]]


def band_of(share: Fraction | None) -> str | None:
    """The telework band: 0, at most a fifth, at most half, less than all, all; None where nothing was recorded."""
    if share is None:
        return None
    if share in (0, 1):
        return "100%" if share else "0%"
    return next((name for name, most in BANDS if share <= most), "<100%")


def shape(found: Rows, asked: Asked, gate: Gate) -> list[Row]:
    """The rows that this viewer may see, in order of release and dimension: teams, bands, all teams."""
    beside = Beside(_telework(found["telework"]), _decisions(found["decisions"]))
    questionnaires = published(found["instruments"])
    released = {row["wave"]: row for row in found["releases"]}
    series = _releases(found, released, questionnaires, beside)
    rows = []
    for code, shown in gate.autonomy(series, questionnaires).items():
        covered = _covered(shown, series[code])
        rows += [
            _row(row, released[row.wave], covered, beside)
            for row in shown
            if _wanted(row, asked) and visible(row, asked.viewer, asked.now)
        ]
    return rows


def _releases(
    found: Rows, released: Mapping[str, Row], questionnaires: Mapping[str, Versions], beside: Beside
) -> dict[str, list[WaveRelease]]:
    """What is known of the waves without their answers, by questionnaire: no series goes on from one to another."""
    eligible: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in found["eligible"]:
        eligible[row["wave"]][row["team"]].add(row["adviser"])
    releases = defaultdict(list)
    for wave, row in released.items():
        teams = eligible[wave]
        bands = {team: band_of(beside.telework[wave, team].share) for team in teams if (wave, team) in beside.telework}
        release = WaveRelease(
            wave=wave,
            released_at=row["occurred_at"],
            instrument=questionnaires[row["instrument"]][row["version"]],
            eligible={team: frozenset(advisers) for team, advisers in teams.items()},
            bands={team: band for team, band in bands.items() if band is not None},
        )
        releases[row["instrument"]].append(release)
    return releases


def _covered(
    shown: Iterable[AutonomyRow], releases: Iterable[WaveRelease]
) -> dict[tuple[str, str, str | None], list[str]]:
    """The teams that a total stands for, by wave, dimension and band (None: all teams): those that are shown."""
    bands = {release.wave: release.bands for release in releases}
    covered: dict[tuple[str, str, str | None], list[str]] = defaultdict(list)
    for row in shown:
        if row.scope == "team" and row.team and not row.suppressed:
            covered[row.wave, row.dimension, None].append(row.team)
            if row.team in bands[row.wave]:
                covered[row.wave, row.dimension, bands[row.wave][row.team]].append(row.team)
    return covered


def _wanted(row: AutonomyRow, asked: Asked) -> bool:
    scopes = set(asked.group_by) & set(SCOPES) or set(SCOPES)
    given: dict[str, Any] = {"wave": row.wave, "dimension": row.dimension, "team": row.team}
    return row.scope in scopes and all(asked.filters[name] in (None, value) for name, value in given.items())


def _row(
    row: AutonomyRow, release: Row, covered: Mapping[tuple[str, str, str | None], list[str]], beside: Beside
) -> Row:
    teams = [row.team] if row.team else covered.get((row.wave, row.dimension, row.band), [])
    telework = _together(beside.telework[row.wave, team] for team in teams if (row.wave, team) in beside.telework)
    told: Row = {
        "scope": row.scope,
        "team": row.team,
        "band": row.band,
        "wave": row.wave,
        "released_on": release["released_on"].isoformat(),
        "instrument": row.instrument,
        "version": row.version,
        "dimension": row.dimension,
        **{figure: getattr(row, figure) for figure in OF_ANSWERS},
        "series_broken": row.series_broken,
        **dict.fromkeys(("telework_share", "regime", *OF_DECISIONS)),
        "release": release["position"],
        "suppressed": row.suppressed,
    }
    if row.suppressed:
        return told
    share = telework.share
    return told | {
        "band": row.band or (band_of(share) if row.team else None),
        "telework_share": None if share is None else rate(share.numerator, share.denominator),
        "regime": telework.regime,
        **decided(decision for team in teams for decision in beside.decisions.get((row.wave, team), ())),
    }


def decided(rows: Iterable[Row]) -> Row:
    """How many decisions, of what they are, how they stand and who took them; how many wait for a review overdue."""
    counts: dict[str, Counter[str]] = {column: Counter() for column in ("theme", "outcome", "decided_by")}
    total = overdue = 0
    for row in rows:
        times = int(row["decisions"])
        total += times
        overdue += int(row["overdue"])
        for column, counted in counts.items():
            counted[row[column]] += times
    by = {f"decisions_by_{column}": dict(sorted(counted.items())) for column, counted in counts.items()}
    return {"decisions": total, **by, "overdue": overdue}


def _telework(rows: Iterable[Row]) -> dict[Key, Telework]:
    found: dict[Key, Telework] = {}
    for row in rows:
        of_team = found.setdefault((row["wave"], row["team"]), Telework(Counter(), Counter()))
        of_team.home[row["regime"]] += int(row["days_teleworked"])
        of_team.worked[row["regime"]] += int(row["days_worked"])
    return found


def _together(parts: Iterable[Telework]) -> Telework:
    whole = Telework(Counter(), Counter())
    for part in parts:
        whole.home.update(part.home)
        whole.worked.update(part.worked)
    return whole


def _decisions(rows: Iterable[Row]) -> dict[Key, list[Row]]:
    found: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["wave"], row["team"]].append(row)
    return found


def teams_seen_by(viewer: Viewer) -> frozenset[str] | None:
    """The teams whose workshops the viewer may see; None for all of them."""
    return None if viewer.roles & {"researcher", "coordinator"} else viewer.teams


AUTONOMY = Definition(
    name="autonomy",
    title="How far teams decide about their own work, wave by wave",
    roles=("coordinator", "researcher"),
    own="advisers: their own team at once, everything else 14 days after the release",
    group_by=SCOPES,
    columns=COLUMNS,
    figures=(*OF_ANSWERS, "series_broken", "telework_share", "regime", *OF_DECISIONS, "release", "suppressed"),
    parameters=(
        Parameter("wave", "text", "only this wave"),
        Parameter("dimension", "text", "only this dimension of the questionnaire"),
        Parameter("team", "text", "only the rows of this team"),
    ),
    projections=("ratings", "teams", "workshops"),
    shape=shape,
    gated=True,
    order=("released_on", "wave", "dimension", "team", "band"),
    notes=(
        NOT_VALIDATED,
        "Autonomy beside telework or decisions is an association, not a cause: other things changed at the same time.",
        HIDDEN,
        (
            "mean: of the persons who answered enough items of the dimension, on the questionnaire's scale; bands and "
            "all_teams cover the teams that are shown. low_response: under 60 %. change: since the wave before; "
            "series_broken: the questionnaire changed and no map leads on from the old one."
        ),
        (
            "telework_share: days at home of the days worked in the last full quarter before the wave; decisions: as "
            "they stood at the release. Coordinators see bands and all teams only."
        ),
    ),
)
