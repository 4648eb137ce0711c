from .attenuation import attenuation_map
from .channel_correlation import joined_scatter
from .corrections import channel_compton, line_integrals
from .normalisation_error import level_errors
from .prepare import prepared

__all__ = [
    "attenuation_map",
    "channel_compton",
    "joined_scatter",
    "level_errors",
    "line_integrals",
    "prepared",
]
