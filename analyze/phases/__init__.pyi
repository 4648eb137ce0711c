from .breakpoints import fit_hinges
from .difference_fit import (
    DIFFERENCE_RANGE,
    LITHIUM_BOUNDS,
    PARAMETER_UNITS,
    PARAMETERS,
    SILICON_COORDINATION,
    fit_difference,
)
from .difference_series import LITHIUM_DOUBT, LOBES, lithium_shell
from .onsets import HINGED
from .pattern_maps import COMPONENT_BINS, STRAINED_BINS, phase_templates
from .phase_maps import map_operator, map_response
from .reference_fit import Reference, fit_reference
from .series import fit_series
from .shells import (
    SILICON,
    SILICON_LITHIUM,
    Shell,
    shell_derivatives,
    shell_pattern,
    shells_from_pairs,
    shells_pattern,
)
from .unmixing import fit_phases

__all__ = [
    "COMPONENT_BINS",
    "DIFFERENCE_RANGE",
    "HINGED",
    "LITHIUM_BOUNDS",
    "LITHIUM_DOUBT",
    "LOBES",
    "PARAMETERS",
    "PARAMETER_UNITS",
    "SILICON",
    "SILICON_COORDINATION",
    "SILICON_LITHIUM",
    "STRAINED_BINS",
    "Reference",
    "Shell",
    "fit_difference",
    "fit_hinges",
    "fit_phases",
    "fit_reference",
    "fit_series",
    "lithium_shell",
    "map_operator",
    "map_response",
    "phase_templates",
    "shell_derivatives",
    "shell_pattern",
    "shells_from_pairs",
    "shells_pattern",
]
