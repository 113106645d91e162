"""Figures that were released through the statistics gate, as the lake carries them.

Ratings of people by people never leave as facts. The rows of each report that is `gated` go into every release as a
researcher sees them, as they stand on the day of the export, under the release's pseudonyms.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from coopschool.domain.errors import Invalid
from coopschool.pseudonyms import Pseudonyms
from coopschool.settings import Settings
from projections import reports
from projections.disclosure import Gate
from projections.generations import Connection
from projections.lake.columns import IDS
from projections.lake.manifest import Lake, LakeError
from projections.registry import projections_version
from projections.reports import Definition, Report, Row
from projections.reports.report import checksum


def documents(
    conn: Connection, position: int, names: Pseudonyms, now: datetime, settings: Settings
) -> dict[str, bytes]:
    """The released figures as files: each report whole, with its provenance. `conn` is in the live facts."""
    found = {}
    for about in reports.REPORTS.values():
        if about.gated:
            report = _report(conn, about, position, names, now, settings)
            found[_name(about, position)] = msgspec.json.format(msgspec.json.encode(report), indent=1)
    return found


def _report(
    conn: Connection, about: Definition, position: int, names: Pseudonyms, now: datetime, settings: Settings
) -> Report:
    asked = reports.ask(about, {}, settings.zone, now)._replace(known=position)
    found = reports.rows_of(conn, about, asked)
    gate = Gate(settings.min_group, conn, known=position, as_of=asked.as_of)
    shown = reports.answer(about, asked, found, gate, projections_version())
    return with_rows(shown, about.in_order([_renamed(row, names) for row in shown.rows]))


def report_in(lake: Lake, about: Definition, parameters: dict[str, Any]) -> Report:
    """The report as it stood at the export; only its rows can be chosen. Raises `Invalid`, `LakeError`."""
    for clock in ("as_of", "known_at"):
        if parameters.get(clock) is not None:
            raise Invalid(clock, expected="nothing: a lake has released figures as they stood when it was exported")
    path = lake.directory / _name(about, lake.manifest.position)
    if path.name not in {file.path for file in lake.manifest.documents}:
        raise LakeError(f"this lake was exported before it carried the report {about.name}: export it again.")
    report = msgspec.json.decode(path.read_bytes(), type=Report)
    chosen = {name: value for name, value in parameters.items() if name != "group_by"}
    rows = [row for row in report.rows if all(row[name] == value for name, value in chosen.items())]
    if scopes := parameters.get("group_by"):
        rows = [row for row in rows if row["scope"] in scopes]
    return with_rows(report, rows)


def with_rows(report: Report, rows: list[Row]) -> Report:
    """The same report with these rows, and the checksum over them."""
    provenance = msgspec.structs.replace(report.provenance, checksum=checksum(rows))
    return msgspec.structs.replace(report, rows=rows, provenance=provenance)


def _name(about: Definition, position: int) -> str:
    return f"figures-{about.name}-{position}.json"


def _renamed(row: Row, names: Pseudonyms) -> Row:
    return {column: names.of(value) if column in IDS and value is not None else value for column, value in row.items()}
