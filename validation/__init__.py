"""How true a result is: checks, scores and the report."""

from .check import Check, Evidence, Measurement
from .score import CHECKS, Scores, score

__all__ = ["CHECKS", "Check", "Evidence", "Measurement", "Scores", "score"]
