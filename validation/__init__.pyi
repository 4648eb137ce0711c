from .check import Check, Evidence, Measurement
from .gate import Case, assert_passes, gate, read_case, small_case
from .score import CHECKS, GATE, Scores, score

__all__ = [
    "CHECKS",
    "GATE",
    "Case",
    "Check",
    "Evidence",
    "Measurement",
    "Scores",
    "assert_passes",
    "gate",
    "read_case",
    "score",
    "small_case",
]
