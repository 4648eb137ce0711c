"""Error bars that any chain can be held to: scatter, covariance and joined channels."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from tsct.validation.evidence.absorption import need_mixtures
from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, need
from tsct.validation.evidence.phase_amounts import VARIABLES, common_phases, has_named_phases, recovered_amount
from tsct.validation.evidence.region_states import stated_operator
from tsct.validation.statistics.noise_measures import PER_INDEPENDENT, correlation_of, variance_over_errors

#: distances from here on, angstrom: below, the polynomial takes most of the noise
R_LEAST = 1.1
#: voxels of air count from this far outside everything
CLEAR_VOXELS = 2
#: as many independent numbers make the window 4.7 standard deviations
ENOUGH = 4500


def _propagated(evidence: Evidence) -> tuple[NDArray, NDArray]:
    """Covariance of G(r) in the reference state from independent channels of I(Q), and which points are compared."""
    need(evidence, "roi_iq_errors")
    operator = stated_operator(evidence.recovered, undamped=True)
    patterns, errors = evidence.recovered.roi_iq.values[0], evidence.recovered.roi_iq_errors.values[0]
    return operator.covariance(errors**2) / operator.density(patterns) ** 2, evidence.recovered.r.values >= R_LEAST


def _variance(evidence: Evidence) -> Measurement:
    need(evidence, "roi_iq", "roi_gr_errors")
    covariance, use = _propagated(evidence)
    ratio = evidence.recovered.roi_gr_errors.values[0][use] / np.sqrt(np.diag(covariance))[use]
    return Measurement(value=float(np.sqrt(np.mean(ratio**2))), n=int(use.sum()), note=f"scatter {ratio.std():.3f}")


def _covariance(evidence: Evidence) -> Measurement:
    """Largest difference of correlation coefficients of G(r)."""
    need(evidence, "roi_iq", "roi_gr_covariance")
    expected, use = _propagated(evidence)
    given = evidence.recovered.roi_gr_covariance.values.astype(np.float64)
    parts = [correlation_of(matrix[np.ix_(use, use)]) for matrix in (given, expected)]
    return Measurement(value=float(np.max(np.abs(parts[0] - parts[1]))), n=int(use.sum()))


def scatter_of_patterns(evidence: Evidence, joined: int) -> Measurement:
    """Scatter of voxel patterns over their errors with `joined` neighbouring channels made one."""
    name = "noise_ratio" if joined == 1 else "noise_ratio_joined"
    need(evidence, name, "noise_number")
    need_mixtures(evidence)
    number = int(evidence.recovered.noise_number.values.min()) // joined
    value = float(np.sqrt(evidence.recovered[name].values.mean()))
    return Measurement(value=value, n=number, error=value / np.sqrt(2 * number))


def _between_states(evidence: Evidence) -> Measurement:
    """Scatter of the maps of all phases over the states, where nothing changes, over their errors."""
    names: tuple[str, ...] = VARIABLES
    if has_named_phases(evidence.truth):
        if evidence.changes:
            raise NotRunError("phases change from state to state, and with them their streaks in the air")
        names = common_phases(evidence.truth, evidence.recovered)
    else:
        need(evidence, "silicon", "silicon_errors", "carbon", "carbon_errors")
    states = evidence.recovered.sizes.get("state", 1)
    if states < 2:
        raise NotRunError("needs two states or more")
    air = _air(evidence)
    maps = [[recovered_amount(evidence, name, what)[..., air] for what in ("", "errors")] for name in names]
    if not maps or min(values.min(initial=0.0) for values, _ in maps) >= 0:
        raise NotRunError("no map is below zero in air, as noise alone would be: it does not scatter as its errors say")
    ratios = [variance_over_errors(*pair) for pair in maps]
    n = int((states - 1) * sum(ratio.size for ratio in ratios) / PER_INDEPENDENT)
    if n < ENOUGH:
        raise NotRunError(f"{n} independent numbers; {ENOUGH} are needed (more states, more air)")
    value = float(np.sqrt(np.mean(ratios)))
    return Measurement(value=value, n=n, error=value / np.sqrt(2 * n))


def _air(evidence: Evidence) -> NDArray[np.bool_]:
    """Voxels with nothing in or near them in any slice, shape (y, x)."""
    if "phase_density" not in evidence.truth:
        raise NotRunError("the truth does not say where there is air")
    filled = evidence.truth.phase_density.sum("phase").max("slice").transpose("y", "x").values > 0
    return ~binary_dilation(filled, iterations=CLEAR_VOXELS)


CHECKS = (
    Check(
        id="errors.pdf",
        alias="A18",
        figure="pdf",
        title="errors of G(r) over those that follow from I(Q)",
        reason="Channels of I(Q) are independent; G(r) adds them up with known weights.",
        source="T V T' with the stated transform; 5 %",
        low=0.95,
        high=1.05,
        unit="1",
        measure=_variance,
        power="error bars wrong by 10 %",
    ),
    Check(
        id="errors.pdf-correlation",
        alias="A18b",
        figure="pdf",
        title="correlations of G(r) against those that follow from I(Q)",
        reason="Neighbouring points of G(r) share their noise: treated as independent, every fit claims too much.",
        source="T V T' with the stated transform; largest difference of a correlation coefficient",
        low=0.0,
        high=0.05,
        unit="1",
        measure=_covariance,
        power="a covariance without its off-diagonal",
    ),
    Check(
        id="errors.joined-channels",
        alias="A19",
        figure="errors",
        title="scatter of voxel patterns over errors, two channels joined",
        reason="Pixel splitting makes neighbouring channels alike: each looks precise, their sum is not.",
        source="one; 5 % is ten standard deviations of the number of channels and voxels",
        low=0.95,
        high=1.05,
        unit="1",
        measure=lambda e: scatter_of_patterns(e, 2),
        power="error bars wrong by 6 %",
        power_measured=True,
    ),
    Check(
        id="errors.map-scatter",
        alias="A20",
        figure="errors",
        title="scatter of maps between states over their errors",
        reason="In the air around the sample nothing changes from scan to scan but the noise.",
        source="one; 5 % is 4.7 standard deviations of 4500 independent numbers, the least that are asked for",
        low=0.95,
        high=1.05,
        unit="1",
        measure=_between_states,
        power="error bars wrong by 8 %",
    ),
)
