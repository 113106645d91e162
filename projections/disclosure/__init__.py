"""The statistics gate: the only way out for ratings of people by people.

`Gate` alone reads answers; pure functions make of them the figures that may be shown. The principle, and why it is
sound, is in `docs/adr/0020-statistics-gate.md`: the smallest groups that are ever shown (a team's cell of a wave, a
batch of feedback) hold at least the minimum group; every other figure is computed from what is shown of those, never
from an answer that is hidden; and what is shown is decided once, from frozen releases, for all roles and for ever.
"""

from projections.disclosure.cells import WaveRelease
from projections.disclosure.counts import counts
from projections.disclosure.feedback import FeedbackRelease, FeedbackRow, feedback
from projections.disclosure.figures import DISTRIBUTION_FROM, MIN_GROUP, checked_min_group, enough
from projections.disclosure.gate import Gate
from projections.disclosure.rounding import rounded, rounded_root
from projections.disclosure.waves import RESEARCHER, AutonomyRow, Viewer, autonomy, scored, visible

__all__ = [
    "DISTRIBUTION_FROM",
    "MIN_GROUP",
    "RESEARCHER",
    "AutonomyRow",
    "FeedbackRelease",
    "FeedbackRow",
    "Gate",
    "Viewer",
    "WaveRelease",
    "autonomy",
    "checked_min_group",
    "counts",
    "enough",
    "feedback",
    "rounded",
    "rounded_root",
    "scored",
    "visible",
]
