from .expected_counts import parallax_change
from .phase_spectra import Spectra, spectra_table
from .projector import project
from .sinogram import warn_of_lost_mass

__all__ = [
    "Spectra",
    "parallax_change",
    "project",
    "spectra_table",
    "warn_of_lost_mass",
]
