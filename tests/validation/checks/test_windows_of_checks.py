"""Windows as they were decided: a window that moves moves here too, with a reason."""

import math
import re

import pytest

from tsct.validation import CHECKS, check_named

INF = math.inf
#: what a value may be; where each end comes from is in the source of the check
WINDOWS = {
    "pdf.peak[si-si]": (2.37, 2.41),
    "structure.bond[si-si]": (2.34, 2.37),
    "pdf.peak[c-c]": (1.4, 1.46),
    "pdf.peak[second-shell]": (3.74, 3.86),
    "pdf.peak[graphene]": (4.15, 4.3),
    "ghost.position": (0.94, 1.06),
    "ghost.prominence": (0.3, INF),
    "ghost.rule-deviation": (0, 0.02),
    "pdf.peak-movement": (0, 0.02),
    "ghost.prominence[lorch]": (0, 0.15),
    "ghost.prominence[qmax-30]": (0, 0.15),
    "voxel.signal-to-noise[silicon]": (8, INF),
    "voxel.signal-to-noise[carbon]": (2.5, INF),
    "pdf.far-over-near": (0, 0.1),
    "difference.loss-position[si-si]": (2.22, 2.32),
    "difference.gain-position[si-si]": (2.46, 2.56),
    "difference.gain[si-li]": (3, INF),
    "difference.loss[second-shell]": (-INF, -3),
    "onset[1]": (0.46, 0.5),
    "onset[2]": (0.27, 0.29),
    "onset[3]": (0.2, 0.22),
    "shift.slope[fit]": (0.95, 1.05),
    "shift.slope[lobes]": (0.4, 0.6),
    "piston.wedge[bottom]": (2, INF),
    "piston.wedge[top]": (0, 1.5),
    "provenance.inverse-crime": (0, 0),
    "map.correlation[silicon]": (0.9, 1),
    "map.bias[silicon]": (-5, 5),
    "map.cross-talk[silicon]": (0, 15),
    "map.correlation[carbon]": (0.9, 1),
    "map.bias[carbon]": (-5, 5),
    "map.cross-talk[carbon]": (0, 15),
    "map.rms-error[silicon]": (0, 4.2),
    "map.similarity[silicon]": (0.93, 1),
    "map.resolution[silicon]": (0.4, 0.5),
    "map.rings[silicon]": (0.8, 1),
    "map.detail[silicon]": (0.6, 1.1),
    "map.worst-voxel[silicon]": (0, 5.7),
    "map.rms-error[carbon]": (0, 7),
    "map.similarity[carbon]": (0.5, 1),
    "map.resolution[carbon]": (0.2, 0.5),
    "map.rings[carbon]": (0.8, 1),
    "map.detail[carbon]": (0.6, 1.1),
    "map.worst-voxel[carbon]": (0, 5.7),
    "map.rms-error[intensity]": (0, 0.5),
    "map.similarity[intensity]": (0.95, 1),
    "map.resolution[intensity]": (0.4, 0.5),
    "map.rings[intensity]": (0.8, 1),
    "map.detail[intensity]": (0.6, 1.1),
    "map.worst-voxel[intensity]": (0, 5.7),
    "map.edge-width[silicon]": (0.74, 1.48),
    "star.half-contrast[silicon]": (2, 2.6),
    "electrode.overlap": (0.985, 1),
    "iq.level": (-1, 1),
    "iq.shape": (0, 0.5),
    "pdf.rw": (0, 5),
    "pdf.rw-over-truncation": (0.9, 1.1),
    "pdf.r-stretch": (-0.03, 0.03),
    "difference.height": (0.95, 1.05),
    "difference.residual": (0, 10),
    "ghost.movement": (0, 4.7),
    "ghost.excess[qmax-30]": (-4.5, 4.5),
    "pdf.far-excess": (-5.4, 5.4),
    "shift.ratio[fit]": (0.95, 1.05),
    "shift.excess[lobes]": (-0.1, 0.1),
    "errors.voxel": (0.9, 1.1),
    "errors.region": (0.9, 1.1),
    "errors.voxel-scatter": (0.9, 1.1),
    "errors.pdf": (0.95, 1.05),
    "errors.pdf-correlation": (0, 0.05),
    "errors.joined-channels": (0.95, 1.05),
    "errors.map-scatter": (0.95, 1.05),
    "null.false-alarms": (0, 1),
    "null.onsets": (0, 0),
}
#: of any phase that has a name
NAMED = {
    "amount": (-5.2, 5.2),
    "change": (-4.3, 4.3),
    "map.cross-talk": (0, 15),
    "map.bias": (-5, 5),
    "map.correlation": (0.9, 1),
    "map.rms-error": (0, 1.2),
    "map.similarity": (0.8, 1),
    "map.resolution": (0.5, INF),
    "map.detail": (0.6, 1.1),
    "map.worst-voxel": (0, 6),
}
OF_SALT = [check_named(f"{name}[salt]") for name in NAMED]


def test_windows_are_those_that_were_decided():
    assert set(WINDOWS) == {check.id for check in CHECKS}
    for check in CHECKS:
        assert (check.low, check.high) == pytest.approx(WINDOWS[check.id]), check.id


def test_windows_of_named_phases_are_those_that_were_decided():
    for check in OF_SALT:
        assert (check.low, check.high) == pytest.approx(NAMED[check.id.partition("[")[0]]), check.id


@pytest.mark.parametrize("check", [*CHECKS, *OF_SALT], ids=lambda check: check.id)
def test_a_window_lies_within_what_is_possible(check):
    low, high = check.possible
    assert low <= check.low <= check.high <= high and low < high


STATED = re.compile(r"the reference chain (?:leaves|has) (-?[0-9.]+[0-9])")


@pytest.mark.parametrize(
    "check", [check for check in CHECKS if STATED.search(check.source)], ids=lambda check: check.id
)
def test_what_the_reference_chain_has_is_in_the_window(check):
    assert check.low <= float(STATED.search(check.source)[1]) <= check.high
