"""What a cell may hold."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from coopschool.domain.school.words import Category, Language
from coopschool.importing import cells
from coopschool.importing.cells import BadCell, Parse
from tests.support.given_when_then import BRUSSELS


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (cells.start, "2026-03-29", datetime(2026, 3, 28, 23, tzinfo=UTC)),
        (cells.end, "2026-03-29", datetime(2026, 3, 29, 21, 59, 59, 999999, tzinfo=UTC)),
        (cells.start, "2026-03-02T14:00", datetime(2026, 3, 2, 13, tzinfo=UTC)),
        (cells.start, "2026-03-02 14:00:30", datetime(2026, 3, 2, 13, 0, 30, tzinfo=UTC)),
        (cells.end, "2026-03-02T14:00", datetime(2026, 3, 2, 13, tzinfo=UTC)),
        (cells.start, "2026-03-02T14:00Z", datetime(2026, 3, 2, 14, tzinfo=UTC)),
        (cells.day, "2026-03-02", date(2026, 3, 2)),
        (cells.day, "2026-03-01T23:30Z", date(2026, 3, 2)),
        (cells.whole(1, 60), "60", 60),
        (cells.fraction, "0,75", Decimal("0.75")),
        (cells.hours, "1.5", 90),
        (cells.code, "M01", "M01"),
        (cells.email, "ann@example.org", "ann@example.org"),
        (cells.several(cells.one_of(Language)), "nl | fr|nl", ("nl", "fr")),
    ],
)
def test_a_cell_is_read(parse: Parse, text: str, value: Any) -> None:
    assert parse(text, BRUSSELS) == value


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (cells.start, "02/03/2026"),
        (cells.start, "2026-13-01"),
        (cells.start, "1899-12-31"),
        (cells.start, "9999-12-31T23:59+01:00"),
        (cells.start, "0001-01-01T00:00+14:00"),
        (cells.end, "2201-01-01"),
        (cells.day, "yesterday"),
        (cells.whole(1, 60), "61"),
        (cells.whole(1, 60), "-1"),
        (cells.whole(1, 60), "1.0"),
        (cells.whole(1, 60), "³"),
        (cells.whole(1, 60), "9" * 5000),
        (cells.fraction, "1.001"),
        (cells.fraction, "0.12345"),
        (cells.fraction, "NaN"),
        (cells.fraction, "much"),
        (cells.hours, "0"),
        (cells.hours, "0.001"),
        (cells.hours, "Infinity"),
        (cells.hours, "1441"),
        (cells.code, "M 01"),
        (cells.code, "M" * 65),
        (cells.email, "ann"),
        (cells.one_of(Category), "D"),
        (cells.several(cells.one_of(Category)), "A|D"),
        (cells.name, "x" * 301),
    ],
)
def test_a_cell_that_its_column_cannot_hold_is_refused(parse: Parse, text: str) -> None:
    with pytest.raises(BadCell):
        parse(text, BRUSSELS)
