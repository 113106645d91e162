"""The projections there are."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from projections.advisers.ratings import Ratings
from projections.advisers.teams import Teams
from projections.advisers.workshops import Workshops
from projections.calendar import Calendar
from projections.projection import Projection
from projections.school.catalogue import Catalogue
from projections.school.interest import Interests
from projections.school.learning import Learning
from projections.school.membership import Memberships

PROJECTIONS: tuple[type[Projection], ...] = (
    Learning, Memberships, Interests, Catalogue, Teams, Workshops, Ratings,
)  # fmt: skip


def make_projections(zone: ZoneInfo) -> list[Projection]:
    """One of each, with a calendar in common."""
    calendar = Calendar(zone)
    return [projection(calendar) for projection in PROJECTIONS]


def projections_version() -> str:
    """What reports name as the version of the code that made their facts: ``catalogue 1, interest 1, …``."""
    return ", ".join(sorted(f"{projection.name} {projection.version}" for projection in PROJECTIONS))
