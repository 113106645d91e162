"""What must be true of the log of any school: each invariant with the sentence of the domain that it stands for.

`Known` is the little that they need to remember; none of the school's own code takes part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from torture.rules.history import Demands, Forbids, Told
from torture.rules.learners import overlap
from torture.rules.wishes import day_of

SEATED = ("MemberEnrolled", "MemberPromoted")
ENDED = ("EnrolmentWithdrawn", "EnrolmentCancelled", "WaitlistLapsed")
AFTER_CLOSING = (
    "AttendanceCorrected", "ModuleCompleted", "ModuleNotCompleted", "FeedbackReleased", "TrainerReportLogged",
)  # fmt: skip
NEW_FOR_SOMEBODY = (
    *SEATED, "MemberWaitlisted", "InterestRegistered", "MemberJoined", "MembershipCategoryChanged",
    "PrerequisiteWaived", "LanguageChosen", "RoleGranted", "LegalHoldPlaced", "AdviserJoinedTeam",
)  # fmt: skip


class Known:
    """Sessions, and people's places in them, so far."""

    def __init__(self) -> None:
        self.sessions: dict[str, dict[str, Any]] = {}
        self.slots: defaultdict[str, dict[int, tuple[datetime, datetime]]] = defaultdict(dict)
        self.seated: defaultdict[str, set[str]] = defaultdict(set)
        self.waiting: defaultdict[str, dict[int, str]] = defaultdict(dict)
        self.ranks: defaultdict[str, int] = defaultdict(int)
        self.ever: defaultdict[str, set[str]] = defaultdict(set)
        self.status: dict[str, str] = {}
        self.sheets: defaultdict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
        self.there: defaultdict[str, set[str]] = defaultdict(set)
        self.outcomes: dict[tuple[str, str], str] = {}
        self.met: defaultdict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.categories: defaultdict[str, dict[date, str | None]] = defaultdict(dict)
        self.erased: set[str] = set()
        self.accepted: set[str] = set()
        self.feedback: set[tuple[str, str]] = set()

    def category(self, member: str, day: date) -> str | None:
        since = max((one for one in self.categories[member] if one <= day), default=None)
        return None if since is None else self.categories[member][since]

    def fold(self, told: Told) -> None:
        data = told.data
        session, member = data.get("session", ""), data.get("member", "")
        if told.what == "SessionScheduled":
            self.sessions[session], self.status[session] = data, "scheduled"
            self.slots[session] = {slot["number"]: _times(slot) for slot in data["slots"]}
        elif told.what == "SlotMoved":
            self.slots[session][data["slot"]] = _times(data)
            self.accepted.update(data["clashes"])
        elif told.what == "SlotCancelled":
            del self.slots[session][data["slot"]]
        elif told.what == "SeatsChanged":
            self.sessions[session] = {**self.sessions[session], "seats": data["seats"]}
        elif told.what in ("SessionClosed", "SessionCancelled"):
            self.status[session] = "closed" if told.what == "SessionClosed" else "cancelled"
        elif told.what == "MemberWaitlisted":
            self.waiting[session][data["rank"]] = member
            self.ranks[session] = data["rank"]
        elif told.what in (*SEATED, *ENDED):
            self.waiting[session] = {rank: who for rank, who in self.waiting[session].items() if who != member}
            (self.seated[session].add if told.what in SEATED else self.seated[session].discard)(member)
            self.ever[session] |= self.seated[session]
        else:
            self._fold_attendance(told, session, member)
            self._fold_people(told, member)

    def _fold_attendance(self, told: Told, session: str, member: str) -> None:
        data = told.data
        if told.what == "AttendanceLogged":
            self.sheets[session][data["slot"]] = {record["member"]: record for record in data["records"]}
        elif told.what == "AttendanceCorrected":
            self.sheets[session][data["slot"]][member] = data["to"]
        elif told.what in ("ModuleCompleted", "ModuleNotCompleted"):
            self.outcomes[session, member] = told.what
            met = self.met[member][data["module"]]
            (met.add if told.what == "ModuleCompleted" else met.discard)(session)
        elif told.what == "FeedbackReleased":
            self.feedback.add((session, data["moment"]))
        if told.what in ("AttendanceLogged", "AttendanceCorrected"):
            sheet = self.sheets[session][data["slot"]]
            self.there[session] |= {who for who, line in sheet.items() if line["status"] in ("present", "partial")}

    def _fold_people(self, told: Told, member: str) -> None:
        data = told.data
        if told.what in ("MemberJoined", "MembershipCategoryChanged"):
            day = date.fromisoformat(data.get("joined_on") or data["effective_on"])
            self.categories[member][day] = data["category"]
        elif told.what == "MembershipEnded":
            after = date.fromordinal(date.fromisoformat(data["ended_on"]).toordinal() + 1)
            before = {day: category for day, category in self.categories[member].items() if day < after}
            self.categories[member] = {**before, after: None}
        elif told.what == "PrerequisiteWaived":
            self.met[member][data["module"]].add("waived")
        elif told.what == "PersonalDataErased":
            self.erased.add(data["person"])


