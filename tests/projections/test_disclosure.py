"""The gate, rule by rule: what is shown of a wave, to whom and when."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from msgspec.structs import replace

from coopschool.domain.instruments import Continuation, Instrument
from projections.disclosure import (
    AutonomyRow,
    Viewer,
    WaveRelease,
    autonomy,
    checked_min_group,
    enough,
    rounded,
    rounded_root,
    scored,
    visible,
)
from tests.projections.disclosure_cases import survey

SPRING = datetime(2021, 3, 1, 12, tzinfo=UTC)
AUTUMN = datetime(2021, 9, 1, 12, tzinfo=UTC)
D = "scheduling"


def wave(
    teams: dict[str, Sequence[float]],
    *,
    name: str = "spring",
    at: datetime = SPRING,
    eligible: dict[str, frozenset[str]] | None = None,
    bands: dict[str, str] | None = None,
    instrument: Instrument | None = None,
) -> WaveRelease:
    """A wave in which the teams' advisers scored so on the first dimension; all eligible answered unless said."""
    everybody = {team: frozenset(f"{team}-{i}" for i in range(len(values))) for team, values in teams.items()}
    return WaveRelease(
        wave=name,
        released_at=at,
        instrument=instrument or survey(),
        eligible=everybody | (eligible or {}),
        scores={team: {D: tuple(map(Fraction, values))} for team, values in teams.items()},
        bands=bands or {},
    )


def rows(*releases: WaveRelease, versions: Sequence[Instrument] = (), min_group: int = 5) -> dict[str, AutonomyRow]:
    """The rows of the last wave on the first dimension, by team, band or ``all``."""
    published = {each.version: each for each in versions}
    last = max(releases, key=lambda each: each.released_at).wave
    return {
        row.team or row.band or "all": row
        for row in autonomy(releases, published, min_group)
        if (row.dimension, row.wave) == (D, last)
    }


FIVE = (3, 4, 4, 5, 3)
TEN = (1, 2, 2, 3, 3, 3, 4, 4, 4, 5)


def test_five_valid_persons_are_shown_and_four_are_not() -> None:
    shown = rows(wave({"north": FIVE, "south": FIVE[:4]}))
    assert (shown["north"].n, shown["north"].mean, shown["north"].suppressed) == (5, 3.8, False)
    hidden = shown["south"]
    assert hidden.suppressed
    figures = (hidden.n, hidden.eligible, hidden.stayers, hidden.response_rate, hidden.mean, hidden.sd, hidden.change)
    assert figures == (None,) * 7


def test_the_minimum_group_can_be_raised_but_not_lowered() -> None:
    assert rows(wave({"north": FIVE}), min_group=6)["north"].suppressed
    with pytest.raises(ValueError, match="at least 5"):
        rows(wave({"north": FIVE}), min_group=4)
    assert checked_min_group(7) == 7
    assert enough(5)
    assert not enough(6, 7)


def test_persons_count_by_dimension_where_they_answered_enough_items() -> None:
    whole = dict.fromkeys(("s1", "s2", "s3", "d1", "d2"), 4)
    given = scored(survey(), [whole, whole | {"s1": 5}, {"s1": 1, "d1": 3, "d2": 3}])
    assert given == {D: (4, Fraction(13, 3)), "decision_making": (4, 4, 3)}


def test_the_response_rate_is_flagged_below_sixty_percent() -> None:
    eligible = {"north": frozenset(map(str, range(9))), "south": frozenset(map(str, range(8)))}
    shown = rows(wave({"north": FIVE, "south": FIVE}, eligible=eligible))
    assert (shown["north"].response_rate, shown["north"].low_response) == (0.556, True)
    assert (shown["south"].response_rate, shown["south"].low_response) == (0.625, False)


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ((5, 5, 5, 5, 5), "≥ 4.8"),
        ((5, 5, 5, 5, 4), "≥ 4.8"),
        ((5, 5, 5, 5, 3), 4.6),
        ((1, 1, 1, 1, 2), "≤ 1.2"),
        ((1, 1, 1, 1, 3), 1.4),
    ],
)
def test_a_mean_near_an_end_of_the_scale_only_says_so(values: Sequence[float], mean: float | str) -> None:
    assert rows(wave({"north": values}))["north"].mean == mean


