"""`member_progress`: a member's modules, how far they are in each, and which they may take next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from projections.disclosure import Gate, rounded
from projections.reports.asked import Asked, Parameter
from projections.reports.report import Definition, Row, Rows

STEPS = ("seat", "waiting", "withdrawn", "cancelled", "lapsed", "completed", "not_completed")
# What a module's status is where sessions differ; of those that ended, the last.
CURRENT = ("completed", "in_progress", "enrolled", "waitlisted")
ENDED = ("not_completed", "withdrawn", "cancelled", "lapsed")


class Standing(NamedTuple):
    """How the member stands in one session, since when in the order of events."""

    status: str
    session: str
    moment: int


def shape(found: Rows, _asked: Asked, _gate: Gate) -> list[Row]:
    """One row a module that the member has to do with or may take next."""
    standings = _standings(found["standing"])
    attended = _half_days(found["attendance"])
    wishes = {(row["module"], row["figure"]) for row in found["wishes"]}
    completed = {module for module, of_module in standings.items() if any(s.status == "completed" for s in of_module)}
    waived = {module for module, figure in wishes if figure == "waived"}
    open_now = {
        row["module"]
        for row in found["offered"]
        if row["category"] in row["audience"].split("|")
        and row["module"] not in completed
        and (row["module"] in waived or _names(row["prerequisites"]) <= completed | waived)
    }
    rows = []
    for module in sorted({*standings, *(module for module, _ in wishes), *open_now}):
        best = _best(standings.get(module, []))
        status = best.status if best else None
        if status not in CURRENT and (module, "interested") in wishes:
            status = "interested"
        done, expected = attended.get(best.session, (Fraction(0), 0)) if best else (Fraction(0), 0)
        rows.append(
            {
                "module": module,
                "status": status,
                "session": best.session if best else None,
                "attended": rounded(done),
                "expected": expected,
                "waived": module in waived,
                "open": module in open_now and status not in CURRENT,
            }
        )
    return rows


def _names(text: str) -> set[str]:
    return set(text.split("|")) - {""}


def _standings(steps: Iterable[Row]) -> dict[str, list[Standing]]:
    of_session: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for step in steps:
        of_session[step["module"], step["session"]].append(step)
    found: dict[str, list[Standing]] = defaultdict(list)
    for (module, session), taken in of_session.items():
        standing = _standing(session, taken)
        if standing is not None:
            found[module].append(standing)
    return found


def _standing(session: str, steps: list[Row]) -> Standing | None:
    sums = {name: sum(int(step[name]) for step in steps) for name in STEPS}
    last = {name: max((step["moment"] for step in steps if int(step[name]) > 0), default=0) for name in ENDED}
    if sums["completed"] > 0:
        return Standing("completed", session, steps[-1]["moment"])
    if sums["not_completed"] > 0:
        return Standing("not_completed", session, last["not_completed"])
    if sums["seat"] > 0:
        return Standing("in_progress" if steps[-1]["begun"] else "enrolled", session, steps[-1]["moment"])
    if sums["waiting"] > 0:
        return Standing("waitlisted", session, steps[-1]["moment"])
    ended = max(ENDED, key=lambda name: last[name])
    return Standing(ended, session, last[ended]) if last[ended] else None


def _best(standings: Iterable[Standing]) -> Standing | None:
    def order(standing: Standing) -> tuple[int, int]:
        place = CURRENT.index(standing.status) if standing.status in CURRENT else len(CURRENT)
        return -place, standing.moment

    return max(standings, key=order, default=None)


def _half_days(rows: Iterable[Row]) -> Mapping[str, tuple[Fraction, int]]:
    """By session: the half-days attended, exactly, and those of which there is a record."""
    done: dict[str, Fraction] = defaultdict(Fraction)
    expected: dict[str, int] = defaultdict(int)
    for row in rows:
        session, partial = row["session"], int(row["partial"])
        done[session] += int(row["present"])
        if partial and row["out_of"]:
            done[session] += partial * Fraction(min(row["minutes"], row["out_of"]), row["out_of"])
        expected[session] += int(row["present"]) + partial + int(row["absent"]) + int(row["excused"])
    return {session: (done[session], count) for session, count in expected.items()}


MEMBER_PROGRESS = Definition(
    name="member_progress",
    title="A member's modules, and which they may take next",
    roles=("coordinator",),
    own="the member, by member",
    group_by=(),
    columns=("module",),
    figures=("status", "session", "attended", "expected", "waived", "open"),
    parameters=(Parameter("member", "person", "whose progress", required=True),),
    projections=("learning", "membership", "interest", "catalogue"),
    shape=shape,
    notes=("attended and expected: half-days that were logged, in the session that the status is from.",),
)
