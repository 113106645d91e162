"""Random chantiers, as events: teams whose advisers come and go, waves, telework, workshops, feedback.

Nothing is left out that could make figures move: people who change teams, are erased or answer only some items, waves
that are recorded late, telework that is recorded after the release, questionnaires with and without a map. `otherwise`
tells the same chantier with other answers wherever they must stay hidden.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from coopschool import data
from coopschool.domain import instruments
from coopschool.domain.advisers.adviser_team import AdviserJoinedTeam, AdviserLeftTeam, TeamFormed, TeleworkRecorded
from coopschool.domain.advisers.autonomy_survey import (
    EligibleTeam,
    TeamResponses,
    WaveClosed,
    WaveOpened,
    WaveReopened,
    WaveResponsesReleased,
)
from coopschool.domain.advisers.workshop import DecisionTaken, WorkshopHeld, WorkshopPlanned
from coopschool.domain.base import Event
from coopschool.domain.instrument_versions import InstrumentPublished, outline_of
from coopschool.domain.instruments import Continuation, Instrument
from coopschool.domain.school.feedback import FeedbackReleased
from coopschool.domain.school.member import MemberJoined
from coopschool.domain.school.person import PersonalDataErased, PersonRegistered
from coopschool.domain.school.session import SessionScheduled, Slot

BRUSSELS = ZoneInfo("Europe/Brussels")
FIRST = datetime(2018, 1, 15, 9, tzinfo=BRUSSELS)
HALF_YEAR = timedelta(days=182)
BATCHES = 3  # in which everything is recorded, late releases after later ones
SIZES = (1, 2, 4, 5, 6, 7, 9, 11, 13)
SHARES = (0, 0, 8, 12, 25, 30, 45, 60, 60)  # days at home, of 60
WHOLE = instruments.parse(data.read("instrument-autonomy.json"))
FEEDBACK = instruments.parse(data.read("instrument-feedback.json"))

Answer = dict[str, int]
Happened = tuple[int, datetime, Event]  # recorded in which batch, when, what


@dataclass
class Wave:
    """A wave as it really was: who could answer, and what they did, also what was destroyed."""

    id: str
    released_at: datetime
    instrument: Instrument
    eligible: dict[str, tuple[str, ...]]
    answers: dict[str, list[Answer]]
    telework: dict[str, tuple[int, int]] = field(default_factory=dict)  # days at home and worked, as known at release

    def valid(self, team: str, dimension: str) -> list[Fraction]:
        """The persons' means on a dimension."""
        scores = (self.instrument.score(dimension, answer) for answer in self.answers[team])
        return [score for score in scores if score is not None]


@dataclass
class Chantier:
    """What happened, what really was behind it, and who is there to look.

    These are the `advisers` of each team and the trainer of each session (`trainers`).
    """

    code: str
    module: str
    waves: list[Wave] = field(default_factory=list)
    happened: list[Happened] = field(default_factory=list)
    advisers: dict[str, list[str]] = field(default_factory=dict)
    trainers: dict[str, str] = field(default_factory=dict)

    def hidden(self, min_group: int) -> Iterator[tuple[Wave, str, str]]:
        """Wave, team and dimension wherever fewer than the minimum group are valid."""
        for wave in self.waves:
            for team in wave.eligible:
                for dimension in wave.instrument.dimension_codes:
                    if len(wave.valid(team, dimension)) < min_group:
                        yield wave, team, dimension


def drawn(number: int, seed: int) -> Chantier:
    """The chantier of that number."""
    return _Drawing(Random(f"{seed}-{number}"), number).chantier


