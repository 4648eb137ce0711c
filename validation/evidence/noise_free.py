r"""The curves that a perfect measurement of the region would give, through a sine transform of its own.

Checks hold a chain to the truth *transformed alike*, with the analyst's operator. Whether a window that a paper sets
can be met at all is another question, and must not be asked of the code that is judged. So the curves here come from
the true :math:`F_p(Q)` of every phase by

.. math:: G(r) = \frac{2}{\pi}\int_{Q_0}^{Q_{max}} W(Q) \sum_p w_p(Q) F_p(Q) \sin Qr\,dQ,\qquad
          w_p = \frac{n_p\langle f\rangle_p^2}{n\langle f\rangle^2}

(Faber and Ziman, Phil. Mag. 11, 153 (1965), for patterns that add up), with W the window of Lorch or none, form factors
of Waasmaier and Kirfel from xraydb, and no polynomial, extrapolation or background.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import xarray as xr
import xraydb
from numpy.typing import NDArray

from .check import Evidence, NotRunError, attribute
from .region_states import roi_densities, second_shell_loss

#: step of Q of the transform, 1/angstrom: its sums repeat after 314 angstrom
Q_STEP = 0.02


def noise_free_pdf(evidence: Evidence, q_max: float | None = None, window: str = "none") -> tuple[NDArray, NDArray]:
    """r in angstrom and the noise-free G(r) of the reference state in 1/angstrom^2, both of shape (r,).

    Parameters
    ----------
    evidence : Evidence
        Its region of interest and stated composition are those of the curve.
    q_max : float, optional
        End of the transform, 1/angstrom; the stated one if omitted.
    window : {"none", "lorch"}
        Of the transform.

    Raises
    ------
    NotRunError
        If the records cannot tell.
    """
    q, scattering, density = _scattering_power(evidence, q_max)
    r = evidence.recovered.r.values
    return r, _transformed(q, scattering[0], r, window) / density


def noise_free_differences(evidence: Evidence) -> tuple[NDArray, NDArray]:
    """r, and the change of nG(r) since the first state over the first density, shape (state, r), in 1/angstrom^2.

    Raises
    ------
    NotRunError
        If the records cannot tell.
    """
    q, scattering, density = _scattering_power(evidence, None)
    r = evidence.recovered.r.values
    changes = scattering - scattering[0]
    return r, np.array([_transformed(q, change, r, "none") for change in changes]) / density


def _scattering_power(evidence: Evidence, q_max: float | None) -> tuple[NDArray, NDArray, float]:
    """Q, ``sum_p n_p <f>_p^2 F_p / <f>^2`` in every state, shape (state, q), and the first number density."""
    truth, recovered, phases = evidence.truth, evidence.recovered, evidence.phases
    if phases is None or not {"fq", "second_shell"} <= set(phases) or "phase_role" not in truth.coords:
        raise NotRunError("the truth does not hold F(Q) of every phase")
    if "roi" not in recovered or "r" not in recovered.coords:
        raise NotRunError("the recovered data hold no region of interest or no r")
    end = float(attribute(evidence, "q_max") if q_max is None else q_max)
    if end > float(phases.q[-1]) + 1e-6:
        raise NotRunError(f"the data end at {float(phases.q[-1]):.1f} 1/A")
    start = max(float(attribute(evidence, "q_min")), float(phases.q_far[0]))
    q = np.linspace(start, end, int(np.ceil((end - start) / Q_STEP)) + 1)
    density = roi_densities(truth, recovered, phases)
    mean_square = _mean_form_factor(attribute(evidence, "composition"), q) ** 2
    weights = np.array([_mean_form_factor(shares, q) ** 2 for shares in _compositions(phases)]) / mean_square
    reduced = weights * _at(phases.q_far.values, phases.fq.values, q)
    # electron units per atom, not divided by any form factor yet
    lost = q * _at(phases.q.values, phases.second_shell.values, q) / mean_square
    return q, density @ reduced + (second_shell_loss(truth) * density) @ lost, float(density[0].sum())


def self_scattering(evidence: Evidence) -> NDArray[np.float64]:
    """``sum_p n_p <f^2>_p`` of the region in the reference state at the channels that the data state, shape (q,)."""
    if evidence.phases is None or "roi" not in evidence.recovered:
        raise NotRunError("the records do not tell what the region is made of")
    q = evidence.recovered.q.values
    density = roi_densities(evidence.truth, evidence.recovered, evidence.phases)[0]
    squares = [
        sum(share * _form_factor(symbol, q.tobytes()) ** 2 for symbol, share in shares.items() if share > 0)
        for shares in _compositions(evidence.phases)
    ]
    return density @ np.array(squares)


def _compositions(phases: xr.Dataset) -> list[dict[str, float]]:
    elements = [str(symbol) for symbol in phases.element.values]
    return [dict(zip(elements, map(float, row), strict=True)) for row in phases.composition.values]


def _mean_form_factor(composition: Mapping[str, float], q: NDArray) -> NDArray[np.float64]:
    total = sum(composition.values())
    present = {symbol: share / total for symbol, share in composition.items() if share > 0}
    return np.sum([share * _form_factor(symbol, q.tobytes()) for symbol, share in present.items()], axis=0)


@lru_cache(maxsize=64)
def _form_factor(symbol: str, q: bytes) -> NDArray[np.float64]:
    return np.asarray(xraydb.f0(symbol, np.frombuffer(q) / (4 * np.pi)), dtype=np.float64)


def _at(known: NDArray, values: NDArray, q: NDArray) -> NDArray[np.float64]:
    return np.array([np.interp(q, known, row) for row in values])


def _transformed(q: NDArray, reduced: NDArray, r: NDArray, window: str) -> NDArray[np.float64]:
    damped = reduced * np.sinc(q / q[-1]) if window == "lorch" else reduced
    return 2 / np.pi * np.trapezoid(damped * np.sin(np.multiply.outer(r, q)), q)
