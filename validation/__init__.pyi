from .drift import Drift, drifts, read_scores, same_data
from .evidence.check import Check, Evidence, Measurement, NotRunError, Reading
from .forecast.forecast import forecast
from .gate import Case, Chain, assert_passes, gate, read_case, small_case
from .junit import junit
from .score import CHECKS, GATE, SCHEMA, Outcome, Scores, chain_checks, check_named, current_id, score

__all__ = [
    "CHECKS",
    "GATE",
    "SCHEMA",
    "Case",
    "Chain",
    "Check",
    "Drift",
    "Evidence",
    "Measurement",
    "NotRunError",
    "Outcome",
    "Reading",
    "Scores",
    "assert_passes",
    "chain_checks",
    "check_named",
    "current_id",
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
