"""The gate under attack: everything shown to anybody at any time, put together by subtraction and linear programming.

Here the gate's functions are attacked, `python -m torture gate` attacks what people get of them. Three attackers differ
in what they may see: everybody's rows together, a coordinator's (no teams) with the figures of one team known, and
somebody who wants to know what "≥ 4.8" hides.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest
from msgspec.structs import replace

from projections.disclosure import AutonomyRow, WaveRelease, autonomy
from tests.projections.disclosure_cases import Case, cases, mean_of, survey
from torture.deducing import HALF_A_DIGIT, Attack, Unknown

pytestmark = pytest.mark.no_cover  # the same lines thousands of times, each of which would take twice as long
CASES = 520
DIMENSION = "scheduling"
SEED = 20200317


@dataclass
class Knowledge:
    """What an attacker has put together about one dimension of a case."""

    attack: Attack
    releases: Mapping[str, WaveRelease]
    waves: list[str]

    def unknowns(self, row: AutonomyRow) -> list[Unknown]:
        """Every team that the row might cover, the documentation not being trusted."""
        release = self.releases[row.wave]
        if row.scope == "team":
            return [(row.wave, row.team or "")]
        return [
            (row.wave, team)
            for team in release.eligible
            if row.scope == "all_teams" or release.bands.get(team) == row.band
        ]


def learn(case: Case, dimension: str, rows: Sequence[AutonomyRow]) -> Knowledge:
    """Everything that the rows say of a dimension, as inequalities."""
    know = Knowledge(Attack(), {each.wave: each for each in case.releases}, [each.wave for each in case.releases])
    shown = {
        (row.wave, row.scope, row.team or row.band): row
        for row in rows
        if row.dimension == dimension and not row.suppressed
    }
    for release in case.releases:
        for team, eligible in release.eligible.items():
            know.attack.team((release.wave, team), len(eligible))
    for row in shown.values():
        know.attack.persons(know.unknowns(row), row.n)
        know.attack.mean(know.unknowns(row), row.mean, row.n)
    for before, now in pairwise(know.waves):
        for (wave, scope, name), row in shown.items():
            old = shown.get((before, scope, name))
            if wave == now and row.change is not None and old is not None:
                know.attack.difference(know.unknowns(row), row.n, know.unknowns(old), old.n, row.change)
    return know


def hidden(case: Case, dimension: str, rows: Sequence[AutonomyRow]) -> Iterator[tuple[Unknown, int]]:
    """Hidden teams that did answer, and how many answered: the truth, by which the attacker is measured."""
    for row in rows:
        if row.scope == "team" and row.suppressed and row.dimension == dimension:
            release = next(each for each in case.releases if each.wave == row.wave)
            values = release.scores[row.team][dimension]
            if values:
                yield (row.wave, row.team), len(values)


def determined(case: Case, rows: Sequence[AutonomyRow]) -> list[str]:
    """The hidden teams whose mean the attacker knows to within less than one point of the scale."""
    caught = []
    for dimension in case.instrument.dimension_codes:
        know = learn(case, dimension, rows)
        assert know.attack.holds_together()
        for unknown, n in hidden(case, dimension, rows):
            found = know.attack.range_of(unknown, n)
            if found is not None and found[1] - found[0] < 1:
                caught.append(f"{unknown} {dimension}: {found}")
    return caught


def test_no_hidden_team_is_determined_by_all_that_anybody_is_shown() -> None:
    met = 0
    for case in cases(CASES, SEED):
        rows = case.rows()
        met += sum(1 for dimension in case.instrument.dimension_codes for _ in hidden(case, dimension, rows))
        assert determined(case, rows) == []
    assert met > CASES


def leaky(case: Case) -> list[AutonomyRow]:
    """The rows of a careless gate: it shows no bands, but its all teams covers the hidden teams too."""

    def careless(row: AutonomyRow) -> AutonomyRow:
        if row.scope != "all_teams":
            return replace(row, suppressed=row.suppressed or row.scope == "band")
        release = next(each for each in case.releases if each.wave == row.wave)
        everyone = tuple(value for team in release.scores.values() for value in team[row.dimension])
        if not everyone:
            return row
        return replace(row, suppressed=False, n=len(everyone), mean=float(round(mean_of(everyone), 2)), change=None)

    return [careless(row) for row in case.rows()]


def test_the_attacker_finds_hidden_teams_where_totals_are_careless() -> None:
    assert sum(bool(determined(case, leaky(case))) for case in cases(60, SEED)) > 10


def test_what_was_shown_once_is_never_shown_differently_later() -> None:
    for case in cases(CASES, SEED + 1):
        for waves in range(1, len(case.releases)):
            before = case.rows(waves)
            assert case.rows(waves + 1)[: len(before)] == before


@pytest.mark.parametrize("knows_a_team", [False, True])
def test_a_coordinator_determines_no_team_even_when_knowing_their_own(knows_a_team: bool) -> None:
    met = 0
    for case in cases(60, SEED + 2):
        everything = case.rows()
        totals = [row for row in everything if row.scope != "team"]
        for dimension in case.instrument.dimension_codes:
            met += _coordinator(case, dimension, everything, totals, knows_a_team)
    assert met > 60


def _coordinator(
    case: Case, dimension: str, everything: Sequence[AutonomyRow], totals: Sequence[AutonomyRow], knows_a_team: bool
) -> int:
    shown = [row for row in everything if row.scope == "team" and row.dimension == dimension and row.mean is not None]
    own = next(iter(shown), None) if knows_a_team else None
    know = learn(case, dimension, [*totals, own] if own else totals)
    for row in everything:  # the worst case: who answered how often is known from elsewhere
        if row.scope == "team" and row.dimension == dimension:
            know.attack.persons(know.unknowns(row), row.n or 0)
    suspects = [row for row in shown if row is not own]
    for row in suspects:
        found = know.attack.range_of((row.wave, row.team or ""), row.n)
        assert found is not None
        assert found[1] - found[0] > 1 - 4 * HALF_A_DIGIT
    return len(suspects)


def calm(random: Random) -> WaveRelease:
    """A wave in which hardly anybody differs from the others."""
    teams = {f"team-{n}": random.randint(5, 12) for n in range(random.randint(3, 7))}
    apart = random.choice((0.05, 0.3, 0.6))

    def score() -> Fraction:
        return 3 + Fraction(random.choice((-2, -1, 1, 2)), 3) if random.random() < apart else Fraction(3)

    return WaveRelease(
        wave="calm",
        released_at=datetime(2020, 5, 1, tzinfo=UTC),
        instrument=survey(),
        eligible={team: frozenset(f"{team}-{n}" for n in range(size)) for team, size in teams.items()},
        scores={team: {"scheduling": tuple(score() for _ in range(size))} for team, size in teams.items()},
        bands={team: random.choice(("0", "100")) for team in teams},
    )


def test_a_coordinator_who_knows_a_team_determines_no_other_by_how_little_a_total_spreads() -> None:
    """Of N persons with squared deviations S, n can lie off by the root of S (N - n) / (n N)."""
    random, met, hidden = Random(SEED), 0, 0
    for _ in range(300):
        release = calm(random)
        scores = {team: of[DIMENSION] for team, of in release.scores.items()}
        shown = {row.band or "": row for row in autonomy([release], {}) if row.scope != "team" and row.n}
        groups = {band: [t for t in scores if band in ("", release.bands[t])] for band in shown}
        groups["rest"] = [t for t in scores if not any(t in groups[band] for band in shown if band)]
        told = {band for band, row in shown.items() if row.sd is not None and row.dimension == DIMENSION}
        hidden += len(shown) - len(told)
        if "" in told:  # what subtraction leaves
            told |= {"rest"} if len(groups["rest"]) < len(scores) and groups["rest"] else set()
        for band in told:
            for known in groups[band]:
                others = [t for t in groups[band] if t != known]
                everybody = [value for t in others for value in scores[t]]
                centre = mean_of(tuple(everybody))
                squares = sum((value - centre) ** 2 for value in everybody)
                for suspect in others:
                    n, whole = len(scores[suspect]), len(everybody)
                    off = float(squares * (whole - n) / (n * whole)) ** 0.5
                    assert 2 * off >= 1 - HALF_A_DIGIT
                    met += 1
    assert met > 300
    assert hidden > 50


def test_nothing_tells_more_of_a_team_at_the_end_of_the_scale_than_its_own_row() -> None:
    met = 0
    for case in cases(CASES, SEED + 3):
        rows = case.rows()
        for dimension in case.instrument.dimension_codes:
            met += _at_an_end(case, dimension, rows)
    assert met > 50


def _at_an_end(case: Case, dimension: str, rows: Sequence[AutonomyRow]) -> int:
    """Moving a team's answers about within its end of the scale must change nothing that is shown."""
    met = 0
    for row in rows:
        if row.scope != "team" or row.dimension != dimension or not isinstance(row.mean, str):
            continue
        met += 1
        extreme = Fraction(5) if row.mean.startswith("≥") else Fraction(1)
        releases = [
            replace(each, scores=_unanimous(each, row, extreme)) if each.wave == row.wave else each
            for each in case.releases
        ]
        assert Case(releases, case.min_group, case.instrument).rows() == rows
    return met


def _unanimous(release: WaveRelease, row: AutonomyRow, value: Fraction) -> dict[str, Mapping[str, Sequence[Fraction]]]:
    team = row.team or ""
    scores = release.scores[team]
    return {**release.scores, team: {**scores, row.dimension: (value,) * len(scores[row.dimension])}}


def test_the_answers_of_hidden_teams_change_nothing_that_is_shown() -> None:
    """Non-interference, the reason why the attacks above must fail: hidden answers are no input of any row."""
    for case in cases(CASES, SEED + 4):
        rows = case.rows()
        gone = {(row.wave, row.team, row.dimension) for row in rows if row.scope == "team" and row.suppressed}
        releases = [
            replace(
                each,
                scores={
                    team: {d: () if (each.wave, team, d) in gone else values for d, values in scores.items()}
                    for team, scores in each.scores.items()
                },
            )
            for each in case.releases
        ]
        assert Case(releases, case.min_group, case.instrument).rows() == rows
