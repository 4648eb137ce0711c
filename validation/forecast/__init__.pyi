from .changes import SIGNIFICANT
from .forecast import Forecast, forecast
from .verify import Comparison, compare, shared_by_seeds, simulate_seed

__all__ = ["SIGNIFICANT", "Comparison", "Forecast", "compare", "forecast", "shared_by_seeds", "simulate_seed"]
