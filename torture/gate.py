"""The statistics gate under attack: all that anybody gets of random chantiers, put together.

Random chantiers are written into a log and folded by the real projections. Then everybody asks for everything: every
role, an adviser of each team within the 14 days and one after, the trainer of each session, over HTTP, on the command
line and from a lake, as of and as known at moments that choose different releases. Two attacks follow:

- The same chantier with other answers wherever they must stay hidden must look the same, to the letter, to everybody.
- By linear programming over every row that anybody was shown, at any time and by any role, the mean of a hidden team
  must be able to range over at least one point of the scale.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from litestar.testing import TestClient
from rich.table import Table
from typer.testing import CliRunner

from coopschool import logs
from coopschool.api.app import SchoolApp
from coopschool.api.auth import mint_token
from coopschool.application import CoopSchool
from coopschool.cli import app as command_line
from coopschool.clock import FixedClock
from coopschool.database import Database
from coopschool.pseudonyms import Pseudonyms
from coopschool.settings import Settings
from projections.lake import export
from projections.lake.export import key_of
from projections.reports.autonomy import band_of
from projections.runner import Runner
from tests.support.made_log import record
from tests.support.postgres import TestServer
from torture.chantiers import BATCHES, FIRST, HALF_YEAR, Chantier, Wave, drawn, in_order, otherwise
from torture.deducing import Attack, Unknown

TOGETHER = 10  # chantiers in one database
RECORDED = tuple(datetime(2026, 1, 1 + batch, 9, tzinfo=UTC) for batch in range(BATCHES))
TODAY = datetime(2026, 2, 1, 9, tzinfo=UTC)
AS_OF = (None, *((FIRST + times * HALF_YEAR / 2).date().isoformat() for times in (1, 3, 5)))
KNOWN_AT = (None, *(at.date().isoformat() for at in RECORDED[:-1]))
MIN_GROUPS = (5, 5, 5, 6, 8)
OTHERS_SEE_AFTER = timedelta(days=14)
FIGURES = ("mean", "n", "response_rate", "sd", "change")

PSEUDONYM = re.compile(r"\b[0-9a-f]{32}\b")
OWN = re.compile(r'"(epoch|instance)":"[^"]+"')  # each database and each refusal has its own

Row = dict[str, Any]


@dataclass
class Report:
    """What a campaign did and what it found wrong."""

    chantiers: int = 0
    answers: int = 0
    rows: int = 0
    hidden: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    narrowest: float = 4.0
    wrong: list[str] = field(default_factory=list)

    def table(self) -> Table:
        table = Table("chantiers", "answers", "by whom", "inequalities", "hidden means", "narrowest range, points")
        table.add_row(
            f"{self.chantiers:,}",
            f"{self.answers:,}",
            "\n".join(f"{who}: {times:,}" for who, times in self.asked.items()),
            f"{self.rows:,}",
            f"{self.hidden:,}",
            f"{self.narrowest:.2f}",
        )
        return table


@dataclass
class Look:
    """Everything that anybody got, in the order in which they asked: who, what, the answer."""

    got: list[tuple[str, str, str]] = field(default_factory=list)
    autonomy: list[list[Row]] = field(default_factory=list)  # the rows of each answer, under their real names

    def add(self, who: str, what: str, answer: str) -> None:
        self.got.append((who, what, answer))


def campaign(
    settings: Settings, chantiers: int, seed: int, progress: Callable[[str], None] = lambda _line: None
) -> Report:
    """Attacks so many chantiers, in databases of their own on a PostgreSQL below the data directory."""
    logs.configure("critical")  # whoever is refused is a line otherwise
    with TestServer(settings.data_dir / "postgres") as server:
        return attacked(server, settings.data_dir, chantiers, seed, progress)


def attacked(
    server: TestServer,
    directory: Path,
    chantiers: int,
    seed: int,
    progress: Callable[[str], None] = lambda _line: None,
) -> Report:
    """The same on a server that runs already: some chantiers at a time in one database."""
    report = Report()
    for first in range(0, chantiers, TOGETHER):
        random = Random(f"{seed}-{first}-otherwise")
        told = [drawn(number, seed) for number in range(first, min(first + TOGETHER, chantiers))]
        min_group = random.choice(MIN_GROUPS)
        look = _looked(server, directory / f"{first}", told, min_group)
        other = _looked(server, directory / f"{first}-otherwise", otherwise(told, min_group, random), min_group)
        _compare(report, look, other)
        for chantier in told:
            _deduce(report, chantier, look.autonomy, min_group)
        report.chantiers += len(told)
        report.answers += len(look.got)
        report.asked.update(who.partition(" ")[0] for who, _, _ in look.got)
        progress(f"{report.chantiers} chantiers, {report.hidden} hidden cells, {len(report.wrong)} wrong")
    return report


def _compare(report: Report, look: Look, other: Look) -> None:
    if len(look.got) != len(other.got):
        report.wrong.append(f"{len(look.got)} answers, and {len(other.got)} where hidden answers are others")
    for (who, what, one), (_, _, two) in zip(look.got, other.got, strict=False):
        if one != two:
            at = next((n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
            report.wrong.append(f"{who} {what} tells of hidden answers: …{one[max(0, at - 300) : at + 60]}")


# --- what everybody gets


def _looked(server: TestServer, directory: Path, told: Sequence[Chantier], min_group: int) -> Look:
    directory.mkdir(parents=True)
    secret = directory / "secret"
    secret.write_text("a root secret of the attack on the gate")
    with server.database() as url:
        settings = Settings(database_url=url, secret_file=secret, data_dir=directory / "data", min_group=min_group)
        with Database.open(settings) as database:
            for recorded_at, batch in zip(RECORDED, in_order(told), strict=True):
                with database.connect("owner") as conn:
                    record(conn, batch, recorded_at)
                Runner(database, settings.zone).catch_up()
            look = Look()
            _over_http(look, database, settings, told)
            _from_a_lake(look, database, settings, directory)
        _on_the_command_line(look, settings)
        return look


class _Asking:
    def __init__(self, look: Look, client: TestClient[Any], key: bytes) -> None:
        self._look = look
        self._client = client
        self._key = key

    def get(self, who: str, roles: Sequence[Any], path: str, person: str | None = None, **parameters: Any) -> Any:
        token = mint_token(self._key, roles, person=person, lifetime_seconds=3600)
        given = {name: value for name, value in parameters.items() if value is not None}
        answer = self._client.get(path, params=given, headers={"Authorization": f"Bearer {token}"})
        self._look.add(f"{who} {answer.status_code}", f"{path}?{given}", OWN.sub("", answer.text))
        assert answer.status_code < 500, answer.text
        return answer.json() if answer.status_code == 200 else None


def _over_http(look: Look, database: Database, settings: Settings, told: Sequence[Chantier]) -> None:
    clock = FixedClock(TODAY)
    with (
        CoopSchool(database, settings, clock) as school,
        TestClient(SchoolApp().serving(school), raise_server_exceptions=False) as client,
    ):
        asking = _Asking(look, client, settings.signing_key())
        for as_of, known_at in product(AS_OF, KNOWN_AT):
            look.autonomy.append(_all_roles(asking, "autonomy", as_of=as_of, known_at=known_at)["rows"])
        for name in ("feedback", "workshops"):
            for clocks in (*({"as_of": at} for at in AS_OF), *({"known_at": at} for at in KNOWN_AT[1:])):
                _all_roles(asking, name, **clocks)
        _each_role(asking)
        for chantier in told:
            _of_a_chantier(look, asking, clock, chantier)


def _all_roles(asking: _Asking, report: str, **asked: str | None) -> Any:
    """Researcher, coordinator and admin in one: nobody is shown more, and under the real names."""
    return asking.get("all roles", ("researcher", "coordinator", "admin"), f"/api/reports/{report}", **asked)


def _each_role(asking: _Asking) -> None:
    someone = "00000000-0000-4000-8000-000000000001"
    for role in ("admin", "researcher", "coordinator", "trainer", "adviser", "member"):
        for path in ("/api/reports/autonomy", "/api/reports/feedback", "/api/reports/workshops", "/api/waves"):
            asking.get(role, (role,), path, someone)
        for path in ("/api/reports/autonomy/explain", "/api/reports/feedback/explain"):
            asking.get(role, (role,), path, someone, figure="mean")
        asking.get(role, (role,), "/api/events", someone, limit=10_000)


def _of_a_chantier(look: Look, asking: _Asking, clock: FixedClock, chantier: Chantier) -> None:
    """What those see of the last wave whose figures it has, within the 14 days and after, and trainers of sessions."""
    last = max((wave.released_at for wave in chantier.waves), default=FIRST)
    first = [people[0] for people in chantier.advisers.values() if people]
    for after, advisers in ((timedelta(hours=1), first), (OTHERS_SEE_AFTER + timedelta(hours=1), first[:1])):
        clock.set(last + after)
        for adviser in advisers:
            found = asking.get("adviser", ("adviser",), "/api/reports/autonomy", adviser)
            look.autonomy.append(found["rows"])
        asking.get("coordinator", ("coordinator",), "/api/reports/autonomy")
    for session, trainer in chantier.trainers.items():
        asking.get("trainer", ("trainer",), "/api/reports/feedback", trainer, session=session)
    for session, trainer in list(chantier.trainers.items())[:1]:
        asking.get("trainer", ("trainer",), "/api/reports/feedback/explain", trainer, session=session, figure="mean")
        asking.get("trainer", ("trainer",), f"/api/sessions/{session}/comments", trainer)
    for number, wave in enumerate(chantier.waves):
        asking.get("coordinator", ("coordinator",), f"/api/waves/{wave.id}")
        _all_roles(asking, "autonomy/explain", wave=wave.id, figure=FIGURES[number % len(FIGURES)])


def _from_a_lake(look: Look, database: Database, settings: Settings, directory: Path) -> None:
    """Every table and every released figure, with the ids that the holder of the lake's key would put in again."""
    lake = export(database, settings, directory / "lake", now=TODAY, as_csv=True).lake
    names = Pseudonyms(key_of(settings, lake.manifest.release), settings.zone)

    def known(text: str) -> str:
        return PSEUDONYM.sub(lambda found: names.id_of(found[0]) or found[0], text)

    for path in sorted(lake.directory.rglob("*.csv")):
        look.add("lake", str(path.relative_to(lake.directory)), "\n".join(sorted(known(path.read_text()).splitlines())))
    for path in sorted(lake.directory.glob("figures-*.json")):
        rows = json.loads(known(path.read_text()))["rows"]
        look.add("lake", path.name, "\n".join(sorted(json.dumps(row) for row in rows)))


