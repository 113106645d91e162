"""Batches: from the log through the projections, on the way to their tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

import psycopg

from projections import generations
from projections.generations import Connection
from projections.log import Log, StoredRow, decoded
from projections.projection import Happened, Poison, Projection, Undecodable

_LINE = re.compile(r"COPY (\w+), line (\d+)")


class Written(NamedTuple):
    """What a projection has to write: facts and current rows."""

    facts: dict[str, list[str]]
    current: dict[str, dict[str, list[str]]]


def topics_of(projections: Sequence[Projection]) -> list[str]:
    """Every stored name that one of them reads."""
    return sorted(set(chain.from_iterable(projection.topics for projection in projections)))


def fold(projections: Sequence[Projection], rows: Sequence[StoredRow], log: Log) -> dict[str, Poison]:
    """Has the projections fold a batch; what they lack of the past they read first. Answers who stopped, and why."""
    poisoned = {}
    for projection, events in zip(projections, _handed_out(decoded(rows), projections), strict=True):
        try:
            lacking = projection.lacks(events)
            if lacking:
                tags = [tag for reads in lacking for tag in reads.tags]
                projection.recall(lacking, decoded(log.about(tags, sorted(projection.topics), projection.position)))
            projection.fold(events)
        except Poison as poison:
            poisoned[projection.name] = poison
    return poisoned


def _handed_out(events: Sequence[Happened], projections: Sequence[Projection]) -> list[list[Happened]]:
    """To each projection, in order, what it handles; what cannot be read to those that would have handled it."""
    streams: list[list[Happened]] = [[] for _ in projections]
    takers: dict[type, list[Callable[[Happened], None]]] = {Undecodable: []}
    for projection, stream in zip(projections, streams, strict=True):
        for handled in projection.handlers:
            takers.setdefault(handled, []).append(stream.append)
    for happened in events:
        for take_in in takers.get(type(happened.event), ()):
            take_in(happened)
    return streams


def take(projection: Projection) -> Written:
    """What the projection has to write; it has nothing to write afterwards."""
    return Written(projection.facts.take(), projection.current())


def write(conn: Connection, projection: Projection, written: Written, *, freeze: bool = False) -> None:
    """Writes into the generation that the transaction is in. Raises `Poison` for a value that a column cannot hold."""
    try:
        generations.append(conn, written.facts, freeze=freeze)
        for table, rows in written.current.items():
            generations.replace(conn, table, projection.current_tables[table], rows)
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise Poison(_position_of(error, written), "?", error) from error


def _position_of(error: psycopg.Error, written: Written) -> int:
    """The event whose row PostgreSQL refused: it names the table and the line."""
    found = _LINE.search(error.diag.context or "")
    if found is None or found[1] not in written.facts:
        return 0
    return int(written.facts[found[1]][int(found[2]) - 1].partition("\t")[0])
