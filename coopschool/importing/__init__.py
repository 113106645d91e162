"""History from the school's CSV files, decided by the same commands and rules as what happens today.

`tables` reads a file's rows, `files` says which columns each file has, `steps` what a row wants done and when,
`deciding` carries the steps out on a log in memory, and `history` brings the outcome into the real one.
"""

from coopschool.importing.history import Imported, import_history
from coopschool.importing.problems import Problem

__all__ = ["Imported", "Problem", "import_history"]
