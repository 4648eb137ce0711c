from .changes import SIGNIFICANT
from .costs import Costs, tomogram_seconds
from .forecast import Forecast, exposure_factor, forecast
from .sample import (
    SampleForecast,
    compare_sample,
    forecast_sample,
    shared_by_sample_seeds,
    simulate_sample_seed,
)
from .verify import Comparison, compare, shared_by_seeds, simulate_seed

__all__ = [
    "SIGNIFICANT",
    "Comparison",
    "Costs",
    "Forecast",
    "SampleForecast",
    "compare",
    "compare_sample",
    "exposure_factor",
    "forecast",
    "forecast_sample",
    "shared_by_sample_seeds",
    "shared_by_seeds",
    "simulate_sample_seed",
    "simulate_seed",
    "tomogram_seconds",
]
