"""Survey waves from the command line: open, print the tokens, close."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid4

import typer

from coopschool.cli import output
from coopschool.cli.school import AsJson, DataDir, load_settings, opened

app = typer.Typer(help="Open, print and close the waves of a survey.", no_args_is_help=True)

WaveId = Annotated[UUID, typer.Argument(metavar="WAVE", help="The wave's id.", show_default=False)]


@app.command("open")
def open_(
    team: Annotated[
        list[UUID], typer.Option("--team", metavar="ID", help="A team to ask; may be given several times.")
    ],
    closes_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The last day to answer.")],
    instrument: Annotated[str, typer.Option(help="The questionnaire.")] = "autonomy",
    version: Annotated[int, typer.Option(help="Its version.", min=1)] = 1,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Ask the advisers that these teams have today."""
    from coopschool.application import CoopSchool
    from coopschool.domain.advisers.survey_waves import OpenWave

    settings, wave = load_settings(data_dir), str(uuid4())
    with opened(settings) as database, CoopSchool(database, settings) as school:
        command = OpenWave(
            at=school.now(),
            wave=wave,
            instrument=instrument,
            version=version,
            teams=tuple(map(str, team)),
            closes_on=closes_on.date(),
        )
        position = school.execute_now(command).position
    if as_json:
        output.show_json({"wave_id": wave, "position": position})
    else:
        typer.echo(wave)
        output.note(f"is open until {closes_on:%Y-%m-%d}; `coopschool wave tokens {wave}` prints what to hand out.")


@app.command()
def tokens(wave: WaveId, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Print the tokens of a wave, one for each adviser: the same ones whenever it is asked."""
    from coopschool.answer_box import AnswerBox
    from coopschool.application import CoopSchool

    settings = load_settings(data_dir)
    with opened(settings) as database, CoopSchool(database, settings) as school:
        given = AnswerBox(school).surveys.tokens(str(wave))
    if as_json:
        teams = [{"team_id": team, "tokens": tokens} for team, tokens in given.items()]
        output.show_json({"wave_id": wave, "teams": teams})
        return
    rows = [(team, token, f"/answer/{wave}") for team, tokens in given.items() for token in tokens]
    output.show_table(("team", "token", "page"), rows)


@app.command()
def close(wave: WaveId, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """End a wave: its answers are released together, shuffled, without persons."""
    from coopschool.answer_box import AnswerBox
    from coopschool.application import CoopSchool

    settings = load_settings(data_dir)
    with opened(settings) as database, CoopSchool(database, settings) as school:
        position = AnswerBox(school).surveys.close(str(wave)).position
    if as_json:
        output.show_json({"wave_id": wave, "position": position})
    else:
        output.note(f"{wave} is closed; `coopschool report autonomy` shows what came out, where enough have answered.")
