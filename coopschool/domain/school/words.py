"""The school's published code lists that several files use: categories, languages, formats.

This file imports nothing of the school, so that the events of every file can use it and every aggregate can fold
every event.
"""

from typing import Literal

Category = Literal["candidate", "A", "B", "C"]
Language = Literal["fr", "nl", "en"]
Format = Literal["in_person", "online", "hybrid"]
