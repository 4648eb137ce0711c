from .evidence.check import Check, Evidence, Measurement, NotRunError
from .gate import Case, assert_passes, gate, read_case, small_case
from .score import CHECKS, GATE, Outcome, Scores, score

__all__ = [
    "CHECKS",
    "GATE",
    "Case",
    "Check",
    "Evidence",
    "Measurement",
    "NotRunError",
    "Outcome",
    "Scores",
    "assert_passes",
    "gate",
    "read_case",
    "score",
    "small_case",
]
