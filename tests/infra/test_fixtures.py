"""The fixtures that every other test leans on."""

import pytest

from coopschool.database import ROLES, Database, Role


@pytest.mark.parametrize("role", ROLES)
def test_a_connection_acts_as_its_role_in_the_schools_schema(database: Database, role: Role) -> None:
    with database.connect(role) as connection:
        found = connection.execute("select current_user, current_schema(), current_setting('TimeZone')").fetchone()
    assert found == (f"coopschool_{role}", "coopschool", "UTC")
