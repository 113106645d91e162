"""Looks through the code for whatever reaches people's answers but not through the statistics gate."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGES = "coopschool", "projections"

# Words by which answers are reached, and the files that may say them: who writes or guards answers, and the gate.
GATE = {"projections/disclosure/gate.py", "projections/disclosure/__init__.py"}
TABLES = {
    "projections/disclosure/answers.sql",
    "projections/advisers/ratings.py",  # writes them
    "projections/facts.sql",
    "projections/comments.sql",
}
MAY_SAY = {
    "wave_answers": TABLES,
    "feedback_answers": TABLES,
    "answers.sql": GATE,
    "disclosure.gate": GATE,
}
MAY_NAME = {
    # of `projections.advisers.ratings`: for who takes the right to read them away, and who keeps them out of the lake
    "WITHHELD": {
        "projections/advisers/ratings.py",
        "projections/generations.py",
        "projections/lake/columns.py",
        "coopschool/domain/tags.py",  # another one: which fields of events the feed leaves out
        "coopschool/domain/advisers/autonomy_survey.py",
        "coopschool/domain/school/feedback.py",
    },
    # the field of an event that holds answers
    "responses": {
        "coopschool/domain/advisers/survey_waves.py",  # decides the release
        "projections/advisers/ratings.py",
    },
}
# The events that hold answers: who decides and remembers them, and who shows comments or lets them go.
RELEASES = {"WaveResponsesReleased", "FeedbackReleased"}
MAY_NAME_RELEASES = {
    "coopschool/domain/advisers/survey_waves.py",
    "coopschool/domain/school/feedback_release.py",
    "coopschool/domain/school/session.py",
    "coopschool/api/school/feedback.py",
    "coopschool/retention.py",
}
# Every projection names every event, most of them to ignore them; this one does something with answers.
FOLDS = {"projections/advisers/ratings.py"}


def bypasses(root: Path) -> list[str]:
    """Where the code below a directory reaches answers and is not allowed to: ``path: what``."""
    found = []
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in {".py", ".sql"}:
                name, text = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
                found += [f"{name}: {what}" for what in _reached(name, path.suffix, text)]
    return found


def _reached(name: str, suffix: str, text: str) -> Iterator[str]:
    yield from (word for word, allowed in MAY_SAY.items() if word in text and name not in allowed)
    if suffix == ".sql":
        yield from (release for release in RELEASES if release in text)
        return
    tree = ast.parse(text)
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {one.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for one in node.names}
    yield from (word for word, allowed in MAY_NAME.items() if word in names and name not in allowed)
    if name.startswith("projections/"):
        if name not in FOLDS and RELEASES & set(_folded(tree)):
            yield "folds answers"
    elif name not in MAY_NAME_RELEASES:
        yield from RELEASES & names


def _folded(tree: ast.AST) -> Iterator[str]:
    """What is named in decorators: the event classes of ``@on(feedback.FeedbackReleased)``."""
    for node in ast.walk(tree):
        for decorator in getattr(node, "decorator_list", ()):
            for part in ast.walk(decorator):
                yield getattr(part, "attr", getattr(part, "id", ""))
