"""Survey waves from the command line: open, hand out the tokens, look, close; begin anew after a restore."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid4

import typer

from coopschool.cli import output
from coopschool.cli.school import AsJson, DataDir, load_settings, opened

if TYPE_CHECKING:
    from coopschool.application import CoopSchool
    from coopschool.domain.school.words import Language

app = typer.Typer(help="Open a survey wave, hand out its tokens, close it.", no_args_is_help=True)

WaveId = Annotated[UUID, typer.Argument(metavar="WAVE", help="The wave's id.", show_default=False)]
CUT_HERE = "- " * 34


class SlipLanguage(StrEnum):
    """The language of the slips."""

    fr = "fr"
    nl = "nl"
    en = "en"


@app.command("open")
def open_(
    team: Annotated[
        list[UUID], typer.Option("--team", metavar="ID", help="A team to ask; may be given several times.")
    ],
    closes_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The last day to answer.")],
    instrument: Annotated[str, typer.Option(help="The questionnaire.")] = "autonomy",
    version: Annotated[
        int | None, typer.Option(help="Its version, instead of the newest.", min=1, show_default=False)
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Ask the advisers that these teams have today."""
    from coopschool.api.advisers.waves import newest_version
    from coopschool.domain.advisers.survey_waves import OpenWave

    wave = str(uuid4())
    with _school(data_dir) as school:
        asked = version or school.read_now(lambda load: newest_version(load, instrument))
        command = OpenWave(
            at=school.now(),
            wave=wave,
            instrument=instrument,
            version=asked,
            teams=tuple(map(str, team)),
            closes_on=closes_on.date(),
        )
        position = school.execute_now(command).position
    if as_json:
        output.show_json({"wave_id": wave, "position": position})
        return
    typer.echo(wave)
    output.note(f"is open until {closes_on:%Y-%m-%d}; `coopschool wave tokens {wave}` prints what to hand out.")


@app.command()
def tokens(
    wave: WaveId,
    slips: Annotated[bool, typer.Option("--slips", help="Print slips to cut out, a page for each team.")] = False,
    language: Annotated[SlipLanguage, typer.Option(help="The language of the slips.")] = SlipLanguage.fr,
    address: Annotated[
        str, typer.Option(metavar="URL", help="Where advisers reach the school.")
    ] = "http://127.0.0.1:8000",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Print the tokens of a wave, one for each adviser: the same ones whenever it is asked. They are kept nowhere."""
    from coopschool.answer_box import AnswerBox

    page = f"{address.rstrip('/')}/answer/{wave}"
    with _school(data_dir) as school:
        given = AnswerBox(school).surveys.tokens(str(wave))
    output.note_for_audit("shown", what="tokens of a wave", of=str(wave))
    if as_json:
        teams = [{"team_id": team, "tokens": tokens} for team, tokens in given.items()]
        output.show_json({"wave_id": wave, "page": page, "teams": teams})
    elif slips:
        _print_slips(given, language.value, page)
    else:
        rows = [(team, token, page) for team, tokens in given.items() for token in tokens]
        output.show_table(("team", "token", "page"), rows)


@app.command()
def close(wave: WaveId, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """End a wave: its answers are released together, shuffled, without persons."""
    from coopschool.answer_box import AnswerBox

    with _school(data_dir) as school:
        position = AnswerBox(school).surveys.close(str(wave)).position
    if as_json:
        output.show_json({"wave_id": wave, "position": position})
        return
    output.note(f"{wave} is closed; `coopschool report autonomy` shows what came out, where enough have answered.")


@app.command()
def reopen(wave: WaveId, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Begin an open wave anew, all answers so far destroyed: when their key is lost. New tokens must be handed out."""
    from coopschool.answer_box import AnswerBox

    with _school(data_dir) as school:
        position = AnswerBox(school).surveys.reopen(str(wave)).position
    if as_json:
        output.show_json({"wave_id": wave, "position": position})
        return
    output.note(f"{wave} begins anew; `coopschool wave tokens {wave}` prints the new tokens, the old ones are void.")


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 50,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List the waves, the one opened last first. Nothing of their answers."""
    from coopschool.api.advisers.waves import NEWEST, opened_before, seen
    from coopschool.domain.advisers.autonomy_survey import Wave

    with _school(data_dir) as school, school.database.connect("app") as conn:
        found = opened_before(conn, NEWEST, limit)
        waves = school.read_now(lambda load: [seen(load(Wave, id)) for _, id in found])
    if as_json:
        output.show_json({"items": waves, "next": None})
        return
    columns = ("wave", "status", "opened_on", "closes_on", "questionnaire", "teams", "advisers")
    output.show_table(columns, [_row(wave) for wave in waves])


@app.command()
def show(wave: WaveId, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show whom a wave asks, and until when. Nothing of its answers."""
    from coopschool.api.advisers.waves import seen
    from coopschool.domain.advisers.autonomy_survey import Wave
    from coopschool.domain.base import existing

    with _school(data_dir) as school:
        shown = school.read_now(lambda load: seen(existing(load, Wave, str(wave))))
    if as_json:
        output.show_json(shown)
        return
    output.show_pairs(
        {
            "status": shown.status,
            "questionnaire": f"{shown.instrument} {shown.version}",
            "opened_on": shown.opened_on,
            "closes_on": shown.closes_on,
            "begun anew": shown.reopened,
        }
    )
    output.show_table(("team", "advisers"), [(team.team_id, team.eligible) for team in shown.teams])


@contextmanager
def _school(data_dir: Path | None) -> Iterator[CoopSchool]:
    from coopschool.application import CoopSchool

    settings = load_settings(data_dir)
    with opened(settings) as database, CoopSchool(database, settings) as school:
        yield school


def _row(wave: Any) -> tuple[Any, ...]:
    questionnaire = f"{wave.instrument} {wave.version}"
    advisers = sum(team.eligible for team in wave.teams)
    return wave.wave_id, wave.status, wave.opened_on, wave.closes_on, questionnaire, len(wave.teams), advisers


def _print_slips(given: Mapping[str, Sequence[str]], language: Language, page: str) -> None:
    """A slip for each token; a form feed before each team but the first, so that a printer begins a page."""
    from coopschool.api.advisers.answer_page import words

    said = words(language)
    for number, (team, tokens) in enumerate(given.items()):
        typer.echo(("\f" if number else "") + f"{team}\n{CUT_HERE}")
        for token in tokens:
            typer.echo(
                f"{said['title']}\n\n{said['slip_where']}  {page}?lang={language}\n{said['slip_token']}  {token}\n\n"
                f"{said['slip_final']}\n{said['not_validated']}\n{CUT_HERE}"
            )
