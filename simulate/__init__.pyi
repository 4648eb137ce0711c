from .beamline.beamline import BEAMLINES, Beamline, ScanPattern, i15_1, id15a, id31
from .beamline.detector import Detector
from .beamline.faults import Faults, no_faults
from .scan import scan
from .scattering.scattering import pair_distribution, scattering
from .truth import truth

__all__ = [
    "BEAMLINES",
    "Beamline",
    "Detector",
    "Faults",
    "ScanPattern",
    "i15_1",
    "id15a",
    "id31",
    "no_faults",
    "pair_distribution",
    "scan",
    "scattering",
    "truth",
]