def _on_the_command_line(look: Look, settings: Settings) -> None:
    environment = {
        "COOPSCHOOL_DATABASE_URL": settings.database_url or "",
        "COOPSCHOOL_SECRET_FILE": str(settings.secret_file),
        "COOPSCHOOL_DATA_DIR": str(settings.data_dir),
        "COOPSCHOOL_MIN_GROUP": str(settings.min_group),
    }
    commands = [
        ["report", "autonomy", "--format", "csv"],
        ["report", "feedback", "--format", "json", "--as-of", "2020-01-01"],
        ["explain", "autonomy", "--figure", "mean", "--as-of", "2020-01-01", "--json"],
        ["explain", "feedback", "--figure", "mean", "--as-of", "2020-01-01", "--json"],
        ["events", "--limit", "100000", "--json"],
    ]
    for arguments in commands:
        result = CliRunner().invoke(command_line, arguments, env=environment)
        look.add(f"command line {result.exit_code}", " ".join(arguments), result.stdout)


# --- linear programming


def _deduce(report: Report, chantier: Chantier, answers: Sequence[Sequence[Row]], min_group: int) -> None:
    ours = [[row for row in rows if row["instrument"] == chantier.code] for rows in answers]
    hidden = list(chantier.hidden(min_group))
    for dimension in chantier.waves[0].instrument.dimension_codes if chantier.waves else ():
        suspects = [(wave, team) for wave, team, of in hidden if of == dimension and wave.valid(team, of)]
        report.hidden += len(suspects)
        if not suspects:
            continue
        know = _learned(chantier, dimension, ours)
        report.rows += len(know.rows)
        if not know.holds_together():
            report.wrong.append(f"{chantier.code} {dimension}: the rows contradict each other")
        for wave, team in suspects:
            found = know.range_of((wave.id, team), len(wave.valid(team, dimension)))
            if found is not None:
                report.narrowest = min(report.narrowest, found[1] - found[0])
                if found[1] - found[0] < 1:
                    report.wrong.append(f"{chantier.code} {dimension}: {team} in {wave.id} lies in {found}")


