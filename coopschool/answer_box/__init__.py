"""The answer box: what people say of their work and of sessions waits here, sealed, until all of it is released.

An answer must not be traceable to its giver, also not through order, time or storage. Each box holds all that waits
for one release as one encrypted value; every answer seals it anew, in an order of chance, under a new key; closing
releases everything as one event and destroys box and key. What that does and does not protect from is in
`docs/privacy.md`.
"""

from __future__ import annotations

import structlog

from coopschool.answer_box.boxes import AnswerBoxes
from coopschool.answer_box.feedback import FeedbackBox, Sheet
from coopschool.answer_box.keys import BoxKeys
from coopschool.answer_box.survey import SurveyBox, TokenRefused, wave_of
from coopschool.application import CoopSchool

__all__ = ["AnswerBox", "FeedbackBox", "Sheet", "SurveyBox", "TokenRefused"]

logger = structlog.get_logger()


class AnswerBox:
    """All boxes of a school. One process of an installation calls `recover` at its start, and `feedback.release_due`
    now and then; processes on several machines share the directory of keys."""

    def __init__(self, school: CoopSchool) -> None:
        connect = school.database.connect
        self.boxes = AnswerBoxes(lambda: connect("app"), BoxKeys(school.settings.data_dir / "answer-keys"))
        self.surveys = SurveyBox(school, self.boxes)
        self.feedback = FeedbackBox(school, self.boxes)

    def recover(self) -> list[str]:
        """Starts anew the boxes whose keys are gone (a restore from a backup), and says which; sweeps up old keys."""
        lost = self.boxes.lost()
        for about in lost:
            logger.warning("answer_box.lost", about=about)
            wave = wave_of(about)
            if wave is not None:
                self.surveys.reopen(wave)
            else:
                self.boxes.discard(about)
        self.boxes.sweep()
        return lost
