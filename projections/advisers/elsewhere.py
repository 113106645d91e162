"""Events of the school: people, modules, sessions, enrolments. The facts on adviser teams leave them out on purpose."""

from __future__ import annotations

from coopschool.domain.base import Event
from coopschool.domain.school import enrolment, learning_module, member, person, session

OF_THE_SCHOOL: frozenset[type[Event]] = frozenset(
    {
        person.PersonRegistered, person.RoleGranted, person.RoleRevoked, person.LanguageChosen,
        person.LegalHoldPlaced, person.LegalHoldLifted, person.PersonalDataErased,
        member.MemberJoined, member.MembershipCategoryChanged, member.MembershipEnded,
        learning_module.ModuleDrafted, learning_module.ModuleRevised, learning_module.ModulePublished,
        learning_module.ModuleRetired,
        session.SessionScheduled, session.SlotMoved, session.SlotCancelled, session.SeatsChanged,
        session.TrainersChanged, session.ArrangementsChanged, session.SessionCancelled, session.SessionClosed,
        session.AttendanceLogged, session.AttendanceCorrected,
        enrolment.MemberEnrolled, enrolment.MemberWaitlisted, enrolment.MemberPromoted,
        enrolment.EnrolmentWithdrawn, enrolment.EnrolmentCancelled, enrolment.WaitlistLapsed,
        enrolment.PrerequisiteWaived, enrolment.ModuleCompleted, enrolment.ModuleNotCompleted,
        enrolment.InterestRegistered, enrolment.InterestWithdrawn, enrolment.HistoricalException,
    }
)  # fmt: skip