def test_the_spread_is_shown_from_ten_persons_who_differ() -> None:
    alike = (3,) * 8 + (2, 4)
    shown = rows(wave({"ten": TEN, "nine": TEN[:9], "alike": alike, "top": (5,) * 13 + (4, 4, 4)}))
    assert shown["ten"].sd == 1.2
    assert [shown[team].sd for team in ("nine", "alike", "top")] == [None] * 3


def test_a_total_needs_three_shown_teams_and_covers_no_hidden_one() -> None:
    two = rows(wave({"a": FIVE, "b": FIVE, "small": (1, 1)}))
    assert two["all"].suppressed
    three = rows(wave({"a": FIVE, "b": FIVE, "c": (2, 2, 2, 3, 3), "small": (1, 1)}))
    assert (three["all"].n, three["all"].eligible, three["all"].mean) == (15, 15, 3.33)


def test_a_team_near_an_end_enters_a_total_as_the_middle_of_what_it_shows() -> None:
    shown = rows(wave({"a": (3,) * 5, "b": (3,) * 5, "c": (2,) * 5, "top": (5,) * 5}))
    assert shown["all"].mean == rounded(Fraction(3 + 3 + 2 + Fraction(49, 10)) / 4)


def test_a_total_that_would_pin_a_team_down_is_hidden() -> None:
    nearly_all_fives = (5, 5, 5, 4.5, 4)
    assert rows(wave({"a": nearly_all_fives, "b": nearly_all_fives, "c": nearly_all_fives}))["all"].suppressed


def test_a_band_is_hidden_when_the_total_minus_it_would_leave_too_few_teams() -> None:
    teams = dict.fromkeys("abcdefg", FIVE)
    office = dict.fromkeys("abc", "0")
    together = rows(wave(teams, bands=office | dict.fromkeys("defg", "<=20")))
    assert not together["0"].suppressed
    assert not together["<=20"].suppressed
    apart = rows(wave(teams, bands=office | dict.fromkeys("def", "<=20") | {"g": "100"}))
    assert apart["100"].suppressed
    assert [apart[band].suppressed for band in ("0", "<=20")] == [True, False]
    assert not apart["all"].suppressed


def test_teams_without_a_band_are_part_of_what_subtraction_leaves() -> None:
    shown = rows(wave(dict.fromkeys("abcd", FIVE), bands=dict.fromkeys("abc", "0")))
    assert shown["0"].suppressed
    assert shown["all"].n == 20


def test_the_spread_of_a_total_does_not_tell_that_of_one_small_team() -> None:
    large = dict.fromkeys("abc", TEN)
    assert rows(wave(large))["all"].sd is not None
    assert rows(wave(large | {"small": FIVE}))["all"].sd is None
    assert rows(wave(large | {"small": FIVE, "little": FIVE}))["all"].sd is not None
    assert rows(wave(large | {"top": (5,) * 12}))["all"].sd is None


def test_the_spread_of_a_total_does_not_pin_the_means_of_its_teams_down() -> None:
    """A small one says that every team lies near the common mean, which the coordinator sees."""
    nearly = (3,) * 9 + (Fraction(10, 3),)
    calm = rows(wave({"a": nearly, "b": nearly, "c": (3,) * 8 + (Fraction(8, 3),) * 2}))["all"]
    assert (calm.n, calm.mean, calm.sd) == (30, 3.0, None)
    lively = rows(wave({"a": TEN, "b": TEN, "c": TEN}))["all"]
    assert lively.sd == 1.16


def test_the_spread_of_a_total_is_not_told_where_it_bounds_that_of_a_calm_band() -> None:
    nearly = (3,) * 9 + (Fraction(10, 3),)
    calm, lively = dict.fromkeys("abc", nearly), dict.fromkeys("defg", TEN)
    bands = dict.fromkeys("abc", "0") | dict.fromkeys("defg", "100")
    shown = rows(wave(calm | lively, bands=bands))
    assert [shown[name].mean is None for name in ("0", "100", "all")] == [False] * 3
    assert [shown[name].sd for name in ("0", "all")] == [None, None]


