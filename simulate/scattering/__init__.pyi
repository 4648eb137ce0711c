from .debye_sums import damped_sum
from .debyecalculator import debyecalculator_scattering
from .pair_histogram import PairCounts, pair_counts
from .partials import CRYSTALLITE_A, Pair, check_crystallite
from .scattering import (
    partial_pair_distributions,
    scattering,
    structure_compton,
    structure_pair_distribution,
    structure_reduced,
    structure_scattering,
)
from .xray_tables import Q_MAX_TABLE, attenuation_per_mm, compton, form_factor, mean_f, mean_f2

__all__ = [
    "CRYSTALLITE_A",
    "Q_MAX_TABLE",
    "Pair",
    "PairCounts",
    "attenuation_per_mm",
    "check_crystallite",
    "compton",
    "damped_sum",
    "debyecalculator_scattering",
    "form_factor",
    "mean_f",
    "mean_f2",
    "pair_counts",
    "partial_pair_distributions",
    "scattering",
    "structure_compton",
    "structure_pair_distribution",
    "structure_reduced",
    "structure_scattering",
]
