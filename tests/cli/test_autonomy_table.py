"""The autonomy report as a person sees it: it fits the terminal, and nothing of it is cut off."""

from __future__ import annotations

import pytest

from coopschool.cli import autonomy_table
from projections.reports import definition, run
from tests.support.installation import Simulated


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_terminal(
    simulated: Simulated, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    with simulated.database.connect("app") as conn:
        found = run(conn, "autonomy", {"as_of": "2026-01-01"})
    names = {row["team"]: f"Bruxelles-{row['team'][:4]}" for row in found.rows if row["team"]}
    autonomy_table.show(definition("autonomy"), found, names)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines)
    bands = [line.split()[0] for line in lines if line.strip().startswith(("0%", "<=", "<1", "100%"))]
    assert bands[:5] == ["0%", "<=20%", "<=50%", "<100%", "100%"]
    of_all = next(line for line in lines if line.strip().startswith("All teams shown"))
    assert sum(cell.count("/") for cell in of_all.split()) == 6, "a mean and how many, for each wave"
