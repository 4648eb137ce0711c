"""From phantom to counts: scattering, beam path, detector, scan, noise and faults."""

from .beamline import Beamline, Faults, ScanPattern, id15a
from .detector import Detector
from .scan import scan
from .scattering import pair_distribution, scattering
from .truth import truth

__all__ = [
    "Beamline",
    "Detector",
    "Faults",
    "ScanPattern",
    "id15a",
    "pair_distribution",
    "scan",
    "scattering",
    "truth",
]