class _Drawing:
    def __init__(self, random: Random, number: int) -> None:
        """Draws a whole chantier; `number` makes its questionnaire and module its own."""
        self.random = random
        self.chantier = Chantier(f"survey_{number}", f"F{number:04}")
        self.leaning: dict[str, int] = {}
        self.diligence = random.choice((0.5, 0.8, 1.0))
        self.versions = [self._version(1)]
        self.tell(0, FIRST - timedelta(days=30), published(self.versions[0]))
        for _ in range(random.randint(1, 8)):
            self._team()
        for wave in range(random.randint(1, 4)):
            self._wave(wave)
        self._feedback()

    def id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def tell(self, batch: int, at: datetime, *events: Event) -> None:
        self.chantier.happened += [(batch, at, event) for event in events]

    def _version(self, number: int, *continues: Continuation) -> Instrument:
        return Instrument(
            code=self.chantier.code, version=number, scale=WHOLE.scale, note=WHOLE.note,
            dimensions=WHOLE.dimensions[:2], continues=continues,
        )  # fmt: skip

    # --- teams

    def _team(self) -> None:
        team = self.id()
        self.leaning[team] = self.random.choice((1, 2, 3, 4, 5))
        self.chantier.advisers[team] = []
        self.tell(0, FIRST - timedelta(days=20), TeamFormed(team=team, name=self.id()))
        for _ in range(self.random.choice(SIZES)):
            self._joins(team, FIRST - timedelta(days=20))

    def _joins(self, team: str, at: datetime, who: str | None = None) -> None:
        if who is None:
            who = self.id()
            joined = MemberJoined(member=who, category="B", joined_on=at.date())
            self.tell(0, at, PersonRegistered(person=who), joined)
        self.tell(0, at, AdviserJoinedTeam(team=team, adviser=who, from_=at.date()))
        self.chantier.advisers[team].append(who)

    def _move(self, at: datetime) -> None:
        """Some leave, some join, some change teams, some are erased."""
        advisers = self.chantier.advisers
        for team, people in advisers.items():
            if len(people) > 1 and self.random.random() < 0.4:
                leaver = people.pop(self.random.randrange(1, len(people)))
                left = AdviserLeftTeam(team=team, adviser=leaver, from_=at.date(), to=at.date())
                self.tell(0, at, left)
                if self.random.random() < 0.5:
                    self._joins(self.random.choice(list(advisers)), at + timedelta(days=1), leaver)
                elif self.random.random() < 0.5:
                    self.tell(BATCHES - 1, at + timedelta(days=300), PersonalDataErased(person=leaver))
            if self.random.random() < 0.4:
                self._joins(team, at)

    # --- waves

    def _wave(self, number: int) -> None:
        opened = FIRST + number * HALF_YEAR + timedelta(days=self.random.randrange(60))
        self._move(opened - timedelta(days=10))
        if number == 2 and self.random.random() < 0.5:
            mapped = self.random.random() < 0.5
            same = {code: code for code in self.versions[0].dimension_codes}
            continues = (Continuation(version=1, dimensions=same),) if mapped else ()
            self.versions.append(self._version(2, *continues))
            self.tell(0, opened - timedelta(days=5), published(self.versions[-1]))
        asked = {team: people for team, people in self.chantier.advisers.items() if self.random.random() < 0.9}
        if not asked:
            return
        batch = self.random.choice((0, 0, 1, 2))
        wave = Wave(
            id=self.id(),
            released_at=opened + timedelta(days=20, hours=10),
            instrument=self.versions[-1],
            eligible={team: tuple(people) for team, people in asked.items()},
            answers={
                team: [self._answer(team) for _ in people if self.random.random() < self.diligence]
                for team, people in asked.items()
            },
        )
        self.chantier.waves.append(wave)
        self._beside(wave, batch, opened)
        keys: dict[str, Any] = {"wave": wave.id, "instrument": self.chantier.code, "version": wave.instrument.version}
        frozen = tuple(EligibleTeam(team=team, advisers=people) for team, people in wave.eligible.items())
        closes = wave.released_at.date()
        self.tell(batch, opened, WaveOpened(teams=frozen, opened_on=opened.date(), closes_on=closes, **keys))
        if self.random.random() < 0.1:
            reopened = WaveReopened(wave=wave.id, teams=tuple(wave.eligible), closes_on=closes)
            self.tell(batch, opened + timedelta(days=3), reopened)
        released = WaveResponsesReleased(responses=responses_of(wave), **keys)
        self.tell(batch, wave.released_at, WaveClosed(wave=wave.id, teams=tuple(wave.eligible)), released)

    def _answer(self, team: str) -> Answer:
        """One adviser's answers around where the team leans, with items and now and then a dimension left out."""
        answer: Answer = {}
        for dimension in self.versions[-1].dimensions:
            items = [item.code for item in dimension.items]
            asked = items if self.random.random() < 0.7 else items[: self.random.randint(0, 2)]
            step = (-2, -1, 0, 0, 0, 1, 2)
            answer |= {item: min(5, max(1, self.leaning[team] + self.random.choice(step))) for item in asked}
        return answer

    def _beside(self, wave: Wave, batch: int, opened: datetime) -> None:
        """Telework of the quarter before, some of it recorded only after the release; workshops with decisions."""
        first = opened.date().replace(month=3 * ((opened.month - 1) // 3) + 1, day=1) - timedelta(days=1)
        quarter = f"{first.year}Q{(first.month + 2) // 3}"
        for team in wave.eligible:
            for regime, share in (("structural", 0.9), ("covid", 0.2)):
                if self.random.random() < share:
                    late = self.random.random() < 0.2
                    days: Any = {"days_teleworked": self.random.choice(SHARES), "days_worked": 60}
                    record = TeleworkRecorded(team=team, quarter=quarter, regime=regime, **days)  # type: ignore[arg-type]
                    self.tell(BATCHES - 1 if late else batch, opened - timedelta(days=1), record)
                    if not late or batch == BATCHES - 1:
                        home, worked = wave.telework.get(team, (0, 0))
                        wave.telework[team] = home + days["days_teleworked"], worked + days["days_worked"]
            if self.random.random() < 0.3:
                self._workshop(team, batch, opened)

    def _workshop(self, team: str, batch: int, at: datetime) -> None:
        keys: dict[str, Any] = {"workshop": self.id(), "team": team}
        people = tuple(self.chantier.advisers[team])
        taken = DecisionTaken(
            decision=self.id(), theme="rota", decided_by="team", review_on=date(2021, 1, 1), text=self.id(), **keys
        )
        self.tell(
            batch,
            at,
            WorkshopPlanned(planned_for=at.date(), facilitators=(), **keys),
            WorkshopHeld(held_on=at.date(), participants=people, themes=("rota",), **keys),
            taken,
        )

    # --- feedback

    def _feedback(self) -> None:
        for number in range(self.random.randint(0, 5)):
            session, batch = self.id(), self.random.randrange(BATCHES)
            at = FIRST + number * timedelta(days=90)
            self.tell(0, at - timedelta(days=60), self._scheduled(session, at - timedelta(days=8)))
            for moment in ("hot", "cold"):
                online, paper = ([self._rating(moment) for _ in range(self.random.randint(0, 8))] for _ in range(2))
                released = FeedbackReleased(
                    session=session, module=self.chantier.module, moment=moment, instrument=FEEDBACK.code,
                    version=FEEDBACK.version, online=tuple(online), paper=tuple(paper),
                )  # fmt: skip
                if online or paper:
                    self.tell(batch, at + timedelta(days=100 if moment == "cold" else 0), released)

    def _scheduled(self, session: str, at: datetime) -> SessionScheduled:
        self.chantier.trainers[session] = trainer = self.id()
        return SessionScheduled(
            session=session, module=self.chantier.module, revision=1, audience=("A", "B"), prerequisites=(),
            min_attendance=Decimal("0.8"), slots=(Slot(number=1, starts_at=at, ends_at=at + timedelta(hours=3)),),
            seats=20, trainers=(trainer,), languages=("fr",), place="LIE", format="in_person", promotion_cutoff=at,
        )  # fmt: skip

    def _rating(self, moment: Any) -> Answer:
        items = [item.code for item in FEEDBACK.items_of(moment)]
        return {item: self.random.randint(1, 5) for item in items if self.random.random() < 0.9} or {items[0]: 3}


def published(instrument: Instrument) -> InstrumentPublished:
    return InstrumentPublished(
        instrument=instrument.code, version=instrument.version, outline=outline_of(instrument),
        wording=str(UUID(int=0)), digest="0" * 64,
    )  # fmt: skip


def responses_of(wave: Wave) -> tuple[TeamResponses, ...]:
    return tuple(
        TeamResponses(team=team, n=len(answers), answers=tuple(answers) if len(answers) >= 5 else None)
        for team, answers in wave.answers.items()
    )


def in_order(chantiers: Sequence[Chantier]) -> list[list[tuple[datetime, Event]]]:
    """What happened, batch by batch as it is recorded, each in the order of time."""
    batches: list[list[tuple[datetime, Event]]] = [[] for _ in range(BATCHES)]
    batches[0].append((FIRST - HALF_YEAR, published(FEEDBACK)))
    for chantier in chantiers:
        for batch, at, event in chantier.happened:
            batches[batch].append((at, event))
    for batch in batches:
        batch.sort(key=lambda one: one[0])
    return batches


# --- the same with other answers, where they must not show


def otherwise(chantiers: Sequence[Chantier], min_group: int, random: Random) -> list[Chantier]:
    """The same chantiers, but what must stay hidden was answered differently: whatever is shown must be the same.

    Hidden are the answers on dimensions with fewer valid persons than the minimum group, how many they were where not
    even five answered, and feedback that waits for more. Answers that give a mean near an end of the scale are all
    moved to that end.
    """
    waiting = _waiting([event for batch in in_order(chantiers) for _, event in batch], min_group)
    return [_otherwise(chantier, min_group, random, waiting) for chantier in chantiers]


def _otherwise(
    chantier: Chantier, min_group: int, random: Random, waiting: Mapping[tuple[str, str, str], frozenset[str]]
) -> Chantier:
    waves = {wave.id: _wave_otherwise(wave, min_group, random) for wave in chantier.waves}

    def changed(event: Event) -> Event:
        if isinstance(event, WaveResponsesReleased):
            return replace(event, responses=responses_of(waves[event.wave]))
        if isinstance(event, FeedbackReleased):
            return _feedback_otherwise(event, random, waiting)
        return event

    told = [(batch, at, changed(event)) for batch, at, event in chantier.happened]
    return Chantier(chantier.code, chantier.module, list(waves.values()), told, chantier.advisers, chantier.trainers)


def _wave_otherwise(wave: Wave, min_group: int, random: Random) -> Wave:
    answers = {}
    for team, given in wave.answers.items():
        if len(given) < 5:
            answers[team] = [{} for _ in range(random.randint(0, 4))]
            continue
        moved = [dict(answer) for answer in given]
        for dimension in wave.instrument.dimensions:
            valid = wave.valid(team, dimension.code)
            mean = sum(valid, start=Fraction(0)) / len(valid) if valid else None
            for answer in moved:
                for item in {one.code for one in dimension.items} & answer.keys():
                    if len(valid) < min_group:
                        answer[item] = random.randint(1, 5)
                    elif mean is not None and abs(mean - 3) >= Fraction(9, 5):
                        answer[item] = 5 if mean > 3 else 1
        answers[team] = moved
    return Wave(wave.id, wave.released_at, wave.instrument, wave.eligible, answers, wave.telework)


def _feedback_otherwise(
    event: FeedbackReleased, random: Random, waiting: Mapping[tuple[str, str, str], frozenset[str]]
) -> FeedbackReleased:
    def moved(source: str, answers: Sequence[Answer]) -> tuple[Answer, ...]:
        items = waiting.get((event.session, event.moment, source), frozenset())
        return tuple(
            {item: random.randint(1, 5) if item in items else score for item, score in answer.items()}
            for answer in answers
        )

    return replace(event, online=moved("online", event.online), paper=moved("paper", event.paper))


def _waiting(events: Sequence[Event], min_group: int) -> dict[tuple[str, str, str], frozenset[str]]:
    """The items of each session, moment and source whose scores wait for more, at the end of the log."""
    queues: dict[tuple[str, str, str, str], list[tuple[str, int]]] = defaultdict(list)
    large: dict[tuple[str, str, str, str], list[list[tuple[str, int]]]] = defaultdict(list)
    for event in events:
        if not isinstance(event, FeedbackReleased):
            continue
        for source, answers in (("online", event.online), ("paper", event.paper)):
            for item in {item for answer in answers for item in answer}:
                cell = (event.module, event.moment, source, item)
                part = (event.session, sum(item in answer for answer in answers))
                if part[1] >= 5:
                    large[cell].append([part])
                    continue
                queues[cell].append(part)
                if sum(n for _, n in queues[cell]) >= 5:
                    large[cell].append(queues.pop(cell))
    left: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for cell, parts in queues.items():
        for session, _ in parts:
            left[session, cell[1], cell[2]].add(cell[3])
    for cell, batches in large.items():
        for session in _still_small(batches, min_group):
            left[session, cell[1], cell[2]].add(cell[3])
    return {key: frozenset(items) for key, items in left.items()}


def _still_small(batches: Sequence[Sequence[tuple[str, int]]], min_group: int) -> list[str]:
    """The sessions in batches of five that wait because the minimum group was raised."""
    waiting: list[tuple[str, int]] = []
    for batch in batches:
        if sum(n for _, n in batch) >= min_group:
            continue
        waiting += batch
        if sum(n for _, n in waiting) >= min_group:
            waiting = []
    return [session for session, _ in waiting]
