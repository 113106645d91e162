"""Turns files of the Open University Learning Analytics Dataset into files that `coopschool import` reads.

    python examples/oulad/convert.py examples/oulad/data /tmp/oulad
    coopschool import /tmp/oulad

A presentation is a session, closed at its end; a dated assessment is a slot of one hour on its due date; a submission
is presence at that slot, early or late; a registration is an enrolment, an unregistration a withdrawal. What does not
fit is left out and counted.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

FIRST_HOUR = 8
"""Each module has an hour of its own, so that nobody's modules overlap on a common due date."""

Row = dict[str, str]
Presentation = tuple[str, str]
"""A module's code and the presentation's, such as ("AAA", "2013J")."""


def day_zero(presentation: str) -> date:
    """The first day: presentations "J" start on 1 October, "B" on 1 February of their year."""
    return date(int(presentation[:4]), 10 if presentation.endswith("J") else 2, 1)


@dataclass
class Registration:
    """Somebody's place in a presentation; days count from its first day."""

    student: str
    presentation: Presentation
    registered: int
    unregistered: int | None

    def covers(self, day: int) -> bool:
        return self.registered <= day and (self.unregistered is None or day <= self.unregistered)

    def date(self, day: int) -> date:
        return day_zero(self.presentation[1]) + timedelta(days=day)


