"""The answer box: what people say of their work and of sessions waits here, sealed, until all of it is released.

An answer must not be traceable to its giver, also not through order, time or storage. Each box holds all that waits
for one release as one encrypted value; every answer seals it anew, in an order of chance, under a new key; closing
releases everything as one event and destroys box and key. What that does and does not protect from is in
`docs/privacy.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog

from coopschool.answer_box.boxes import AnswerBoxes
from coopschool.answer_box.feedback import FeedbackBox, Sheet
from coopschool.answer_box.keys import BoxKeys
from coopschool.answer_box.survey import SurveyBox, TokenRefused, wave_of
from coopschool.application import CoopSchool
from coopschool.command_bus import StoreAway
from coopschool.domain.errors import DomainError

__all__ = ["AnswerBox", "FeedbackBox", "Sheet", "SurveyBox", "TokenRefused"]

logger = structlog.get_logger()


class AnswerBox:
    """All boxes of a school. One process of an installation, the timekeeper's, calls `recover` at its start and
    `carry_out_due` now and then; processes on several machines share the directory of keys."""

    def __init__(self, school: CoopSchool) -> None:
        connect = school.database.connect
        keys = BoxKeys(school.settings.data_dir / "answer-keys")
        self._alone = school.settings.embedded  # so that nobody else can have the keys
        self.boxes = AnswerBoxes(lambda: connect("app"), keys)
        self.surveys = SurveyBox(school, self.boxes)
        self.feedback = FeedbackBox(school, self.boxes)

    def carry_out_due(self) -> int:
        """Closes the waves whose last day is over and releases the feedback whose window is; how many that were.

        One that cannot be, because its key is not here or it is about to change, holds up no other.
        """
        due: list[Callable[[], object]] = [
            *(partial(self.feedback.release, *key) for key in self.feedback.due()),
            *(partial(self.surveys.close, wave) for wave in self.surveys.due()),
        ]
        return sum(map(_done, due))

    def recover(self, *, no_keys_elsewhere: bool = False) -> list[str]:
        """Starts anew the boxes whose keys are gone (a restore from a backup), and says which; sweeps up old keys.

        A machine that has never had keys, of an installation that may have them on another, only says so, unless it is
        told that there are none elsewhere.
        """
        lost = self.boxes.lost()
        if lost and not (no_keys_elsewhere or self._alone or self.boxes.keys.exist):
            logger.error("answer_box.keys_elsewhere", about=lost)
            return []
        for about in lost:
            logger.warning("answer_box.lost", about=about)
            wave = wave_of(about)
            if wave is not None:
                self.surveys.reopen(wave)
                logger.warning("answer_box.wave_reopened", wave=wave)
            else:
                self.boxes.discard(about)
        self.boxes.sweep()
        return lost


def _done(work: Callable[[], object]) -> bool:
    try:
        return bool(work())
    except (DomainError, StoreAway) as error:
        logger.warning("answer_box.not_released", error=type(error).__name__)
        return False