def _times(slot: dict[str, Any]) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(slot["starts_at"]), datetime.fromisoformat(slot["ends_at"])


# --- what must not be said


def ranks_are_given_in_order(known: Known, told: Told) -> bool:
    """Ranks count up from 1 in a session and are never given twice; who comes back is at the end of the list."""
    return told.what == "MemberWaitlisted" and told.data["rank"] != known.ranks[told.data["session"]] + 1


def the_first_in_rank_is_promoted(known: Known, told: Told) -> bool:
    """A free seat goes to the first in rank who may take it, and the event says why others were passed over."""
    if told.what != "MemberPromoted" or told.data["rule"] != "first_eligible":
        return False
    waiting = known.waiting[told.data["session"]]
    before = [rank for rank in sorted(waiting) if rank < told.data["rank"]]
    named = [passed["rank"] for passed in told.data["passed_over"]]
    return waiting.get(told.data["rank"]) != told.data["member"] or named != before


def only_the_eligible_take_seats(known: Known, told: Told) -> bool:
    """Membership active, category admitted, prerequisites completed or waived, no overlap with own sessions."""
    if told.what not in SEATED:
        return False
    member, session = told.data["member"], known.sessions[told.data["session"]]
    slots = known.slots[told.data["session"]].values()
    day = max(day_of(min(slots)[0]), day_of(told.occurred_at))
    met = known.met[member]
    lacking = [code for code in session["prerequisites"] if not met[code]] if not met[session["module"]] else []
    waived = "waived" in met[session["module"]]
    overlaps = any(
        overlap(slots, known.slots[other].values())
        for other, seated in known.seated.items()
        if member in seated and other != told.data["session"] and known.status[other] == "scheduled"
    )
    return known.category(member, day) not in session["audience"] or (bool(lacking) and not waived) or overlaps


def trainers_have_no_seat_in_their_own_session(known: Known, told: Told) -> bool:
    """A trainer has no seat in the own session."""
    return told.what in SEATED and told.data["member"] in known.sessions[told.data["session"]]["trainers"]


def attendance_is_of_the_enrolled(known: Known, told: Told) -> bool:
    """A sheet names those enrolled: who has a seat, who walked in, or who had a seat at that slot."""
    ever = known.ever[told.data.get("session", "")]
    if told.what == "AttendanceCorrected":
        return told.data["member"] not in ever
    return told.what == "AttendanceLogged" and not {line["member"] for line in told.data["records"]} <= ever


def a_sheet_names_everybody_with_a_seat(known: Known, told: Told) -> bool:
    """A sheet names every member enrolled at that slot."""
    if told.what != "AttendanceLogged":
        return False
    return not known.seated[told.data["session"]] <= {line["member"] for line in told.data["records"]}


def one_sheet_a_slot(known: Known, told: Told) -> bool:
    """The same sheet again gives the first answer, another one is refused: later changes are corrections."""
    return told.what == "AttendanceLogged" and told.data["slot"] in known.sheets[told.data["session"]]


