"""Enrolment: a decision over a person, a session, its module and the person's other sessions."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from coopschool.domain import tags
from coopschool.domain.base import Event
from coopschool.domain.errors import RuleBroken
from coopschool.domain.school.words import Format, Language

WithdrawalReason = Literal[
    "unavailable", "illness", "work", "family", "not_interested", "other",
    "confirmed_elsewhere", "membership_ended", "erased",
]  # fmt: skip
OwnReason = Literal["unavailable", "illness", "work", "family", "not_interested", "other"]
WaiverReason = Literal["prior_learning", "experience", "board_decision", "other"]
Standing = Literal["confirmed", "waitlisted"]
PromotionRule = Literal["first_eligible", "by_hand"]
PassedOverWhy = Literal[
    "membership_ended", "category_not_admitted", "prerequisites_missing", "overlaps", "enrolled_elsewhere"
]


class PassedOver(msgspec.Struct, frozen=True, kw_only=True):
    """A rank that could not take the seat, and why; no person."""

    rank: int
    why: PassedOverWhy


# --- events


class MemberEnrolled(Event, frozen=True, kw_only=True):
    """A member has a seat in a session."""

    TOPIC: ClassVar[str] = "MemberEnrolled.v1"
    member: tags.MemberId
    session: tags.SessionId
    module: tags.ModuleCode
    walk_in: bool = False


class MemberWaitlisted(Event, frozen=True, kw_only=True):
    """A member waits for a seat; ranks count up from 1 in a session and are never given twice."""

    TOPIC: ClassVar[str] = "MemberWaitlisted.v1"
    member: tags.MemberId
    session: tags.SessionId
    module: tags.ModuleCode
    rank: int


class MemberPromoted(Event, frozen=True, kw_only=True):
    """A member moved from the waiting list to a seat (occurred: when the seat became free)."""

    TOPIC: ClassVar[str] = "MemberPromoted.v1"
    member: tags.MemberId
    session: tags.SessionId
    module: tags.ModuleCode
    rank: int
    rule: PromotionRule
    freed_by: tags.PersonRef | None = None
    passed_over: tuple[PassedOver, ...] = ()


class EnrolmentWithdrawn(Event, frozen=True, kw_only=True):
    """A member gave up a seat or a place on the waiting list (`was`)."""

    TOPIC: ClassVar[str] = "EnrolmentWithdrawn.v1"
    member: tags.MemberId
    session: tags.SessionId
    module: tags.ModuleCode
    was: Standing
    reason_code: WithdrawalReason


class EnrolmentCancelled(Event, frozen=True, kw_only=True):
    """A seat or a place on the list ended because the session was cancelled."""

    TOPIC: ClassVar[str] = "EnrolmentCancelled.v1"
    member: tags.MemberId
    session: tags.SessionId
    module: tags.ModuleCode
    was: Standing


class WaitlistLapsed(Event, frozen=True, kw_only=True):
    """The session began and a member was still waiting (occurred: the first slot's start)."""

    TOPIC: ClassVar[str] = "WaitlistLapsed.v1"
    member: tags.MemberId
    session: tags.SessionId
    module: tags.ModuleCode
    rank: int


class PrerequisiteWaived(Event, frozen=True, kw_only=True):
    """A module counts for a member as if completed."""

    TOPIC: ClassVar[str] = "PrerequisiteWaived.v1"
    member: tags.MemberId
    module: tags.ModuleCode
    by: tags.PersonRef | None
    reason_code: WaiverReason


class ModuleCompleted(Event, frozen=True, kw_only=True):
    """A member attended enough (occurred: the closing).

    `attended` is an exact count of half-days as (numerator, denominator); `expected` the slots that were held.
    """

    TOPIC: ClassVar[str] = "ModuleCompleted.v1"
    member: tags.MemberId
    session: tags.SessionId
    module: tags.ModuleCode
    attended: tuple[int, int]
    expected: int


class ModuleNotCompleted(Event, frozen=True, kw_only=True):
    """A member attended too little (occurred: the closing); numbers as in `ModuleCompleted`."""

    TOPIC: ClassVar[str] = "ModuleNotCompleted.v1"
    member: tags.MemberId
    session: tags.SessionId
    module: tags.ModuleCode
    attended: tuple[int, int]
    expected: int


class InterestRegistered(Event, frozen=True, kw_only=True):
    """A member would take a module; `since` is the first date they asked."""

    TOPIC: ClassVar[str] = "InterestRegistered.v1"
    member: tags.MemberId
    module: tags.ModuleCode
    languages: tuple[Language, ...]
    places: tuple[str, ...]
    format: Format | None = None
    since: datetime


class InterestWithdrawn(Event, frozen=True, kw_only=True):
    """A member no longer wants a module."""

    TOPIC: ClassVar[str] = "InterestWithdrawn.v1"
    member: tags.MemberId
    module: tags.ModuleCode


class HistoricalException(Event, frozen=True, kw_only=True):
    """History broke a rule, and the import that brought it said so."""

    TOPIC: ClassVar[str] = "HistoricalException.v1"
    rule: str
    module: tags.ModuleCode
    session: tags.SessionId | None = None
    member: tags.MemberId | None = None


# --- errors


class AlreadyEnrolled(RuleBroken):
    """Has a seat or waits already: one open enrolment a person and module."""


class CategoryNotAdmitted(RuleBroken):
    """The session is not for this category of member."""


class PrerequisitesMissing(RuleBroken):
    """Modules that must come first are not completed."""


class OverlapsOwnSession(RuleBroken):
    """It overlaps a session in which this person has a seat."""


class SessionFull(RuleBroken):
    """No seat is free."""


class TrainsThisSession(RuleBroken):
    """Trainers have no seat in their own session."""


class ReservedForTeam(RuleBroken):
    """The session is reserved for a team, which enrols as one."""


class WalkInOnTheDayOnly(RuleBroken):
    """Trainers enrol who walks in on the day; otherwise members enrol themselves."""


class NobodyEligible(RuleBroken):
    """Nobody on the waiting list may take a seat."""
