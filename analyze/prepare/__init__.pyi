from .attenuation import AttenuationMap, attenuation_map
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
    "prepare_sinogram",
]
