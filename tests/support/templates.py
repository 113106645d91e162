"""Schools that take seconds to fill: filled once in a run, and copied for each test that asks for one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from coopschool import demo
from coopschool.application import CoopSchool
from coopschool.clock import FixedClock
from coopschool.database import Database
from coopschool.settings import Settings
from projections.runner import Runner
from tests.api import example_school
from tests.support.postgres import EMPTY, TestServer

NOW = datetime(2026, 3, 2, 9, tzinfo=ZoneInfo("Europe/Brussels"))


class Template(NamedTuple):
    """What a template is filled with, on top of another."""

    fill: Callable[[Settings], None]
    on_top_of: str = EMPTY


def _seed(settings: Settings) -> None:
    with Database.open(settings) as database, CoopSchool(database, settings, FixedClock(NOW)) as school:
        demo.seed(school)


def _project(settings: Settings) -> None:
    with Database.open(settings) as database:
        Runner(database, settings.zone).catch_up()


def _build_example(settings: Settings) -> None:
    with Database.open(settings) as database, CoopSchool(database, settings, FixedClock(NOW)) as school:
        example_school.build(school)
    _project(settings)


TEMPLATES: Mapping[str, Template] = {
    "seeded": Template(_seed),
    "projected": Template(_project, on_top_of="seeded"),
    "example": Template(_build_example),
}


@contextmanager
def copied(server: TestServer, template: str, secret: Path, data_dir: Path) -> Iterator[Settings]:
    """Settings of a school whose database, and whose files, are copies of a template's (EMPTY: just migrated)."""
    if template != EMPTY:
        _make(server, template, secret)
        if (files := _files(server, template)).exists():
            shutil.copytree(files, data_dir)
    with server.database(template) as url:
        yield Settings(database_url=url, secret_file=secret, data_dir=data_dir)


def _make(server: TestServer, name: str, secret: Path) -> None:
    made = TEMPLATES[name]
    if made.on_top_of != EMPTY:
        _make(server, made.on_top_of, secret)

    def fill(url: str) -> None:
        made.fill(Settings(database_url=url, secret_file=secret, data_dir=_files(server, name)))

    server.make_template(name, fill, copy_of=made.on_top_of)


def _files(server: TestServer, template: str) -> Path:
    return server.directory / f"{template}-files"
