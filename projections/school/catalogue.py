"""The `catalogue` projection: modules as they were written, revised, published and retired."""

from __future__ import annotations

from typing import Any

from coopschool.domain.base import Event
from coopschool.domain.school import enrolment, learning_module, member, person, session
from projections.facts import Described, Emit, Entry, Fold, joined, text
from projections.projection import Projection, on
from projections.school.elsewhere import ELSEWHERE


class ModuleCase(Described):
    """One module: a row of ``modules``."""

    __slots__ = ("content", "id", "revision", "status")

    def __init__(self, id: str) -> None:
        self.id = id
        super().__init__()

    def clear(self) -> None:
        super().clear()
        self.content: Any = None
        self.status = "draft"
        self.revision = 1

    def described(self) -> list[tuple[str, str, str]]:
        content = self.content
        if content is None:
            return []
        columns = (
            text(self.id), self.status, str(self.revision), str(content.half_days), str(content.minutes),
            content.format, joined(content.prerequisites), joined(content.audience),
        )  # fmt: skip
        return [("modules", "\t".join(columns), "1")]

    def drafted(self, entry: Entry, emit: Emit) -> None:
        self.content = entry[3]
        self.show(entry[0], emit)

    def revised(self, entry: Entry, emit: Emit) -> None:
        self.content, self.revision = entry[3], entry[3].revision
        self.show(entry[0], emit)

    def published(self, entry: Entry, emit: Emit) -> None:
        self.status = "published"
        self.show(entry[0], emit)

    def retired(self, entry: Entry, emit: Emit) -> None:
        self.status = "retired"
        self.show(entry[0], emit)


WRITING: dict[type[Event], Fold] = {
    learning_module.ModuleDrafted: ModuleCase.drafted,
    learning_module.ModuleRevised: ModuleCase.revised,
    learning_module.ModulePublished: ModuleCase.published,
    learning_module.ModuleRetired: ModuleCase.retired,
}


class Catalogue(Projection):
    """What the school teaches."""

    name = "catalogue"
    version = 1
    fact_tables = ("modules",)
    kinds = ("module",)
    ignores = frozenset(
        {
            *ELSEWHERE,
            person.PersonRegistered, person.RoleGranted, person.RoleRevoked, person.LanguageChosen,
            person.LegalHoldPlaced, person.LegalHoldLifted, person.PersonalDataErased,
            member.MemberJoined, member.MembershipCategoryChanged, member.MembershipEnded,
            session.SessionScheduled, session.SlotMoved, session.SlotCancelled, session.SeatsChanged,
            session.TrainersChanged, session.ArrangementsChanged, session.SessionCancelled, session.SessionClosed,
            session.AttendanceLogged, session.AttendanceCorrected,
            enrolment.MemberEnrolled, enrolment.MemberWaitlisted, enrolment.MemberPromoted,
            enrolment.EnrolmentWithdrawn, enrolment.EnrolmentCancelled, enrolment.WaitlistLapsed,
            enrolment.PrerequisiteWaived, enrolment.ModuleCompleted, enrolment.ModuleNotCompleted,
            enrolment.InterestRegistered, enrolment.InterestWithdrawn, enrolment.HistoricalException,
        }
    )  # fmt: skip

    def make_case(self, id: str) -> ModuleCase:
        return ModuleCase(id)

    def case_of(self, event: Event) -> str | None:
        return event.module  # type: ignore[attr-defined, no-any-return]

    @on(*WRITING)
    def written(self, event: Any, occurred_at: str) -> None:
        case: ModuleCase = self.cases.get(event.module)
        case.add((occurred_at, self.facts.position, WRITING[type(event)], event), self.facts.emit)
