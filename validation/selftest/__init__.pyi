from . import series_ranks
from .coverage import calibration, pdf_scores, region, table
from .error_rates import judged_seed
from .tomogram_coverage import analysed, tomogram_scores

__all__ = [
    "analysed",
    "calibration",
    "judged_seed",
    "pdf_scores",
    "region",
    "series_ranks",
    "table",
    "tomogram_scores",
]
