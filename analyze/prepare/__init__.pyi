from .attenuation import AttenuationMap, attenuation_map
from .channel_scatter import pair_scatter_over_errors, scatter_over_errors
from .corrections import channel_compton, line_integrals
from .normalisation_error import normalisation_errors
from .prepare import Sinogram, prepare_sinogram
from .stripes import gain_variances

__all__ = [
    "AttenuationMap",
    "Sinogram",
    "attenuation_map",
    "channel_compton",
    "gain_variances",
    "line_integrals",
    "normalisation_errors",
    "pair_scatter_over_errors",
    "prepare_sinogram",
    "scatter_over_errors",
]
