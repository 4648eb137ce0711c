from .beamline import Beamline, ScanPattern, id15a
from .faults import COMMON, no_faults
from .response import detector_response

__all__ = ["COMMON", "Beamline", "ScanPattern", "detector_response", "id15a", "no_faults"]
