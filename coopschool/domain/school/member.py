"""Members: the membership of a person, its category over time, and what the member learns."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from coopschool.domain import tags
from coopschool.domain.base import Event
from coopschool.domain.school.words import Category

# --- events


class MemberJoined(Event, frozen=True, kw_only=True):
    """A person joined the cooperative (occurred: the start of the day they joined)."""

    TOPIC: ClassVar[str] = "MemberJoined.v1"
    member: tags.MemberId
    category: Category


class MembershipCategoryChanged(Event, frozen=True, kw_only=True):
    """A membership is of another category from a day on (occurred: the start of that day)."""

    TOPIC: ClassVar[str] = "MembershipCategoryChanged.v1"
    member: tags.MemberId
    category: Category
    effective_on: date


class MembershipEnded(Event, frozen=True, kw_only=True):
    """A membership ended (occurred: the end of its last day)."""

    TOPIC: ClassVar[str] = "MembershipEnded.v1"
    member: tags.MemberId
    ended_on: date
