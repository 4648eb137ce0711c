from . import series_ranks
from .coverage import calibration, pdf_scores, region, table
from .error_rates import seed_values
from .tomogram_coverage import analysed, tomogram_scores

__all__ = [
    "analysed",
    "calibration",
    "pdf_scores",
    "region",
    "seed_values",
    "series_ranks",
    "table",
    "tomogram_scores",
]
