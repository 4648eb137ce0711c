from .drift import Drift, drifts, read_scores, same_data
from .evidence.check import Check, Evidence, Measurement, NotRunError
from .forecast.forecast import forecast
from .gate import Case, Chain, assert_passes, gate, read_case, small_case
from .junit import junit
from .score import CHECKS, GATE, Outcome, Scores, score

__all__ = [
    "CHECKS",
    "GATE",
    "Case",
    "Chain",
    "Check",
    "Drift",
    "Evidence",
    "Measurement",
    "NotRunError",
    "Outcome",
    "Scores",
    "assert_passes",
    "drifts",
    "forecast",
    "gate",
    "junit",
    "read_case",
    "read_scores",
    "same_data",
    "score",
    "small_case",
]
