"""Every route of the API, in one list."""

from __future__ import annotations

from collections.abc import Sequence

from litestar.types import ControllerRouterHandler

from coopschool.api import events, explain, health, reports
from coopschool.api.advisers import answer_form, decisions, instruments, teams, workshops
from coopschool.api.advisers.waves import Waves
from coopschool.api.api_keys import ApiKeyRoutes
from coopschool.api.school.attendance import Attendance
from coopschool.api.school.feedback import FeedbackOnSession
from coopschool.api.school.lists import list_members, list_people, list_sessions
from coopschool.api.school.members import Members
from coopschool.api.school.module_enrolments import ModuleEnrolments
from coopschool.api.school.modules import Modules
from coopschool.api.school.people import People
from coopschool.api.school.personal_data import PersonalDataOf
from coopschool.api.school.session_enrolments import SessionEnrolments
from coopschool.api.school.sessions import Sessions

ROUTES: Sequence[ControllerRouterHandler] = (
    *health.ROUTES,
    ApiKeyRoutes,
    People,
    PersonalDataOf,
    Members,
    Modules,
    ModuleEnrolments,
    Sessions,
    SessionEnrolments,
    Attendance,
    FeedbackOnSession,
    Waves,
    *answer_form.ROUTES,
    list_people,
    list_members,
    list_sessions,
    *teams.ROUTES,
    *workshops.ROUTES,
    *decisions.ROUTES,
    *instruments.ROUTES,
    *reports.ROUTES,
    *explain.ROUTES,
    *events.ROUTES,
)
