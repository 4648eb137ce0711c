"""How true a result is: checks, scores and the report."""

from .check import Check, Evidence, Measurement
from .score import CHECKS, GATE, Scores, score

__all__ = ["CHECKS", "GATE", "Check", "Evidence", "Measurement", "Scores", "score"]
