from .changes import SIGNIFICANT
from .forecast import Forecast, forecast
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
    "Forecast",
    "SampleForecast",
    "compare",
    "compare_sample",
    "forecast",
    "forecast_sample",
    "shared_by_sample_seeds",
    "shared_by_seeds",
    "simulate_sample_seed",
    "simulate_seed",
]
