"""Feedback through the gate: batches, distributions, comparisons, and an attacker who subtracts reports."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import product

import pytest
from msgspec.structs import replace

from coopschool import data
from coopschool.domain import instruments
from projections.disclosure import FeedbackRelease, FeedbackRow, feedback, rounded

INSTRUMENT = instruments.parse(data.read("instrument-feedback.json"))
START = datetime(2021, 1, 10, 18, tzinfo=UTC)


def release(
    position: int, values: Sequence[int], *, session: str = "", moment: instruments.Moment = "hot", item: str = "useful"
) -> FeedbackRelease:
    return FeedbackRelease(
        position=position,
        occurred_at=START + timedelta(days=position),
        session=session or f"session-{position}",
        module="M01",
        instrument=INSTRUMENT,
        moment=moment,
        source="online",
        scores={item: values},
    )


def module(*releases: FeedbackRelease, min_group: int = 5) -> FeedbackRow:
    (row,) = feedback(releases, by_session=False, min_group=min_group)
    return row


def test_answers_wait_until_five_are_uncounted() -> None:
    first, second, third = release(1, (4, 4, 3)), release(2, (5,)), release(3, (2, 3))
    assert module(first, second).suppressed
    assert module(first, second).n is None
    row = module(first, second, third)
    assert (row.n, row.mean, row.suppressed) == (6, 3.5, False)


def test_one_more_respondent_changes_nothing_that_is_shown() -> None:
    """The mean stays 3.8 of 5; were it to become 3.5 of 6, the newcomer's 2 could be computed."""
    first = release(1, (3, 4, 4, 5, 3))
    assert module(first).mean == 3.8
    assert module(first, release(2, (2,))) == module(first)


def test_a_session_of_five_counts_at_once_and_takes_nobody_along() -> None:
    """Its trainers see the session by itself: counted with two from elsewhere, those two would show by subtraction."""
    row = module(release(1, (1, 1)), release(2, (3, 4, 4, 5, 3)))
    assert (row.n, row.mean) == (5, 3.8)


def test_as_of_and_known_at_choose_whole_batches() -> None:
    given = [release(1, (4, 4, 3)), release(2, (5, 2, 3)), release(3, (1, 2, 1, 2, 3))]
    for asked in ({"as_of": START + timedelta(days=1)}, {"known_at": 1}):
        (row,) = feedback(given, by_session=False, **asked)
        assert row.suppressed
    (row,) = feedback(given, by_session=False, as_of=START + timedelta(days=2))
    assert row.n == 6
    (row,) = feedback(given, by_session=False, known_at=3)
    assert row.n == 11
    assert feedback(given, by_session=False, known_at=0) == []


def test_trainers_see_a_session_from_five_answers() -> None:
    rows = feedback([release(1, (4, 4, 3)), release(2, (3, 4, 4, 5, 3))], by_session=True)
    assert [(row.session, row.n, row.suppressed) for row in rows] == [
        ("session-1", None, True),
        ("session-2", 5, False),
    ]


def test_a_mean_near_an_end_only_says_so_and_enters_the_module_as_its_middle() -> None:
    top = release(1, (5, 5, 5, 5, 5, 5))
    assert (module(top).mean, module(top).distribution) == ("≥ 4.8", None)
    assert module(top, release(2, (3,) * 6)).mean == 3.95


def test_a_distribution_needs_ten_respondents_who_differ() -> None:
    assert module(release(1, (1, 2, 3, 4, 5, 3, 3, 2, 4))).distribution is None
    assert module(release(1, (3,) * 10)).distribution is None
    assert module(release(1, (3,) * 9 + (4, 2))).distribution is None
    row = module(release(1, (3,) * 8 + (4, 2, 2)))
    assert row.distribution == {"1": 0, "2": 2, "3": 8, "4": 1, "5": 0}
    assert row.distribution_n == 11


def test_a_distribution_grows_only_by_ten_who_differ() -> None:
    large, small, more = release(1, (1, 2, 3, 4, 5) * 2), release(2, (2, 2, 3, 3, 3)), release(3, (4, 4, 4, 2, 1))
    assert (module(large, small).n, module(large, small).distribution_n) == (15, 10)
    assert (module(large, small, more).n, module(large, small, more).distribution_n) == (20, 20)