@dataclass
class Dataset:
    """What is taken from the files, and how much of what is left out and why."""

    lengths: dict[Presentation, int]
    due: dict[Presentation, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    registrations: dict[tuple[Presentation, str], Registration] = field(default_factory=dict)
    submissions: list[tuple[Registration, str]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def sessions(self) -> Iterator[tuple[Presentation, list[Registration]]]:
        """Presentations with dated assessments, and who registered."""
        by_presentation: defaultdict[Presentation, list[Registration]] = defaultdict(list)
        for registration in self.registrations.values():
            by_presentation[registration.presentation].append(registration)
        return ((presentation, by_presentation[presentation]) for presentation in self.due)


def read(directory: Path) -> Dataset:
    """The dataset in a directory of OULAD files."""
    courses = rows(directory / "courses.csv")
    dataset = Dataset({presentation(row): int(row["module_presentation_length"]) for row in courses})
    read_assessments(dataset, directory)
    read_registrations(dataset, directory)
    read_submissions(dataset, directory)
    return dataset


def read_assessments(dataset: Dataset, directory: Path) -> None:
    for row in rows(directory / "assessments.csv"):
        due = number(row["date"])
        if due is None:
            dataset.left_out["assessments without a date (exams)"] += 1
        else:
            dataset.due[presentation(row)][row["id_assessment"]] = due


def read_registrations(dataset: Dataset, directory: Path) -> None:
    for row in rows(directory / "studentRegistration.csv"):
        registered, unregistered = number(row["date_registration"]), number(row["date_unregistration"])
        if registered is None:
            dataset.left_out["registrations without a date"] += 1
        elif presentation(row) not in dataset.due:
            dataset.left_out["registrations in a presentation without dated assessments"] += 1
        elif unregistered is not None and unregistered < registered:
            dataset.left_out["registrations ended before they began"] += 1
        else:
            found = Registration(row["id_student"], presentation(row), registered, unregistered)
            dataset.registrations[found.presentation, found.student] = found


def read_submissions(dataset: Dataset, directory: Path) -> None:
    of = {assessment: each for each, due in dataset.due.items() for assessment in due}
    for row in rows(directory / "studentAssessment.csv"):
        assessment = row["id_assessment"]
        found = dataset.registrations.get((of[assessment], row["id_student"])) if assessment in of else None
        if assessment not in of:
            dataset.left_out["submissions for an assessment without a date"] += 1
        elif found is None or not found.covers(dataset.due[found.presentation][assessment]):
            dataset.left_out["submissions outside the registration"] += 1
        elif row["is_banked"] == "1":
            dataset.left_out["submissions banked from an earlier presentation"] += 1
        else:
            dataset.submissions.append((found, assessment))


def write(dataset: Dataset, directory: Path) -> None:
    """The school's files, in a directory that is made if need be."""
    directory.mkdir(parents=True, exist_ok=True)
    for file, header, content in (
        ("members.csv", "member_ref,category,joined_on", members(dataset)),
        ("modules.csv", "module,title_fr,title_en,half_days,format,published_on", modules(dataset)),
        ("sessions.csv", "session_ref,module,seats,languages,format,scheduled_on,closed_on", sessions(dataset)),
        ("slots.csv", "session_ref,slot,starts_at,ends_at", slots(dataset)),
        ("enrolments.csv", "session_ref,member_ref,enrolled_at,exception", enrolments(dataset)),
        ("withdrawals.csv", "session_ref,member_ref,withdrawn_at", withdrawals(dataset)),
        ("attendance.csv", "session_ref,slot,member_ref,status", attendance(dataset)),
    ):
        with (directory / file).open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(header.split(","))
            writer.writerows(content)


def members(dataset: Dataset) -> Iterator[tuple[object, ...]]:
    """Each student joins with their first registration."""
    joined: dict[str, date] = {}
    for each in dataset.registrations.values():
        joined[each.student] = min(each.date(each.registered), joined.get(each.student, date.max))
    return ((student, "A", day) for student, day in joined.items())


def modules(dataset: Dataset) -> Iterator[tuple[object, ...]]:
    """Each module is published with its first session; its length is that of its longest presentation."""
    for code in sorted({code for code, _ in dataset.due}):
        half_days = max(len(due) for (module, _), due in dataset.due.items() if module == code)
        published = min(scheduled(each) for (module, _), each in dataset.sessions() if module == code)
        yield code, f"Module {code} (OULAD)", f"Module {code} (OULAD)", half_days, "online", published


def sessions(dataset: Dataset) -> Iterator[tuple[object, ...]]:
    """Each has as many seats as registrations, is scheduled with the first of them and closed at its end."""
    for (code, name), registered in dataset.sessions():
        end = day_zero(name) + timedelta(days=dataset.lengths[code, name])
        yield session((code, name)), code, len(registered), "en", "online", scheduled(registered), end


def slots(dataset: Dataset) -> Iterator[tuple[object, ...]]:
    codes = sorted({code for code, _ in dataset.due})
    for each, due in dataset.due.items():
        hour = FIRST_HOUR + codes.index(each[0])
        for number, assessment in enumerate(in_order(due), start=1):
            day = day_zero(each[1]) + timedelta(days=due[assessment])
            yield session(each), number, f"{day}T{hour:02}:00", f"{day}T{hour + 1:02}:00"


def enrolments(dataset: Dataset) -> Iterator[tuple[object, ...]]:
    """Who registers again while an earlier presentation of the module still runs breaks a rule of the school."""
    earlier: defaultdict[tuple[str, str], list[Registration]] = defaultdict(list)
    for each in sorted(dataset.registrations.values(), key=lambda each: each.date(each.registered)):
        others = earlier[each.presentation[0], each.student]
        again = any(ends(other, dataset) >= each.date(each.registered) for other in others)
        yield session(each.presentation), each.student, each.date(each.registered), "already-enrolled" if again else ""
        others.append(each)


def withdrawals(dataset: Dataset) -> Iterator[tuple[object, ...]]:
    for each in dataset.registrations.values():
        if each.unregistered is not None:
            yield session(each.presentation), each.student, each.date(each.unregistered)


def attendance(dataset: Dataset) -> Iterator[tuple[object, ...]]:
    numbers = {
        assessment: number for due in dataset.due.values() for number, assessment in enumerate(in_order(due), start=1)
    }
    for each, assessment in dataset.submissions:
        yield session(each.presentation), numbers[assessment], each.student, "present"


def rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def presentation(row: Row) -> Presentation:
    return row["code_module"], row["code_presentation"]


def number(cell: str) -> int | None:
    """A number of days; "?" and an empty cell mean that it is unknown."""
    return None if cell in {"", "?"} else int(cell)


def session(each: Presentation) -> str:
    return "-".join(each)


def in_order(due: dict[str, int]) -> list[str]:
    """The assessments in order of their due dates."""
    return sorted(due, key=lambda assessment: (due[assessment], assessment))


def scheduled(registered: Iterable[Registration]) -> date:
    return min(each.date(each.registered) for each in registered)


def ends(each: Registration, dataset: Dataset) -> date:
    return each.date(dataset.lengths[each.presentation] if each.unregistered is None else each.unregistered)


def main(source: str, target: str) -> None:
    """Converts a directory, and says on standard output what is left out."""
    dataset = read(Path(source))
    write(dataset, Path(target))
    print(f"{len(dataset.registrations)} enrolments, {len(dataset.submissions)} attendances.")
    for what, count in sorted(dataset.left_out.items()):
        print(f"Left out: {count} {what}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
