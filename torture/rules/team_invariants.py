"""What must be true of the log of any adviser team: each invariant with the sentence of the domain it stands for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import combinations
from typing import Any

from torture.rules.history import Demands, Forbids, Told
from torture.rules.team_model import HORIZON, ONE_DAY, three_months_after

FEW = 5


class Known:
    """Teams, and what they have done, so far."""

    def __init__(self) -> None:
        self.stays: dict[tuple[str, str, date], date | None] = {}
        self.categories: defaultdict[str, dict[date, str | None]] = defaultdict(dict)
        self.waves: dict[str, dict[str, Any]] = {}
        self.open: set[str] = set()
        self.telework: set[tuple[str, str, str]] = set()
        self.held: dict[str, date] = {}
        self.dropped: set[str] = set()
        self.sessions: dict[str, dict[str, Any]] = {}
        self.erased: set[str] = set()

    def fold(self, told: Told) -> None:
        data = told.data
        if told.what == "AdviserJoinedTeam":
            self.stays[data["team"], data["adviser"], date.fromisoformat(data["from"])] = None
        elif told.what == "AdviserLeftTeam":
            stay = (data["team"], data["adviser"], date.fromisoformat(data["from"]))
            self.stays[stay] = date.fromisoformat(data["to"])
        elif told.what in ("MemberJoined", "MembershipCategoryChanged"):
            day = date.fromisoformat(data.get("joined_on") or data["effective_on"])
            self.categories[data["member"]][day] = data["category"]
        elif told.what == "MembershipEnded":
            after = date.fromisoformat(data["ended_on"]) + ONE_DAY
            before = {day: category for day, category in self.categories[data["member"]].items() if day < after}
            self.categories[data["member"]] = {**before, after: None}
        elif told.what == "WaveOpened":
            self.waves[data["wave"]] = data
            self.open.add(data["wave"])
        elif told.what == "WaveClosed":
            self.open.discard(data["wave"])
        elif told.what == "TeleworkRecorded":
            self.telework.add((data["team"], data["quarter"], data["regime"]))
        elif told.what == "WorkshopHeld":
            self.held[data["workshop"]] = date.fromisoformat(data["held_on"])
        elif told.what == "DecisionReviewed" and data["outcome"] == "dropped":
            self.dropped.add(data["decision"])
        elif told.what == "SessionScheduled":
            self.sessions[data["session"]] = data
        elif told.what == "PersonalDataErased":
            self.erased.add(data["person"])

    def team_on(self, adviser: str, day: date) -> str | None:
        found = [
            team
            for (team, who, begins), ends in self.stays.items()
            if who == adviser and begins <= day <= (ends or HORIZON)
        ]
        return found[0] if found else None


# --- what must not be said


def the_wave_asks_whom_the_team_has(known: Known, told: Told) -> bool:
    """Teams and those eligible are frozen at the opening: the advisers that each team then has."""
    if told.what != "WaveOpened":
        return False
    day = date.fromisoformat(told.data["opened_on"])
    advisers = {adviser for _, adviser, _ in known.stays}
    return any(
        set(team["advisers"]) != {adviser for adviser in advisers if known.team_on(adviser, day) == team["team"]}
        for team in told.data["teams"]
    )


def one_open_wave_a_team(known: Known, told: Told) -> bool:
    """One open wave a team."""
    if told.what != "WaveOpened":
        return False
    teams = {team["team"] for team in told.data["teams"]}
    return any(team["team"] in teams for wave in known.open for team in known.waves[wave]["teams"])


def waves_are_three_months_apart(known: Known, told: Told) -> bool:
    """Two waves of a team are at least three months apart."""
    if told.what != "WaveOpened":
        return False
    teams, opened = {team["team"] for team in told.data["teams"]}, date.fromisoformat(told.data["opened_on"])
    earlier = [wave for wave in known.waves.values() if any(team["team"] in teams for team in wave["teams"])]
    return any(opened < three_months_after(date.fromisoformat(wave["opened_on"])) for wave in earlier)


def a_release_is_of_those_asked(known: Known, told: Told) -> bool:
    """Answers come from the frozen set: at most one each; of a team with fewer than 5 only the count is released."""
    if told.what != "WaveResponsesReleased":
        return False
    asked = {team["team"]: len(team["advisers"]) for team in known.waves[told.data["wave"]]["teams"]}
    released = {one["team"]: one for one in told.data["responses"]}
    return asked.keys() != released.keys() or any(
        one["n"] > asked[team] or len(one["answers"] or ()) != (one["n"] if one["n"] >= FEW else 0)
        for team, one in released.items()
    )


def a_wave_closes_once(known: Known, told: Told) -> bool:
    """A wave is closed once, and its answers come with it."""
    return told.what == "WaveClosed" and told.data["wave"] not in known.open


def telework_is_recorded_once(known: Known, told: Told) -> bool:
    """One telework record a quarter and regime; teleworked ≤ worked."""
    if told.what != "TeleworkRecorded":
        return False
    key = (told.data["team"], told.data["quarter"], told.data["regime"])
    return key in known.telework or told.data["days_teleworked"] > told.data["days_worked"]


def decisions_have_a_review_date(known: Known, told: Told) -> bool:
    """Each decision has a review date, after the workshop that took it; one that was dropped is not reviewed again."""
    if told.what == "DecisionReviewed":
        return told.data["decision"] in known.dropped
    if told.what != "DecisionTaken":
        return False
    held = known.held.get(told.data["workshop"])
    return held is None or date.fromisoformat(told.data["review_on"]) <= held


def a_workshop_is_held_once(known: Known, told: Told) -> bool:
    """A workshop is held once."""
    return told.what == "WorkshopHeld" and told.data["workshop"] in known.held


def team_sessions_are_for_their_team(known: Known, told: Told) -> bool:
    """A team session is reserved for its team: only its advisers on the first slot's date, and nobody waits."""
    if told.what == "MemberWaitlisted":
        return True
    if told.what != "MemberEnrolled":
        return False
    session = known.sessions[told.data["session"]]
    first = date.fromisoformat(min(slot["starts_at"] for slot in session["slots"])[:10])
    return known.team_on(told.data["member"], first) != session["team"]