def test_the_change_needs_both_waves_shown_and_five_advisers_in_both() -> None:
    before = wave({"kept": FIVE, "new": FIVE, "small": FIVE[:4]})
    people = {"new": frozenset({"new-0", "x", "y", "z", "u"})}
    after = wave(
        {"kept": (4,) * 5, "new": (4,) * 5, "small": FIVE, "fresh": FIVE}, name="autumn", at=AUTUMN, eligible=people
    )
    shown = rows(before, after)
    assert (shown["kept"].change, shown["kept"].stayers) == (0.2, 5)
    assert (shown["new"].change, shown["new"].stayers) == (None, 1)
    assert (shown["small"].change, shown["small"].stayers) == (None, None)
    assert (shown["fresh"].change, shown["fresh"].series_broken) == (None, False)


def test_the_change_is_not_told_where_a_mean_is_near_an_end() -> None:
    before, after = wave({"a": (5,) * 5}), wave({"a": FIVE}, name="autumn", at=AUTUMN)
    assert rows(before, after)["a"].change is None
    assert rows(replace(before, released_at=AUTUMN), replace(after, released_at=SPRING))["a"].change is None


def test_a_team_that_skipped_a_wave_is_compared_with_its_last_one() -> None:
    between = wave({"other": FIVE}, name="summer", at=SPRING + timedelta(days=92))
    after = wave({"a": (4,) * 5}, name="autumn", at=AUTUMN)
    assert rows(wave({"a": FIVE}), between, after)["a"].change == 0.2


def test_a_newcomer_is_not_given_away_by_comparing_3_8_of_five_with_3_5_of_six() -> None:
    """A wave is frozen: who joins later, or leaves, changes nothing; the next wave asks everybody anew."""
    spring = wave({"a": FIVE})
    assert rows(spring)["a"].mean == 3.8
    autumn = wave({"a": (*FIVE, 2)}, name="autumn", at=AUTUMN)
    both = autonomy([autumn, spring], {})
    assert both[: len(autonomy([spring], {}))] == autonomy([spring], {})


def test_a_series_breaks_where_the_instrument_changes_without_a_map() -> None:
    mapped = survey(2, (Continuation(1, {D: D}),))
    unmapped = survey(3)
    versions = [survey(), mapped, unmapped]
    spring = wave({"a": FIVE})
    continuing = wave({"a": (4,) * 5}, name="autumn", at=AUTUMN, instrument=mapped)
    assert (rows(spring, continuing, versions=versions)["a"].change) == 0.2
    breaking = wave({"a": (4,) * 5}, name="autumn", at=AUTUMN, instrument=unmapped)
    broken = rows(spring, breaking, versions=versions)["a"]
    assert (broken.change, broken.series_broken) == (None, True)
    lost = replace(mapped, dimensions=mapped.dimensions[1:], continues=())
    assert rows(replace(spring, instrument=lost), continuing, versions=versions)["a"].series_broken
    other = replace(unmapped, code="other")
    assert rows(spring, wave({"a": FIVE}, name="autumn", at=AUTUMN, instrument=other))["a"].series_broken


NOW = SPRING + timedelta(days=1)
LATER = SPRING + timedelta(days=14)


@pytest.mark.parametrize(
    ("viewer", "at", "seen"),
    [
        (Viewer(frozenset({"adviser"}), frozenset({"a"})), NOW, {"a"}),
        (Viewer(frozenset({"adviser"}), frozenset({"a"})), LATER, {"a", "b", "c", "0", "all"}),
        (Viewer(frozenset({"adviser"})), NOW, set()),
        (Viewer(frozenset({"coordinator"})), LATER, {"0", "all"}),
        (Viewer(frozenset({"researcher"})), NOW, {"a", "b", "c", "0", "all"}),
        (Viewer(frozenset({"member", "trainer", "admin"})), LATER, set()),
    ],
)
def test_the_own_team_sees_first_others_later_and_coordinators_see_no_team(
    viewer: Viewer, at: datetime, seen: set[str]
) -> None:
    shown = rows(wave(dict.fromkeys("abc", FIVE), bands=dict.fromkeys("abc", "0")))
    assert {name for name, row in shown.items() if visible(row, viewer, at)} == seen


def test_rounding_happens_once_and_half_away_from_zero() -> None:
    assert [rounded(Fraction(n, 200)) for n in (1, -1, 3, 501)] == [0.01, -0.01, 0.02, 2.51]
    assert rounded(Fraction(2, 3), 3) == 0.667
    assert [rounded_root(Fraction(2)), rounded_root(Fraction(0)), rounded_root(Fraction(9, 4))] == [1.41, 0.0, 1.5]
