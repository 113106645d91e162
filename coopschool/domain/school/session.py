"""Sessions: a module given to a group, slot by slot, from the schedule to the closing."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal

import msgspec

from coopschool.domain import tags
from coopschool.domain.base import Event
from coopschool.domain.school.words import Category, Format, Language

Status = Literal["present", "partial", "absent", "excused"]
Mode = Literal["on_site", "online"]
CancellationReason = Literal["too_few", "trainer_unavailable", "place_unavailable", "rescheduled", "other"]
CorrectionReason = Literal["typing_error", "arrived_late", "left_early", "proof_received", "wrong_person", "other"]


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One half-day; it keeps its number for life."""

    number: int
    starts_at: datetime
    ends_at: datetime


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody was there: `minutes` only with status partial."""

    status: Status
    minutes: int | None = None
    mode: Mode | None = None


class AttendanceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an attendance sheet."""

    member: tags.MemberId
    status: Status
    minutes: int | None = None
    mode: Mode | None = None


# --- events


class SessionScheduled(Event, frozen=True, kw_only=True):
    """A session was announced, with the module's rules as they were then."""

    TOPIC: ClassVar[str] = "SessionScheduled.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    revision: int
    audience: tuple[Category, ...]
    prerequisites: tuple[tags.ModuleRef, ...]
    min_attendance: Decimal
    slots: tuple[Slot, ...]
    seats: int
    trainers: tuple[tags.TrainerId, ...]
    languages: tuple[Language, ...]
    place: str
    format: Format
    promotion_cutoff: datetime
    team: tags.TeamId | None = None


class SlotMoved(Event, frozen=True, kw_only=True):
    """A slot was moved; `clashes` are the people whose sessions overlap since, accepted knowingly."""

    TOPIC: ClassVar[str] = "SlotMoved.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    slot: int
    starts_at: datetime
    ends_at: datetime
    clashes: tuple[tags.PersonRef, ...] = ()


class SlotCancelled(Event, frozen=True, kw_only=True):
    """A slot will not be held; it no longer counts for completion."""

    TOPIC: ClassVar[str] = "SlotCancelled.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    slot: int


class SeatsChanged(Event, frozen=True, kw_only=True):
    """A session has more or fewer seats."""

    TOPIC: ClassVar[str] = "SeatsChanged.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    seats: int


class TrainersChanged(Event, frozen=True, kw_only=True):
    """Others give the session, from a slot on; `before` are those who gave it until then."""

    TOPIC: ClassVar[str] = "TrainersChanged.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    trainers: tuple[tags.TrainerId, ...]
    before: tuple[tags.TrainerId, ...]
    from_slot: int


class ArrangementsChanged(Event, frozen=True, kw_only=True):
    """A session is given in another language, place or format."""

    TOPIC: ClassVar[str] = "ArrangementsChanged.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    languages: tuple[Language, ...]
    place: str
    format: Format


class SessionCancelled(Event, frozen=True, kw_only=True):
    """A session will not be held."""

    TOPIC: ClassVar[str] = "SessionCancelled.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    reason_code: CancellationReason


class AttendanceLogged(Event, frozen=True, kw_only=True):
    """The trainer handed in the sheet of a slot (occurred: the slot's start)."""

    TOPIC: ClassVar[str] = "AttendanceLogged.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    slot: int
    records: tuple[AttendanceRecord, ...]


class AttendanceCorrected(Event, frozen=True, kw_only=True):
    """A line of a sheet was put right (occurred: the slot's start); a note on why is in the vault."""

    TOPIC: ClassVar[str] = "AttendanceCorrected.v1"
    session: tags.SessionId
    module: tags.ModuleCode
    slot: int
    member: tags.MemberId
    from_: Presence = msgspec.field(name="from")
    to: Presence
    reason_code: CorrectionReason
    note: tags.TextId | None = None


class SessionClosed(Event, frozen=True, kw_only=True):
    """A session is over and its completions are decided."""

    TOPIC: ClassVar[str] = "SessionClosed.v1"
    session: tags.SessionId
    module: tags.ModuleCode
