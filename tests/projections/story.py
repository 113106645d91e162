"""A small school told event by event, and the reports on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from coopschool.database import Database
from coopschool.domain.base import Event
from coopschool.domain.school import enrolment, learning_module, member, person, session
from projections.disclosure import RESEARCHER, Viewer
from projections.replay import rebuild
from projections.reports import Report, definition, run
from projections.runner import Runner
from tests.support.made_log import BRUSSELS, record

TOLD = datetime(2026, 3, 2, 9, tzinfo=BRUSSELS)


def at(text: str) -> datetime:
    """``2020-04-01 14:00`` in Brussels."""
    return datetime.fromisoformat(text).replace(tzinfo=BRUSSELS)


class Story:
    """What happened, in the order in which it was told. Each telling is recorded a day after the one before."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recorded_at = TOLD
        self._module_of: dict[str, str] = {}

    def tell(self, *happened: tuple[str, Event]) -> datetime:
        """Records what happened and when; answers when it was recorded."""
        self._recorded_at += timedelta(days=1)
        with self._database.connect("owner") as conn:
            record(conn, [(at(moment), event) for moment, event in happened], self._recorded_at)
        Runner(self._database).catch_up()
        return self._recorded_at

    def report(self, name: str, **parameters: Any) -> Report:
        return self.seen_by(RESEARCHER, name, **parameters)

    def seen_by(self, viewer: Viewer, name: str, now: datetime | None = None, **parameters: Any) -> Report:
        """The report as it is shown to this viewer."""
        with self._database.connect(definition(name).read_by) as conn:
            return run(conn, name, {"as_of": "2027-01-01", **parameters}, viewer=viewer, now=now)

    def rows(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        return self.report(name, **parameters).rows

    def row(self, name: str, **parameters: Any) -> dict[str, Any]:
        (row,) = self.rows(name, **parameters)
        return row

    def differing(self) -> tuple[str, ...]:
        return rebuild(self._database, BRUSSELS, dry_run=True).differing

    # --- events in few words

    def scheduled(self, id: str, module: str, *starts: str, **other: Any) -> Event:
        """Half-days of three hours."""
        self._module_of[id] = module
        slots = tuple(
            session.Slot(number=number, starts_at=at(start), ends_at=at(start) + timedelta(hours=3))
            for number, start in enumerate(starts, start=1)
        )
        given: dict[str, Any] = {"seats": 2, "languages": ("fr",), "place": "LIE", "format": "in_person", **other}
        return session.SessionScheduled(
            session=id, module=module, revision=1, audience=("A", "B"), prerequisites=(), slots=slots,
            min_attendance=Decimal("0.8"), trainers=("tim",), promotion_cutoff=slots[0].starts_at, **given,
        )  # fmt: skip

    def _keys(self, id: str) -> dict[str, Any]:
        return {"session": id, "module": self._module_of[id]}

    def enrolled(self, who: str, id: str) -> Event:
        return enrolment.MemberEnrolled(member=who, **self._keys(id))

    def waitlisted(self, who: str, id: str) -> Event:
        return enrolment.MemberWaitlisted(member=who, rank=1, **self._keys(id))

    def promoted(self, who: str, id: str) -> Event:
        return enrolment.MemberPromoted(member=who, rank=1, rule="first_eligible", **self._keys(id))

    def withdrawn(self, who: str, id: str, was: Any = "confirmed", reason: Any = "work") -> Event:
        return enrolment.EnrolmentWithdrawn(member=who, was=was, reason_code=reason, **self._keys(id))

    def cancelled(self, who: str, id: str) -> Event:
        return enrolment.EnrolmentCancelled(member=who, was="confirmed", **self._keys(id))

    def lapsed(self, who: str, id: str) -> Event:
        return enrolment.WaitlistLapsed(member=who, rank=1, **self._keys(id))

    def sheet(self, id: str, slot: int, **statuses: Any) -> Event:
        """A status, or minutes for partial."""
        records = tuple(
            session.AttendanceRecord(member=who, status=status)
            if isinstance(status, str)
            else session.AttendanceRecord(member=who, status="partial", minutes=status)
            for who, status in statuses.items()
        )
        return session.AttendanceLogged(slot=slot, records=records, **self._keys(id))

    def corrected(self, id: str, slot: int, who: str, status: Any) -> Event:
        before = session.Presence(status="absent")
        to = session.Presence(status=status)
        return session.AttendanceCorrected(
            slot=slot, member=who, from_=before, to=to, reason_code="typing_error", **self._keys(id)
        )

    def completed(self, who: str, id: str) -> Event:
        return enrolment.ModuleCompleted(member=who, attended=(1, 1), expected=1, **self._keys(id))

    def not_completed(self, who: str, id: str) -> Event:
        return enrolment.ModuleNotCompleted(member=who, attended=(0, 1), expected=1, **self._keys(id))

    def closed(self, id: str) -> Event:
        return session.SessionClosed(**self._keys(id))

    def session_cancelled(self, id: str) -> Event:
        return session.SessionCancelled(reason_code="too_few", **self._keys(id))

    def moved(self, id: str, slot: int, start: str) -> Event:
        starts_at = at(start)
        return session.SlotMoved(
            slot=slot, starts_at=starts_at, ends_at=starts_at + timedelta(hours=3), **self._keys(id)
        )

    def registered(self, who: str) -> Event:
        return person.PersonRegistered(person=who)

    def joined(self, who: str, category: Any, on: str) -> Event:
        return member.MemberJoined(member=who, category=category, joined_on=date.fromisoformat(on))

    def category(self, who: str, category: Any, on: str) -> Event:
        return member.MembershipCategoryChanged(member=who, category=category, effective_on=date.fromisoformat(on))

    def interested(
        self, who: str, module: str, since: str, languages: Sequence[Any] = (), places: Sequence[str] = ()
    ) -> Event:
        return enrolment.InterestRegistered(
            member=who, module=module, languages=tuple(languages), places=tuple(places), since=at(since)
        )

    def no_longer_interested(self, who: str, module: str) -> Event:
        return enrolment.InterestWithdrawn(member=who, module=module)

    def waived(self, who: str, module: str) -> Event:
        return enrolment.PrerequisiteWaived(member=who, module=module, by=None, reason_code="experience")

    def drafted(self, module: str, prerequisites: Sequence[str] = (), audience: Sequence[Any] = ("A", "B")) -> Event:
        return learning_module.ModuleDrafted(
            module=module, half_days=2, minutes=360, format="online", min_attendance=Decimal("0.8"),
            prerequisites=tuple(prerequisites), audience=tuple(audience), text="t",
        )  # fmt: skip

    def published(self, module: str) -> Event:
        return learning_module.ModulePublished(module=module, revision=1)

    def retired(self, module: str) -> Event:
        return learning_module.ModuleRetired(module=module)
