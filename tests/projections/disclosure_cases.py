"""Random chantiers: teams, advisers who join and leave, waves and their answers. Seeded, so always the same."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from coopschool import data
from coopschool.domain import instruments
from projections.disclosure import AutonomyRow, WaveRelease, autonomy, scored

FIRST = datetime(2020, 1, 15, 12, tzinfo=UTC)
BANDS = ("0", "<=20", "<=50", "<100", "100")
ITEMS = {"scheduling": ("s1", "s2", "s3"), "decision_making": ("d1", "d2", "d3")}


def survey(version: int = 1, continues: tuple[instruments.Continuation, ...] = ()) -> instruments.Instrument:
    """The autonomy instrument with two of its dimensions, to keep the cases small."""
    whole = instruments.parse(data.read("instrument-autonomy.json"))
    return instruments.Instrument(
        code=whole.code,
        version=version,
        scale=whole.scale,
        note=whole.note,
        dimensions=whole.dimensions[:2],
        continues=continues,
    )


@dataclass
class Case:
    """A chantier with everything that really happened in it, also what must stay hidden."""

    releases: list[WaveRelease]
    min_group: int
    instrument: instruments.Instrument = field(default_factory=survey)

    def rows(self, waves: int | None = None) -> list[AutonomyRow]:
        """All rows that anybody sees once the first so many waves are released."""
        return autonomy(self.releases[:waves], {1: self.instrument}, self.min_group)


def cases(number: int, seed: int) -> Iterator[Case]:
    rng = random.Random(seed)
    for _ in range(number):
        yield _case(rng)


def _case(rng: random.Random) -> Case:
    instrument = survey()
    people = iter(range(100_000))
    teams = {
        f"team-{t}": [f"adviser-{next(people)}" for _ in range(rng.choice((1, 2, 4, 5, 6, 7, 9, 11, 13)))]
        for t in range(rng.randint(1, 9))
    }
    leaning = {team: rng.choice((1, 2, 3, 4, 5)) for team in teams}
    diligence = rng.choice((0.5, 0.8, 1.0))
    releases = []
    for wave in range(rng.randint(1, 3)):
        _move(rng, teams, people)
        answers = {
            team: [_answer(rng, leaning[team]) for _ in advisers if rng.random() < diligence]
            for team, advisers in teams.items()
        }
        releases.append(
            WaveRelease(
                wave=f"wave-{wave}",
                released_at=FIRST + timedelta(days=182 * wave),
                instrument=instrument,
                eligible={team: frozenset(advisers) for team, advisers in teams.items()},
                scores={team: scored(instrument, given) for team, given in answers.items()},
                bands={team: rng.choice(BANDS[: rng.randint(1, 5)]) for team in teams if rng.random() < 0.9},
            )
        )
    return Case(releases, rng.choice((5, 5, 5, 6, 8)), instrument)


def _move(rng: random.Random, teams: dict[str, list[str]], people: Iterator[int]) -> None:
    """Some leave, some join, some change teams."""
    names = sorted(teams)
    for team in names:
        if len(teams[team]) > 1 and rng.random() < 0.4:
            leaver = teams[team].pop(rng.randrange(len(teams[team])))
            if rng.random() < 0.5:
                teams[rng.choice(names)].append(leaver)
        if rng.random() < 0.4:
            teams[team].append(f"adviser-{next(people)}")


def _answer(rng: random.Random, leaning: int) -> dict[str, int]:
    """One adviser's answers around where the team leans, with items and now and then a dimension left out."""
    answer: dict[str, int] = {}
    for items in ITEMS.values():
        asked = items if rng.random() < 0.7 else items[: rng.randint(0, 2)]
        answer |= {item: min(5, max(1, leaning + rng.choice((-2, -1, 0, 0, 0, 1, 2)))) for item in asked}
    return answer


def mean_of(values: tuple[Fraction, ...]) -> Fraction:
    return sum(values, start=Fraction(0)) / len(values)
