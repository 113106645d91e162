"""An answer box on the school of a test."""

from __future__ import annotations

import pytest

from coopschool.answer_box import AnswerBox
from coopschool.application import CoopSchool


@pytest.fixture
def box(school: CoopSchool) -> AnswerBox:
    return AnswerBox(school)