def the_erased_are_no_advisers(known: Known, told: Told) -> bool:
    """Who is erased has no membership any more: no team, no wave and no seat begins for them."""
    if told.what == "WaveOpened":
        return any(not known.erased.isdisjoint(team["advisers"]) for team in told.data["teams"])
    about = {told.data.get("member"), told.data.get("adviser")}
    beginning = ("AdviserJoinedTeam", "MemberEnrolled", "MembershipCategoryChanged")
    return told.what in beginning and not known.erased.isdisjoint(about)


# --- what must be true after each command


def one_team_an_adviser_and_day(known: Known, _decided: Sequence[Told]) -> bool:
    """Which team somebody was in on a date is always answerable: one at most."""
    stays = [(who, begins, ends or HORIZON) for (_, who, begins), ends in known.stays.items()]
    took_place = [stay for stay in stays if stay[1] <= stay[2]]
    return not any(
        one[0] == other[0] and one[1] <= other[2] and other[1] <= one[2] for one, other in combinations(took_place, 2)
    )


def advisers_are_permanent_workers(known: Known, _decided: Sequence[Told]) -> bool:
    """Advisers are of category B, on every day that they are in a team."""
    for (_, who, begins), ends in known.stays.items():
        turns = sorted(known.categories[who].items())
        for (since, category), until in zip(turns, [*(day for day, _ in turns[1:]), HORIZON], strict=True):
            shared = max(since, begins) <= min(until - timedelta(days=1), ends or HORIZON)
            if shared and category != "B":
                return False
    return True


FORBIDDEN: tuple[Forbids, ...] = (
    the_wave_asks_whom_the_team_has,
    one_open_wave_a_team,
    waves_are_three_months_apart,
    a_release_is_of_those_asked,
    a_wave_closes_once,
    telework_is_recorded_once,
    decisions_have_a_review_date,
    a_workshop_is_held_once,
    team_sessions_are_for_their_team,
    the_erased_are_no_advisers,
)
DEMANDED: tuple[Demands, ...] = (one_team_an_adviser_and_day, advisers_are_permanent_workers)
