"""A plain chain for any sample: amounts of its phases from their known patterns, fitted to I(Q) of every voxel.

The images are those of :mod:`.plain_chain`. The patterns are the ones that the sample was made of: the chain stands for
an analyst who knows his phases, and what is tested is the judge.
"""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.pdf import parse_composition, pdf_operator
from tsct.analyze.prepare import channel_compton
from tsct.analyze.recipe import PdfRecipe, Roi
from tsct.validation.evidence.region_states import free_scattering

from .plain_chain import Choices, reconstruct_images

#: relative error that all voxels share: what monitor and transmission are known to at a beamline
LEVEL_ERROR = 0.01
#: range of Q of the transform, 1/angstrom
Q_RANGE = (0.8, 25.0)


def pattern_chain(scan: xr.Dataset, truth: xr.Dataset, phases: xr.Dataset, region: Roi) -> dict[str, Any]:
    """Amounts of all phases in every tile, I(Q), and G(r) of a region in the middle slice, as docs/gate.md has them.

    Parameters
    ----------
    scan : xarray.Dataset
        Dims (state, slice, angle, translation, q), without faults that need a repair.
    truth, phases : xarray.Dataset
        Of a sample of named phases, for the patterns and nothing else.
    region : Roi
        What is followed.
    """
    iq, variance = _volumes(scan)
    inside, weight = region.mask(scan.sizes["translation"]), channel_compton(scan.isel(state=0, slice=0))
    known = phase_patterns(truth, phases, weight)
    fits = [
        [_fit(*tile, patterns, inside) for tile in zip(values, spread, strict=True)]
        for values, spread, patterns in zip(iq, variance, known, strict=True)
    ]
    amounts, errors = (np.array([[tile[k] for tile in tiles] for tiles in fits]) for k in range(2))
    patterns = iq[:, iq.shape[1] // 2, inside].mean(axis=1, dtype=np.float64)
    recipe = PdfRecipe(composition=parse_composition(scan.attrs["sample_composition"]), q_max=Q_RANGE[1])
    operator = pdf_operator(scan.q.values, recipe, compton=weight)
    gr = operator.apply(patterns) / operator.density(patterns[0])
    return {
        **{"iq": iq, "iq_errors": np.sqrt(variance), "roi": inside.astype(float), "roi_iq": patterns},
        **{"phase": truth.phase_name.values, "phase_amount": amounts, "phase_amount_errors": errors},
        "phase_amount_level_errors": np.full(amounts.shape[:3], LEVEL_ERROR),
        **{"roi_gr": gr, "roi_dgr": gr - gr[0], "q": scan.q.values, "r": operator.r},
        "pdf_recipe": recipe.as_attribute(),
    }


def phase_patterns(truth: xr.Dataset, phases: xr.Dataset, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scattering per atom of every phase in every state, shape (state, phase, q), of the structures that it has there.

    Parameters
    ----------
    truth, phases : xarray.Dataset
        Of a sample of named phases.
    weight : ndarray, shape (q,)
        Of Compton scattering.
    """
    each = free_scattering(phases, xr.Dataset({"compton_weight": ("q", weight)}))
    names = list(phases.structure_name.values)
    total = truth.get("state_density", truth.phase_density.expand_dims("state")).sum(["slice", "y", "x"])
    known = np.stack([each[names.index(name)] for name in truth.phase_structure.values])
    patterns = []
    for name in truth.phase_name.values:
        own = total.values * (truth.phase_role.values == name)
        patterns.append(own @ known / np.maximum(own.sum(axis=1), 1e-30)[:, None])
    return np.stack(patterns, axis=1)


def _volumes(scan: xr.Dataset) -> tuple[NDArray, NDArray]:
    """I(Q) of every voxel and its variance, shape (state, slice, y, x, q)."""
    states, slices = range(scan.sizes["state"]), range(scan.sizes["slice"])
    tiles = [[reconstruct_images(scan.isel(state=i, slice=j), Choices()) for j in slices] for i in states]
    values, variance = (np.stack([np.stack([tile[k] for tile in row]) for row in tiles]) for k in range(2))
    return values, variance


def _fit(iq: NDArray, variance: NDArray, patterns: NDArray, inside: NDArray[np.bool_]) -> tuple[NDArray, NDArray]:
    """Amounts and their errors, shape (phase, y, x), by least squares with the variance of the region."""
    weight = 1 / variance[inside].mean(axis=0, dtype=np.float64)
    solution = np.linalg.solve((patterns * weight) @ patterns.T, patterns * weight)
    return np.moveaxis(iq @ solution.T, -1, 0), np.sqrt(np.moveaxis(variance @ solution.T**2, -1, 0))
