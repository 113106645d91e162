"""What would have become of the same requests under another rule.

The requests are derived from what the log says was enrolled, put on a list, given up; the real decisions decide them
again, in memory, under the other rule; what happened and what would have are counted alike. Nothing is written.
"""

from projections.whatif.answer import Answer, whatif
from projections.whatif.rule import Rule, parse

__all__ = ["Answer", "Rule", "parse", "whatif"]