def test_a_distribution_never_tells_the_mean_of_one_batch_near_an_end() -> None:
    top, plain = release(1, (5, 5, 5, 5, 5, 5)), release(2, (1, 2, 3, 4, 5, 3))
    assert module(top, plain).distribution is None
    assert module(top, plain, release(3, (5, 5, 5, 5, 4))).distribution_n == 17


def test_cold_minus_hot_compares_shared_items_where_both_are_shown() -> None:
    hot, cold = release(1, (4, 4, 4, 4, 3)), release(2, (3, 3, 3, 3, 4), moment="cold")
    rows = {row.moment: row for row in feedback([hot, cold], by_session=False)}
    assert (rows["hot"].cold_minus_hot, rows["cold"].cold_minus_hot) == (None, -0.6)
    (only,) = feedback([release(2, (3, 3, 3, 3, 4), moment="cold", item="used")], by_session=False)
    assert only.cold_minus_hot is None
    near = {row.moment: row for row in feedback([release(1, (5,) * 5), cold], by_session=False)}
    assert near["cold"].cold_minus_hot is None


def test_the_minimum_group_is_never_below_five() -> None:
    with pytest.raises(ValueError, match="at least 5"):
        module(release(1, (1,)), min_group=4)


WIDE = replace(INSTRUMENT, scale=instruments.Scale(min=1, max=50))


def history(rng: random.Random) -> list[FeedbackRelease]:
    """Releases recorded in another order than they happened; who answered in which shows in the score."""
    return [
        replace(
            release(position, [10 + position] * rng.choice((1, 2, 3, 4, 5, 6, 9, 12))),
            instrument=WIDE,
            occurred_at=START + timedelta(days=rng.randint(0, 9)),
        )
        for position in range(1, rng.randint(4, 14))
    ]


def everything_shown(releases: Sequence[FeedbackRelease], min_group: int) -> Iterator[FeedbackRow]:
    """All rows of all reports that anybody can ask for, at any time."""
    for by_session, known_at, days in product((False, True), range(len(releases) + 1), (0, 2, 3, 5, 6, 8, 9)):
        as_of = START + timedelta(days=days)
        yield from feedback(releases, by_session=by_session, as_of=as_of, known_at=known_at, min_group=min_group)


def smallest_told_apart(releases: Sequence[FeedbackRelease], figures: Iterable[frozenset[int]]) -> int | None:
    """How many respondents the smallest group has that occurs in exactly the same figures.

    Figures are sums over respondents, so no combination of them by subtraction tells a smaller group apart.
    """
    occurs: dict[int, set[frozenset[int]]] = defaultdict(set)
    for figure in figures:
        for position in figure:
            occurs[position].add(figure)
    together: Counter[frozenset[frozenset[int]]] = Counter()
    for position, figures_with_it in occurs.items():
        together[frozenset(figures_with_it)] += len(releases[position - 1].scores["useful"])
    return min(together.values(), default=None)


def counted_in(row: FeedbackRow, releases: Sequence[FeedbackRelease]) -> frozenset[int]:
    """The releases that a row's mean is made of, once its figures are found to agree."""
    values = [value for position in row.counted for value in releases[position - 1].scores["useful"]]
    assert (row.n, row.mean) == (len(values), rounded(Fraction(sum(values), len(values))))
    return frozenset(row.counted)


@pytest.mark.no_cover
def test_no_combination_of_reports_tells_too_few_respondents_apart() -> None:
    rng, met = random.Random(77), 0
    for _ in range(25):
        releases = history(rng)
        ever: set[frozenset[int]] = set()
        for min_group in (5, 8):
            shown = list(everything_shown(releases, min_group))
            means = {counted_in(row, releases) for row in shown if row.n is not None}
            spreads = {
                frozenset(int(point) - 10 for point, n in row.distribution.items() if n)
                for row in shown
                if row.distribution is not None
            }
            assert (smallest_told_apart(releases, means | spreads) or min_group) >= min_group
            assert (smallest_told_apart(releases, spreads) or 10) >= 10
            ever |= means | spreads
            met += len(means)
        assert (smallest_told_apart(releases, ever) or 5) >= 5  # also when the minimum group is raised on the way
    assert met > 100


def test_the_attacker_finds_the_few_where_answers_are_counted_at_once() -> None:
    """A careless gate counts whatever was released so far, as soon as there are five."""
    releases = [release(1, (3, 4, 4, 5, 3)), release(2, (2,))]
    assert smallest_told_apart(releases, {frozenset({1}), frozenset({1, 2})}) == 1
