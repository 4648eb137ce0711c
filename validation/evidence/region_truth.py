"""What a perfect measurement of the region of interest would give in the reference state, composed from its phases."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.pdf import mean_f
from tsct.analyze.recipe import NEEDED, stated_recipe

from .check import NotRunError
from .region_states import free_scattering, on_channels, roi_densities, stated_operator


def roi_truth(truth: xr.Dataset, found: xr.Dataset, phases: xr.Dataset | None) -> xr.Dataset | None:
    """True pattern and true PDF of the region of interest, or nothing where the records cannot tell.

    Scattering powers of phases add up (pairs across an interface are neglected: domains are much larger than r), so the
    pattern is ``sum_p n_p I_p(Q)`` with n_p averaged over the same voxels as the recovered one. It is transformed with
    the analyst's recipe, so that truncated truth and recovered PDF differ by the experiment alone.

    Parameters
    ----------
    truth : xarray.Dataset
        ``phase_density`` (phase, slice, y, x) in atoms/angstrom^3, reference state, with the coordinate
        ``phase_structure`` (phase).
    found : xarray.Dataset
        See :func:`tsct.analyze.collect`.
    phases : xarray.Dataset or None
        See :func:`tsct.simulate.truth.phase_truth`.

    Returns
    -------
    xarray.Dataset or None
        ``iq`` (q) in electron units/angstrom^3, ``gr`` (r) in 1/angstrom^2 as truncated at Qmax and ``gr_untruncated``.
    """
    known = stated_recipe(found.attrs) is not None and "roi_slice" in found.attrs
    stated = known and {"q", "r"} <= set(found.coords)
    if phases is None or "phase_density" not in truth or not stated or not {"roi", "compton_weight"} <= set(found):
        return None
    try:
        there = on_channels(phases, found)
    except NotRunError:
        return None
    density = roi_densities(truth, found, phases)[0]
    iq = density @ free_scattering(there, found)
    return xr.Dataset(
        {
            "iq": ("q", iq, {"units": "electron units/angstrom^3"}),
            "gr": ("r", _truncated(iq, found), {"units": "1/angstrom^2"}),
            "gr_untruncated": ("r", untruncated_pdf(density, found, phases), {"units": "1/angstrom^2"}),
        },
        coords={"q": found.q, "r": found.r},
    )


def _truncated(iq: NDArray, found: xr.Dataset) -> NDArray[np.float64]:
    operator = stated_operator(found)
    return operator.apply(iq) / operator.density(iq)


def untruncated_pdf(density: NDArray, found: xr.Dataset, phases: xr.Dataset) -> NDArray[np.float64]:
    r"""G(r) of a mixture as measured to infinite Q, shape (r,), in 1/angstrom^2.

    .. math:: G(r) = \frac{2}{\pi}\int \sum_p w_p(Q) F_p(Q) \sin Qr\,dQ
                   = \sum_p w_p(Q_e) G_p(r)
                   + \frac{2}{\pi}\int^{Q_e} \sum_p [w_p(Q) - w_p(Q_e)] F_p(Q) \sin Qr\,dQ

    with :math:`w_p = n_p\langle f\rangle_p^2 / (n\langle f\rangle^2)` from the composition that the analyst states,
    and :math:`Q_e` the end of the tables of form factors, beyond which weights are constant (as in G_p). The first term
    holds all that is sharper than Q_e shows, the second ends at zero. With one mean of the weights over the measured Q
    instead, the height of the Si-Si peak would depend on Qmax: in equal masses of silicon and carbon it would be 9 %
    too low for 20 1/angstrom and 5 % too high for 36.

    Parameters
    ----------
    density : ndarray, shape (structure,)
        n_p, atoms per cubic angstrom.
    found : xarray.Dataset
        ``r`` and the stated composition.
    phases : xarray.Dataset
        See :func:`tsct.simulate.truth.phase_truth`. Without ``fq``, as from earlier versions, NaN comes out.
    """
    if "fq" not in phases:
        return np.full(found.sizes["r"], np.nan)
    recipe = stated_recipe(found.attrs)
    if recipe is None:
        raise NotRunError(f"the recovered data do not state {', '.join(NEEDED)}")
    q, r = phases.q_far.values, phases.r.values
    elements = [str(symbol) for symbol in phases.element.values]
    own = [mean_f(dict(zip(elements, shares, strict=True)), q) ** 2 for shares in phases.composition.values]
    weights = (density / density.sum())[:, None] * own / mean_f(recipe.composition, q) ** 2
    left = np.sum((weights - weights[:, -1:]) * phases.fq.values, axis=0)
    mixed = weights[:, -1] @ phases.gr.values + 2 / np.pi * np.trapezoid(left * np.sin(np.multiply.outer(r, q)), q)
    return np.interp(found.r.values, r, mixed)