def closing_needs_every_sheet(known: Known, told: Told) -> bool:
    """Closing needs each slot logged or cancelled and its end passed."""
    if told.what != "SessionClosed":
        return False
    slots, sheets = known.slots[told.data["session"]], known.sheets[told.data["session"]]
    return slots.keys() != sheets.keys() or told.occurred_at < max(ends for _, ends in slots.values())


def after_the_end_only_the_past_is_put_right(known: Known, told: Told) -> bool:
    """A session closes once; after closing only corrections, feedback and the trainer's report."""
    status = known.status.get(told.data.get("session", ""))
    late = (*AFTER_CLOSING, *ENDED) if status == "cancelled" else AFTER_CLOSING
    return status in ("closed", "cancelled") and told.what not in late


def feedback_is_of_those_present(known: Known, told: Told) -> bool:
    """Sheets and online answers together are at most those present; a moment is released once."""
    if told.what != "FeedbackReleased":
        return False
    session, given = told.data["session"], len(told.data["online"]) + len(told.data["paper"])
    return given > len(known.there[session]) or (session, told.data["moment"]) in known.feedback


def the_erased_get_nothing_new(known: Known, told: Told) -> bool:
    """Who is erased has no membership any more: nothing new begins for them."""
    about = {told.data.get("member"), told.data.get("person"), told.data.get("adviser")}
    if told.what == "SessionScheduled":
        return not known.erased.isdisjoint(told.data["trainers"])
    return told.what in NEW_FOR_SOMEBODY and not known.erased.isdisjoint(about)


# --- what must be true after each command


def seats_are_never_exceeded(known: Known, _decided: Sequence[Told]) -> bool:
    """Never more confirmed than seats, and seats never below the confirmed."""
    return all(len(seated) <= known.sessions[session]["seats"] for session, seated in known.seated.items())


def one_open_enrolment(known: Known, _decided: Sequence[Told]) -> bool:
    """One open enrolment a person and module: being confirmed ends that person's other waits for it."""
    places: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for session, about in known.sessions.items():
        if known.status[session] == "scheduled":
            for member in known.seated[session]:
                places[member, about["module"]].append("seat")
            for member in known.waiting[session].values():
                places[member, about["module"]].append("wait")
    return all("seat" not in held or held == ["seat"] for held in places.values())


def the_end_of_a_session_ends_its_waits(known: Known, _decided: Sequence[Told]) -> bool:
    """Cancelling ends each enrolment; nobody waits for a session that is closed."""
    return all(
        not known.waiting[session] and (status == "closed" or not known.seated[session])
        for session, status in known.status.items()
        if status != "scheduled"
    )


def completion_is_what_the_sheets_say(known: Known, _decided: Sequence[Told]) -> bool:
    """Attended half-days (partial by minutes, excused not attended) reach the session's share of the slots held."""
    return all(
        known.outcomes.get((session, member)) == _outcome(known, session, member)
        for session, status in known.status.items()
        if status == "closed"
        for member in known.seated[session]
    )


def _outcome(known: Known, session: str, member: str) -> str:
    attended = Fraction(0)
    for slot, sheet in known.sheets[session].items():
        line = sheet.get(member, {"status": "absent"})
        begins, ends = known.slots[session][slot]
        if line["status"] == "present":
            attended += 1
        elif line["status"] == "partial":
            attended += Fraction(60 * line["minutes"], int((ends - begins).total_seconds()))
    needed = Fraction(str(known.sessions[session]["min_attendance"])) * len(known.sheets[session])
    return "ModuleCompleted" if attended >= needed else "ModuleNotCompleted"


FORBIDDEN: tuple[Forbids, ...] = (
    ranks_are_given_in_order,
    the_first_in_rank_is_promoted,
    only_the_eligible_take_seats,
    trainers_have_no_seat_in_their_own_session,
    attendance_is_of_the_enrolled,
    a_sheet_names_everybody_with_a_seat,
    one_sheet_a_slot,
    closing_needs_every_sheet,
    after_the_end_only_the_past_is_put_right,
    feedback_is_of_those_present,
    the_erased_get_nothing_new,
)
DEMANDED: tuple[Demands, ...] = (
    seats_are_never_exceeded,
    one_open_enrolment,
    the_end_of_a_session_ends_its_waits,
    completion_is_what_the_sheets_say,
)
