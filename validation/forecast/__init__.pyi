from .changes import SIGNIFICANT
from .forecast import Forecast, forecast
from .sample import SampleForecast, forecast_sample
from .verify import Comparison, compare, shared_by_seeds, simulate_seed

__all__ = [
    "SIGNIFICANT",
    "Comparison",
    "Forecast",
    "SampleForecast",
    "compare",
    "forecast",
    "forecast_sample",
    "shared_by_seeds",
    "simulate_seed",
]
