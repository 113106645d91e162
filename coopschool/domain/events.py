"""Imports every module that defines events, so that all stored names are known."""

from coopschool.domain import instrument_versions
from coopschool.domain.advisers import adviser_team, autonomy_survey, workshop
from coopschool.domain.school import enrolment, feedback, learning_module, member, person, session

__all__ = [
    "adviser_team",
    "autonomy_survey",
    "enrolment",
    "feedback",
    "instrument_versions",
    "learning_module",
    "member",
    "person",
    "session",
    "workshop",
]