def _learned(chantier: Chantier, dimension: str, answers: Sequence[Sequence[Row]]) -> Attack:
    """Everything that the rows say of a dimension, whoever got them when, as inequalities."""
    attack = Attack()
    waves = {wave.id: wave for wave in chantier.waves}
    for wave in waves.values():
        for team, eligible in wave.eligible.items():
            attack.team((wave.id, team), len(eligible))
    known: set[str] = set()
    for rows in answers:
        shown = [row for row in rows if row["dimension"] == dimension and not row["suppressed"]]
        before: dict[tuple[str, str | None], Row] = {}
        for row in shown:
            cell = row["scope"], row["team"] or row["band"] if row["scope"] != "all_teams" else None
            old, before[cell] = before.get(cell), row
            said = json.dumps([row, old if row["change"] is not None else None], sort_keys=True)
            if said in known:
                continue
            known.add(said)
            unknowns = _covered(row, waves[row["wave"]])
            attack.persons(unknowns, row["n"])
            attack.mean(unknowns, row["mean"], row["n"])
            if row["change"] is not None and old is not None:
                past = _covered(old, waves[old["wave"]])
                attack.difference(unknowns, row["n"], past, old["n"], row["change"])
    return attack


def _covered(row: Row, wave: Wave) -> list[Unknown]:
    """Every team that the row might cover, what is said of that not being trusted; telework is no secret."""
    if row["scope"] == "team":
        return [(wave.id, row["team"])]
    return [
        (wave.id, team) for team in wave.eligible if row["scope"] == "all_teams" or _band(wave, team) == row["band"]
    ]


def _band(wave: Wave, team: str) -> str | None:
    return band_of(Fraction(*wave.telework[team])) if team in wave.telework else None
