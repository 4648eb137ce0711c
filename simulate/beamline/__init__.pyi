from .beamline import Beamline, ScanPattern, id15a
from .faults import COMMON, no_faults
from .physics import Physics, point_sample
from .response import detector_response

__all__ = ["COMMON", "Beamline", "Physics", "ScanPattern", "detector_response", "id15a", "no_faults", "point_sample"]
