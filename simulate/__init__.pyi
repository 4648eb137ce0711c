from .beamline.beamline import BEAMLINES, Beamline, ScanPattern, i15_1, id15a, id31
from .beamline.detector import Detector
from .beamline.faults import Faults, no_faults
from .beamline.physics import Physics, point_sample
from .frames import Frame, check_rays, frames, integrator
from .scan import expected_tile, gains, known, scan, simulate_tile
from .scattering.scattering import pair_distribution, scattering
from .truth import phase_truth, truth

__all__ = [
    "BEAMLINES",
    "Beamline",
    "Detector",
    "Faults",
    "Frame",
    "Physics",
    "ScanPattern",
    "check_rays",
    "expected_tile",
    "frames",
    "gains",
    "i15_1",
    "id15a",
    "id31",
    "integrator",
    "known",
    "no_faults",
    "pair_distribution",
    "phase_truth",
    "point_sample",
    "scan",
    "scattering",
    "simulate_tile",
    "truth",
]
