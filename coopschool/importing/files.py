"""The files of an import and their columns. A new file is a row type, a table, and a step in `steps`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from coopschool.domain.school.enrolment import OwnReason
from coopschool.domain.school.session import Status
from coopschool.domain.school.words import Category, Format, Language
from coopschool.importing import answer_files, cells, tables, team_files
from coopschool.importing.problems import Problems
from coopschool.importing.references import Key, Keys, module, person, session
from coopschool.importing.tables import Column, Row, RowOfMember, Table, optional

R = TypeVar("R", bound=Row)


class MemberRow(RowOfMember, frozen=True, kw_only=True):
    category: Category
    joined_on: date
    ended_on: date | None = None
    language: Language | None = None
    name: str | None = None
    email: str | None = None

    @property
    def keys(self) -> Keys:
        return (self.joining, person(self.member_ref), *([self.leaving] if self.ended_on else ()))

    @property
    def joining(self) -> Key:
        return "member", self.member_ref

    @property
    def leaving(self) -> Key:
        return "member ended", self.member_ref, str(self.ended_on)


class CategoryRow(RowOfMember, frozen=True, kw_only=True):
    category: Category
    effective_on: date

    @property
    def keys(self) -> Keys:
        return ("category", self.member_ref, self.category, str(self.effective_on)), person(self.member_ref)


class ModuleRow(Row, frozen=True, kw_only=True):
    module: str
    title_fr: str
    title_nl: str | None = None
    title_en: str | None = None
    half_days: int
    hours: int | None = None  # in minutes, once read
    format: Format = "in_person"
    min_attendance: Decimal = Decimal("0.8")
    prerequisites: tuple[str, ...] = ()
    audience: tuple[Category, ...] = ("candidate", "A", "B", "C")
    published_on: datetime

    @property
    def keys(self) -> Keys:
        return (module(self.module),)


class SessionRow(Row, frozen=True, kw_only=True):
    session_ref: str
    module: str
    seats: int
    languages: tuple[Language, ...] = ("fr",)
    place: str | None = None
    format: Format | None = None  # the module's, unless it is given
    trainers: tuple[str, ...] = ()
    scheduled_on: datetime
    cancelled_on: datetime | None = None
    closed_on: datetime | None = None

    @property
    def keys(self) -> Keys:
        return (session(self.session_ref), self.cancelling, self.closing, *map(person, self.trainers))

    @property
    def cancelling(self) -> Key:
        return "session cancelled", self.session_ref

    @property
    def closing(self) -> Key:
        return "session closed", self.session_ref


class SlotRow(Row, frozen=True, kw_only=True):
    session_ref: str
    slot: int
    starts_at: datetime
    ends_at: datetime

    @property
    def keys(self) -> Keys:
        return (session(self.session_ref),)


class EnrolmentRow(RowOfMember, frozen=True, kw_only=True):
    session_ref: str
    enrolled_at: datetime
    exception: str | None = None

    @property
    def keys(self) -> Keys:
        row = ("enrolment", self.session_ref, self.member_ref, self.enrolled_at.isoformat())
        return row, session(self.session_ref), person(self.member_ref)


class WithdrawalRow(RowOfMember, frozen=True, kw_only=True):
    session_ref: str
    withdrawn_at: datetime
    reason_code: OwnReason = "other"

    @property
    def keys(self) -> Keys:
        row = ("withdrawal", self.session_ref, self.member_ref, self.withdrawn_at.isoformat())
        return row, session(self.session_ref), person(self.member_ref)


class WaiverRow(RowOfMember, frozen=True, kw_only=True):
    module: str
    granted_on: datetime

    @property
    def keys(self) -> Keys:
        return ("waiver", self.member_ref, self.module), person(self.member_ref)


class AttendanceRow(RowOfMember, frozen=True, kw_only=True):
    session_ref: str
    slot: int
    status: Status
    minutes: int | None = None
    exception: str | None = None

    @property
    def keys(self) -> Keys:
        return session(self.session_ref), person(self.member_ref)


_REFERENCE = Column(cells.reference)
_CODE = Column(cells.code)
_EXCEPTION = optional(cells.words(300))

MEMBERS = Table(
    "members.csv",
    MemberRow,
    {
        "member_ref": _REFERENCE,
        "category": Column(cells.one_of(Category)),
        "joined_on": Column(cells.day),
        "ended_on": optional(cells.day),
        "language": optional(cells.one_of(Language)),
        "name": optional(cells.name),
        "email": optional(cells.email),
    },
    ("member", "member_ref"),
)
CATEGORIES = Table(
    "categories.csv",
    CategoryRow,
    {
        "member_ref": _REFERENCE,
        "category": Column(cells.one_of(Category)),
        "effective_on": Column(cells.day),
    },
)
MODULES = Table(
    "modules.csv",
    ModuleRow,
    {
        "module": _CODE,
        "title_fr": Column(cells.words(200)),
        "title_nl": optional(cells.words(200)),
        "title_en": optional(cells.words(200)),
        "half_days": Column(cells.whole(1, 60)),
        "hours": optional(cells.hours),
        "format": optional(cells.one_of(Format)),
        "min_attendance": optional(cells.fraction),
        "prerequisites": optional(cells.several(cells.code)),
        "audience": optional(cells.several(cells.one_of(Category))),
        "published_on": Column(cells.start),
    },
    ("module", "module"),
)
SESSIONS = Table(
    "sessions.csv",
    SessionRow,
    {
        "session_ref": _REFERENCE,
        "module": _CODE,
        "seats": Column(cells.whole(1, 10_000)),
        "languages": optional(cells.several(cells.one_of(Language))),
        "place": optional(cells.name),
        "format": optional(cells.one_of(Format)),
        "trainers": optional(cells.several(cells.reference)),
        "scheduled_on": Column(cells.start),
        "cancelled_on": optional(cells.start),
        "closed_on": optional(cells.start),
    },
    ("session", "session_ref"),
)
SLOTS = Table(
    "slots.csv",
    SlotRow,
    {
        "session_ref": _REFERENCE,
        "slot": Column(cells.whole(1, 200)),
        "starts_at": Column(cells.start),
        "ends_at": Column(cells.start),
    },
    ("session", "session_ref"),
)
ENROLMENTS = Table(
    "enrolments.csv",
    EnrolmentRow,
    {
        "session_ref": _REFERENCE,
        "member_ref": _REFERENCE,
        "enrolled_at": Column(cells.start),
        "exception": _EXCEPTION,
    },
    ("enrolled", "session_ref", "member_ref"),
)
WITHDRAWALS = Table(
    "withdrawals.csv",
    WithdrawalRow,
    {
        "session_ref": _REFERENCE,
        "member_ref": _REFERENCE,
        "withdrawn_at": Column(cells.end),
        "reason_code": optional(cells.one_of(OwnReason)),
    },
)
WAIVERS = Table(
    "waivers.csv",
    WaiverRow,
    {
        "member_ref": _REFERENCE,
        "module": _CODE,
        "granted_on": Column(cells.start),
    },
)
ATTENDANCE = Table(
    "attendance.csv",
    AttendanceRow,
    {
        "session_ref": _REFERENCE,
        "slot": Column(cells.whole(1, 200)),
        "member_ref": _REFERENCE,
        "status": Column(cells.one_of(Status)),
        "minutes": optional(cells.whole(0, 24 * 60)),
        "exception": _EXCEPTION,
    },
    ("sheets", "session_ref"),
)
TABLES: tuple[Table[Any], ...] = (
    MEMBERS, CATEGORIES, MODULES, SESSIONS, SLOTS, ENROLMENTS, WITHDRAWALS, WAIVERS, ATTENDANCE,
    *answer_files.TABLES, *team_files.TABLES,
)  # fmt: skip


class Files:
    """The good rows of a directory, by file; `left_out` names the CSV files that an import does not read, and why."""

    def __init__(self, rows: Mapping[str, list[Any]], left_out: tuple[str, ...]) -> None:
        self._rows = rows
        self.left_out = left_out

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """Each file that was there, and its good rows."""
        return ((file, len(rows)) for file, rows in self._rows.items())

    def rows(self, table: Table[R]) -> list[R]:
        """The rows of one file; none if it is not there."""
        return self._rows.get(table.file, [])


def read(directory: Path, zone: ZoneInfo, problems: Problems) -> Files:
    """Reads every file that is there. Raises `FileNotFoundError` where there is none to read."""
    if not directory.is_dir():
        raise FileNotFoundError(f"There is no directory {directory}.")
    # As they are written, also where the file system takes Members.CSV for members.csv.
    names = {path.name for path in directory.iterdir() if path.is_file()}
    there, known = [table for table in TABLES if table.file in names], {table.file for table in TABLES}
    others = sorted(name for name in names - known if name.lower().endswith(".csv"))
    left_out = tuple(
        f"{name}: to be read it is called {name.lower()}" if name.lower() in known else name for name in others
    )
    if not there:
        instead = f" Left out: {'; '.join(left_out)}." if left_out else ""
        raise FileNotFoundError(f"None of {', '.join(table.file for table in TABLES)} is in {directory}.{instead}")
    rows = {table.file: tables.read(table, directory / table.file, zone, problems) for table in there}
    return Files(rows, left_out)
